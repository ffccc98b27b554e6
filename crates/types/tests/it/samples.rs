//! One value of each kind, made of known seeds, and a receipt of a whole small contract.

use llmnet_types::{
    block::Header,
    bond::{Enlistment, Role},
    codec::{List, Text},
    contract::{
        Assign, Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, Voucher, contract_id,
    },
    document::{Format, ReceiptDocument},
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, Salt},
    merkle,
    message::{
        Close, Commit, DeclineReason, GiveUp, LineOk, Part, Phase, Reply, Response, answer_class,
    },
    network::NetworkRoot,
    passage::{Citation, Evidence, Passage, Shared},
    proof::ReceiptProof,
    rating::{Comparison, Preference},
    receipt::{Charges, Conclusion, ContractStatus, Receipt, SeatOutcome, SeatReceipt, Verdict},
    registration::{Assurance, Corpus, Model, Price, Registration, Rotation, Tokenizer},
    reputation::Audited,
    request::{ChatMessage, Request, Role as Speaker},
    selection::{Candidate, DomainChoice, SelectionInputs},
    settlement::{LEAVES_MAX, Leaf, LeafSeat, Settlement, SettlementHead},
    signature::{Message, PrivateKey, PublicKey, Signed},
    succession::Succession,
    transaction::{Instruction, TransactionBody},
    units::{Amount, Epoch, Height, Score, Slot, Term, Tokens},
};

/// Committees, headers and votes.
#[path = "samples/finality.rs"]
mod finality;

pub(crate) use finality::*;

pub(crate) const NETWORK: NetworkId = NetworkId([0x11; 32]);

pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).expect("short enough")
}

fn score(basis_points: u16) -> Score {
    Score::new(basis_points).expect("at most one")
}

pub(crate) fn durations() -> Durations {
    Durations {
        offer_ms: 1_000,
        accept_ms: 2_000,
        answer_ms: 30_000,
        grace_ms: 200,
        open_ms: 3_000,
        round_ms: 20_000,
        ballot_ms: 10_000,
    }
}

pub(crate) fn price() -> Price {
    Price {
        call: Amount(1_000),
        input_kilo: Amount(200),
        output_kilo: Amount(600),
    }
}

pub(crate) fn registration() -> Registration {
    Registration {
        node: key(3).public_key(),
        operator: key(4).public_key(),
        nonce: 2,
        domains: List::truncated([Domain::new("medicine").expect("a name")]),
        model: Model {
            family: text("extractive"),
            name: text("extractive-1"),
            digest: Digest([5; 32]),
            assurance: Assurance::Declared,
        },
        corpus: Some(Corpus {
            root: Digest([6; 32]),
            as_of_day: 20_000,
            passages: 42,
        }),
        price: price(),
        tokenizer: Tokenizer::Bytes4,
        bond: Amount::CREDIT,
    }
}

pub(crate) fn rotation() -> Rotation {
    Rotation {
        provider: ProviderId(5),
        old: key(3).public_key(),
        new: key(6).public_key(),
    }
}

pub(crate) fn enlistment() -> Enlistment {
    Enlistment {
        node: key(2).public_key(),
        operator: key(4).public_key(),
        role: Role::Validator,
        address: text("127.0.0.1:4000"),
        bond: Amount::CREDIT,
        until: Epoch(8),
    }
}

pub(crate) fn request() -> Request {
    Request {
        messages: List::truncated([ChatMessage {
            role: Speaker::User,
            content: text("What happens when one of four validators falls silent?"),
        }]),
        strategy: Strategy::Auto,
        domain: None,
        output_tokens_max: Some(Tokens(400)),
        settings: List::new(),
    }
}

pub(crate) fn terms(request: Digest) -> Terms {
    Terms {
        request,
        domain: None,
        filters: Filters::default(),
        strategy: Strategy::Auto,
        seats: 1,
        first: 0,
        quorum: 1,
        rounds: 2,
        durations: durations(),
        caps: Caps {
            input_tokens: Tokens(4_000),
            output_tokens: Tokens(1_000),
            seat_charge: Amount(5_000),
        },
        split: PaySplit {
            base: Score::HALF,
            coordinator: score(500),
        },
        criteria: Criteria {
            seats: 1,
            agreement: Score::HALF,
            assurance: Assurance::Declared,
        },
        policy: 1,
    }
}

