//! Whole contracts, with all that their parties hold: what settlements, claims and audits are made of.

use llmnet_ledger::{State, charges, query, selection};
use llmnet_types::{
    codec::{List, Text},
    contract::{
        Assign, Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, Voucher, contract_id,
    },
    disclosure::{Disclosure, ReceiptField},
    id::{Digest, LineId, ProviderId, Salt},
    message::{Close, Part, Phase, Reply, Response, answer_class},
    rating::commitment,
    receipt::{Conclusion, ContractStatus, Receipt, SeatOutcome, SeatReceipt, Skip, Verdict},
    registration::Assurance,
    request::{ChatMessage, Request, Role},
    selection::{DomainChoice, SelectionInputs},
    settlement::Leaf,
    signature::{Message, PublicKey, Signed},
    units::{Amount, Height, Score, Slot, Tokens},
};

use super::History;

/// How many things are ever asked.
pub(super) const QUESTIONS: u64 = 4;
/// The answers that seats give, by the keys of their classes.
const ANSWERS: [&str; 3] = ["yes", "no", "perhaps"];
pub(super) const DURATIONS: Durations = Durations {
    offer_ms: 1_000,
    accept_ms: 2_000,
    answer_ms: 30_000,
    grace_ms: 200,
    open_ms: 3_000,
    round_ms: 20_000,
    ballot_ms: 10_000,
};

/// What a contract is to be about.
pub(super) struct Job {
    pub(super) coordinator: PublicKey,
    pub(super) slot: Slot,
    pub(super) element: Digest,
    pub(super) height: Height,
    pub(super) line: LineId,
    pub(super) requester: PublicKey,
    pub(super) n: u32,
    /// What was drawn from the line before it.
    pub(super) drawn: Amount,
    pub(super) domains: Vec<DomainChoice>,
}

/// A contract that was kept.
#[derive(Clone)]
pub(super) struct Contract {
    pub(super) receipt: Receipt,
    pub(super) salt: Salt,
    /// As it was handed in, which is not always what the receipt says.
    pub(super) leaf: Leaf,
    /// What was asked, among the few things that anybody asks.
    pub(super) question: u64,
}

impl Contract {
    /// A field of its receipt, shown alone.
    pub(super) fn disclose(&self, field: ReceiptField) -> Disclosure {
        self.receipt.disclose(&self.salt, field).unwrap()
    }
}

/// What is asked, by its number.
pub(super) fn request(question: u64) -> Request {
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content: Text::new(format!("Question {question}?")).unwrap(),
        }]),
        strategy: Strategy::Vote,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

/// The key of an answer's class.
pub(super) fn class_key(answer: &str) -> Digest {
    Digest::of(answer.as_bytes())
}

/// The keys of the classes that answers are of.
pub(super) fn class_keys() -> [Digest; 3] {
    ANSWERS.map(class_key)
}

/// What a seat earns for its price (SET-4).
fn earned(terms: &Terms, price: Amount, status: ContractStatus, score: Score) -> Amount {
    let price = price.min(terms.caps.seat_charge);
    let base = price.share(terms.split.base);
    match status {
        ContractStatus::Concluded => {
            Amount(base.0 + (price.0 - base.0) * u64::from(score.get()) / 10_000)
        }
        _ => base,
    }
}

impl History {
    fn terms(&mut self, question: u64, salt: &Salt, filters: Filters) -> Terms {
        Terms {
            request: request(question).digest(&salt.field("request")),
            domain: None,
            filters,
            strategy: Strategy::Vote,
            seats: u8::try_from(self.random.between(1, 4)).unwrap(),
            first: u8::try_from(self.random.below(4)).unwrap(),
            quorum: 1,
            rounds: 0,
            durations: DURATIONS,
            caps: Caps {
                input_tokens: Tokens(4_000),
                output_tokens: Tokens(1_000),
                seat_charge: Amount(self.random.between(500, 5_000)),
            },
            split: PaySplit {
                base: Score::clamped(self.random.below(10_001)),
                coordinator: Score::clamped(self.random.below(4_000)),
            },
            criteria: Criteria {
                seats: 1,
                agreement: Score::ZERO,
                assurance: Assurance::Declared,
            },
            policy: selection::Rule::LOCAL,
        }
    }

