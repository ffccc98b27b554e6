//! A validator's settings, and why it may not start with them.

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use llmnet_ledger::{Genesis, GenesisError};
use llmnet_types::{id::NetworkId, params::RELEASE_EPOCHS, signature::PublicKey};

use crate::history::BLOCKS_KEPT;

/// How often blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// The least time from one block to the next while transactions wait.
    pub block_interval: Duration,
    /// The time from one block to the next while none do. A leader that fails is noticed one second
    /// after this has passed, so all validators of a network should agree on it.
    pub idle_interval: Duration,
}

impl Pacing {
    pub(crate) fn leader_timeout(self) -> Duration {
        self.block_interval.max(self.idle_interval) + Duration::from_secs(1)
    }
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            block_interval: Duration::from_millis(50),
            idle_interval: Duration::from_secs(1),
        }
    }
}

/// How much of the past a validator keeps: blocks, certificates, outcomes and events. State is always that
/// of the newest block alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// About so many of the newest blocks, and never fewer than what is still disputed. Fewer than what others
    /// are behind by, and they cannot catch up.
    Blocks(usize),
    /// All since genesis, so that anybody can execute them again. Disk grows without end, and memory by
    /// about a hundred bytes a block.
    Everything,
}

impl Keep {
    /// The oldest height that is kept, where this is the newest.
    pub(crate) const fn oldest(self, newest: u64) -> u64 {
        match self {
            Self::Blocks(blocks) => newest.saturating_sub(blocks as u64),
            Self::Everything => 0,
        }
    }

    /// As much as that, and what contracts are still settled, disputed and proven by: all blocks since the
    /// epoch of any that is not over (WIN-1).
    pub(crate) const fn with_windows(self, epoch_length: u64) -> Self {
        let windows = epoch_length.saturating_mul(RELEASE_EPOCHS + 1);
        match self {
            Self::Blocks(blocks) if (blocks as u64) < windows => Self::Blocks(windows as usize),
            keep => keep,
        }
    }

    /// How much more that is than so many blocks.
    pub(crate) const fn more_than(self, blocks: usize) -> u64 {
        match self {
            Self::Blocks(kept) => kept.saturating_sub(blocks) as u64,
            Self::Everything => u64::MAX,
        }
    }

    /// Up to how many rounds a validator that has nothing replays, instead of taking over the others' state:
    /// all of them, if it is to keep everything, and otherwise what the others surely keep, if not many.
    pub(crate) const fn replayed_max(self) -> u64 {
        match self {
            Self::Blocks(kept) if kept < REPLAYED_MAX => kept as u64,
            Self::Blocks(_) => REPLAYED_MAX as u64,
            Self::Everything => u64::MAX,
        }
    }
}

/// Blocks that are replayed in seconds.
const REPLAYED_MAX: usize = 4096;

impl Default for Keep {
    fn default() -> Self {
        Self::Blocks(BLOCKS_KEPT)
    }
}

/// All a validator needs to know.
#[derive(Debug, Clone)]
pub struct ValidatorConfig {
    /// Where it keeps everything. Nobody else may use it.
    pub directory: PathBuf,
    /// The seed of its key. While that is in no committee, the validator follows and does not vote.
    pub seed: [u8; 32],
    /// Where it listens for other validators.
    pub listen: SocketAddr,
    /// Where other validators are reached, before what the chain says of that. Its own entry is ignored.
    /// Who joins later needs some that are in office now.
    pub peers: Vec<(PublicKey, SocketAddr)>,
    /// The network's beginning.
    pub genesis: Genesis,
    /// How often blocks are made.
    pub pacing: Pacing,
    /// How much of the past it keeps.
    pub keep: Keep,
}

/// Why a validator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The genesis makes no network.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The directory cannot be used.
    #[error("{} cannot be used", .path.display())]
    Directory {
        /// What exactly.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another validator runs there.
    #[error("{} is in use by another validator; stop that one or choose another directory", .path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The directory belongs to another network.
    #[error("{} belongs to network {found}, not to {expected}; choose another directory, or remove it if that network is no longer needed", .path.display())]
    OtherNetwork {
        /// The directory.
        path: PathBuf,
        /// The genesis' network.
        expected: NetworkId,
        /// The directory's.
        found: String,
    },
    /// The directory was written by another version of this program.
    #[error("{} has layout version {found} where {expected} is needed; use the program that wrote it, or choose another directory", .path.display())]
    OtherVersion {
        /// The directory.
        path: PathBuf,
        /// This program's version.
        expected: u32,
        /// The directory's.
        found: String,
    },
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}; stop what uses it or choose another address")]
    Address {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A validator of the first committee whose address is not known.
    #[error("no address is known of validator {key}; add it to the peers, or to the genesis")]
    NoAddress {
        /// Whose.
        key: PublicKey,
    },
    /// A validator's key is no key.
    #[error("the genesis' validator {key} is not an ed25519 key")]
    BadKey {
        /// Which.
        key: PublicKey,
    },
    /// The engine failed while it started.
    #[error("the validator failed to start: {reason}")]
    Failed {
        /// As far as known.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::Keep;

    #[test]
    fn what_is_kept_ends_at_the_newest() {
        assert_eq!(Keep::Blocks(10).oldest(100), 90);
        assert_eq!(Keep::Blocks(10).oldest(9), 0);
        assert_eq!(Keep::Everything.oldest(u64::MAX), 0);
        // WIN-1: epochs of ten blocks are over four epochs later.
        assert_eq!(Keep::Blocks(10).with_windows(10), Keep::Blocks(50));
        assert_eq!(Keep::Blocks(60).with_windows(10), Keep::Blocks(60));
        assert_eq!(Keep::Everything.with_windows(10), Keep::Everything);
        // Who has nothing replays what all others keep, if that is not much.
        assert_eq!(Keep::Blocks(50).replayed_max(), 50);
        assert_eq!(Keep::default().replayed_max(), 4096);
        assert_eq!(Keep::Everything.replayed_max(), u64::MAX);
        assert_eq!(Keep::default().oldest(0), 0);
    }
}