pub(crate) fn voucher(terms: Digest) -> Voucher {
    Voucher {
        line: LineId(9),
        n: 1,
        limit: Amount(50_000),
        terms,
    }
}

pub(crate) fn assign(network: &NetworkId, voucher: Digest) -> Assign {
    Assign {
        contract: contract_id(network, &key(2).public_key(), Slot(7)),
        slot: Slot(7),
        height: Height(298),
        voucher,
        seat: key(3).public_key(),
        nonce: 2,
        rank: 0,
        phase: Phase::Answers,
        price: price(),
        durations: durations(),
    }
}

pub(crate) fn reply(assign: Digest) -> Reply {
    Reply {
        assign,
        response: Response::Accept,
    }
}

pub(crate) fn commit(network: &NetworkId) -> Commit {
    Commit {
        contract: contract_id(network, &key(2).public_key(), Slot(7)),
        phase: Phase::Round(1),
        commitment: Digest([21; 32]),
    }
}

pub(crate) fn give_up(network: &NetworkId) -> GiveUp {
    GiveUp {
        contract: contract_id(network, &key(2).public_key(), Slot(7)),
        reason: DeclineReason::ModelUnavailable,
    }
}

pub(crate) fn close(network: &NetworkId) -> Close {
    Close {
        contract: contract_id(network, &key(2).public_key(), Slot(7)),
        phase: Phase::Answers,
        commitments: List::truncated([Digest([21; 32])]),
    }
}

pub(crate) fn part(network: &NetworkId) -> Part {
    let contract = contract_id(network, &key(2).public_key(), Slot(7));
    Part {
        contract,
        commitments: List::truncated([Digest([21; 32])]),
        first_class: answer_class(&contract, b"three go on"),
        last_class: answer_class(&contract, b"three go on"),
        ballot: List::truncated([Comparison {
            first: 0,
            second: 1,
            better: Preference::First,
        }]),
        version: text("extractive-1"),
        input: Tokens(120),
        output: Tokens(40),
        citations: List::truncated([Digest([22; 32])]),
    }
}

pub(crate) fn line_ok() -> LineOk {
    LineOk {
        settlement: Digest([23; 32]),
        leaves: Digest([24; 32]),
        total: Amount(1_048),
    }
}

pub(crate) fn transaction() -> TransactionBody {
    TransactionBody {
        network: NETWORK,
        signer: key(1).public_key(),
        nonce: 3,
        instruction: Instruction::OpenLine {
            coordinator: key(2).public_key(),
            amount: Amount::CREDIT,
            expires: Epoch(8),
        },
    }
}

pub(crate) fn salt() -> Salt {
    Salt([31; 32])
}

pub(crate) const ANSWER: &str = "The other three go on.";

/// A provider as a selection sees it.
fn candidate(node: PublicKey) -> Candidate {
    Candidate {
        provider: ProviderId(5),
        node,
        nonce: 1,
        operator: key(4).public_key(),
        family: text("llama"),
        twin: Digest([28; 32]),
        corpus: Digest([29; 32]),
        corpus_as_of_day: 20_000,
        price: price(),
        mean: score(8_100),
        deviation: score(300),
        ceiling: score(9_600),
        audited: Audited {
            mean: score(8_400),
            deviation: score(500),
        },
        lower_bound: score(7_500),
        samples: 90,
        latency_ms: 640,
        bond: Amount::CREDIT,
    }
}

