//! Four validators on loopback, with directories that go away at the end.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use llmnet_chain::beacon_anchor;
use llmnet_chain::{
    ChainClient, Inclusion, Keep, Pacing, StartError, Tip, Validator, ValidatorConfig, start,
};
use llmnet_ledger::{Genesis, GenesisValidator};
use llmnet_types::{
    codec::{List, Text},
    id::{Digest, NetworkId, TransactionId},
    params::Params,
    signature::{PrivateKey, PublicKey},
    succession::Succession,
    transaction::{Instruction, Transaction},
    units::{Amount, Height, Term},
};

/// How long any condition may take to come true.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Testnet {
    pub(crate) directory: PathBuf,
    pub(crate) genesis: Genesis,
    pub(crate) network: NetworkId,
    pub(crate) pacing: Pacing,
    pub(crate) keep: Keep,
    addresses: Vec<SocketAddr>,
    validators: Vec<Option<Validator>>,
}

pub(crate) fn seed(validator: usize) -> [u8; 32] {
    [u8::try_from(validator).unwrap() + 1; 32]
}

/// A validator's key.
pub(crate) fn key(validator: usize) -> PublicKey {
    PrivateKey::from_seed(seed(validator)).public_key()
}

/// An account with money from the beginning.
pub(crate) fn account(number: u8) -> PrivateKey {
    PrivateKey::from_seed([number ^ 0xaa; 32])
}

pub(crate) fn transfer(network: NetworkId, from: u8, nonce: u64, to: PublicKey) -> Transaction {
    let instruction = Instruction::Transfer {
        to,
        amount: Amount(10),
    };
    Transaction::sign(network, &account(from), nonce, instruction)
}

pub(crate) fn genesis(validators: usize) -> Genesis {
    let mut members: Vec<_> = (0..validators)
        .map(|validator| GenesisValidator {
            // A network of one is a chain in memory, which has nothing to mix.
            beacon: (validators > 1).then(|| beacon_anchor(seed(validator))),
            ..GenesisValidator::plain(
                PrivateKey::from_seed(seed(validator)).public_key(),
                Amount::CREDIT,
            )
        })
        .collect();
    members.sort_by_key(|member| member.node);
    let accounts = (0..8).map(|number| (account(number).public_key(), Amount(1_000_000_000)));
    Genesis {
        name: Text::truncated("test"),
        validators: List::truncated(members),
        params: Params::local(),
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated(accounts),
        anchors: List::new(),
    }
}

pub(crate) fn fresh_directory() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("llmnet-chain-test-{}-{count}", std::process::id()))
}

/// Below the ports that the system gives to outgoing connections: one of those could take it at any time.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = std::process::id().wrapping_mul(97).wrapping_add(number) % 12_000;
        let port = u16::try_from(20_000 + offset).unwrap();
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", port)) {
            return listener.local_addr().unwrap();
        }
    }
}

impl Testnet {
    pub(crate) fn new() -> Self {
        Self::of(genesis(4), 4)
    }

    /// So many machines, of which the genesis names the first ones.
    pub(crate) fn of(genesis: Genesis, machines: usize) -> Self {
        Self {
            directory: fresh_directory(),
            network: genesis.id(),
            genesis,
            pacing: Pacing {
                idle_interval: Duration::from_millis(300),
                ..Pacing::default()
            },
            keep: Keep::default(),
            addresses: (0..machines).map(|_| free_address()).collect(),
            validators: (0..machines).map(|_| None).collect(),
        }
    }

    pub(crate) fn running() -> Self {
        let mut testnet = Self::new();
        (0..4).for_each(|validator| testnet.start(validator));
        testnet
    }

    pub(crate) fn address(&self, validator: usize) -> SocketAddr {
        self.addresses[validator]
    }

    /// Everybody is told where the first committee is; where others are the chain says.
    pub(crate) fn config(&self, validator: usize) -> ValidatorConfig {
        let first =
            (0..self.genesis.validators.len()).map(|peer| (key(peer), self.addresses[peer]));
        ValidatorConfig {
            directory: self.directory.join(validator.to_string()),
            seed: seed(validator),
            listen: self.addresses[validator],
            peers: first.collect(),
            genesis: self.genesis.clone(),
            pacing: self.pacing,
            keep: self.keep,
        }
    }

    pub(crate) fn try_start(&self, validator: usize) -> Result<Validator, StartError> {
        start(self.config(validator))
    }

    pub(crate) fn start(&mut self, validator: usize) {
        self.validators[validator] = Some(self.try_start(validator).unwrap());
    }

    pub(crate) fn stop(&mut self, validator: usize) {
        self.validators[validator].take().unwrap().stop();
    }

    pub(crate) fn client(&self, validator: usize) -> Arc<dyn ChainClient> {
        self.validators[validator].as_ref().unwrap().client()
    }
}

impl Drop for Testnet {
    fn drop(&mut self) {
        self.validators.clear();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Waits for a block of at least this height to be final.
pub(crate) async fn reaches(client: &dyn ChainClient, height: Height) -> Tip {
    let mut tip = client.tip();
    let reached = tip.wait_for(|tip| tip.height() >= height);
    let reached = tokio::time::timeout(DEADLINE, reached).await;
    reached.expect("in time").expect("running").clone()
}

pub(crate) async fn final_outcome(client: &dyn ChainClient, id: TransactionId) -> Inclusion {
    let outcome = client.outcome(id, DEADLINE).await.unwrap();
    outcome.expect("final in time")
}

/// The height after the tip's.
pub(crate) fn later(client: &dyn ChainClient, blocks: u64) -> Height {
    Height(client.tip().borrow().height().0 + blocks)
}

/// How every term before this one ended. A block is final a moment before that is kept.
pub(crate) async fn succession(client: &dyn ChainClient, until: Term) -> Succession {
    let mut tip = client.tip();
    let known = async {
        let mut hand_overs = Vec::new();
        while (hand_overs.len() as u64) < until.0 {
            tip.mark_unchanged();
            match client.hand_over(Term(hand_overs.len() as u64)).await {
                Ok(Some(hand_over)) => hand_overs.push(hand_over),
                Ok(None) => tip.changed().await.expect("running"),
                Err(error) => panic!("{error}"),
            }
        }
        hand_overs
    };
    let known = tokio::time::timeout(DEADLINE, known).await;
    Succession::new(known.expect("known in time")).unwrap()
}
