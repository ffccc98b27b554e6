//! A network's parameters, on chain and the same for everybody, and the windows all networks share.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::encode,
    id::Digest,
    network::COMMITTEE_MAX,
    reputation::Prior,
    units::{Amount, Epoch, Score, Term},
};

/// Epochs after that of a contract's selection in which it can be settled (WIN-1).
pub const SETTLE_EPOCHS: u64 = 1;
/// Until the end of how many epochs after it, it can be filed about, challenged, proven faulty (WIN-1).
pub const DISPUTE_EPOCHS: u64 = 2;
/// Until the end of how many epochs after it, a challenge can be answered (WIN-1).
pub const ANSWER_EPOCHS: u64 = 3;
/// With which epoch after it, everything about it is over: pay is free, bodies go (WIN-1).
pub const RELEASE_EPOCHS: u64 = 4;
/// Epochs in which a bond that is leaving can still be slashed (BND-3).
pub const UNBOND_EPOCHS: u64 = 6;
/// The fewest blocks of a term (COM-1).
pub const TERM_BLOCKS_MIN: u64 = 2;

/// What a network may differ in. [`Params::check`] holds the bounds.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Blocks of an epoch (EPO-1): 1 to 1,000,000, at most 64 checkpoints. Windows and releases are
    /// counted in epochs, so short ones leave little time to settle. Never changes.
    pub epoch_blocks: u32,
    /// Epochs of a committee's term (COM-1): 1 to 100,000, of [`TERM_BLOCKS_MIN`] blocks at least. Never changes.
    pub term_epochs: u32,
    /// Blocks between checkpoints of reputation (SEL-1): 1 to `epoch_blocks`. Longer means that panels
    /// follow ratings later, shorter that the ledger keeps more history. Never changes.
    pub checkpoint_blocks: u32,
    /// Price of a transaction's byte (TXN-2): up to 1 credit.
    pub fee_per_byte: Amount,
    /// The network's share of what seats and coordinator earn (SET-3): up to one half.
    pub network_fee: Score,
    /// Least bond for each domain of a registration (REG-3): at least 1 millionth. It is what a
    /// further identity costs.
    pub bond_min: Amount,
    /// Least bond of a coordinator that anchors (BND-4); with 0, none is needed.
    pub coordinator_bond_min: Amount,
    /// Least bond of a validator that may be elected (COM-3): at least 1 millionth.
    pub validator_bond_min: Amount,
    /// Least bond of an auditor that is no validator (AUD-1): at least 1 millionth.
    pub auditor_bond_min: Amount,
    /// The most validators of a committee (COM-3): 1 to 128.
    pub committee_max: u32,
    /// The share of a bond that one proven offence costs (BND-5): 1% to all of it.
    pub slash: Score,
    /// What a challenger deposits (DIS-4): up to 1,000 credits.
    pub deposit: Amount,
    /// One settled slot in so many must be opened on demand (DIS-4): at least 1.
    pub spot_check_one_in: u32,
    /// Announcements of a provider in an epoch that cost no more than their bytes (REG-8).
    pub announcements_free: u32,
    /// What each further one costs: up to 1,000 credits.
    pub announcement_fee: Amount,
    /// The share of an epoch's slots that a coordinator may leave void before its evidence of that epoch
    /// stops counting (REP-6).
    pub void_max: Score,
    /// The auditors' part of the pool (POL-2): up to all of it.
    pub audit_share: Score,
    /// The most epochs a line may be open: 1 to 1,000,000.
    pub line_epochs_max: u32,
    /// The most elements of one anchor: 1 to 16,777,216.
    pub anchor_length_max: u32,
    /// What one unit of evidence costs in network fee (REP-4): at least 1 millionth. Lower makes
    /// reputation quick and cheap to farm.
    pub evidence_fee: Amount,
    /// The doubt everybody starts with (REP-2): both counts 1 to 1,000,000,000.
    pub prior: Prior,
    /// What remains of evidence after an epoch: g of REP-2, 0.9 to 1.
    pub decay: Score,
    /// The share of good evidence that another model costs (REP-7).
    pub model_change: Score,
    /// Whether ratings count although requester or coordinator is the seat's operator (REP-4). Only for
    /// networks whose members trust each other.
    pub waive_operator: bool,
    /// The version of the rule of selection in force. Terms must name the same.
    pub policy: u16,
}