    /// Whom a requester keeps out: mostly nobody.
    fn filters(&mut self, state: &dyn State) -> Filters {
        let mut filters = Filters::default();
        if self.random.chance(15)
            && let Some((_, provider)) = self.some_provider(state)
        {
            let node = provider.newest().registration.node;
            filters.ignore = List::truncated([node]);
        }
        filters
    }

    fn inputs(&self, state: &dyn State, job: &Job) -> SelectionInputs {
        let inputs = selection::inputs(state, job.height, &job.domains, Digest::ZERO);
        inputs.unwrap_or_else(|_| SelectionInputs {
            // The height is too old or too young: whom it would select does not matter any more.
            height: job.height,
            epoch: query::clock(state).epoch,
            beacon: Digest::ZERO,
            domains: List::truncated(job.domains.iter().cloned()),
            classifier: Digest::ZERO,
            candidates: List::new(),
        })
    }

    /// Keeps a contract: seats by the order, most of them good; some of better rank are skipped.
    pub(super) fn contract(&mut self, state: &dyn State, job: &Job) -> Contract {
        let params = query::params(state);
        let salt = Salt(self.random.bytes());
        let question = self.random.below(QUESTIONS);
        let filters = self.filters(state);
        let terms = self.terms(question, &salt, filters);
        let selection = self.inputs(state, job);
        let seed = selection::seed(
            &self.network,
            &selection.beacon,
            &job.coordinator,
            job.slot,
            &job.element,
        );
        let rule = selection::Rule::of(&params);
        let order = selection::order(&selection, &seed, &rule, &terms.filters);

        let status = if self.random.chance(10) {
            ContractStatus::Failed
        } else {
            ContractStatus::Concluded
        };
        // The most it can come to, so that the voucher can be signed before the work is done.
        let most = Amount(4 * terms.caps.seat_charge.0 * 3);
        let voucher = Voucher {
            line: job.line,
            n: job.n,
            limit: Amount(job.drawn.0.saturating_add(most.0)),
            terms: terms.digest(),
        };
        let voucher = Signed::new(voucher, &self.network, &self.keys[&job.requester]);
        let mut receipt = Receipt {
            network: self.network,
            coordinator: job.coordinator,
            slot: job.slot,
            requester: job.requester,
            voucher,
            terms,
            slot_secret: job.element,
            selection,
            skips: List::new(),
            seats: List::new(),
            closes: List::new(),
            status,
            verdict: Verdict {
                conclusion: Conclusion::Vote,
                rounds: 0,
                winner: Some(0),
                agreement: Score::ONE,
                strengths: List::new(),
                minority: List::new(),
                changed: List::new(),
            },
            charges: Default::default(),
            response: Digest::of(b"an answer"),
        };
        self.seats(state, &mut receipt, &order);
        if receipt.seats.is_empty() {
            receipt.status = ContractStatus::Void;
        }
        self.close(&mut receipt);
        let pay = Amount::sum(receipt.seats.iter().map(|seat| seat.pay)).unwrap();
        let part = match receipt.status {
            ContractStatus::Concluded => pay.share(receipt.terms.split.coordinator),
            _ => Amount::ZERO,
        };
        receipt.charges = charges(&params, pay, part).unwrap();
        let leaf = Leaf::of(&receipt, receipt.root(&salt));
        Contract {
            receipt,
            salt,
            leaf,
            question,
        }
    }

    /// The offer of a seat, and whose it is.
    fn offer(
        &mut self,
        state: &dyn State,
        receipt: &Receipt,
        rank: u8,
        provider: ProviderId,
    ) -> Option<Signed<Assign>> {
        let record = query::provider(state, provider)?;
        let registration = &record.at(receipt.selection.height)?.registration;
        let assign = Assign {
            contract: contract_id(&self.network, &receipt.coordinator, receipt.slot),
            slot: receipt.slot,
            height: receipt.selection.height,
            voucher: receipt.voucher.body.digest(),
            seat: registration.node,
            nonce: registration.nonce,
            rank,
            phase: match receipt.terms.asks_further() {
                true if rank >= receipt.terms.first => Phase::Further,
                _ => Phase::Answers,
            },
            price: registration.price,
            durations: DURATIONS,
        };
        Some(Signed::new(
            assign,
            &self.network,
            &self.keys[&receipt.coordinator],
        ))
    }

