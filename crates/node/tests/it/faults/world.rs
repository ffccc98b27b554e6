//! A coordinator with its gateway, a ledger, and respondents backed by models, in this process: all of it real, but
//! for consensus, which is the chain's own without other validators.

use std::{fmt::Write as _, sync::Arc};

use llmnet::{
    anchor::{self, Anchors},
    config::Config,
    coordinator::{Desk, Panel, Port, Setup, journal::Journal},
    explorer::Explorer,
    keys::Keys,
    models,
    respondent::{self, Respondent, registering::Prices},
    transport::Hub,
};
use llmnet_chain::{Solo, client::ChainClient, query};
use llmnet_gateway::{Access, port::Ports};
use llmnet_knowledge::classify::Classifier;
use llmnet_ledger::{Genesis, GenesisValidator, query as ledger};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::{List, Text},
    domain::Domain,
    id::Digest,
    params::Params,
    registration::{Assurance, Model, Registration, Tokenizer},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch},
};
use tokio::{net::TcpListener, sync::oneshot};

use super::server::{Plan, Server};
use crate::support::{DEADLINE, Gateway, Room};

/// What everybody posts, and more than anybody spends.
const BOND: Amount = Amount(10 * Amount::CREDIT.0);
const RICHES: Amount = Amount(100_000 * Amount::CREDIT.0);
/// What is asked: as closed as can be, so that answers differ in what they choose and not in words.
pub(crate) const QUESTION: &str = "Which of the two valves closes first when pressure falls?\n\
                                   A) The upper valve\nB) The lower valve";

/// How long what is counted lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spans {
    /// Slots of a hash chain.
    pub(crate) chain: u32,
    /// Blocks of an epoch.
    pub(crate) epoch: u32,
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            chain: anchor::LENGTH,
            epoch: Params::local().epoch_blocks,
        }
    }
}

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) servers: Vec<Server>,
    pub(crate) genesis: Genesis,
    /// Its journal is `coordinator.db`.
    pub(crate) room: Room,
    pub(crate) chain: Arc<dyn ChainClient>,
    pub(crate) coordinator: PublicKey,
    keys: Keys,
    _closing: oneshot::Sender<()>,
}

impl World {
    /// One model for each plan, at a server of its own, configured as an operator would: `timeouts` as in
    /// llmnet.toml.
    pub(crate) async fn start(
        plans: &[Plan],
        seed: u64,
        timeouts: &str,
        config: llmnet_gateway::Config,
    ) -> Self {
        Self::with(plans, seed, timeouts, config, Spans::default()).await
    }

    pub(crate) async fn with(
        plans: &[Plan],
        seed: u64,
        timeouts: &str,
        config: llmnet_gateway::Config,
        spans: Spans,
    ) -> Self {
        let room = Room::new();
        let keys = Keys::new([u8::try_from(seed % 251).unwrap_or(0); 32]);
        let validator = [7; 32];
        let coordinator = keys.coordinator().public_key();
        let anchors = Anchors::of_length(keys.clone(), spans.chain);
        let genesis = genesis(&keys, validator, plans.len(), &anchors, spans);
        let chain: Arc<dyn ChainClient> = Arc::new(Solo::new(&genesis, validator).unwrap());
        enlist(&*chain, &genesis, &keys).await;

        let mut servers = Vec::new();
        let mut text = String::new();
        for (number, plan) in plans.iter().enumerate() {
            let server = Server::start(*plan, seed, u64::try_from(number).unwrap()).await;
            let base = server.base();
            let name = name(number);
            write!(
                text,
                "[[model]]\nname = \"{name}\"\nbase_url = \"{base}\"\ndomains = [\"valves\"]\n\
                 limits = {{ calls = 64 }}\ntimeouts = {timeouts}\n"
            )
            .unwrap();
            servers.push(server);
        }
        std::fs::write(room.path().join("llmnet.toml"), text).unwrap();
        let settings = Config::read(room.path()).unwrap();
        let sources = models::find(&settings, &[], &|_: &str| None).await.unwrap();
        let hub = Hub::default();
        let mut answerers = Vec::new();
        for (number, source) in sources.into_iter().enumerate() {
            answerers.push((source.name.clone(), Arc::clone(&source.answerer)));
            join(&chain, &genesis, &keys, &hub, number, source).await;
        }

        let valves: Domain = Domain::new("valves").unwrap();
        let desk = Desk::open(Setup {
            network: genesis.root(),
            key: keys.coordinator(),
            requester: keys.requester(),
            secrets: keys.clone(),
            anchors,
            chain: Arc::clone(&chain),
            hub,
            classifier: Arc::new(Classifier::new(&[(valves, QUESTION.to_owned())])),
            journal: Journal::open(&room.path().join("coordinator.db")).unwrap(),
            panel: Panel::PATIENT,
            models: answerers,
            embedder: None,
        });
        let ports = Ports {
            coordinator: Arc::new(Port(desk.await.unwrap())),
            ledger: Arc::new(Explorer::new(Arc::clone(&chain), genesis.clone())),
            access: Access::open(),
            embedder: None,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (closing, closed) = oneshot::channel::<()>();
        tokio::spawn(llmnet_gateway::serve(listener, ports, config, async {
            let _ = closed.await;
        }));
        Self {
            gateway: Gateway::new(url),
            servers,
            genesis,
            room,
            chain,
            coordinator,
            keys,
            _closing: closing,
        }
    }

    /// Has so many blocks go by that settle nothing.
    pub(crate) async fn go_by(&self, blocks: u32) {
        for _ in 0..blocks {
            let (to, amount) = (self.coordinator, Amount(1));
            let instruction = Instruction::Transfer { to, amount };
            let signer = operator(&self.keys, 0);
            submit(&*self.chain, &self.genesis, &signer, instruction).await;
        }
    }
}

/// Models of different families, so that none is kept off a panel for another's sake.
fn name(number: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(number).unwrap());
    format!("model{letter}-{number}")
}