pub(crate) fn receipt(network: &NetworkId) -> Receipt {
    let requester = key(1);
    let coordinator = key(2);
    let seat = key(3);
    let terms = terms(request().digest(&salt().field("request")));
    let voucher = Signed::new(voucher(terms.digest()), network, &requester);
    let assign = Signed::new(
        assign(network, voucher.body.digest()),
        network,
        &coordinator,
    );
    let reply = Signed::new(reply(assign.body.digest()), network, &seat);
    let close = Signed::new(close(network), network, &coordinator);
    Receipt {
        network: *network,
        coordinator: coordinator.public_key(),
        slot: Slot(7),
        requester: requester.public_key(),
        voucher,
        terms,
        slot_secret: Digest([25; 32]),
        selection: SelectionInputs {
            height: Height(298),
            epoch: Epoch(0),
            beacon: Digest([26; 32]),
            domains: List::truncated([DomainChoice {
                domain: Domain::new("computing").expect("a name"),
                id: DomainId(1),
                confidence: score(9_000),
            }]),
            classifier: Digest([27; 32]),
            candidates: List::truncated([candidate(seat.public_key())]),
        },
        skips: List::new(),
        seats: List::truncated([SeatReceipt {
            provider: ProviderId(5),
            assign,
            reply,
            outcome: SeatOutcome::Served,
            part: Some(Signed::new(part(network), network, &seat)),
            class: 0,
            score: Score::ONE,
            latency_ms: 12,
            output: Tokens(40),
            pay: Amount(1_048),
        }]),
        closes: List::truncated([close]),
        status: ContractStatus::Concluded,
        verdict: Verdict {
            conclusion: Conclusion::Unanimous,
            rounds: 0,
            winner: Some(0),
            agreement: Score::ONE,
            strengths: List::truncated([Score::ONE]),
            minority: List::new(),
            changed: List::new(),
        },
        charges: Charges {
            seats: Amount(1_048),
            coordinator: Amount(52),
            fee: Amount(55),
            total: Amount(1_155),
        },
        response: Digest::of(ANSWER.as_bytes()),
    }
}

pub(crate) fn leaf(receipt: &Receipt) -> Leaf {
    Leaf {
        line: receipt.voucher.body.line,
        n: receipt.voucher.body.n,
        height: receipt.selection.height,
        domains: List::truncated(
            receipt
                .selection
                .domains
                .iter()
                .map(|choice| (choice.id, choice.confidence)),
        ),
        strategy: receipt.terms.strategy,
        status: receipt.status,
        filtered: false,
        charge: receipt.charges.total,
        fee: receipt.charges.fee,
        receipt: receipt.root(&salt()),
        seats: List::truncated(receipt.seats.iter().map(|seat| LeafSeat {
            provider: seat.provider,
            rank: seat.assign.body.rank,
            outcome: seat.outcome,
            class: seat.class,
            score: seat.score,
            output: seat.output,
            latency_ms: seat.latency_ms,
            pay: seat.pay,
        })),
    }
}

/// The receipt's leaf is the second of three, its settlement the first of two, and the certificate is on
/// the block's grandchild.
pub(crate) fn proof(network: &NetworkRoot, receipt: &Receipt) -> ReceiptProof {
    let void = Leaf {
        status: ContractStatus::Void,
        seats: List::new(),
        ..leaf(receipt)
    };
    let settlement = Settlement {
        first_slot: Slot(6),
        opening: Digest([61; 32]),
        leaves: List::truncated([void.clone(), leaf(receipt), void]),
        vouchers: List::truncated([receipt.voucher.clone()]),
        line_oks: List::new(),
    };
    let leaves = merkle::Tree::new(settlement.leaves.iter().map(llmnet_types::codec::encode));
    let head = SettlementHead {
        coordinator: receipt.coordinator,
        first_slot: settlement.first_slot,
        root: settlement.root(),
    };
    let other = SettlementHead {
        coordinator: key(9).public_key(),
        ..head.clone()
    };
    let settlements = merkle::Tree::new([&head, &other].map(llmnet_types::codec::encode));
    let header = Header {
        settlements: settlements.root(),
        ..header(network.id())
    };
    let child = |parent: &Header| Header {
        parent: parent.digest(),
        parent_view: parent.view,
        view: parent.view + 1,
        height: parent.height.next().expect("far from the end"),
        ..parent.clone()
    };
    let descendants = [child(&header), child(&child(&header))];
    ReceiptProof {
        leaf: leaf(receipt),
        leaf_path: leaves.path(1).expect("the second of three"),
        settlement: head,
        settlement_path: settlements.path(0).expect("the first of two"),
        certificate: certificate(&descendants[1], &[0, 2, 3]),
        header,
        descendants: List::truncated(descendants),
    }
}

