//! A small network for tests: a chain in memory whose every block is checked.

use llmnet_ledger::{
    BlockInfo, Execution, Genesis, GenesisAnchor, GenesisValidator, Key, MemoryState, State,
    chain_element, execute, invariant, query, selection,
};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::{List, Text},
    contract::{Filters, Strategy, Voucher},
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    registration::{Assurance, Model, Price, Registration, Tokenizer},
    rejection::Rejection,
    settlement::{Leaf, LeafSeat, Settlement},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

pub const CHAIN_LENGTH: u32 = 1024;
pub const VALIDATORS: [&str; 4] = ["validator-0", "validator-1", "validator-2", "validator-3"];

pub fn key(name: &str) -> PrivateKey {
    PrivateKey::from_seed(Digest::of(name.as_bytes()).0)
}

pub fn public(name: &str) -> PublicKey {
    key(name).public_key()
}

pub fn secret(coordinator: &str) -> Digest {
    Digest(key(coordinator).derive("llmnet/test-chain", 0))
}

pub fn credits(credits: u64) -> Amount {
    Amount(credits * 1_000_000)
}

/// Short epochs, so that tests reach their ends.
pub fn params() -> Params {
    Params {
        epoch_blocks: 8,
        checkpoint_blocks: 4,
        line_epochs_max: 8,
        ..Params::local()
    }
}

pub fn genesis(params: Params) -> Genesis {
    let owners = ["alice", "bob", "carol", "coordinator", "rival"];
    let operators = (0..10).map(|number| format!("operator-{number}"));
    let accounts: Vec<_> = owners
        .map(str::to_owned)
        .into_iter()
        .chain(operators)
        .map(|name| (public(&name), credits(100)))
        .collect();
    let anchor = |name: &str| GenesisAnchor {
        coordinator: public(name),
        tip: chain_element(&secret(name), CHAIN_LENGTH, 0),
        length: CHAIN_LENGTH,
    };
    Genesis {
        name: Text::new("test").unwrap(),
        validators: List::from_vec(validators()).unwrap(),
        params,
        beacon: Digest::of(b"beacon"),
        timestamp_ms: 0,
        accounts: List::from_vec(accounts).unwrap(),
        anchors: List::from_vec(vec![anchor("coordinator"), anchor("rival")]).unwrap(),
    }
}

/// Four validators, each with a part in the beacon but the last.
fn validators() -> Vec<GenesisValidator> {
    let mut validators: Vec<_> = VALIDATORS
        .iter()
        .map(|name| GenesisValidator {
            beacon: (*name != "validator-3")
                .then(|| (chain_element(&secret(name), CHAIN_LENGTH, 0), CHAIN_LENGTH)),
            ..GenesisValidator::plain(public(name), credits(10))
        })
        .collect();
    validators.sort_by_key(|validator| validator.node);
    validators
}

pub fn registration(number: u32, domains: &[&str]) -> Registration {
    let domains = domains.iter().map(|name| Domain::new(name).unwrap());
    Registration {
        node: public(&format!("node-{number}")),
        operator: public(&format!("operator-{number}")),
        nonce: 0,
        domains: List::from_vec(domains.collect()).unwrap(),
        model: Model {
            family: Text::new("extractive").unwrap(),
            name: Text::new("model").unwrap(),
            digest: Digest::of(&number.to_le_bytes()),
            assurance: Assurance::Declared,
        },
        corpus: None,
        price: Price {
            call: Amount(1_000),
            ..Price::default()
        },
        tokenizer: Tokenizer::Bytes4,
        bond: credits(1),
    }
}

/// A chain that checks itself after every block.
#[derive(Clone)]
pub struct World {
    pub network: NetworkId,
    pub params: Params,
    pub state: MemoryState,
    pub height: Height,
}

/// A state that has forgotten some keys, as a shell that has not loaded them yet.
struct Missing<'a>(&'a MemoryState);

impl State for Missing<'_> {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        self.0.get(key).filter(|_| key.digest()[0] & 1 == 0)
    }
}

impl World {
    pub fn new() -> Self {
        Self::with(params())
    }

    pub fn with(params: Params) -> Self {
        let genesis = genesis(params.clone());
        genesis.check().unwrap();
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        Self {
            network: genesis.id(),
            params,
            state,
            height: Height(0),
        }
    }

    /// With experts 0..count in "physics", every other one also in "law".
    pub fn with_experts(count: u32) -> Self {
        let mut world = Self::new();
        for number in 0..count {
            let domains: &[&str] = if number % 2 == 0 {
                &["physics", "law"]
            } else {
                &["physics"]
            };
            let outcome = world.register(registration(number, domains));
            assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        }
        world
    }

