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
    BlockInfo, Execution, Genesis, GenesisAnchor, GenesisValidator, MemoryState, chain_element,
    charges, execute, query,
};
use llmnet_types::{
    codec::{List, Text, encode},
    contract::{Strategy, Voucher},
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot},
    merkle,
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
    chain_length: u32,
    nonce: u64,
    slot: u64,
    n: Vec<u32>,
    drawn: Vec<Amount>,
}

impl Network {
    fn new(chain_length: u32) -> Self {
        let coordinator = key("coordinator", 0);
        let requesters: Vec<_> = (0..REQUESTERS)
            .map(|number| key("requester", number))
            .collect();
        let operators: Vec<_> = (0..PROVIDERS)
            .map(|number| key("operator", number))
            .collect();
        let params = Params {
            epoch_blocks: 1_000_000,
            checkpoint_blocks: 100_000,
            ..Params::local()
        };
        let owners = requesters.iter().chain(&operators).chain([&coordinator]);
        let accounts = owners.map(|owner| (owner.public_key(), Amount(1_000_000_000_000)));
        let anchor = GenesisAnchor {
            coordinator: coordinator.public_key(),
            tip: chain_element(&secret(), chain_length, 0),
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
            chain_length,
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
                expires: Epoch(9),
            };
            transactions.push(Transaction::sign(self.id, requester, 0, open));
        }
        self.apply(&transactions);
    }

    /// Executes a block and keeps what it does; gives that and the seconds it took to find out.
    fn apply(&mut self, transactions: &[Transaction]) -> (Execution, f64) {
        self.height = self.height.next().unwrap();
        let block = BlockInfo {
            network: self.id,
            height: self.height,
            leader: key("validator", 0).public_key(),
            reveal: None,
        };
        let (execution, seconds) = timed(|| execute(&self.state, &block, transactions));
        let applied = |outcome: &Outcome| matches!(outcome, Outcome::Applied { .. });
        assert!(
            execution.outcomes.iter().all(applied),
            "{:?}",
            execution.outcomes
        );
        self.state.apply(&execution.writes);
        (execution, seconds)
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
            height: Height(1),
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
        let opened = u32::try_from(self.slot).unwrap();
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
            opening: chain_element(&secret(), self.chain_length, opened),
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

fn secret() -> Digest {
    Digest::of(b"bench")
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let from = Instant::now();
    let result = work();
    (result, from.elapsed().as_secs_f64())
}

fn settlement_of(transaction: &Transaction) -> &Settlement {
    let Instruction::Settle(settlement) = &transaction.body.instruction else {
        unreachable!("all of them are settlements")
    };
    settlement
}

fn main() {
    let settlements = count("LLMNET_SETTLEMENTS", 16);
    let blocks = count("LLMNET_BLOCKS", 8);
    let receipts = LEAVES_MAX as u32 * settlements;
    let mut network = Network::new(receipts * blocks);
    let (mut all, mut roots, mut bytes, mut writes) = (f64::MAX, f64::MAX, 0, 0);
    for _ in 0..blocks {
        let transactions: Vec<_> = (0..settlements).map(|_| network.settlement()).collect();
        bytes = transactions.iter().map(|each| encode(each).len()).sum();
        let (execution, seconds) = network.apply(&transactions);
        all = all.min(seconds);
        writes = execution.writes.len();
        let (_, seconds) = timed(|| {
            let root = |each| merkle::root(settlement_of(each).leaves.iter().map(encode));
            transactions.iter().map(root).collect::<Vec<_>>()
        });
        roots = roots.min(seconds);
    }
    let conserved = llmnet_ledger::invariant::conserved(&network.state);
    assert_eq!(conserved, Ok(()));
    let coordinator = query::coordinator(&network.state, &network.coordinator.public_key());
    assert_eq!(coordinator.unwrap().next_slot, Slot(network.slot));
    let each = |seconds: f64| seconds * 1e6 / f64::from(receipts);
    println!("{:>9.0} receipts/s", f64::from(receipts) / all);
    println!("{:>9.2} us/receipt, all", each(all));
    println!("{:>9.2} us/receipt, merkle", each(roots));
    println!("{:>9.1} bytes/receipt", bytes as f64 / f64::from(receipts));
    println!("{:>9} writes of a block of {receipts} receipts", writes);
}
