//! What a receipt costs the chain: blocks of settlements, every check on, on one core.
//!
//! `cargo bench --release -p llmnet-ledger` executes blocks of settlements of 256 contracts with three seats,
//! their leaves of 100 requesters interleaved, co-signed by all 10 providers. `LLMNET_SETTLEMENTS` says how
//! many settlements a block has, `LLMNET_BLOCKS` how many blocks are executed.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop"
)]
#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::time::Instant;

use llmnet_ledger::{
    BlockInfo, Execution, Genesis, GenesisAnchor, GenesisValidator, MemoryState, assume,
    chain_step, charges, execute, query,
};
use llmnet_types::{
    codec::{List, Text, encode},
    contract::{Strategy, Voucher},
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    registration::{Assurance, Model, Price, Registration, Tokenizer},
    settlement::{LEAVES_MAX, Leaf, LeafSeat, Settlement},
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

const REQUESTERS: usize = 100;
const PROVIDERS: usize = 10;
const SEATS: usize = 3;

fn count(name: &str, default: u32) -> u32 {
    let count = std::env::var(name).ok();
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or(default)
}

fn key(role: &str, number: usize) -> PrivateKey {
    PrivateKey::from_seed(Digest::of(format!("{role} {number}").as_bytes()).0)
}

/// A network whose coordinator has lines of all requesters.
struct Network {
    id: NetworkId,
    params: Params,
    state: MemoryState,
    height: Height,
    coordinator: PrivateKey,
    requesters: Vec<PrivateKey>,
    nodes: Vec<PrivateKey>,
    /// The elements of its hash chain, the first to be opened last.
    chain: Vec<Digest>,
    nonce: u64,
    slot: u64,
    n: Vec<u32>,
    drawn: Vec<Amount>,
}

impl Network {
    fn new(chain_length: u32) -> Self {
        let coordinator = key("coordinator", 0);
        let steps =
            std::iter::successors(Some(Digest::of(b"bench")), |next| Some(chain_step(next)));
        let mut chain: Vec<_> = steps.take(chain_length as usize + 1).collect();
        let requesters: Vec<_> = (0..REQUESTERS)
            .map(|number| key("requester", number))
            .collect();
        let operators: Vec<_> = (0..PROVIDERS)
            .map(|number| key("operator", number))
            .collect();
        let params = Params::local();
        let owners = requesters.iter().chain(&operators).chain([&coordinator]);
        let accounts = owners.map(|owner| (owner.public_key(), Amount(1_000_000_000_000)));
        let anchor = GenesisAnchor {
            coordinator: coordinator.public_key(),
            tip: chain.pop().unwrap(),
            length: chain_length,
        };
        let validator = GenesisValidator::plain(key("validator", 0).public_key(), Amount::CREDIT);
        let genesis = Genesis {
            name: Text::new("bench").unwrap(),
            validators: List::truncated([validator]),
            params: params.clone(),
            beacon: Digest::ZERO,
            timestamp_ms: 0,
            accounts: List::truncated(accounts),
            anchors: List::truncated([anchor]),
        };
        genesis.check().unwrap();
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        let mut network = Self {
            id: genesis.id(),
            params,
            state,
            height: Height(0),
            coordinator,
            requesters,
            nodes: (0..PROVIDERS).map(|number| key("node", number)).collect(),
            chain,
            nonce: 0,
            slot: 0,
            n: vec![0; REQUESTERS],
            drawn: vec![Amount::ZERO; REQUESTERS],
        };
        network.populate(&operators);
        network
    }

    fn populate(&mut self, operators: &[PrivateKey]) {
        let mut transactions = Vec::new();
        for (number, (node, operator)) in self.nodes.iter().zip(operators).enumerate() {
            let domains = ["physics", "law"].map(|name| Domain::new(name).unwrap());
            let registration = Registration {
                node: node.public_key(),
                operator: operator.public_key(),
                nonce: 0,
                domains: List::truncated(domains),
                model: Model {
                    family: Text::new("bench").unwrap(),
                    name: Text::new("model").unwrap(),
                    digest: Digest::of(&number.to_le_bytes()),
                    assurance: Assurance::Declared,
                },
                corpus: None,
                price: Price::default(),
                tokenizer: Tokenizer::Bytes4,
                bond: Amount::CREDIT,
            };
            let signed = Signed::new(registration, &self.id, node);
            let register = Instruction::Register(Box::new(signed));
            transactions.push(Transaction::sign(self.id, operator, 0, register));
        }
        for requester in &self.requesters {
            let open = Instruction::OpenLine {
                coordinator: self.coordinator.public_key(),
                amount: Amount(900_000_000_000),
                expires: Epoch(1_000),
            };
            transactions.push(Transaction::sign(self.id, requester, 0, open));
        }
        let execution = execute(&self.state, &self.next_block(), &transactions);
        self.keep(&execution);
    }

    fn next_block(&self) -> BlockInfo {
        BlockInfo {
            network: self.id,
            height: self.height.next().unwrap(),
            leader: key("validator", 0).public_key(),
            reveal: None,
        }
    }

    /// Takes over what a block does, all of whose transactions apply.
    fn keep(&mut self, execution: &Execution) {
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
        assert!(
            execution.outcomes.iter().all(applied),
            "{:?}",
            execution.outcomes
        );
        self.state.apply(&execution.writes);
        self.height = self.height.next().unwrap();
    }

    fn leaf(&mut self, number: usize) -> Leaf {
        let requester = number % REQUESTERS;
        let seats = (0_u8..).take(SEATS).map(|rank| LeafSeat {
            provider: ProviderId(((number + usize::from(rank) * 3) % PROVIDERS) as u32),
            rank,
            outcome: SeatOutcome::Served,
            class: 0,
            score: Score::clamped(8_000),
            output: Tokens(300),
            latency_ms: 700,
            pay: Amount(1_000 + number as u64),
        });
        let seats = List::truncated(seats);
        let pay = Amount::sum(seats.iter().map(|seat: &LeafSeat| seat.pay)).unwrap();
        let charges = charges(&self.params, pay, Amount(500)).unwrap();
        self.n[requester] += 1;
        self.drawn[requester] = self.drawn[requester].checked_add(charges.total).unwrap();
        Leaf {
            line: LineId(requester as u32),
            n: self.n[requester],
            height: self.height,
            domains: List::truncated([
                (DomainId(0), Score::clamped(7_000)),
                (DomainId(1), Score::clamped(3_000)),
            ]),
            strategy: Strategy::Auto,
            status: ContractStatus::Concluded,
            filtered: false,
            charge: charges.total,
            fee: charges.fee,
            receipt: ReceiptRoot(Digest::of(&self.slot.to_le_bytes()).0),
            seats,
        }
    }

    /// The coordinator's next settlement, with a voucher for each line and a co-signature of each seat.
    fn settlement(&mut self) -> Transaction {
        let first_slot = Slot(self.slot);
        let leaves: Vec<_> = (0..LEAVES_MAX).map(|number| self.leaf(number)).collect();
        self.slot += leaves.len() as u64;
        self.chain.truncate(self.chain.len() + 1 - leaves.len());
        let vouchers = self
            .requesters
            .iter()
            .enumerate()
            .map(|(number, requester)| {
                let voucher = Voucher {
                    line: LineId(number as u32),
                    n: self.n[number],
                    limit: self.drawn[number],
                    terms: Digest::ZERO,
                };
                Signed::new(voucher, &self.id, requester)
            });
        let mut settlement = Settlement {
            first_slot,
            opening: self.chain.pop().unwrap(),
            vouchers: List::truncated(vouchers),
            leaves: List::truncated(leaves),
            line_oks: List::new(),
        };
        let line_oks: Vec<_> = (0..)
            .map(ProviderId)
            .zip(&self.nodes)
            .map(|(provider, node)| {
                let line_ok = settlement.line_ok(provider).unwrap();
                (provider, Signed::new(line_ok, &self.id, node))
            })
            .collect();
        settlement.line_oks = List::from_vec(line_oks).unwrap();
        let nonce = self.nonce;
        self.nonce += 1;
        let settle = Instruction::Settle(Box::new(settlement));
        Transaction::sign(self.id, &self.coordinator, nonce, settle)
    }
}

/// Seconds this thread has computed, by the kernel's account where there is one: other programs on the
/// machine then count for less. Elsewhere, seconds on the wall.
fn now(start: Instant) -> f64 {
    let computed = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = computed.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(
        || start.elapsed().as_secs_f64(),
        |nanoseconds| nanoseconds / 1e9,
    )
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let from = now(start);
    let result = work();
    (result, now(start) - from)
}

fn settlement_of(transaction: &Transaction) -> &Settlement {
    let Instruction::Settle(settlement) = &transaction.body.instruction else {
        unreachable!("all of them are settlements")
    };
    settlement
}

/// Seconds spent on the blocks, in all and by part.
#[derive(Default)]
struct Spent {
    all: f64,
    assumed: f64,
    signatures: f64,
    merkle: f64,
    writes: f64,
}

fn main() {
    let settlements = count("LLMNET_SETTLEMENTS", 16);
    let blocks = count("LLMNET_BLOCKS", 8);
    let receipts = LEAVES_MAX as u32 * settlements;
    let mut network = Network::new(receipts * blocks);
    let mut spent = Spent::default();
    let (mut bytes, mut signatures, mut written) = (0, 0, 0);
    for _ in 0..blocks {
        let transactions: Vec<_> = (0..settlements).map(|_| network.settlement()).collect();
        bytes += transactions
            .iter()
            .map(|each| encode(each).len())
            .sum::<usize>();

        // All of it at once is what counts; its parts are done again, to see where time goes.
        let block = network.next_block();
        let (execution, seconds) = timed(|| execute(&network.state, &block, &transactions));
        spent.all += seconds;
        let (assumed, seconds) = timed(|| assume(&network.state, &block, &transactions));
        spent.assumed += seconds;
        let (holds, seconds) = timed(|| assumed.signatures.holds());
        spent.signatures += seconds;
        assert!(holds && assumed.execution == execution);
        signatures += assumed.signatures.len();
        let root = |each| settlement_of(each).summary().root();
        let (_, seconds) = timed(|| transactions.iter().map(root).collect::<Vec<_>>());
        spent.merkle += seconds;
        let values = execution.writes.values().flatten();
        written += values.map(Vec::len).sum::<usize>();
        let (_, seconds) = timed(|| network.keep(&execution));
        spent.writes += seconds;
    }
    let conserved = llmnet_ledger::invariant::conserved(&network.state);
    assert_eq!(conserved, Ok(()));
    let coordinator = query::coordinator(&network.state, &network.coordinator.public_key());
    assert_eq!(coordinator.unwrap().next_slot, Slot(network.slot));

    let receipts = f64::from(receipts * blocks);
    let each = |name: &str, seconds: f64| {
        println!("{:>9.2} us/receipt {name}", seconds * 1e6 / receipts);
    };
    println!("{settlements} settlements in each of {blocks} blocks");
    println!("{:>9.0} receipts/s", receipts / spent.all);
    each("in all", spent.all + spent.writes);
    each("  execute", spent.assumed - spent.merkle);
    each("  signatures", spent.signatures);
    each("  merkle", spent.merkle);
    each("  state writes", spent.writes);
    println!(
        "{:>9.1} bytes/receipt on the chain",
        bytes as f64 / receipts
    );
    println!(
        "{:>9.1} bytes/receipt written to the state",
        written as f64 / receipts
    );
    println!("{:>9.2} signatures/receipt", signatures as f64 / receipts);
}