    /// The next block, by the validator whose turn it is.
    pub fn next_block(&self) -> BlockInfo {
        let height = self.height.next().unwrap();
        let name = VALIDATORS[usize::try_from(height.0 % 4).unwrap()];
        let chains = query::beacon_chains(&self.state, &public(name));
        let epoch = height.epoch(self.params.epoch_length());
        let chain = chains.of(epoch).filter(|chain| chain.left > 0);
        let reveal = chain
            .map(|chain| chain_element(&secret(name), CHAIN_LENGTH, CHAIN_LENGTH - chain.left + 1));
        BlockInfo {
            network: self.network,
            height,
            leader: public(name),
            reveal,
        }
    }

    pub fn block(&mut self, transactions: &[Transaction]) -> Execution {
        let block = self.next_block();
        // What was not loaded yet may change the result, never fail (TXN-5).
        if self.height.0.is_multiple_of(4) {
            let _ = execute(&Missing(&self.state), &block, transactions);
        }
        let execution = execute(&self.state, &block, transactions);
        assert_eq!(
            execution,
            execute(&self.state, &block, transactions),
            "TXN-5"
        );
        assert_eq!(execution.fault, None);
        self.state.apply(&execution.writes);
        self.height = block.height;
        invariant::conserved(&self.state).expect("TXN-4");
        invariant::ends(&self.state).expect("WIN-2");
        invariant::roles(&self.state).expect("BND-2");
        execution
    }

    pub fn blocks(&mut self, count: u64) {
        for _ in 0..count {
            self.block(&[]);
        }
    }

    /// Goes to the first block of an epoch.
    pub fn go_to_epoch(&mut self, epoch: u64) {
        while self.epoch() < Epoch(epoch) {
            self.block(&[]);
        }
    }

    pub fn epoch(&self) -> Epoch {
        query::clock(&self.state).epoch
    }

    pub fn sign(&self, signer: &str, instruction: Instruction) -> Transaction {
        let nonce = query::account(&self.state, &public(signer)).nonce;
        Transaction::sign(self.network, &key(signer), nonce, instruction)
    }

    pub fn run(&mut self, signer: &str, instruction: Instruction) -> Outcome {
        let transaction = self.sign(signer, instruction);
        self.block(&[transaction]).outcomes.remove(0)
    }

    pub fn apply(&mut self, signer: &str, instruction: Instruction) {
        let outcome = self.run(signer, instruction);
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }

    /// A node's consent to a role with this operator's bond.
    pub fn enlist(&self, node: &str, operator: &str, role: Role, bond: Amount) -> Instruction {
        let enlistment = Enlistment {
            node: public(node),
            operator: public(operator),
            role,
            address: Text::empty(),
            bond,
            until: Epoch(u64::MAX),
        };
        let signed = Signed::new(enlistment, &self.network, &key(node));
        Instruction::Enlist(Box::new(signed))
    }

    pub fn rejection(&mut self, signer: &str, instruction: Instruction) -> Rejection {
        let before = self.state.clone();
        let epoch = self.epoch();
        match self.run(signer, instruction) {
            Outcome::Rejected { fee, reason } => {
                assert!(fee > Amount::ZERO);
                let changed = |key: &&Key| {
                    let own = matches!(
                        key,
                        Key::Clock | Key::Totals | Key::DueCursor | Key::Turns | Key::Beacon(_)
                    );
                    !own && **key != Key::Account(public(signer))
                };
                let differs: Vec<_> = self
                    .state
                    .iter()
                    .filter(|(key, value)| before.get(key).as_deref() != Some(*value))
                    .map(|(key, _)| key)
                    .filter(changed)
                    .collect();
                let same_epoch = epoch == self.epoch();
                assert!(differs.is_empty() || !same_epoch, "TXN-3: {differs:?}");
                reason
            }
            Outcome::Applied { .. } => panic!("applied"),
        }
    }

    pub fn register(&mut self, registration: Registration) -> Outcome {
        let number = (0..10)
            .find(|number| public(&format!("operator-{number}")) == registration.operator)
            .unwrap();
        let node = (0..10)
            .map(|number| key(&format!("node-{number}")))
            .find(|node| node.public_key() == registration.node)
            .unwrap();
        let signed = Signed::new(registration, &self.network, &node);
        self.run(
            &format!("operator-{number}"),
            Instruction::Register(Box::new(signed)),
        )
    }

    pub fn open_line(&mut self, amount: Amount, expires: Epoch) -> LineId {
        let outcome = self.run(
            "alice",
            Instruction::OpenLine {
                coordinator: public("coordinator"),
                amount,
                expires,
            },
        );
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        query::line_of(&self.state, &public("alice"), &public("coordinator"))
            .unwrap()
            .0
    }

