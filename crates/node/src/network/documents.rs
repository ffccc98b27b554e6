//! Experts that `llmnet knowledge` made in this directory: they join the network while it runs, and it hears of their
//! documents as they change.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_knowledge::{classify::Classifier, sample::Sample, store::Store};
use llmnet_ledger::query as ledger;
use llmnet_types::{
    domain::Domain,
    id::{NetworkId, ProviderId},
    signature::PrivateKey,
    transaction::Instruction,
    units::Amount,
};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use crate::{
    coordinator::Desk,
    experts::Experts,
    home::Home,
    keys::Keys,
    respondent::{
        self, Respondent,
        backing::Backing,
        documents::{AGAIN, Documents, LOOK_EVERY},
        registering::{BOND, register, registered},
    },
    stores::{self, Engine},
    transport::Hub,
};

use super::submit;

/// The most experts that are taken in.
const EXPERTS_MAX: usize = 32;
/// Passages by which an expert's domain is known to the classifier.
const SAMPLES_MAX: usize = 64;
/// What an expert's operator begins with: its bond, and fees.
const BEGIN: Amount = Amount(2 * BOND.0);

/// What all experts of a directory have in common.
pub(super) struct Following {
    folder: PathBuf,
    engine: Engine,
    keys: Keys,
    network: NetworkId,
    chain: Arc<dyn ChainClient>,
    hub: Hub,
    desk: Arc<Desk>,
    sample: Arc<Sample>,
    /// What the classifier knows of the experts in the box.
    samples: Vec<(Domain, String)>,
    known: BTreeMap<Domain, Expert>,
    /// Stores that could not be opened, and when it is tried again.
    shut: BTreeMap<Domain, Instant>,
}

/// An expert with a store.
struct Expert {
    documents: Arc<Documents>,
    operator: PrivateKey,
    node: PrivateKey,
    /// Once it has joined.
    provider: Option<ProviderId>,
    /// What went wrong last, and when it is tried again.
    trouble: Option<(String, Instant)>,
}

impl Following {
    pub(super) fn new(
        home: &Home,
        engine: Engine,
        chain: &Arc<dyn ChainClient>,
        hub: &Hub,
        desk: &Arc<Desk>,
        experts: &Experts,
    ) -> Self {
        Self {
            folder: stores::folder(&home.path),
            engine,
            keys: home.keys.clone(),
            network: home.genesis.id(),
            chain: Arc::clone(chain),
            hub: hub.clone(),
            desk: Arc::clone(desk),
            sample: Arc::clone(&experts.sample),
            samples: experts.samples.clone(),
            known: BTreeMap::new(),
            shut: BTreeMap::new(),
        }
    }

    /// Looks at the stores for as long as it is not dropped.
    pub(super) async fn run(mut self) {
        loop {
            self.look().await;
            sleep(LOOK_EVERY).await;
        }
    }

    /// Takes in what is new.
    pub(super) async fn look(&mut self) {
        for name in stores::names(&self.folder) {
            if self.known.len() >= EXPERTS_MAX || self.known.contains_key(&name) {
                continue;
            }
            if self
                .shut
                .get(&name)
                .is_some_and(|again| *again > Instant::now())
            {
                continue;
            }
            match self.open(&name).await {
                Ok(expert) => drop(self.known.insert(name, expert)),
                Err(error) => {
                    tracing::warn!(expert = %name, "{error:#}");
                    self.shut.insert(name, Instant::now() + AGAIN);
                }
            }
        }
        let mut changed = false;
        for name in self.known.keys().cloned().collect::<Vec<_>>() {
            let waits = |expert: &Expert| {
                let again = expert.trouble.as_ref().map(|(_, again)| *again);
                again.is_some_and(|again| again > Instant::now())
            };
            if self.known.get(&name).is_none_or(waits) {
                continue;
            }
            let done = self.keep(&name).await;
            changed |= *done.as_ref().unwrap_or(&false);
            if let Some(expert) = self.known.get_mut(&name) {
                expert.note(&name, done.err());
            }
        }
        if changed && let Err(error) = self.classify().await {
            tracing::warn!("questions about new documents are not told apart: {error:#}");
        }
    }

