//! A network's parameters: on chain, bounded, the same for everybody.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    reputation::Prior,
    units::{Amount, Score},
};
use serde::{Deserialize, Serialize};

use crate::selection::Rule;

/// What a network may differ in. [`Params::check`] holds the bounds.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Blocks of an epoch (EPO-1): 1 to 1,000,000, at most 64 checkpoints. Windows and releases are
    /// counted in epochs, so short ones leave little time to settle.
    pub epoch_blocks: u32,
    /// Blocks between checkpoints of reputation (SEL-1): 1 to `epoch_blocks`. Longer means that panels
    /// follow ratings later, shorter that the ledger keeps more history.
    pub checkpoint_blocks: u32,
    /// Price of a transaction's byte (TXN-2): up to 1 credit.
    pub fee_per_byte: Amount,
    /// The network's share of what seats and coordinator earn (SET-3): up to one half.
    pub network_fee: Score,
    /// Least bond for each domain of a registration (REG-3): at least 1 millionth. It is what a
    /// further identity costs.
    pub bond_min: Amount,
    /// Epochs after a line's end until its rest returns (LIN-2): more than the one in which it can still
    /// be settled against, at most 64.
    pub release_epochs: u32,
    /// Epochs after that of selection until pay without co-signature is free (SET-6): more than 1, at
    /// most 64.
    pub held_epochs: u32,
    /// The most epochs a line may be open: 1 to 1,000,000.
    pub line_epochs_max: u32,
    /// The most slots of one anchor: 1 to 16,777,216.
    pub anchor_length_max: u32,
    /// What one unit of evidence costs in network fee (REP-4): at least 1 millionth. Lower makes
    /// reputation quick and cheap to farm.
    pub evidence_fee: Amount,
    /// The doubt everybody starts with (REP-2): both counts 1 to 1,000,000,000.
    pub prior: Prior,
    /// What remains of evidence after an epoch: g of REP-2, 0.9 to 1.
    pub decay: Score,
    /// Whether ratings count although requester or coordinator is the seat's operator (REP-4). Only for
    /// networks whose members trust each other.
    pub waive_operator: bool,
    /// The rule of selection in force: a known version of [`Rule`]. Terms must name the same.
    pub policy: u16,
}

/// Epochs after that of a contract's selection in which it can be settled (LIN-2, SEL-8).
pub const SETTLE_EPOCHS: u64 = 1;

/// A parameter out of its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} is out of its bounds")]
pub struct ParamsError(pub &'static str);

impl Params {
    /// Sensible values for a network on one machine: short epochs, cheap bonds, a family's cap that
    /// lets all seats run the same engine.
    pub const fn local() -> Self {
        Self {
            epoch_blocks: 64,
            checkpoint_blocks: 32,
            fee_per_byte: Amount(1),
            network_fee: Score::clamped(500),
            bond_min: Amount::CREDIT,
            release_epochs: 4,
            held_epochs: 3,
            line_epochs_max: 100_000,
            anchor_length_max: 1 << 20,
            evidence_fee: Amount(20),
            prior: Prior {
                positive: 1_000_000,
                negative: 2_000_000,
            },
            decay: Score::clamped(9_800),
            waive_operator: false,
            policy: Rule::LOCAL,
        }
    }

    /// Checks all bounds.
    ///
    /// # Errors
    /// The first parameter that is out of its bounds.
    pub fn check(&self) -> Result<(), ParamsError> {
        let prior = 1..=1_000_000_000;
        let bounds = [
            ("epoch_blocks", (1..=1_000_000).contains(&self.epoch_blocks)),
            (
                "checkpoint_blocks",
                (1..=self.epoch_blocks).contains(&self.checkpoint_blocks)
                    && self.epoch_blocks <= self.checkpoint_blocks.saturating_mul(64),
            ),
            ("fee_per_byte", self.fee_per_byte <= Amount::CREDIT),
            ("network_fee", self.network_fee <= Score::HALF),
            ("bond_min", self.bond_min > Amount::ZERO),
            ("release_epochs", (2..=64).contains(&self.release_epochs)),
            ("held_epochs", (2..=64).contains(&self.held_epochs)),
            (
                "line_epochs_max",
                (1..=1_000_000).contains(&self.line_epochs_max),
            ),
            (
                "anchor_length_max",
                (1..=1 << 24).contains(&self.anchor_length_max),
            ),
            ("evidence_fee", self.evidence_fee > Amount::ZERO),
            (
                "prior",
                prior.contains(&self.prior.positive) && prior.contains(&self.prior.negative),
            ),
            ("decay", self.decay.get() >= 9_000),
            ("policy", Rule::version(self.policy).is_some()),
        ];
        match bounds.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(ParamsError(name)),
            None => Ok(()),
        }
    }

    /// The rule of selection in force.
    pub fn rule(&self) -> Rule {
        Rule::version(self.policy).unwrap_or_default()
    }

    /// Blocks of an epoch, as heights are counted.
    pub const fn epoch_length(&self) -> u64 {
        self.epoch_blocks as u64
    }
}