/// A passage that all seats are shown.
pub(crate) fn shared() -> Shared {
    let passage = Passage {
        document: text("moons.md"),
        title: text("Titan"),
        text: text("Titan is the largest moon of Saturn."),
    };
    let tree = merkle::Tree::new([passage.leaf(&Salt([5; 32]))]);
    Shared {
        provider: ProviderId(4),
        node: key(4).public_key(),
        as_of_day: 19_000,
        evidence: Evidence {
            passage,
            citation: Citation {
                root: tree.root(),
                salt: Salt([5; 32]),
                path: tree.path(0).expect("the only one"),
            },
        },
    }
}

pub(crate) fn document() -> ReceiptDocument {
    let network = network_root();
    let receipt = receipt(&network.id());
    ReceiptDocument {
        format: Format::Receipt2,
        request: request(),
        answer: text(ANSWER),
        salt: salt(),
        signed: Signed::new(receipt.root(&salt()), &network.id(), &key(2)),
        shared: List::new(),
        transcript: List::new(),
        proof: Some(proof(&network, &receipt)),
        succession: Succession::default(),
        receipt,
        network,
    }
}

/// A receipt with the longest leaf: seven seats, two domains.
pub(crate) fn longest_receipt(network: &NetworkId) -> Receipt {
    let receipt = receipt(network);
    let mut selection = receipt.selection.clone();
    selection.domains = List::truncated(vec![selection.domains[0].clone(); 2]);
    Receipt {
        slot: Slot(1_000),
        selection,
        seats: List::truncated(vec![receipt.seats[0].clone(); 7]),
        ..receipt
    }
}

/// The proof of the receipt in the fullest block: the last leaf of `LEAVES_MAX` in the last of 16
/// settlements, in a block that is the last of its term.
pub(crate) fn longest_proof(network: &NetworkRoot, receipt: &Receipt) -> ReceiptProof {
    let leaf = leaf(receipt);
    let leaves = merkle::Tree::new(vec![llmnet_types::codec::encode(&leaf); LEAVES_MAX]);
    let head = SettlementHead {
        coordinator: receipt.coordinator,
        first_slot: Slot(receipt.slot.0 + 1 - LEAVES_MAX as u64),
        root: leaves.root(),
    };
    // No two are equal, or a proof would hold in the place of each.
    let heads = (0..16).map(|place| SettlementHead {
        first_slot: Slot(head.first_slot.0 - 15 + place),
        ..head.clone()
    });
    let settlements = merkle::Tree::new(heads.map(|head| llmnet_types::codec::encode(&head)));
    let header = Header {
        settlements: settlements.root(),
        next_committee: Some(Digest([58; 32])),
        ..header(network.id())
    };
    ReceiptProof {
        leaf,
        leaf_path: leaves.path(LEAVES_MAX - 1).expect("the last"),
        settlement: head,
        settlement_path: settlements.path(15).expect("the last"),
        certificate: certificate(&header, &[0, 2, 3]),
        header,
        descendants: List::new(),
    }
}

/// A receipt settled in the third term, whose file leads there from the first committee.
pub(crate) fn later_document() -> ReceiptDocument {
    let document = document();
    let network = document.network.id();
    ReceiptDocument {
        proof: Some(later_proof(&document.network)),
        succession: succession(network, 0..2),
        ..document
    }
}

fn later_proof(network: &NetworkRoot) -> ReceiptProof {
    let proof = proof(network, &receipt(&network.id()));
    let mut header = proof.header.clone();
    header.term = Term(2);
    ReceiptProof {
        certificate: votes(&header, &validators_of(2), &[1, 2, 3]),
        header,
        descendants: List::new(),
        ..proof
    }
}
