//! What the ledger is told of contracts: compact leaves, many to a settlement (SET-1, SET-2).

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, encode},
    contract::{SEATS_MAX, Strategy, Voucher},
    id::{Digest, DomainId, LineId, ProviderId, ReceiptRoot},
    merkle,
    message::LineOk,
    receipt::{ContractStatus, Receipt, SeatOutcome, SeatReceipt},
    selection::REQUEST_DOMAINS_MAX,
    signature::{PublicKey, Signed},
    units::{Amount, Height, Score, Slot, Tokens},
};

/// The most contracts settled by one transaction.
pub const LEAVES_MAX: usize = 256;
/// The most lines drawn on by one settlement.
pub const VOUCHERS_MAX: usize = 256;
/// The most co-signatures of one settlement.
pub const LINE_OKS_MAX: usize = 256;

/// A seat's line on a leaf: all the ledger needs to pay and rate it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct LeafSeat {
    /// The registration.
    pub provider: ProviderId,
    /// Its place in the selected order.
    pub rank: u8,
    /// What became of it.
    pub outcome: SeatOutcome,
    /// Its answer's class within the contract.
    pub class: u8,
    /// How good it was found.
    pub score: Score,
    /// Tokens billed.
    pub output: Tokens,
    /// Time to its bound answer.
    pub latency_ms: u32,
    /// What it earns.
    pub pay: Amount,
}

impl LeafSeat {
    /// The line that stands for a seat of a receipt.
    pub fn of(seat: &SeatReceipt) -> Self {
        Self {
            provider: seat.provider,
            rank: seat.assign.body.rank,
            outcome: seat.outcome,
            class: seat.class,
            score: seat.score,
            output: seat.output,
            latency_ms: seat.latency_ms,
            pay: seat.pay,
        }
    }
}

/// A contract as the chain sees it: numbers and one root, never text (SET-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The line that pays.
    pub line: LineId,
    /// The order's number on that line; 0 on a void contract.
    pub n: u32,
    /// The height of selection.
    pub height: Height,
    /// The request's domains with confidence.
    pub domains: List<(DomainId, Score), REQUEST_DOMAINS_MAX>,
    /// How the panel worked.
    pub strategy: Strategy,
    /// How it ended.
    pub status: ContractStatus,
    /// Whether the requester's filters kept candidates out.
    pub filtered: bool,
    /// All that is drawn from the line.
    pub charge: Amount,
    /// The network's part of it.
    pub fee: Amount,
    /// The receipt it stands for.
    pub receipt: ReceiptRoot,
    /// Who accepted, by rank.
    pub seats: List<LeafSeat, SEATS_MAX>,
}

impl Leaf {
    /// The leaf that stands for a receipt with this root: the ledger is told nothing else of it, and a
    /// proof holds for no other (SET-1, PRF-3).
    pub fn of(receipt: &Receipt, root: ReceiptRoot) -> Self {
        let void = receipt.status == ContractStatus::Void;
        let seats = receipt.seats.iter().map(LeafSeat::of);
        let domains = receipt
            .selection
            .domains
            .iter()
            .map(|choice| (choice.id, choice.confidence));
        Self {
            line: receipt.voucher.body.line,
            n: if void { 0 } else { receipt.voucher.body.n },
            height: receipt.selection.height,
            domains: List::truncated(domains),
            strategy: receipt.terms.strategy,
            status: receipt.status,
            filtered: !receipt.terms.filters.is_empty(),
            charge: receipt.charges.total,
            fee: receipt.charges.fee,
            receipt: root,
            seats: List::truncated(seats),
        }
    }
}

/// Many contracts of one coordinator, in slot order (SET-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settlement {
    /// The first leaf's slot; the others follow without a gap.
    pub first_slot: Slot,
    /// The last slot's element of the hash chain; hashing down gives all the others.
    pub opening: Digest,
    /// The contracts.
    pub leaves: List<Leaf, LEAVES_MAX>,
    /// For each line drawn on, its highest voucher; sorted by line.
    pub vouchers: List<Signed<Voucher>, VOUCHERS_MAX>,
    /// Co-signatures by seats, each with its registration; sorted by it.
    pub line_oks: List<(ProviderId, Signed<LineOk>), LINE_OKS_MAX>,
}

/// What of a settlement a proof needs, and a block's tree of settlements holds (PRF-2).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettlementHead {
    /// Whose contracts.
    pub coordinator: PublicKey,
    /// From which slot.
    pub first_slot: Slot,
    /// The root over the leaves.
    pub root: Digest,
}

impl Settlement {
    fn tree(&self) -> merkle::Tree {
        merkle::Tree::new(self.leaves.iter().map(encode))
    }

    /// The root over the leaves: what co-signatures and proofs name.
    pub fn root(&self) -> Digest {
        self.tree().root()
    }

    /// What a provider would co-sign: those leaves that name it, and what they pay it. `None` where that is
    /// more money than there can be.
    pub fn line_ok(&self, provider: ProviderId) -> Option<LineOk> {
        self.summary().line_ok(provider)
    }

    /// Root and co-signatures at once, each leaf read and hashed once.
    pub fn summary(&self) -> Summary {
        let tree = self.tree();
        let mut seats: BTreeMap<ProviderId, Named> = BTreeMap::new();
        for (index, leaf) in self.leaves.iter().enumerate() {
            let digest = tree.leaf(index).unwrap_or(Digest::ZERO);
            for seat in &leaf.seats {
                let named = seats.entry(seat.provider).or_default();
                named.leaves.extend(digest.0);
                named.total = named.total.and_then(|sum| sum.checked_add(seat.pay));
            }
        }
        Summary {
            root: tree.root(),
            seats,
        }
    }
}

/// What the leaves of a settlement say of a provider.
#[derive(Debug, Clone)]
struct Named {
    /// The digests of the leaves that name it, one after the other.
    leaves: Vec<u8>,
    /// What they pay it; `None` where that does not fit.
    total: Option<Amount>,
}

impl Default for Named {
    fn default() -> Self {
        Self {
            leaves: Vec::new(),
            total: Some(Amount::ZERO),
        }
    }
}

/// A settlement's root, and what each provider in it would co-sign.
#[derive(Debug, Clone)]
pub struct Summary {
    root: Digest,
    seats: BTreeMap<ProviderId, Named>,
}

impl Summary {
    /// The root over the leaves.
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// What a provider would co-sign. `None` where that is more money than there can be.
    pub fn line_ok(&self, provider: ProviderId) -> Option<LineOk> {
        let nothing = Named::default();
        let named = self.seats.get(&provider).unwrap_or(&nothing);
        Some(LineOk {
            settlement: self.root,
            leaves: Digest::tagged("llmnet/leaves/2", &[&named.leaves]),
            total: named.total?,
        })
    }
}

/// A seat agrees to a settlement after it (SET-6).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoSignature {
    /// Whose settlement.
    pub coordinator: PublicKey,
    /// Its first slot.
    pub first_slot: Slot,
    /// The seat.
    pub provider: ProviderId,
    /// Its word.
    pub line_ok: Signed<LineOk>,
}
