//! Any value of any type of the vocabulary, from a seed.

use llmnet_types::{
    audit::{AuditItem, AuditOpening},
    block::Header,
    bond::{ChainUse, Enlistment, Role},
    certificate::{Again, EngineVote, FinalityCertificate, Proposal, Statement},
    codec::{List, Text},
    contract::{Assign, Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, Voucher},
    disclosure::{Disclosure, ReceiptField},
    dispute::{Answer as ChallengeAnswer, Challenge, Claim, FaultProof, Filing, SettledLeaf},
    document::{Format, PhaseTranscript, ReceiptDocument},
    domain::Domain,
    id::{
        ContractId, Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot, Salt,
        TransactionId,
    },
    merkle::Path,
    message::{
        Answer, Close, Commit, DeclineReason, LineOk, Opening, Part, Payload, Phase, Reply,
        Response, Revision,
    },
    network::{Committee, Electorate, NetworkRoot},
    params::Params,
    passage::{Citation, Evidence, Passage, Shared},
    proof::ReceiptProof,
    rating::{Comparison, Preference},
    receipt::{
        Charges, Conclusion, ContractStatus, Receipt, SeatOutcome, SeatReceipt, Skip, Verdict,
    },
    registration::{
        Adapter, Announcement, Assurance, Corpus, Model, Novelty, Price, Registration, Rotated,
        Rotation, Tokenizer,
    },
    rejection::{Field, LeafFault, ProofPart, Rejection},
    reputation::{Audited, Prior, Reputation},
    request::{ChatMessage, Request, Role as Speaker, Setting},
    selection::{Candidate, DomainChoice, SelectionInputs},
    settlement::{CoSignature, Leaf, LeafSeat, Settlement, SettlementHead},
    signature::{PrivateKey, PublicKey, Signature, Signed},
    succession::{HandOver, Succession, SuccessionDocument, SuccessionFormat},
    transaction::{Instruction, Outcome, TransactionBody},
    units::{Amount, Epoch, Height, Score, Slot, Term, Timestamp, Tokens},
};

/// Numbers without end (splitmix64): equal seeds, equal values.
pub(crate) struct Source {
    state: u64,
    /// Public keys that somebody has, which most keys are then taken from.
    pub(crate) known: Vec<PublicKey>,
    /// Whether most numbers are small, as those that a young ledger hands out are.
    pub(crate) small: bool,
}

impl Source {
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            state: seed,
            known: Vec::new(),
            small: false,
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("64 bits hold it");
        usize::try_from(self.next() % limit).expect("below a usize")
    }
}

/// Can be made of anything.
pub(crate) trait Any {
    fn any(source: &mut Source) -> Self;
}

macro_rules! numbers {
    ($($name:ident),*) => {$(
        impl Any for $name {
            fn any(source: &mut Source) -> Self {
                if source.small && source.below(8) > 0 {
                    return source.below(16) as Self;
                }
                // Ends of the range are where encodings break.
                match source.below(4) {
                    0 => Self::MIN,
                    1 => Self::MAX,
                    _ => source.next() as Self,
                }
            }
        }
    )*};
}
numbers!(u8, u16, u32, u64);

macro_rules! newtypes {
    ($($name:ident),*) => {$(
        impl Any for $name {
            fn any(source: &mut Source) -> Self {
                Self(Any::any(source))
            }
        }
    )*};
}
newtypes!(
    Amount,
    ContractId,
    Digest,
    DomainId,
    Epoch,
    Height,
    LineId,
    NetworkId,
    ProviderId,
    ReceiptRoot,
    Salt,
    Signature,
    Slot,
    Term,
    Timestamp,
    Tokens,
    TransactionId
);

macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Any for $name {
            fn any(source: &mut Source) -> Self {
                Self { $($field: Any::any(source)),* }
            }
        }
    )*};
}

/// Comes in variants.
pub(crate) trait Variants: Sized + 'static {
    /// What makes one of each, in their order.
    const MAKERS: &'static [fn(&mut Source) -> Self];
}

