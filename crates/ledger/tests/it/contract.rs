//! A whole small contract for tests: signed offers, replies, closes and accounts, a receipt of them, and
//! the leaf that stands for it.

use llmnet_ledger::{charges, query, selection};
use llmnet_types::{
    codec::{List, Text},
    contract::{
        Assign, Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, Voucher, contract_id,
    },
    disclosure::{Disclosure, ReceiptField},
    dispute::SettledLeaf,
    domain::Domain,
    id::{ContractId, Digest, LineId, ReceiptRoot, Salt},
    merkle::Tree,
    message::{Close, Part, Phase, Reply, Response, answer_class},
    rating::commitment,
    receipt::{Conclusion, ContractStatus, Receipt, SeatOutcome, SeatReceipt, Skip, Verdict},
    registration::Assurance,
    request::{ChatMessage, Request, Role},
    selection::DomainChoice,
    settlement::{Leaf, Settlement},
    signature::{Message, PrivateKey, PublicKey, Signed},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

use crate::world::{World, credits, element, key, public};

/// What a contract is to be like. Change what a test is about, keep the rest.
#[derive(Debug, Clone)]
pub struct Plan {
    pub coordinator: String,
    pub requester: String,
    pub line: LineId,
    pub n: u32,
    pub slot: u64,
    pub height: Height,
    /// What the request is about, with confidence in basis points.
    pub domains: Vec<(&'static str, u64)>,
    pub question: String,
    pub filters: Filters,
    /// The key of each seat's answer, by rank; as many seats as there are.
    pub answers: Vec<&'static str>,
    /// Seats that were wanted besides and stayed empty.
    pub empty: u8,
    /// The score of every seat that served.
    pub score: Score,
    /// Ranks that were asked and said they are busy; the seats are the next.
    pub busy: Vec<u8>,
    /// Seats asked first; 0 for all at once.
    pub first: u8,
    /// When each rank was asked; first, where this says nothing.
    pub phases: Vec<Phase>,
}

impl Plan {
    /// Alice asks the coordinator about physics; so many seats answer the same.
    pub fn new(line: LineId, n: u32, slot: u64, height: Height, seats: usize) -> Self {
        Self {
            coordinator: "coordinator".to_owned(),
            requester: "alice".to_owned(),
            line,
            n,
            slot,
            height,
            domains: vec![("physics", 10_000)],
            question: "Why is the sky blue?".to_owned(),
            filters: Filters::default(),
            answers: vec!["scattering"; seats],
            empty: 0,
            score: Score::clamped(8_000),
            busy: Vec::new(),
            first: 0,
            phases: Vec::new(),
        }
    }

    pub fn request(&self) -> Request {
        request(&self.question)
    }

    fn salt(&self) -> Salt {
        Salt(key(&self.requester).derive("llmnet/test-salt", self.slot))
    }

    fn terms(&self) -> Terms {
        let seats = u8::try_from(self.answers.len()).unwrap() + self.empty;
        Terms {
            request: self.request().digest(&self.salt().field("request")),
            domain: None,
            filters: self.filters.clone(),
            strategy: Strategy::Vote,
            seats,
            first: self.first,
            quorum: 1,
            rounds: 0,
            durations: durations(),
            caps: Caps {
                input_tokens: Tokens(4_000),
                output_tokens: Tokens(1_000),
                seat_charge: Amount(5_000),
            },
            split: PaySplit {
                base: Score::HALF,
                coordinator: Score::clamped(500),
            },
            criteria: Criteria {
                seats: 1,
                agreement: Score::ZERO,
                assurance: Assurance::Declared,
            },
            policy: selection::Rule::LOCAL,
        }
    }

    fn choices(&self, world: &World) -> Vec<DomainChoice> {
        let choice = |(name, confidence): &(&str, u64)| DomainChoice {
            domain: Domain::new(name).unwrap(),
            id: world.domain(name),
            confidence: Score::clamped(*confidence),
        };
        self.domains.iter().map(choice).collect()
    }
}

pub fn request(question: &str) -> Request {
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content: Text::new(question).unwrap(),
        }]),
        strategy: Strategy::Vote,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

