//! A network's worth of candidates, each with a corpus, and an order that is ready to be conducted.

use std::sync::{Arc, Mutex};

use llmnet_ledger::selection::{self, Rule};
use llmnet_protocol::{
    debate::Case,
    quote::worst_case,
    session::{Finished, Setup},
};
use llmnet_types::{
    class::text_class,
    codec::{List, Text},
    contract::{
        Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, Voucher, contract_id,
    },
    document::{Format, PhaseTranscript, ReceiptDocument},
    domain::Domain,
    id::{ContractId, Digest, DomainId, LineId, ProviderId, Salt},
    merkle::Tree,
    message::Answer,
    network::{Committee, NetworkRoot},
    passage::{Citation, Evidence, Passage, SharedPassages},
    registration::{Assurance, Price},
    reputation::Audited,
    request::{ChatMessage, Request, Role},
    selection::{Candidate, DomainChoice, SelectionInputs},
    signature::{PrivateKey, PublicKey, Signed},
    succession::Succession,
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

/// The network's share.
pub const FEE: Score = Score::HALF;
/// Candidates of a world.
pub const CANDIDATES: usize = 8;

pub fn key(name: &str) -> PrivateKey {
    PrivateKey::from_seed(Digest::of(name.as_bytes()).0)
}

pub fn salt(name: &str) -> Salt {
    Salt(Digest::of(name.as_bytes()).0)
}

pub fn price() -> Price {
    Price {
        call: Amount(1_000),
        input_kilo: Amount(2_000),
        output_kilo: Amount(8_000),
    }
}

pub fn durations() -> Durations {
    Durations {
        offer_ms: 1_000,
        accept_ms: 500,
        answer_ms: 5_000,
        grace_ms: 500,
        open_ms: 300,
        round_ms: 2_000,
        ballot_ms: 1_000,
    }
}

fn request() -> Request {
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content: Text::truncated("What is the largest moon of Saturn?"),
        }]),
        strategy: Strategy::Auto,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

fn terms(request: &Request, salt: &Salt) -> Terms {
    Terms {
        request: request.digest(&salt.field("request")),
        domain: None,
        filters: Filters::default(),
        strategy: Strategy::Auto,
        seats: 3,
        first: 0,
        quorum: 2,
        rounds: 2,
        durations: durations(),
        caps: Caps {
            input_tokens: Tokens(8_000),
            output_tokens: Tokens(2_000),
            seat_charge: Amount(20_000),
        },
        split: PaySplit {
            base: Score::clamped(4_000),
            coordinator: Score::clamped(1_000),
        },
        criteria: Criteria {
            seats: 1,
            agreement: Score::ZERO,
            assurance: Assurance::Declared,
        },
        policy: Rule::LOCAL,
    }
}

/// What a candidate's corpus says at a place; equal for all, so that two may cite the same text.
fn passage(text: &str) -> Passage {
    Passage {
        document: Text::truncated("moons"),
        title: Text::truncated("Moons"),
        text: Text::truncated(text),
    }
}

fn tree(node: u32) -> (Tree, [Salt; 2]) {
    let salts = [0, 1].map(|place| salt(&format!("passage-{node}-{place}")));
    let texts = ["Titan is the largest.", "Rhea is the second."];
    let leaves = [0, 1].map(|place| passage(texts[place]).leaf(&salts[place]));
    (Tree::new(leaves), salts)
}

fn candidate(number: u32, mean: Score, deviation: Score) -> Candidate {
    let node = key(&format!("node-{number}")).public_key();
    Candidate {
        provider: ProviderId(number),
        node,
        nonce: 1,
        operator: PublicKey(Digest::tagged("llmnet/test-operator/1", &[&number.to_le_bytes()]).0),
        // A family fills seven ranks at the most.
        family: Text::truncated(["even", "odd"][number as usize % 2]),
        twin: Digest::of(&number.to_le_bytes()),
        corpus: tree(number).0.root(),
        corpus_as_of_day: 20_000,
        price: price(),
        mean,
        deviation,
        ceiling: Score::ONE,
        audited: Audited::default(),
        lower_bound: Score::ZERO,
        samples: 100,
        latency_ms: 0,
        bond: Amount::CREDIT,
    }
}

/// What audits of many answers say.
pub fn audited(mean: u64) -> Audited {
    Audited {
        mean: Score::clamped(mean),
        deviation: Score::clamped(500),
    }
}

/// Changes what candidates are held for.
pub fn held_for(selection: &mut SelectionInputs, change: impl Fn(&mut Candidate)) {
    let candidates = selection.candidates.iter().cloned();
    selection.candidates = List::truncated(candidates.map(|mut candidate| {
        change(&mut candidate);
        candidate
    }));
}

/// An order with all that surrounds it.
#[derive(Debug, Clone)]
pub struct World {
    pub setup: Setup,
    pub root: NetworkRoot,
    /// Numbers of the candidates by rank.
    pub ranks: Vec<u32>,
    /// Their keys.
    pub nodes: Vec<PublicKey>,
    /// What honest backends were asked for since the last run: answers, revisions, syntheses, ballots,
    /// comparisons.
    pub asked: Arc<Mutex<[u32; 5]>>,
}

impl World {
    /// Equal reputations, three seats, a quorum of two, two rounds at most.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same on other terms.
    pub fn with(change: impl FnOnce(&mut Terms)) -> Self {
        Self::build(&[6_000; CANDIDATES], Score::clamped(500), change)
    }

    /// Reputations by rank, best first, as deviations are zero and the best is asked first.
    pub fn reputed(means: &[u64], change: impl FnOnce(&mut Terms)) -> Self {
        Self::build(means, Score::ZERO, change)
    }