/// Each variant is as likely as any other. Who leaves one out is told by the compiler.
macro_rules! enums {
    ($($name:ident {
        $($variant:ident $({ $($field:ident),* $(,)? })? $(($($of:ident),*))?),* $(,)?
    })*) => {$(
        impl Variants for $name {
            const MAKERS: &'static [fn(&mut Source) -> Self] = &[$(|_source| {
                Self::$variant
                    $({ $($field: Any::any(_source)),* })?
                    $(($(Any::$of(_source)),*))?
            }),*];
        }

        impl Any for $name {
            fn any(source: &mut Source) -> Self {
                let value = Self::MAKERS[source.below(Self::MAKERS.len())](source);
                match &value {
                    $(Self::$variant { .. } => (),)*
                }
                value
            }
        }
    )*};
}

structs! {
    Header {
        network, term, view, leader, parent_view, parent, height, timestamp_ms, transactions, state,
        operations, operations_start, operations_end, settlements, reveal, next_committee,
    }
    FinalityCertificate { signers, signatures, again }
    Again { view, parent_view }
    Durations { offer_ms, accept_ms, answer_ms, grace_ms, open_ms, round_ms, ballot_ms }
    Caps { input_tokens, output_tokens, seat_charge }
    PaySplit { base, coordinator }
    Criteria { seats, agreement, assurance }
    Filters { only, ignore, reputation_min }
    Terms {
        request, domain, filters, strategy, seats, first, quorum, rounds, durations, caps, split, criteria,
        policy,
    }
    Voucher { line, n, limit, terms }
    Assign { contract, slot, height, voucher, seat, nonce, rank, phase, price, durations }
    Path { index, size, siblings }
    Reply { assign, response }
    Commit { contract, phase, commitment }
    Close { contract, phase, commitments }
    Opening { salt, payload }
    Answer { text, evidence, class }
    Revision { answer, convinced_by, reason }
    Part {
        contract, commitments, first_class, last_class, ballot, version, input, output, citations,
    }
    LineOk { settlement, leaves, total }
    PhaseTranscript { phase, openings }
    NetworkRoot { committee, genesis }
    Passage { document, title, text }
    Citation { root, salt, path }
    Evidence { passage, citation }
    Shared { provider, node, as_of_day, evidence }
    ReceiptProof {
        leaf, leaf_path, settlement, settlement_path, header, descendants, certificate,
    }
    Comparison { first, second, better }
    Skip { provider, rank, assign, reply }
    SeatReceipt { provider, assign, reply, outcome, part, class, score, latency_ms, output, pay }
    Verdict { conclusion, rounds, winner, agreement, strengths, minority, changed }
    Charges { seats, coordinator, fee, total }
    Receipt {
        network, coordinator, slot, requester, voucher, terms, slot_secret, selection, skips, seats,
        closes, status, verdict, charges, response,
    }
    Corpus { root, as_of_day, passages }
    Model { family, name, digest, assurance }
    Price { call, input_kilo, output_kilo }
    Registration {
        node, operator, nonce, domains, model, corpus, price, tokenizer, bond,
    }
    Reputation { positive, negative, samples, latency_ms }
    Prior { positive, negative }
    Audited { mean, deviation }
    ChatMessage { role, content }
    Setting { name, value }
    Request { messages, strategy, domain, output_tokens_max, settings }
    DomainChoice { domain, id, confidence }
    Candidate {
        provider, node, nonce, operator, family, twin, corpus, corpus_as_of_day, price, mean,
        deviation, ceiling, audited, lower_bound, samples, latency_ms, bond,
    }
    SelectionInputs { height, epoch, beacon, domains, classifier, candidates }
    LeafSeat { provider, rank, outcome, class, score, output, latency_ms, pay }
    Leaf {
        line, n, height, domains, strategy, status, filtered, charge, fee, receipt, seats,
    }
    Settlement { first_slot, opening, leaves, vouchers, line_oks }
    SettlementHead { coordinator, first_slot, root }
    TransactionBody { network, signer, nonce, instruction }
    AuditItem { request, class }
    AuditOpening { epoch, item, salt, path, settled, terms, request_salt, seats }
    Enlistment { node, operator, role, address, bond, until }
    Proposal { parent_view, digest }
    EngineVote { term, view, statement, signature }
    Disclosure { value, salt, path }
    SettledLeaf { coordinator, first_slot, leaf, path }
    Challenge { settled }
    ChallengeAnswer { slot, leaf, voucher, terms, skips, seats }
    Params {
        epoch_blocks, term_epochs, checkpoint_blocks, fee_per_byte, network_fee, bond_min,
        coordinator_bond_min, validator_bond_min, auditor_bond_min, committee_max, slash, deposit,
        spot_check_one_in, announcements_free, announcement_fee, void_max, audit_share,
        line_epochs_max, anchor_length_max, evidence_fee, prior, decay, model_change,
        waive_operator, policy,
    }
    Rotation { provider, old, new }
    Rotated { rotation, by_old, by_new }
    Adapter { adapter, base, data, before, after }
    Announcement { provider, novelty }
    CoSignature { coordinator, first_slot, provider, line_ok }
    ReceiptDocument {
        format, network, request, answer, salt, receipt, signed, shared, transcript, proof, succession,
    }
    Electorate { network, term, committee }
    HandOver { header, certificate, next }
    SuccessionDocument { format, succession }
}

