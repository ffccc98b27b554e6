//! Those whose transactions the chain is for.
//!
//! A customer gives each transaction to one validator. Only if that one goes down before the transaction
//! is final does the customer give it to another: what a validator took in is its own to bring about.

use std::{sync::Mutex, time::Duration};

use commonware_runtime::{Clock as _, deterministic};
use llmnet_ledger::{GenesisAnchor, chain_element};
use llmnet_types::{
    codec::{List, Text},
    domain::Domain,
    id::{Digest, NetworkId, TransactionId},
    registration::{Assurance, Model, Price, Registration, Tokenizer},
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Transaction},
    units::{Amount, Epoch},
};

use super::{
    chance::Chance,
    stage::{Stage, Start, lock},
};
use crate::client::ChainClient as _;

/// How long a customer waits for a validator to take something in.
const PATIENCE: Duration = Duration::from_secs(3);
/// Slots of the coordinator that lines are opened for.
const SLOTS: u32 = 64;

/// A customer.
pub(crate) struct Customer {
    key: PrivateKey,
    network: NetworkId,
    desk: Mutex<Desk>,
}

/// What is on a customer's desk.
struct Desk {
    chance: Chance,
    nonce: u64,
    nodes: u64,
    waiting: Vec<Waiting>,
}

/// A transaction that is not final, as far as its customer knows.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) id: TransactionId,
    transaction: Transaction,
    /// Who took it in and did not go down since.
    holder: Option<Start>,
}

impl Desk {
    fn order(&mut self, customer: &Customer, instruction: Instruction) {
        let Customer { network, key, .. } = customer;
        let transaction = Transaction::sign(*network, key, self.nonce, instruction);
        self.nonce += 1;
        self.waiting.push(Waiting {
            id: transaction.id(),
            transaction,
            holder: None,
        });
    }
}

/// The key of a customer's account.
pub(crate) fn account(number: usize) -> PrivateKey {
    let number = u8::try_from(number).expect("few customers");
    PrivateKey::from_seed([number ^ 0xaa; 32])
}

fn coordinator() -> PrivateKey {
    PrivateKey::from_seed([0x77; 32])
}

/// The coordinator whom all lines are opened for.
pub(crate) fn anchor() -> GenesisAnchor {
    GenesisAnchor {
        coordinator: coordinator().public_key(),
        tip: chain_element(&Digest::of(b"slots"), SLOTS, 0),
        length: SLOTS,
    }
}

impl Customer {
    pub(crate) fn new(number: usize, network: NetworkId, chance: Chance) -> Self {
        Self {
            key: account(number),
            network,
            desk: Mutex::new(Desk {
                chance,
                nonce: 0,
                nodes: 0,
                waiting: Vec::new(),
            }),
        }
    }

    /// Wants this done next.
    pub(crate) fn order(&self, instruction: Instruction) {
        lock(&self.desk).order(self, instruction);
    }

    pub(crate) const fn key(&self) -> &PrivateKey {
        &self.key
    }

    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        lock(&self.desk).waiting.clone()
    }

    /// Makes transactions while that is wanted, and sees to all until they are final.
    pub(crate) async fn live(
        &self,
        context: &deterministic::Context,
        stage: &Stage,
        wants_more: impl Fn() -> bool,
    ) {
        loop {
            let pause = lock(&self.desk).chance.millis(100, 1_200);
            context.sleep(pause).await;
            let epoch = lock(&stage.judge).epoch();
            if wants_more() {
                self.make(epoch);
            }
            for waiting in self.waiting() {
                if lock(&stage.judge).is_included(&waiting.id) {
                    lock(&self.desk)
                        .waiting
                        .retain(|other| other.id != waiting.id);
                } else if waiting
                    .holder
                    .is_none_or(|holder| !stage.is_running(holder))
                {
                    let holder = self.give(&waiting, context, stage).await;
                    let mut desk = lock(&self.desk);
                    if let Some(waiting) =
                        desk.waiting.iter_mut().find(|other| other.id == waiting.id)
                    {
                        waiting.holder = holder;
                    }
                }
            }
        }
    }

    /// Gives a transaction to any validator that runs.
    async fn give(
        &self,
        waiting: &Waiting,
        context: &deterministic::Context,
        stage: &Stage,
    ) -> Option<Start> {
        let running = stage.running();
        if running.is_empty() {
            return None;
        }
        let (start, client) = lock(&self.desk).chance.pick(&running).clone();
        tokio::select! {
            biased;
            result = client.submit(waiting.transaction.clone()) => match result {
                Ok(id) => {
                    assert_eq!(id, waiting.id, "a validator names it as everybody does");
                    Some(start)
                }
                Err(error) => {
                    // It is down, or behind, or knows that this was done already.
                    tracing::debug!(%error, "not taken in");
                    None
                }
            },
            () = context.sleep(PATIENCE) => None,
        }
    }

    fn make(&self, epoch: Epoch) {
        let mut desk = lock(&self.desk);
        let instruction = match desk.chance.below(8) {
            0 | 1 => Instruction::OpenLine {
                coordinator: coordinator().public_key(),
                amount: Amount(1 + desk.chance.below(1_000)),
                expires: Epoch(epoch.0 + 1 + desk.chance.below(4)),
            },
            2 => Instruction::Register(Box::new(self.registration(&mut desk))),
            _ => Instruction::Transfer {
                to: account(desk.chance.index(8)).public_key(),
                amount: Amount(1 + desk.chance.below(1_000)),
            },
        };
        desk.order(self, instruction);
    }

    /// Of a new respondent, or, now and then, of one that is registered already.
    fn registration(&self, desk: &mut Desk) -> Signed<Registration> {
        if desk.nodes == 0 || desk.chance.percent(70) {
            desk.nodes += 1;
        }
        let node = PrivateKey::from_seed(self.key.derive("simulated-node", desk.nodes));
        let domain = *desk.chance.pick(&["physics", "law", "cooking"]);
        let domains = [Domain::new(domain).expect("a domain's name")];
        let registration = Registration {
            node: node.public_key(),
            operator: self.key.public_key(),
            nonce: 0,
            domains: List::truncated(domains),
            model: Model {
                family: Text::truncated("extractive"),
                name: Text::truncated("model"),
                digest: Digest::ZERO,
                assurance: Assurance::Declared,
            },
            corpus: None,
            price: Price {
                call: Amount(1_000),
                ..Price::default()
            },
            tokenizer: Tokenizer::Bytes4,
            bond: Amount::CREDIT,
        };
        Signed::new(registration, &self.network, &node)
    }
}