    fn build(means: &[u64], deviation: Score, change: impl FnOnce(&mut Terms)) -> Self {
        let root = NetworkRoot {
            committee: Committee::new(vec![key("validator").public_key()]).unwrap(),
            genesis: Digest::of(b"genesis"),
        };
        let network = root.id();
        let means = means.iter().map(|mean| Score::clamped(*mean));
        let candidates: Vec<_> = (0..)
            .zip(means)
            .map(|(number, mean)| candidate(number, mean, deviation))
            .collect();
        let selection = SelectionInputs {
            height: Height(40),
            epoch: Epoch(1),
            beacon: Digest::of(b"beacon"),
            domains: List::truncated([DomainChoice {
                domain: Domain::new("astronomy").unwrap(),
                id: DomainId(2),
                confidence: Score::ONE,
            }]),
            classifier: Digest::of(b"classifier"),
            candidates: List::truncated(candidates),
        };
        let (request, contract_salt) = (request(), salt("contract"));
        let mut terms = terms(&request, &contract_salt);
        change(&mut terms);
        let limit = worst_case(&terms, FEE).unwrap();
        let voucher = Voucher {
            line: LineId(5),
            n: 1,
            limit,
            terms: terms.digest(),
        };
        let (coordinator, slot, slot_secret) =
            (key("coordinator"), Slot(7), Digest::of(b"slot secret"));
        let rule = Rule::version(terms.policy).unwrap();
        let public = coordinator.public_key();
        let seed = selection::seed(&network, &selection.beacon, &public, slot, &slot_secret);
        let order = selection::order(&selection, &seed, &rule, &terms.filters);
        let ranks: Vec<u32> = order.iter().map(|provider| provider.0).collect();
        let node = |number: &u32| selection.candidates[*number as usize].node;
        let nodes = ranks.iter().map(node).collect();
        let setup = Setup {
            network,
            key: coordinator,
            slot,
            slot_secret,
            requester: key("requester").public_key(),
            voucher: Signed::new(voucher, &network, &key("requester")),
            terms,
            request,
            salt: contract_salt,
            shared: SharedPassages::new(),
            selection,
            order,
            fee: FEE,
            own: Vec::new(),
        };
        Self {
            setup,
            root,
            ranks,
            nodes,
            asked: Arc::default(),
        }
    }

    /// Audits found all candidates to be this good.
    pub fn audited(&mut self, mean: u64) {
        held_for(&mut self.setup.selection, |candidate| {
            candidate.audited = audited(mean);
        });
    }

    pub fn contract(&self) -> ContractId {
        let setup = &self.setup;
        contract_id(&setup.network, &setup.key.public_key(), setup.slot)
    }

    /// Who is at a rank.
    pub fn key(&self, rank: usize) -> PrivateKey {
        key(&format!("node-{}", self.ranks[rank]))
    }

    pub fn node(&self, rank: usize) -> PublicKey {
        self.nodes[rank]
    }

    /// The corpus of whoever is at a rank, cited at a place.
    pub fn evidence(&self, rank: usize, place: usize) -> Evidence {
        let (tree, salts) = tree(self.ranks[rank]);
        let texts = ["Titan is the largest.", "Rhea is the second."];
        Evidence {
            passage: passage(texts[place]),
            citation: Citation {
                root: tree.root(),
                salt: salts[place],
                path: tree.path(place).unwrap(),
            },
        }
    }

    /// An answer whose class hangs on its text.
    pub fn answer(&self, text: &str) -> Answer {
        Answer {
            text: Text::truncated(text),
            evidence: List::new(),
            class: text_class(&self.contract(), &self.setup.request, text),
        }
    }

    /// What everything said in the contract is read by.
    pub fn case(&self) -> Case<'_> {
        Case {
            contract: self.contract(),
            request: &self.setup.request,
            terms: &self.setup.terms,
            shared: &self.setup.shared,
        }
    }

    /// An answer of a rank with a passage of its own.
    pub fn cited(&self, rank: usize, text: &str) -> Answer {
        Answer {
            evidence: List::truncated([self.evidence(rank, 0)]),
            ..self.answer(text)
        }
    }

    /// The most time that a contract may take (CON-7): answers twice, as seats are replaced once, and once
    /// more where others are asked further.
    pub fn time_ms_max(&self) -> u64 {
        let durations = self.setup.terms.durations;
        let [accept, answer, open, round, ballot] = [
            durations.accept_ms,
            durations.answer_ms,
            durations.open_ms,
            durations.round_ms,
            durations.ballot_ms,
        ]
        .map(u64::from);
        let rounds = u64::from(self.setup.terms.rounds);
        let further = u64::from(self.setup.terms.asks_further());
        further * (accept + answer + open)
            + 2 * (accept + answer)
            + open
            + rounds * (round + open)
            + ballot
            + open
            + open
    }

    /// The file that the requester is given.
    pub fn document(&self, finished: &Finished) -> ReceiptDocument {
        let parts = finished
            .transcript
            .iter()
            .map(|(phase, openings)| PhaseTranscript {
                phase: *phase,
                openings: List::truncated(openings.iter().cloned()),
            });
        let answer = finished.answer.as_ref().map(|answer| answer.text.as_str());
        ReceiptDocument {
            format: Format::Receipt2,
            network: self.root.clone(),
            request: finished.request.clone(),
            answer: Text::truncated(answer.unwrap_or_default()),
            salt: finished.salt,
            receipt: finished.receipt.clone(),
            signed: finished.signed.clone(),
            shared: finished.shared.clone(),
            transcript: List::truncated(parts),
            proof: None,
            succession: Succession::default(),
        }
    }
}
