//! Who votes in which term, in the engine's form (COM-1).

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use commonware_consensus::{simplex::scheme::ed25519::Scheme, types::Epoch};
use commonware_cryptography::{
    certificate::{Provider, Scoped},
    ed25519,
};
use commonware_utils::ordered::Set;
use llmnet_types::{network::Committee, units::Term};

use crate::block::engine_key;

/// Terms whose committees are remembered: who lags by less still has its certificates checked.
const TERMS_MAX: usize = 8;

/// The committees of the latest terms. Clones share what they know.
///
/// In a term whose committee this validator is of it signs; in any other it can only check.
#[derive(Clone)]
pub(crate) struct Electorates(Arc<Shared>);

struct Shared {
    key: ed25519::PrivateKey,
    namespace: Vec<u8>,
    known: Mutex<BTreeMap<u64, Arc<Scheme>>>,
    /// In terms before this one it signs nothing, whoever it is.
    signs_from: AtomicU64,
}

impl fmt::Debug for Electorates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.known().keys()).finish()
    }
}

/// A committee in the engine's form; none if a key is no curve point, which no validator's is.
pub(crate) fn members(committee: &Committee) -> Option<Set<ed25519::PublicKey>> {
    let members: Option<Vec<_>> = committee.keys().iter().map(engine_key).collect();
    members?.try_into().ok()
}

impl Electorates {
    /// Knows no committee yet.
    pub(crate) fn new(namespace: Vec<u8>, key: ed25519::PrivateKey) -> Self {
        Self(Arc::new(Shared {
            key,
            namespace,
            known: Mutex::default(),
            signs_from: AtomicU64::new(0),
        }))
    }

    /// One that knows nothing yet, and learns for itself.
    pub(crate) fn alone(&self) -> Self {
        let Shared { key, namespace, .. } = &*self.0;
        Self::new(namespace.clone(), key.clone())
    }

    /// Signs nothing in terms before this one. Committees that are known already are as they were.
    pub(crate) fn sign_from(&self, term: Term) {
        self.0.signs_from.store(term.0, Ordering::Relaxed);
    }

    /// Learns the committee of a term; forgets the oldest that are too many.
    pub(crate) fn learn(&self, term: Term, committee: &Committee) -> Option<Scheme> {
        let members = members(committee)?;
        let Shared { key, namespace, .. } = &*self.0;
        let signs = term.0 >= self.0.signs_from.load(Ordering::Relaxed);
        let signer = signs
            .then(|| Scheme::signer(namespace, members.clone(), key.clone()))
            .flatten();
        let scheme = signer.unwrap_or_else(|| Scheme::verifier(namespace, members));
        let mut known = self.known();
        known.insert(term.0, Arc::new(scheme.clone()));
        while known.len() > TERMS_MAX {
            known.pop_first();
        }
        Some(scheme)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Scheme>>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider for Electorates {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, term: Epoch) -> Option<Scoped<Scheme>> {
        self.known().get(&term.get()).cloned().map(Scoped::scheme)
    }
}

#[cfg(test)]
mod tests {
    use commonware_cryptography::certificate::Scheme as _;
    use llmnet_types::signature::PrivateKey;

    use super::*;
    use crate::setup::engine_seed;

    #[test]
    fn who_may_have_forgotten_its_votes_only_checks() {
        // COM-4
        let electorates = Electorates::new(b"network".to_vec(), engine_seed([1; 32]));
        let key = PrivateKey::from_seed([1; 32]).public_key();
        let committee = Committee::new(vec![key]).expect("one key");
        electorates.sign_from(Term(3));
        for (term, signs) in [(2, false), (3, true), (4, true)] {
            let scheme = electorates.learn(Term(term), &committee).expect("a key");
            assert_eq!(scheme.me().is_some(), signs, "term {term}");
        }
    }

    #[test]
    fn who_is_not_of_a_committee_only_checks() {
        // COM-1
        let key = |seed| PrivateKey::from_seed([seed; 32]).public_key();
        let electorates = Electorates::new(b"network".to_vec(), engine_seed([1; 32]));
        for (term, seeds, signs) in [(0, [1, 2], true), (1, [2, 3], false), (2, [3, 1], true)] {
            let committee = Committee::new(seeds.map(key).to_vec()).expect("different keys");
            let scheme = electorates.learn(Term(term), &committee).expect("keys");
            assert_eq!(scheme.me().is_some(), signs, "term {term}");
            let known = electorates.scheme(Epoch::new(term)).expect("known");
            assert_eq!(known.me().is_some(), signs, "term {term}");
        }
        assert!(electorates.scoped(Epoch::new(3)).is_none());
        for term in 3..20 {
            let committee = Committee::new(vec![key(1)]).expect("one key");
            assert!(electorates.learn(Term(term), &committee).is_some());
        }
        assert!(electorates.scoped(Epoch::new(2)).is_none(), "long over");
        assert!(electorates.scoped(Epoch::new(19)).is_some());
    }
}
