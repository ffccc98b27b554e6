//! What a session starts from, and what it keeps of each seat.

use llmnet_types::{
    contract::{Assign, ROUNDS_MAX, Terms, Voucher, contract_id},
    id::{ContractId, Digest, NetworkId, ProviderId, Salt},
    message::{Answer, DeclineReason, Part, Phase, Reply},
    passage::{SharedPassages, seen_first},
    rating::Ballot,
    reputation::Credence,
    request::Request,
    selection::{Candidate, SelectionInputs},
    signature::{Message, PrivateKey, PublicKey, Signed},
    units::{Score, Slot, Timestamp},
};

use crate::debate::Case;

/// Everything a coordinator has settled before it asks the first seat.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The network.
    pub network: NetworkId,
    /// The coordinator's key.
    pub key: PrivateKey,
    /// The slot, used by no other order.
    pub slot: Slot,
    /// Its element of the coordinator's hash chain.
    pub slot_secret: Digest,
    /// Who ordered.
    pub requester: PublicKey,
    /// What was promised.
    pub voucher: Signed<Voucher>,
    /// On what terms.
    pub terms: Terms,
    /// What is asked.
    pub request: Request,
    /// The contract's salt.
    pub salt: Salt,
    /// What all seats are shown of experts' documents (COR-5).
    pub shared: SharedPassages,
    /// What the panel is selected from.
    pub selection: SelectionInputs,
    /// The order that the rule of selection gives (SEL-4 to SEL-7).
    pub order: Vec<ProviderId>,
    /// The network's share of what coordinator and seats earn (SET-3).
    pub fee: Score,
    /// Seats that are run by the coordinator's own program, which has their keys: whoever could forge their words
    /// there could sign them as well, so their signatures are not checked again.
    pub own: Vec<PublicKey>,
}

impl Setup {
    pub(super) fn contract(&self) -> ContractId {
        contract_id(&self.network, &self.key.public_key(), self.slot)
    }

    /// Whether a seat's word is its own.
    pub(super) fn signed<M: Message>(&self, word: &Signed<M>, seat: &PublicKey) -> bool {
        self.own.contains(seat) || word.verify(&self.network, seat).is_ok()
    }

    /// The most rounds of debate; a receipt has no room for more than the protocol's own limit.
    pub(super) const fn rounds_max(&self) -> u8 {
        if self.terms.rounds < ROUNDS_MAX {
            self.terms.rounds
        } else {
            ROUNDS_MAX
        }
    }

    /// Offers and answers together: a replacement asked late still has its time.
    pub(super) const fn answer_deadline_ms(&self) -> u32 {
        let durations = &self.terms.durations;
        durations.accept_ms.saturating_add(durations.answer_ms)
    }

    pub(super) fn candidate(&self, provider: ProviderId) -> Option<&Candidate> {
        self.selection
            .candidates
            .iter()
            .find(|candidate| candidate.provider == provider)
    }

    /// What a seat had seen before it bound its first answer.
    pub(super) fn shown_first(&self) -> Digest {
        seen_first(&self.terms.request, &self.shared)
    }
}

/// What everything said in the contract is read by.
pub(super) fn case(setup: &Setup, contract: ContractId) -> Case<'_> {
    Case {
        contract,
        request: &setup.request,
        terms: &setup.terms,
        shared: &setup.shared,
    }
}

/// Whether a candidate sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Has an offer, until then.
    Asked {
        /// When the next in order is asked instead.
        until: Timestamp,
    },
    /// Accepted.
    Seated,
    /// Declined, busy or not reached: skipped.
    Skipped,
    /// Accepted and failed: what it did is on the receipt.
    Failed(llmnet_types::receipt::SeatOutcome),
}

/// One candidate that was asked.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) provider: ProviderId,
    pub(super) node: PublicKey,
    pub(super) corpus: Digest,
    pub(super) credence: Credence,
    pub(super) rank: u8,
    pub(super) assign: Signed<Assign>,
    pub(super) asked_at: Timestamp,
    pub(super) reply: Option<Signed<Reply>>,
    pub(super) presence: Presence,
    /// Whether its link ended: what it has not said by then will not come.
    pub(super) unreached: bool,
    /// Why it gave up, if it did.
    pub(super) gave_up: Option<DeclineReason>,
    /// Bound, phase by phase.
    pub(super) commitments: Vec<(Phase, Digest)>,
    pub(super) latency_ms: u32,
    /// Opened, of the phase that is being opened.
    pub(super) opened: Option<llmnet_types::message::Opening>,
    pub(super) first: Option<Answer>,
    pub(super) last: Option<Answer>,
    pub(super) ballot: Option<Ballot>,
    pub(super) part: Option<Signed<Part>>,
}

impl Member {
    pub(super) fn is_present(&self) -> bool {
        self.presence == Presence::Seated
    }

    /// Whether it answers, or may still accept.
    pub(super) const fn is_active(&self) -> bool {
        matches!(self.presence, Presence::Asked { .. } | Presence::Seated)
    }

    /// What a phase's Close counts of it: that of the further answers counts the first ones as well.
    pub(super) fn counted(&self, phase: Phase) -> Option<Digest> {
        match phase {
            Phase::Further => self.commitment(self.alone()),
            phase => self.commitment(phase),
        }
    }

    /// In which phase it answers alone.
    pub(super) fn alone(&self) -> Phase {
        self.assign.body.phase
    }

    pub(super) fn commitment(&self, phase: Phase) -> Option<Digest> {
        self.commitments
            .iter()
            .find(|(at, _)| *at == phase)
            .map(|(_, commitment)| *commitment)
    }
}
