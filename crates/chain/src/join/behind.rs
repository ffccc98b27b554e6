//! Whether what this validator needs next is kept by nobody any more.
//!
//! Blocks are pruned. Who was away for too long waits for one that nobody has, and would wait for ever.

use std::{collections::BTreeSet, time::Duration};

use commonware_cryptography::ed25519;
use commonware_utils::{Faults as _, N3f1, ordered::Set};
use llmnet_types::units::Height;

/// How long the chain stands still here until others are asked whether they have the next block.
pub(super) const STALLED: Duration = Duration::from_secs(10);

/// What others said of the block that is wanted next.
#[derive(Debug, Default)]
pub(super) struct Behind {
    wanted: Height,
    gone: BTreeSet<ed25519::PublicKey>,
    kept: BTreeSet<ed25519::PublicKey>,
}

impl Behind {
    /// Takes note of which block is wanted. Whether it is another one than before.
    pub(super) fn wants(&mut self, height: Height) -> bool {
        let is_new = height != self.wanted;
        if is_new {
            let wanted = height;
            *self = Self {
                wanted,
                ..Self::default()
            };
        }
        is_new
    }

    /// Hears that somebody keeps a block, or that it is gone.
    pub(super) fn hear(&mut self, who: ed25519::PublicKey, height: Height, is_kept: bool) {
        if height != self.wanted {
            return;
        }
        let (now, before) = if is_kept {
            (&mut self.kept, &mut self.gone)
        } else {
            (&mut self.gone, &mut self.kept)
        };
        before.remove(&who);
        now.insert(who);
    }

    /// Whether the block is gone for good: someone honest of the committee says so, and nobody in it says otherwise.
    /// Who lies that it has it can keep this validator waiting, and nobody can make it give up.
    pub(super) fn is_lost(&self, committee: &Set<ed25519::PublicKey>) -> bool {
        let members = |said: &BTreeSet<_>| {
            let members = said.iter().filter(|who| committee.position(who).is_some());
            members.count()
        };
        let faults = usize::try_from(N3f1::max_faults(committee.len())).unwrap_or(usize::MAX);
        members(&self.gone) > faults && members(&self.kept) == 0
    }

    /// What to tell the operator.
    pub(super) fn advice(&self) -> String {
        let Height(wanted) = self.wanted;
        format!(
            "this validator was away for too long: it needs block {wanted}, and the others keep only later ones; move \
             its directory away and start it again, and it takes over the others' state"
        )
    }
}

#[cfg(test)]
mod tests {
    use commonware_cryptography::Signer as _;

    use super::*;
    use crate::setup::engine_seed;

    fn key(seed: u8) -> ed25519::PublicKey {
        engine_seed([seed; 32]).public_key()
    }

    #[test]
    fn a_block_is_lost_when_someone_honest_says_so_and_nobody_has_it() {
        let committee: Set<_> = (1..=4).map(key).collect::<Vec<_>>().try_into().expect("4");
        let mut behind = Behind::default();
        assert!(behind.wants(Height(8)));
        assert!(!behind.wants(Height(8)));
        behind.hear(key(1), Height(8), false);
        behind.hear(key(9), Height(8), false);
        assert!(!behind.is_lost(&committee), "one of four may lie");
        behind.hear(key(2), Height(7), false);
        assert!(!behind.is_lost(&committee), "another block");
        behind.hear(key(2), Height(8), false);
        assert!(behind.is_lost(&committee));
        behind.hear(key(9), Height(8), true);
        assert!(behind.is_lost(&committee), "not of the committee");
        behind.hear(key(3), Height(8), true);
        assert!(!behind.is_lost(&committee), "one may have it");
        behind.hear(key(3), Height(8), false);
        assert!(behind.is_lost(&committee), "it has pruned it since");
        assert!(behind.advice().contains("block 8"), "{}", behind.advice());
        assert!(behind.wants(Height(9)));
        assert!(!behind.is_lost(&committee), "the chain went on");
    }
}