    fn seats(&mut self, state: &dyn State, receipt: &mut Receipt, order: &[ProviderId]) {
        let mut seats = Vec::new();
        let mut skips = Vec::new();
        let mut classes: Vec<&str> = Vec::new();
        let wanted = usize::from(receipt.terms.seats);
        for (rank, provider) in (0_u8..14).zip(order) {
            if seats.len() == wanted {
                break;
            }
            let Some(assign) = self.offer(state, receipt, rank, *provider) else {
                continue;
            };
            let node = assign.body.seat;
            let mut reply = Reply {
                assign: assign.body.digest(),
                response: Response::Accept,
            };
            if self.random.chance(10) {
                reply.response = Response::Busy;
                let reached = self.random.chance(60);
                let reply = Signed::new(reply, &self.network, &self.keys[&node]);
                skips.push(Skip {
                    provider: *provider,
                    rank,
                    assign,
                    reply: reached.then_some(reply),
                });
                continue;
            }
            let reply = Signed::new(reply, &self.network, &self.keys[&node]);
            let outcome = match self.random.below(20) {
                0 => SeatOutcome::NoShow,
                1 => SeatOutcome::Withheld,
                2 => SeatOutcome::Invalid,
                3 => SeatOutcome::Excused,
                _ => SeatOutcome::Served,
            };
            let answer = ANSWERS[usize::try_from(self.random.below(3)).unwrap()];
            let known = classes.iter().position(|known| *known == answer);
            let class = known.unwrap_or_else(|| {
                classes.push(answer);
                classes.len() - 1
            });
            let part = self.part(receipt, &node, answer);
            let served = outcome == SeatOutcome::Served;
            let score = Score::clamped(self.random.below(10_001));
            let price = assign.body.price.of(part.input, part.output).unwrap();
            let pay = earned(&receipt.terms, price, receipt.status, score);
            let bound = !matches!(outcome, SeatOutcome::NoShow | SeatOutcome::Excused);
            seats.push(SeatReceipt {
                provider: *provider,
                assign,
                reply,
                outcome,
                output: part.output,
                part: bound.then(|| Signed::new(part, &self.network, &self.keys[&node])),
                class: u8::try_from(class).unwrap(),
                score: if served { score } else { Score::ZERO },
                latency_ms: u32::try_from(self.random.below(5_000)).unwrap(),
                pay: if served { pay } else { Amount::ZERO },
            });
        }
        receipt.verdict.strengths = List::truncated(seats.iter().map(|_| Score::HALF));
        receipt.seats = List::from_vec(seats).unwrap();
        receipt.skips = List::from_vec(skips).unwrap();
    }

    /// A seat's account of an answer.
    fn part(&mut self, receipt: &Receipt, _node: &PublicKey, answer: &str) -> Part {
        let contract = receipt.contract();
        let salt = Salt(self.random.bytes());
        let class = answer_class(&contract, class_key(answer).as_bytes());
        Part {
            contract,
            commitments: List::truncated([commitment(&salt, answer.as_bytes(), &Digest::ZERO)]),
            first_class: class,
            last_class: class,
            ballot: List::new(),
            version: Text::new("history").unwrap(),
            input: Tokens(u32::try_from(self.random.below(2_000)).unwrap()),
            output: Tokens(u32::try_from(self.random.between(1, 1_000)).unwrap()),
            citations: List::new(),
        }
    }

    /// Round 0 is closed with what the seats committed to.
    fn close(&mut self, receipt: &mut Receipt) {
        let parts = receipt.seats.iter().filter_map(|seat| seat.part.as_ref());
        let commitments = parts.flat_map(|part| part.body.commitments.to_vec());
        let close = Close {
            contract: receipt.contract(),
            phase: Phase::Answers,
            commitments: List::truncated(commitments),
        };
        let close = Signed::new(close, &self.network, &self.keys[&receipt.coordinator]);
        receipt.closes = List::truncated([close]);
    }
}