/// A parameter out of its bounds, or one that cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the parameter {0} is out of its bounds")]
pub struct ParamsError(pub &'static str);

impl Params {
    /// Sensible values for a network on one machine: short epochs, cheap bonds, a family's cap that
    /// lets all seats run the same engine.
    pub const fn local() -> Self {
        Self {
            epoch_blocks: 64,
            term_epochs: 100_000,
            checkpoint_blocks: 32,
            fee_per_byte: Amount(1),
            network_fee: Score::clamped(500),
            bond_min: Amount::CREDIT,
            coordinator_bond_min: Amount::ZERO,
            validator_bond_min: Amount::CREDIT,
            auditor_bond_min: Amount::CREDIT,
            committee_max: COMMITTEE_MAX as u32,
            slash: Score::HALF,
            deposit: Amount::CREDIT,
            spot_check_one_in: 1_000,
            announcements_free: 4,
            announcement_fee: Amount(100_000),
            void_max: Score::clamped(200),
            audit_share: Score::clamped(3_000),
            line_epochs_max: 100_000,
            anchor_length_max: 1 << 20,
            evidence_fee: Amount(20),
            prior: Prior {
                positive: 1_000_000,
                negative: 2_000_000,
            },
            decay: Score::clamped(9_800),
            model_change: Score::HALF,
            waive_operator: false,
            policy: 1,
        }
    }

    /// Checks all bounds but that `policy` is known, which the ledger does.
    ///
    /// # Errors
    /// The first parameter that is out of its bounds.
    pub fn check(&self) -> Result<(), ParamsError> {
        let prior = 1..=1_000_000_000;
        let thousand = Amount(1_000_000_000);
        let bounds = [
            ("epoch_blocks", (1..=1_000_000).contains(&self.epoch_blocks)),
            (
                "term_epochs",
                (1..=100_000).contains(&self.term_epochs) && self.term_length() >= TERM_BLOCKS_MIN,
            ),
            (
                "checkpoint_blocks",
                (1..=self.epoch_blocks).contains(&self.checkpoint_blocks)
                    && self.epoch_blocks <= self.checkpoint_blocks.saturating_mul(64),
            ),
            ("fee_per_byte", self.fee_per_byte <= Amount::CREDIT),
            ("network_fee", self.network_fee <= Score::HALF),
            ("bond_min", self.bond_min > Amount::ZERO),
            ("validator_bond_min", self.validator_bond_min > Amount::ZERO),
            ("auditor_bond_min", self.auditor_bond_min > Amount::ZERO),
            (
                "committee_max",
                (1..=COMMITTEE_MAX as u32).contains(&self.committee_max),
            ),
            ("slash", self.slash.get() >= 100),
            ("deposit", self.deposit <= thousand),
            ("spot_check_one_in", self.spot_check_one_in > 0),
            ("announcement_fee", self.announcement_fee <= thousand),
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
        ];
        match bounds.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(ParamsError(name)),
            None => Ok(()),
        }
    }

    /// Checks that others may follow these: what engines and windows are built on never changes (VOT-2).
    ///
    /// # Errors
    /// The first parameter that is out of its bounds or must not change.
    pub fn check_change(&self, next: &Self) -> Result<(), ParamsError> {
        next.check()?;
        let kept = [
            ("epoch_blocks", self.epoch_blocks == next.epoch_blocks),
            ("term_epochs", self.term_epochs == next.term_epochs),
            (
                "checkpoint_blocks",
                self.checkpoint_blocks == next.checkpoint_blocks,
            ),
        ];
        match kept.iter().find(|(_, holds)| !holds) {
            Some((name, _)) => Err(ParamsError(name)),
            None => Ok(()),
        }
    }

    /// What votes and events name them by.
    pub fn digest(&self) -> Digest {
        Digest::tagged("llmnet/params/1", &[&encode(self)])
    }

    /// Blocks of an epoch, as heights are counted.
    pub const fn epoch_length(&self) -> u64 {
        self.epoch_blocks as u64
    }

    /// Blocks of a term, as heights are counted.
    pub const fn term_length(&self) -> u64 {
        self.epoch_length().saturating_mul(self.term_epochs as u64)
    }

    /// The term an epoch is in.
    pub fn term(&self, epoch: Epoch) -> Term {
        epoch.term(u64::from(self.term_epochs))
    }
}
