//! Any value of any type of the vocabulary, from a seed.

use llmnet_types::{
    block::Header,
    certificate::FinalityCertificate,
    codec::{List, Text},
    contract::{Assign, Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, Voucher},
    document::PhaseTranscript,
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
    network::{Committee, NetworkRoot},
    passage::{Citation, Evidence, Passage},
    proof::ReceiptProof,
    rating::{Comparison, Preference},
    receipt::{
        Charges, Conclusion, ContractStatus, Receipt, SeatOutcome, SeatReceipt, Skip, Verdict,
    },
    registration::{Assurance, Corpus, Model, Price, Registration, Tokenizer},
    rejection::{Field, LeafFault, Rejection},
    reputation::{Prior, Reputation},
    request::{ChatMessage, Request, Role, Setting},
    selection::{Candidate, DomainChoice, SelectionInputs},
    settlement::{Leaf, LeafSeat, Settlement, SettlementHead},
    signature::{PrivateKey, PublicKey, Signature, Signed},
    transaction::{Instruction, Outcome, TransactionBody},
    units::{Amount, Epoch, Height, Score, Slot, Timestamp, Tokens},
};

/// Numbers without end (splitmix64): equal seeds, equal values.
pub(crate) struct Source(pub(crate) u64);

impl Source {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
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
    PublicKey,
    ReceiptRoot,
    Salt,
    Signature,
    Slot,
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

macro_rules! choices {
    ($($name:ident: $($choice:ident),*;)*) => {$(
        impl Any for $name {
            fn any(source: &mut Source) -> Self {
                let choices = [$(Self::$choice),*];
                choices[source.below(choices.len())]
            }
        }
    )*};
}

structs! {
    Header {
        network, epoch, view, leader, parent_view, parent, height, timestamp_ms, transactions, state,
        operations, operations_start, operations_end, settlements,
    }
    FinalityCertificate { signers, signatures }
    Durations { offer_ms, accept_ms, answer_ms, grace_ms, open_ms, round_ms, ballot_ms }
    Caps { input_tokens, output_tokens, seat_charge }
    PaySplit { base, coordinator }
    Criteria { seats, agreement, assurance }
    Filters { only, ignore, reputation_min }
    Terms {
        request, domain, filters, strategy, seats, quorum, rounds, durations, caps, split, criteria,
        policy,
    }
    Voucher { line, n, limit, terms }
    Assign { contract, slot, height, voucher, seat, nonce, rank, price, durations }
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
    ChatMessage { role, content }
    Setting { name, value }
    Request { messages, strategy, domain, output_tokens_max, settings }
    DomainChoice { domain, id, confidence }
    Candidate {
        provider, node, nonce, operator, family, twin, corpus, corpus_as_of_day, price, mean,
        deviation, lower_bound, samples, latency_ms, bond,
    }
    SelectionInputs { height, epoch, beacon, domains, classifier, candidates }
    LeafSeat { provider, rank, outcome, class, score, output, latency_ms, pay }
    Leaf {
        line, n, height, domains, strategy, status, filtered, charge, fee, receipt, seats,
    }
    Settlement { first_slot, opening, leaves, vouchers, line_oks }
    SettlementHead { coordinator, first_slot, root }
    TransactionBody { network, signer, nonce, instruction }
}

choices! {
    Assurance: Declared, Audited, Reexecuted, Attested;
    Conclusion: None, Unanimous, Vote, Ballots;
    ContractStatus: Concluded, Failed, Void;
    DeclineReason: NothingFound, WrongDomain, Terms, Unfunded, CreditLimit, ModelUnavailable, Policy;
    Field: Amount, Expiry, Domains, Bond, Length, Leaves;
    LeafFault: Height, Order, Sums, Void, Unknown, Seats, Panel, Outcome;
    Preference: Tie, First, Second;
    Role: System, User, Assistant;
    SeatOutcome: Served, NoShow, Withheld, Invalid;
    Strategy: Auto, Single, Vote, Debate, Mixture;
    Tokenizer: Bytes4;
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
        let length = source.below(MAX.min(3) + 1);
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

impl Any for Committee {
    fn any(source: &mut Source) -> Self {
        let size = 1 + source.below(7);
        let keys = (0..size).map(|_| PrivateKey::from_seed(Any::any(source)).public_key());
        Self::new(keys.collect()).expect("random keys differ")
    }
}

impl Any for Phase {
    fn any(source: &mut Source) -> Self {
        match source.below(3) {
            0 => Self::Answers,
            1 => Self::Round(Any::any(source)),
            _ => Self::Ballots,
        }
    }
}

impl Any for Response {
    fn any(source: &mut Source) -> Self {
        match source.below(3) {
            0 => Self::Accept,
            1 => Self::Busy,
            _ => Self::Decline(Any::any(source)),
        }
    }
}

impl Any for Payload {
    fn any(source: &mut Source) -> Self {
        match source.below(3) {
            0 => Self::Answer(Any::any(source)),
            1 => Self::Revision(Any::any(source)),
            _ => Self::Ballot(Any::any(source)),
        }
    }
}

impl Any for Instruction {
    fn any(source: &mut Source) -> Self {
        match source.below(6) {
            0 => Self::Transfer {
                to: Any::any(source),
                amount: Any::any(source),
            },
            1 => Self::OpenLine {
                coordinator: Any::any(source),
                amount: Any::any(source),
                expires: Any::any(source),
            },
            2 => Self::CloseLine {
                line: Any::any(source),
            },
            3 => Self::Register(Any::any(source)),
            4 => Self::Anchor {
                tip: Any::any(source),
                length: Any::any(source),
            },
            _ => Self::Settle(Any::any(source)),
        }
    }
}

impl Any for Outcome {
    fn any(source: &mut Source) -> Self {
        match source.below(2) {
            0 => Self::Applied {
                fee: Any::any(source),
            },
            _ => Self::Rejected {
                fee: Any::any(source),
                reason: Any::any(source),
            },
        }
    }
}

impl Any for Rejection {
    fn any(source: &mut Source) -> Self {
        match source.below(8) {
            0 => Self::Network,
            1 => Self::Nonce {
                expected: Any::any(source),
                found: Any::any(source),
            },
            2 => Self::Balance {
                needed: Any::any(source),
                available: Any::any(source),
            },
            3 => Self::Bounds {
                field: Any::any(source),
            },
            4 => Self::LineClosed {
                line: Any::any(source),
            },
            5 => Self::Registered {
                provider: Any::any(source),
            },
            6 => Self::Leaf {
                slot: Any::any(source),
                reason: Any::any(source),
            },
            _ => Self::Opening,
        }
    }
}