fn operator(keys: &Keys, number: usize) -> PrivateKey {
    keys.operator(&format!("model-{number}"))
}

fn genesis(
    keys: &Keys,
    validator: [u8; 32],
    models: usize,
    anchors: &Anchors,
    spans: Spans,
) -> Genesis {
    let local = Params::local();
    let validator = PrivateKey::from_seed(validator).public_key();
    let operators = (0..models).map(|number| (operator(keys, number).public_key(), RICHES));
    let others = [keys.requester(), keys.coordinator()];
    let others = others.map(|key| (key.public_key(), RICHES));
    Genesis {
        name: Text::truncated("faults"),
        validators: List::truncated([GenesisValidator::plain(validator, Amount::CREDIT)]),
        params: Params {
            coordinator_bond_min: Amount::CREDIT,
            epoch_blocks: spans.epoch,
            checkpoint_blocks: local.checkpoint_blocks.min(spans.epoch),
            ..local
        },
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated(operators.chain(others)),
        anchors: List::truncated([anchors.first(keys.coordinator().public_key())]),
    }
}

async fn submit(
    chain: &dyn ChainClient,
    genesis: &Genesis,
    signer: &PrivateKey,
    instruction: Instruction,
) {
    let payer = signer.public_key();
    let (_, nonce) = query(chain, move |state| ledger::account(state, &payer).nonce)
        .await
        .unwrap();
    let transaction = Transaction::sign(genesis.id(), signer, nonce, instruction);
    let id = chain.submit(transaction).await.unwrap();
    let inclusion = chain.outcome(id, DEADLINE).await.unwrap().unwrap();
    let outcome = inclusion.outcome;
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

async fn enlist(chain: &dyn ChainClient, genesis: &Genesis, keys: &Keys) {
    let key = keys.coordinator();
    let enlistment = Enlistment {
        node: key.public_key(),
        operator: key.public_key(),
        role: Role::Coordinator,
        address: Text::empty(),
        bond: BOND,
        until: Epoch(u64::MAX),
    };
    let signed = Signed::new(enlistment, &genesis.id(), &key);
    submit(chain, genesis, &key, Instruction::Enlist(Box::new(signed))).await;
}

/// Registers a model and lets it take offers.
async fn join(
    chain: &Arc<dyn ChainClient>,
    genesis: &Genesis,
    keys: &Keys,
    hub: &Hub,
    number: usize,
    source: models::Source,
) {
    let operator = operator(keys, number);
    let node = keys.respondent(&format!("model-{number}"));
    let key = node.public_key();
    let registration = Registration {
        node: key,
        operator: operator.public_key(),
        nonce: 0,
        domains: List::truncated(source.domains),
        model: Model {
            family: Text::truncated(&source.name),
            name: Text::truncated(&source.name),
            digest: Digest::ZERO,
            assurance: Assurance::Declared,
        },
        corpus: None,
        price: source.price,
        tokenizer: Tokenizer::Bytes4,
        bond: BOND,
    };
    let signed = Signed::new(registration, &genesis.id(), &node);
    let instruction = Instruction::Register(Box::new(signed));
    submit(&**chain, genesis, &operator, instruction).await;
    let (_, found) = query(&**chain, move |state| ledger::provider_of(state, &key))
        .await
        .unwrap();
    let (provider, _) = found.expect("it is registered");
    let respondent = Respondent {
        network: genesis.id(),
        key: node,
        provider,
        nonce: 0,
        prices: Prices::one(source.price),
        answerer: source.answerer,
        lookups: None,
        chain: Arc::clone(chain),
    };
    tokio::spawn(respondent::serve(respondent, hub.join(key)));
}