enums! {
    Assurance { Declared, Audited, Reexecuted, Attested }
    ChainUse { Slots, Beacon }
    Claim { Seat { provider, seats, voucher, terms }, Requester { charges } }
    Conclusion { None, Unanimous, Vote, Ballots }
    ContractStatus { Concluded, Failed, Void }
    DeclineReason {
        NothingFound, WrongDomain, Terms, Unfunded, CreditLimit, ModelUnavailable, Policy,
    }
    FaultProof {
        Assigns { coordinator, first, second },
        Panel(any),
        Totals { coordinator, receipt, seats, charges },
        Parts { node, first, second },
        Votes { validator, first, second },
    }
    Field { Amount, Expiry, Domains, Bond, Length, Leaves, Items, Validators, Claims, Novelty, Versions, Proposals }
    Filing {
        Contradiction { settled, receipt, slot, claim },
        Unpaid { provider, coordinator, void, voucher, terms, assign, close, part },
    }
    Format { Receipt2 }
    Instruction {
        Transfer { to, amount },
        OpenLine { coordinator, amount, expires },
        TopUp { line, amount },
        CloseLine { line },
        Register(any),
        Update(any),
        Rotate(any),
        Retire { provider },
        Announce(any),
        Enlist(any),
        Delist { node, role },
        Bond { node, role, amount },
        Unbond { node, role, amount },
        Anchor { purpose, tip, length },
        Settle(any),
        CoSign(any),
        File(any),
        Challenge(any),
        Answer(any),
        AuditRoot { root, items },
        AuditOpen(any),
        Fault(any),
        Vote(any),
    }
    LeafFault { Height, Order, Sums, Void, Unknown, Seats, Panel, Outcome }
    Novelty { Corpus { corpus, changed }, Adapter(any) }
    Outcome { Applied { fee }, Rejected { fee, reason } }
    Payload { Answer(any), Revision(any), Ballot(any) }
    Phase { Answers, Round(any), Ballots, Further }
    Preference { Tie, First, Second }
    ProofPart { Leaf, Disclosure, Signature, Contract, Item, Panel }
    ReceiptField {
        Network, Coordinator, Slot, Requester, Voucher, Terms, SlotSecret, Selection, Skips, Seats,
        Closes, Status, Verdict, Charges, Response,
    }
    Rejection {
        Network, Signature, Nonce { expected, found }, TooLarge, Balance { needed, available },
        Overflow, Bounds { field }, Line { line }, LineClosed { line }, NodeSignature, Operator,
        RegistrationNonce { expected, found }, Registered { provider }, NoAnchor, AnchoredAlready,
        Slot { expected, found }, Opening, Leaf { slot, reason }, Voucher { line },
        LineOk { provider }, Provider { provider }, Enlisted { role }, NotEnlisted { role },
        Bond { needed, available }, Expired, Settlement { slot }, Epochs, Proof { part }, NoFault,
        Already, Window, NoChallenge { slot }, NoParty, NoAuditRoot, NoVote, Params,
        Full { field }, Address,
    }
    Response { Accept, Busy, Decline(any) }
    Role { Respondent, Coordinator, Validator, Auditor }
    SeatOutcome { Served, NoShow, Withheld, Invalid, Excused, GaveUp }
    Speaker { System, User, Assistant, Calls, Tool }
    Statement { Notarize(any), Nullify, Finalize(any) }
    Strategy { Auto, Single, Vote, Debate, Mixture }
    SuccessionFormat { Succession1 }
    Tokenizer { Bytes4 }
}