    async fn open(&self, name: &Domain) -> anyhow::Result<Expert> {
        let (path, engine) = (stores::path(&self.folder, name), self.engine.clone());
        // A server may be far away, or not there.
        let open = move || engine.searches(stores::open(&path)?);
        let store: Store = spawn_blocking(open).await??;
        let role = format!("knowledge/{name}");
        Ok(Expert {
            documents: Arc::new(Documents::new(Arc::new(store), Arc::clone(&self.sample))),
            operator: self.keys.operator(&role),
            node: self.keys.respondent(&role),
            provider: None,
            trouble: None,
        })
    }

    /// Has an expert join once it has documents, and announces what changed. Says whether anything did.
    async fn keep(&mut self, name: &Domain) -> anyhow::Result<bool> {
        let expert = self
            .known
            .get(name)
            .context("an expert that is not there")?;
        if let Some(provider) = expert.provider {
            let documents = &expert.documents;
            return documents
                .announce(&*self.chain, self.network, &expert.operator, provider)
                .await;
        }
        let Some(proofs) = expert.documents.present().await? else {
            return Ok(false);
        };
        let corpus = proofs.registration().context("an empty corpus is none")?;
        let backing = Backing::documents(Arc::clone(&expert.documents), name.clone(), corpus);
        let (chain, keys) = (&*self.chain, (&expert.operator, &expert.node));
        let standing = match registered(chain, expert.node.public_key()).await? {
            Some(standing) => standing,
            None => {
                self.fund(&expert.operator).await?;
                register(chain, self.network, keys, &backing, BOND).await?
            }
        };
        let provider = standing.provider;
        expert
            .documents
            .announce(chain, self.network, &expert.operator, provider)
            .await?;
        let inbox = self.hub.join(expert.node.public_key());
        let respondent = Respondent {
            network: self.network,
            key: expert.node.clone(),
            provider,
            nonce: standing.registration.nonce,
            prices: standing.prices,
            answerer: backing.answerer,
            lookups: backing.lookups,
            chain: Arc::clone(&self.chain),
        };
        tokio::spawn(respondent::serve(respondent, inbox));
        tracing::info!(expert = %name, "answers from its documents now");
        if let Some(expert) = self.known.get_mut(name) {
            expert.provider = Some(provider);
        }
        Ok(true)
    }

    /// Gives a new operator what it needs, from the directory's own money.
    async fn fund(&self, operator: &PrivateKey) -> anyhow::Result<()> {
        let to = operator.public_key();
        let (_, account) = query(&*self.chain, move |state| ledger::account(state, &to)).await?;
        if account.balance > BOND {
            return Ok(());
        }
        let amount = BEGIN;
        let transfer = Instruction::Transfer { to, amount };
        submit(&*self.chain, self.network, &self.keys.requester(), transfer)
            .await
            .context("the expert's operator cannot be given its bond")
    }

    /// Has the classifier know what the experts' documents are about.
    async fn classify(&self) -> anyhow::Result<()> {
        let joined = self
            .known
            .iter()
            .filter(|(_, expert)| expert.provider.is_some());
        let stores: Vec<_> = joined
            .map(|(name, expert)| (name.clone(), Arc::clone(expert.documents.store())))
            .collect();
        let mut samples = self.samples.clone();
        let classifier = spawn_blocking(move || {
            for (name, store) in stores {
                let some = store.some(SAMPLES_MAX)?.into_iter();
                let text = |passage: llmnet_types::passage::Passage| {
                    format!(
                        "{}\n{}\n{}",
                        &*passage.document, &*passage.title, &*passage.text
                    )
                };
                samples.extend(some.map(|passage| (name.clone(), text(passage))));
            }
            anyhow::Ok(Classifier::new(&samples))
        });
        self.desk.classify_by(Arc::new(classifier.await??));
        Ok(())
    }
}

impl Expert {
    /// Tells what went wrong, once.
    fn note(&mut self, name: &Domain, error: Option<anyhow::Error>) {
        let Some(error) = error.map(|error| format!("{error:#}")) else {
            self.trouble = None;
            return;
        };
        if self
            .trouble
            .as_ref()
            .is_none_or(|(before, _)| *before != error)
        {
            tracing::warn!(expert = %name, "{error}");
        }
        self.trouble = Some((error, Instant::now() + AGAIN));
    }
}
