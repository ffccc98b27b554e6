//! Plays histories by a second, naive reading of the rules, for tests to compare.
//!
//! Written from `docs/SPEC.md` and the vocabulary alone; it shares no code with `ledger`, so that a mistake
//! would have to be made twice to be overlooked. It is slow and obvious on purpose: it keeps all that ever
//! happened, walks whole lists at every block, adds up sums where they are asked for, and computes
//! reputation by playing all evidence again. What a test finds to differ is a mistake of the ledger, of
//! this, or of the rules' wording.
//!
//! Enter at [`Oracle::block`] for what happens to a block, at [`Beginning`] for how a history begins.
//!
//! It takes two things on the ledger's word, as it selects no panels: that a settled or answered panel is
//! the one selected (SEL-8, DIS-5), or is not (DIS-1).

mod audit;
mod beginning;
mod block;
mod bond;
mod chain;
mod dispute;
mod line;
mod mismatch;
mod money;
mod office;
mod promise;
mod registry;
mod reputation;
mod settle;
mod sources;
mod transaction;

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{
    bond::Role,
    domain::Domain,
    id::{Digest, DomainId, NetworkId},
    params::Params,
    signature::PublicKey,
};

pub use audit::Audit;
pub use beginning::{Beginning, FirstValidator};
pub use block::Block;
pub use bond::Bond;
pub use chain::{Chain, Chains};
pub use dispute::{Challenged, Claim, Offence};
pub use line::Line;
pub use mismatch::{Mismatch, Refusal};
pub use money::{Account, Totals};
pub use office::{Office, Proposal};
pub use promise::Promise;
pub use registry::{Provider, Version};
pub use reputation::{Evidence, Happening, Seen, What};
pub use settle::{Coordinator, Held, Settled};

/// All that ever happened on a network, and what stands by that.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// Its name.
    pub network: NetworkId,
    /// The parameters in force.
    pub params: Params,
    /// Those of all epochs, by epoch (VOT-3).
    pub params_ever: Vec<Params>,
    /// The last block.
    pub height: u64,
    /// All beacons, by epoch.
    pub beacons: Vec<Digest>,
    /// What this epoch's leaders revealed so far.
    pub mix: Digest,
    /// Free money and nonces.
    pub accounts: BTreeMap<PublicKey, Account>,
    /// All lines there ever were, by number.
    pub lines: Vec<Line>,
    /// All registrations there ever were, by number.
    pub providers: Vec<Provider>,
    /// All domains, by number; none where all left one that nobody began anew.
    pub domains: Vec<Option<Domain>>,
    /// Numbers of domains that nobody has, the last that became so at the end (REG-3).
    pub vacant: Vec<DomainId>,
    /// Bonds, by node and role.
    pub bonds: BTreeMap<(PublicKey, Role), Bond>,
    /// Coordinators that respondents find, in the order in which they were listed (BND-6).
    pub listed: Vec<PublicKey>,
    /// Coordinators' slots.
    pub coordinators: BTreeMap<PublicKey, Coordinator>,
    /// Coordinators' hash chains.
    pub slot_chains: BTreeMap<PublicKey, Chains>,
    /// Validators' hash chains.
    pub beacon_chains: BTreeMap<PublicKey, Chains>,
    /// All settlements there ever were.
    pub settled: Vec<Settled>,
    /// All that reputations follow from.
    pub happened: Vec<Happening>,
    /// All audit roots there ever were.
    pub audits: Vec<Audit>,
    /// Items of roots that became complete since the last payout, by who is paid.
    pub audited: BTreeMap<PublicKey, u128>,
    /// All challenges there ever were.
    pub challenges: Vec<Challenged>,
    /// All claims that were ever paid.
    pub claims: Vec<Claim>,
    /// All offences that were punished.
    pub offences: BTreeSet<Offence>,
    /// What first blocks of epochs to come will do.
    pub promises: Vec<(u64, Promise)>,
    /// The committee in office.
    pub office: Office,
    /// What is voted on.
    pub proposals: Vec<Proposal>,
    /// What is in force from the next epoch.
    pub decided: Option<Params>,
    /// Blocks led in this epoch.
    pub led: Vec<PublicKey>,
    /// The validators' and auditors' pool.
    pub pool: u128,
    /// Money that is gone.
    pub burnt: u128,
}

impl Oracle {
    /// The epoch of the last block (EPO-1).
    pub fn epoch(&self) -> u64 {
        self.epoch_of(self.height)
    }

    /// The parameters of an epoch (VOT-3).
    pub fn params_of(&self, epoch: u64) -> &Params {
        let place = usize::try_from(epoch).expect("epochs are counted from 0");
        self.params_ever.get(place).unwrap_or(&self.params)
    }

    /// A height's epoch (EPO-1).
    pub fn epoch_of(&self, height: u64) -> u64 {
        height / u64::from(self.params.epoch_blocks)
    }
}