impl Any for bool {
    fn any(source: &mut Source) -> Self {
        source.below(2) == 1
    }
}

impl<const N: usize> Any for [u8; N] {
    fn any(source: &mut Source) -> Self {
        std::array::from_fn(|_| source.next() as u8)
    }
}

impl<T: Any> Any for Option<T> {
    fn any(source: &mut Source) -> Self {
        bool::any(source).then(|| T::any(source))
    }
}

impl<T: Any> Any for Box<T> {
    fn any(source: &mut Source) -> Self {
        Self::new(T::any(source))
    }
}

impl<A: Any, B: Any> Any for (A, B) {
    fn any(source: &mut Source) -> Self {
        (A::any(source), B::any(source))
    }
}

impl<T: Any> Any for Signed<T> {
    fn any(source: &mut Source) -> Self {
        Self {
            body: T::any(source),
            signature: Any::any(source),
        }
    }
}

impl<T: Any, const MAX: usize> Any for List<T, MAX> {
    fn any(source: &mut Source) -> Self {
        // Seldom a long one, for those hold lists in turn.
        let most = if source.below(32) == 0 { 12 } else { 3 };
        let length = source.below(MAX.min(most) + 1);
        Self::truncated((0..length).map(|_| T::any(source)))
    }
}

impl<const MAX: usize> Any for Text<MAX> {
    fn any(source: &mut Source) -> Self {
        const CHARACTERS: [char; 12] = [
            'a', 'Z', '0', ' ', '\n', '"', '\\', '\0', 'é', '\u{2028}', '漢', '🦀',
        ];
        let length = source.below(12);
        let text: String = (0..length)
            .map(|_| CHARACTERS[source.below(CHARACTERS.len())])
            .collect();
        Self::truncated(&text)
    }
}

impl Any for PublicKey {
    fn any(source: &mut Source) -> Self {
        if source.known.is_empty() || source.below(8) == 0 {
            return Self(Any::any(source));
        }
        let place = source.below(source.known.len());
        source.known[place]
    }
}

impl Any for Score {
    fn any(source: &mut Source) -> Self {
        Self::clamped(u64::any(source) % 10_001)
    }
}

impl Any for Domain {
    fn any(source: &mut Source) -> Self {
        let names = ["a", "medicine", "x-1", "0123456789abcdef0123456789abcdef"];
        Self::new(names[source.below(names.len())]).expect("names of domains")
    }
}

impl Any for Succession {
    fn any(source: &mut Source) -> Self {
        let first = u64::any(source).min(u64::MAX - 2);
        let length = u64::any(source) % 3;
        let hand_overs = (first..first + length).map(|term| {
            let mut hand_over = HandOver::any(source);
            hand_over.header.term = Term(term);
            hand_over
        });
        Self::new(hand_overs.collect()).expect("without a gap")
    }
}

impl Any for Committee {
    fn any(source: &mut Source) -> Self {
        let size = 1 + source.below(7);
        let keys = (0..size).map(|_| PrivateKey::from_seed(Any::any(source)).public_key());
        Self::new(keys.collect()).expect("random keys differ")
    }
}