    pub fn domain(&self, name: &str) -> DomainId {
        query::domain_id(&self.state, &Domain::new(name).unwrap()).unwrap()
    }

    /// The order for a slot, as its coordinator computes it.
    pub fn order(&self, coordinator: &str, slot: u64, height: Height) -> Vec<ProviderId> {
        let choice = llmnet_types::selection::DomainChoice {
            domain: Domain::new("physics").unwrap(),
            id: self.domain("physics"),
            confidence: Score::ONE,
        };
        let inputs = selection::inputs(&self.state, height, &[choice], Digest::ZERO).unwrap();
        let seed = selection::seed(
            &self.network,
            &inputs.beacon,
            &public(coordinator),
            Slot(slot),
            &element(coordinator, slot),
        );
        selection::order(
            &inputs,
            &seed,
            &selection::Rule::of(&self.params),
            &Filters::default(),
        )
    }

    /// A concluded contract of this slot with so many seats of the order.
    pub fn leaf(&self, line: LineId, n: u32, slot: u64, height: Height, seats: usize) -> Leaf {
        let order = self.order("coordinator", slot, height);
        let seats: Vec<_> = (0_u8..)
            .zip(order)
            .take(seats)
            .map(|(rank, provider)| served(provider, rank))
            .collect();
        let pay = Amount::sum(seats.iter().map(|seat| seat.pay)).unwrap();
        let charges = llmnet_ledger::charges(&self.params, pay, Amount(500)).unwrap();
        Leaf {
            line,
            n,
            height,
            domains: List::from_vec(vec![(self.domain("physics"), Score::ONE)]).unwrap(),
            strategy: Strategy::Auto,
            status: ContractStatus::Concluded,
            filtered: false,
            charge: charges.total,
            fee: charges.fee,
            receipt: ReceiptRoot(Digest::of(&slot.to_le_bytes()).0),
            seats: List::from_vec(seats).unwrap(),
        }
    }

    pub fn voucher(&self, signer: &str, line: LineId, n: u32, limit: Amount) -> Signed<Voucher> {
        let voucher = Voucher {
            line,
            n,
            limit,
            terms: Digest::ZERO,
        };
        Signed::new(voucher, &self.network, &key(signer))
    }

    /// A settlement of these leaves from the coordinator's next slot, every line's voucher by alice.
    pub fn settlement(&self, leaves: Vec<Leaf>) -> Settlement {
        let coordinator = query::coordinator(&self.state, &public("coordinator")).unwrap();
        let first_slot = coordinator.next_slot;
        let mut highest = std::collections::BTreeMap::new();
        for leaf in leaves
            .iter()
            .filter(|leaf| leaf.status != ContractStatus::Void)
        {
            highest.insert(leaf.line, leaf.n);
        }
        let vouchers = highest
            .into_iter()
            .map(|(line, n)| self.voucher("alice", line, n, credits(90)));
        let last = first_slot.0 + leaves.len() as u64 - 1;
        Settlement {
            first_slot,
            opening: element("coordinator", last),
            vouchers: List::from_vec(vouchers.collect()).unwrap(),
            leaves: List::from_vec(leaves).unwrap(),
            line_oks: List::new(),
        }
    }

    pub fn co_sign(&self, settlement: &mut Settlement, node: u32) {
        let node = key(&format!("node-{node}"));
        let (provider, _) = query::provider_of(&self.state, &node.public_key()).unwrap();
        let line_ok = settlement.line_ok(provider).unwrap();
        let line_ok = Signed::new(line_ok, &self.network, &node);
        let mut all = std::mem::take(&mut settlement.line_oks).into_vec();
        all.push((provider, line_ok));
        all.sort_by_key(|(provider, _)| *provider);
        settlement.line_oks = List::from_vec(all).unwrap();
    }
}

pub fn settle(settlement: Settlement) -> Instruction {
    Instruction::Settle(Box::new(settlement))
}

/// The element of a slot on the chain anchored at genesis.
pub fn element(coordinator: &str, slot: u64) -> Digest {
    chain_element(
        &secret(coordinator),
        CHAIN_LENGTH,
        u32::try_from(slot).unwrap() + 1,
    )
}

pub fn served(provider: ProviderId, rank: u8) -> LeafSeat {
    LeafSeat {
        provider,
        rank,
        outcome: SeatOutcome::Served,
        class: 0,
        score: Score::clamped(8_000),
        output: Tokens(100),
        latency_ms: 400,
        pay: Amount(1_000),
    }
}