pub const fn durations() -> Durations {
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

/// A contract that was kept, with all that its parties hold.
#[derive(Debug, Clone)]
pub struct Contract {
    pub plan: Plan,
    pub receipt: Receipt,
    pub salt: Salt,
    /// What its coordinator settles, where that is not the receipt's own leaf.
    pub told: Option<Leaf>,
}

/// The private key of a node that a world registered.
pub fn node_key(node: &PublicKey) -> PrivateKey {
    let mut keys = (0..64).map(|number| key(&format!("node-{number}")));
    keys.find(|key| key.public_key() == *node).unwrap()
}

impl Contract {
    /// Keeps a contract as planned: everybody does as the rules say.
    pub fn new(world: &World, plan: Plan) -> Self {
        let salt = plan.salt();
        let coordinator = key(&plan.coordinator);
        let slot = Slot(plan.slot);
        let id = contract_id(&world.network, &coordinator.public_key(), slot);
        let epoch = plan.height.epoch(world.params.epoch_length());
        let params = query::params_of(&world.state, epoch);
        let terms = Terms {
            policy: params.policy,
            ..plan.terms()
        };
        let voucher = Voucher {
            line: plan.line,
            n: plan.n,
            limit: credits(90),
            terms: terms.digest(),
        };
        let voucher = Signed::new(voucher, &world.network, &key(&plan.requester));

        let choices = plan.choices(world);
        let classifier = Digest::of(b"classifier");
        let selection = selection::inputs(&world.state, plan.height, &choices, classifier).unwrap();
        let secret = element(&plan.coordinator, plan.slot);
        let seed = selection::seed(
            &world.network,
            &selection.beacon,
            &coordinator.public_key(),
            slot,
            &secret,
        );
        let rule = selection::Rule::of(&params);
        let order = selection::order(&selection, &seed, &rule, &plan.filters);

        let offer = |rank: u8| {
            let provider = order[usize::from(rank)];
            let record = query::provider(&world.state, provider).unwrap();
            let registration = &record.at(plan.height).unwrap().registration;
            let assign = Assign {
                contract: id,
                slot,
                height: plan.height,
                voucher: voucher.body.digest(),
                seat: registration.node,
                nonce: registration.nonce,
                rank,
                phase: *plan
                    .phases
                    .get(usize::from(rank))
                    .unwrap_or(&Phase::Answers),
                price: registration.price,
                durations: durations(),
            };
            let assign = Signed::new(assign, &world.network, &coordinator);
            (provider, assign, node_key(&registration.node))
        };
        let reply = |assign: &Signed<Assign>, node: &PrivateKey, response| {
            let assign = assign.body.digest();
            Signed::new(Reply { assign, response }, &world.network, node)
        };
        let skips: Vec<Skip> = plan
            .busy
            .iter()
            .map(|rank| {
                let (provider, assign, node) = offer(*rank);
                let reply = Some(reply(&assign, &node, Response::Busy));
                Skip {
                    provider,
                    rank: *rank,
                    assign,
                    reply,
                }
            })
            .collect();
        let ranks = (0_u8..).filter(|rank| !plan.busy.contains(rank));
        let mut classes: Vec<&str> = Vec::new();
        let seats: Vec<SeatReceipt> = ranks
            .zip(&plan.answers)
            .map(|(rank, answer)| {
                let (provider, assign, node) = offer(rank);
                let class = classes.iter().position(|known| known == answer);
                let class = class.unwrap_or_else(|| {
                    classes.push(answer);
                    classes.len() - 1
                });
                let reply = reply(&assign, &node, Response::Accept);
                let pay = pay(&terms, assign.body.price.call, plan.score);
                let part = part(id, answer, &node);
                SeatReceipt {
                    provider,
                    assign,
                    reply,
                    outcome: SeatOutcome::Served,
                    part: Some(Signed::new(part, &world.network, &node)),
                    class: u8::try_from(class).unwrap(),
                    score: plan.score,
                    latency_ms: 400,
                    output: Tokens(40),
                    pay,
                }
            })
            .collect();
        assert_eq!(seats.len(), plan.answers.len(), "enough ranks");

        let commitments = seats.iter().flat_map(|seat| {
            let part = seat.part.as_ref().unwrap();
            part.body.commitments.to_vec()
        });
        let close = Close {
            contract: id,
            phase: Phase::Answers,
            commitments: List::truncated(commitments),
        };
        let close = Signed::new(close, &world.network, &coordinator);
        let total = Amount::sum(seats.iter().map(|seat| seat.pay)).unwrap();
        let part = total.share(terms.split.coordinator);
        let charges = charges(&params, total, part).unwrap();
        let strengths = seats.iter().map(|_| Score::HALF);
        let verdict = Verdict {
            conclusion: Conclusion::Vote,
            rounds: 0,
            winner: Some(0),
            agreement: Score::ONE,
            strengths: List::truncated(strengths),
            minority: List::new(),
            changed: List::new(),
        };
        let receipt = Receipt {
            network: world.network,
            coordinator: coordinator.public_key(),
            slot,
            requester: public(&plan.requester),
            voucher,
            terms,
            slot_secret: secret,
            selection,
            skips: List::from_vec(skips).unwrap(),
            seats: List::from_vec(seats).unwrap(),
            closes: List::truncated([close]),
            status: ContractStatus::Concluded,
            verdict,
            charges,
            response: Digest::of(b"The sky scatters blue light."),
        };
        Self {
            plan,
            receipt,
            salt,
            told: None,
        }
    }

    pub fn id(&self) -> ContractId {
        self.receipt.contract()
    }

    pub fn root(&self) -> ReceiptRoot {
        self.receipt.root(&self.salt)
    }

    pub fn leaf(&self) -> Leaf {
        let own = || Leaf::of(&self.receipt, self.root());
        self.told.clone().unwrap_or_else(own)
    }

    /// The receipt's root as its coordinator signs it.
    pub fn signed(&self) -> Signed<ReceiptRoot> {
        let coordinator = key(&self.plan.coordinator);
        Signed::new(self.root(), &self.receipt.network, &coordinator)
    }

    pub fn disclose(&self, field: ReceiptField) -> Disclosure {
        self.receipt.disclose(&self.salt, field).unwrap()
    }

    /// Its leaf with the path to the settlement it is in.
    pub fn settled(&self, settlement: &Settlement) -> SettledLeaf {
        let index = self.plan.slot - settlement.first_slot.0;
        let tree = Tree::new(settlement.leaves.iter().map(llmnet_types::codec::encode));
        SettledLeaf {
            coordinator: self.receipt.coordinator,
            first_slot: settlement.first_slot,
            leaf: settlement.leaves[usize::try_from(index).unwrap()].clone(),
            path: tree.path(usize::try_from(index).unwrap()).unwrap(),
        }
    }

    /// Changes the receipt's seats, keeping sums right.
    pub fn change_seats(&mut self, world: &World, change: impl FnOnce(&mut Vec<SeatReceipt>)) {
        let mut seats = self.receipt.seats.to_vec();
        change(&mut seats);
        let total = Amount::sum(seats.iter().map(|seat| seat.pay)).unwrap();
        let part = total.share(self.receipt.terms.split.coordinator);
        self.receipt.charges = charges(&world.params, total, part).unwrap();
        self.receipt.seats = List::from_vec(seats).unwrap();
    }
}

/// What a served seat earns for a price without tokens (SET-4).
fn pay(terms: &Terms, price: Amount, score: Score) -> Amount {
    let base = price.share(terms.split.base);
    let bonus = price.saturating_sub(base).share(score);
    base.checked_add(bonus).unwrap()
}

/// A seat's account of an answer whose class has this key.
pub fn part(contract: ContractId, answer: &str, node: &PrivateKey) -> Part {
    let class = answer_class(&contract, Digest::of(answer.as_bytes()).as_bytes());
    let salt = Salt(node.derive("llmnet/test-commitment", 0));
    Part {
        contract,
        commitments: List::truncated([commitment(&salt, answer.as_bytes(), &Digest::ZERO)]),
        first_class: class,
        last_class: class,
        ballot: List::new(),
        version: Text::new("extractive-1").unwrap(),
        input: Tokens(0),
        output: Tokens(40),
        citations: List::new(),
    }
}

/// The settlement of contracts of consecutive slots of one coordinator, with their vouchers.
pub fn settlement(contracts: &[&Contract]) -> Settlement {
    let (first, last) = (contracts[0], contracts[contracts.len() - 1]);
    let mut vouchers = std::collections::BTreeMap::new();
    for contract in contracts {
        let voucher = &contract.receipt.voucher;
        if contract.receipt.status != ContractStatus::Void {
            vouchers.insert(voucher.body.line, voucher.clone());
        }
    }
    let leaves = contracts.iter().map(|contract| contract.leaf());
    Settlement {
        first_slot: Slot(first.plan.slot),
        opening: element(&last.plan.coordinator, last.plan.slot),
        leaves: List::from_vec(leaves.collect()).unwrap(),
        vouchers: List::from_vec(vouchers.into_values().collect()).unwrap(),
        line_oks: List::new(),
    }
}

/// A line of anybody's with anybody.
pub fn line_between(
    world: &mut World,
    requester: &str,
    coordinator: &str,
    amount: Amount,
    expires: Epoch,
) -> LineId {
    let open = Instruction::OpenLine {
        coordinator: public(coordinator),
        amount,
        expires,
    };
    let outcome = world.run(requester, open);
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    let line = query::line_of(&world.state, &public(requester), &public(coordinator));
    line.unwrap().0
}
