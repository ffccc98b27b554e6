//! An expert on a link with documents of its own, which others look things up in.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use llmnet::{
    experts::Experts,
    keys::Keys,
    remote::Remote,
    respondent::{
        Respondent,
        backing::Backing,
        bookkeeping::Bookkeeping,
        documents::Documents,
        lookups::Lookups,
        registering::{BOND, register},
        running::{self, Running},
    },
    transport::dialing::Coordinators,
};
use llmnet_chain::{client::ChainClient, query};
use llmnet_knowledge::{
    collaborate::message::{Reply, Request},
    ingest::Section,
    store::{NewDocument, Store},
};
use llmnet_ledger::{Genesis, State, query as ledger};
use llmnet_types::{
    codec::Text,
    domain::Domain,
    id::{Digest, NetworkId, Salt},
    passage::Passage,
    signature::{PrivateKey, PublicKey},
    transaction::{Instruction, Outcome, Transaction},
    units::Amount,
};
use tokio::sync::watch;

use super::far::link;
use crate::{
    models::server::meaning,
    support::{DEADLINE, Local, Room, Up, keys},
};

/// The model of its vectors.
pub(super) const MEANING: &str = "meaning";

/// A network that an expert joins, in this process or in another.
pub(super) struct World {
    chain: Arc<dyn ChainClient>,
    network: NetworkId,
    keys: Keys,
    link: String,
}

impl World {
    pub(super) fn of(local: &Local) -> Self {
        Self {
            chain: local.chain(),
            network: local.network.id,
            keys: local.keys(),
            link: link(local),
        }
    }

    /// A running `llmnet up`, whose coordinator listens there.
    pub(super) async fn of_process(room: &Room, up: &Up, link: String) -> Self {
        let genesis = std::fs::read_to_string(room.network().join("genesis.json")).unwrap();
        let genesis = Genesis::from_json(&genesis).unwrap();
        let nodes = vec![up.gateway.url.clone()];
        let remote = Remote::connect(nodes, &genesis, DEADLINE).await.unwrap();
        Self {
            chain: Arc::new(remote),
            network: genesis.id(),
            keys: keys(room),
            link,
        }
    }

    fn coordinators(&self) -> Coordinators {
        let coordinator = self.keys.coordinator().public_key();
        Coordinators::from([(coordinator, self.link.clone())])
    }

    /// Gives an account enough for a bond.
    async fn pay(&self, to: PublicKey) {
        let (amount, requester) = (Amount(20 * Amount::CREDIT.0), self.keys.requester());
        let payer = requester.public_key();
        let nonce = |state: &dyn State| ledger::account(state, &payer).nonce;
        let (_, nonce) = query(&*self.chain, |state| nonce(state)).await.unwrap();
        let instruction = Instruction::Transfer { to, amount };
        let transaction = Transaction::sign(self.network, &requester, nonce, instruction);
        let id = self.chain.submit(transaction).await.unwrap();
        let found = self.chain.outcome(id, DEADLINE).await.unwrap().unwrap();
        assert!(
            matches!(found.outcome, Outcome::Applied { .. }),
            "{found:?}"
        );
    }
}

/// Counts how often a question came.
pub(super) struct Counted {
    inner: Arc<dyn Lookups>,
    asked: AtomicUsize,
}

impl Lookups for Counted {
    fn look_up(&self, request: &Request) -> Reply {
        if matches!(request, Request::Ask(_)) {
            self.asked.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.look_up(request)
    }
}

pub(super) struct Keeper {
    pub(super) documents: Arc<Documents>,
    key: PrivateKey,
    counted: Arc<Counted>,
    running: Running,
}

impl Keeper {
    /// Registers an expert of a domain with these texts, and links it. What others are told is what `tells` makes of its
    /// documents.
    pub(super) async fn start(
        world: &World,
        expert: (u8, &str, &[&str]),
        tells: impl FnOnce(Arc<Documents>) -> Arc<dyn Lookups>,
    ) -> Self {
        Self::start_for(world, expert, tells, world.coordinators()).await
    }

    /// The same, linked to these.
    pub(super) async fn start_for(
        world: &World,
        (number, domain, texts): (u8, &str, &[&str]),
        tells: impl FnOnce(Arc<Documents>) -> Arc<dyn Lookups>,
        wanted: Coordinators,
    ) -> Self {
        let [key, operator] =
            [number + 20, number + 40].map(|seed| PrivateKey::from_seed([seed; 32]));
        world.pay(operator.public_key()).await;
        let sample = Experts::new(&world.keys).unwrap().sample;
        let documents = Documents::new(Arc::new(store(number, domain, texts)), sample);
        let documents = Arc::new(documents);
        let corpus = documents.present().await.unwrap().unwrap();
        let corpus = corpus.registration().unwrap();
        let domain = Domain::new(domain).unwrap();
        let backing = Backing::documents(Arc::clone(&documents), domain, corpus);
        let (chain, network) = (Arc::clone(&world.chain), world.network);
        let standing = register(&*chain, network, (&operator, &key), &backing, BOND).await;
        let standing = standing.unwrap();
        let provider = standing.provider;
        documents
            .announce(&*chain, network, &operator, provider)
            .await
            .unwrap();
        let counted = Arc::new(Counted {
            inner: tells(Arc::clone(&documents)),
            asked: AtomicUsize::new(0),
        });
        let respondent = Respondent {
            network,
            key: key.clone(),
            provider,
            nonce: standing.registration.nonce,
            prices: standing.prices,
            answerer: backing.answerer,
            lookups: Some(Arc::clone(&counted) as Arc<dyn Lookups>),
            chain,
        };
        let books = Bookkeeping::in_memory(network, provider);
        Self {
            documents,
            key,
            counted,
            running: running::start(respondent, books, watch::channel(wanted).1),
        }
    }

    pub(super) fn node(&self) -> PublicKey {
        self.key.public_key()
    }

    /// How often a question came to it.
    pub(super) fn asked(&self) -> usize {
        self.counted.asked.load(Ordering::Relaxed)
    }

    /// The root that it announced.
    pub(super) fn root(&self) -> Digest {
        self.documents.store().proofs().unwrap().root()
    }

    pub(super) async fn stop(self) {
        self.running.stop().await.unwrap();
    }
}

fn store(number: u8, domain: &str, texts: &[&str]) -> Store {
    let store = Store::in_memory(&Salt([number; 32])).unwrap();
    let sections = texts.iter().map(|text| Section {
        passage: Passage {
            document: Text::new(format!("{domain}.md")).unwrap(),
            title: Text::new(domain).unwrap(),
            text: Text::new(*text).unwrap(),
        },
        terms: String::new(),
    });
    let document = NewDocument {
        digest: Digest([number; 32]),
        title: domain.to_owned(),
        kind: "markdown".to_owned(),
        licence: String::new(),
        as_of_day: 20_000 + u32::from(number),
        bytes: 1,
        sections: sections.collect(),
    };
    store.add(domain, &document).unwrap();
    let texts = store.unembedded(MEANING, 64).unwrap().into_iter();
    let vectors: Vec<_> = texts.map(|text| (text.id, meaning(&text.text))).collect();
    store.keep_vectors(MEANING, &vectors).unwrap();
    store
}
