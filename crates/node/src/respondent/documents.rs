//! An expert that answers from a store of documents, and tells the network when they change.
//!
//! ```text
//! llmnet knowledge add|remove --> store --> look: another state? --> announced (REG-8) --> final: answers cite it
//! ```
//!
//! A panel that was selected before still cites what was announced then: the last few states are kept, each with the
//! height from which on it counts. While an announcement is on its way nobody can tell what a later panel may cite, so
//! its seats wait for that.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::Context;
use async_trait::async_trait;
use llmnet_chain::{client::ChainClient, query};
use llmnet_knowledge::{
    collaborate::{
        expert::{self, Disclosure},
        message::{Catalogue, Reply, Request as Lookup},
    },
    sample::Sample,
    store::{Proofs, Store, StoreError},
    stored::Stored,
};
use llmnet_ledger::query as ledger;
use llmnet_model::{
    answer::{AnswerError, Answerer, Limits},
    backend::extractive::{Extractive, Options},
};
use llmnet_types::{
    id::{ContractId, Digest, NetworkId, ProviderId},
    message::{Answer, DeclineReason, Revision},
    passage::Evidence,
    rating::Ballot,
    registration::{Announcement, Corpus, Novelty},
    request::Request,
    signature::PrivateKey,
    transaction::Instruction,
    units::Height,
};
use tokio::{sync::watch, task::spawn_blocking, time::sleep};

use super::lookups::Lookups;
use crate::network::submit;

/// When what failed is tried again.
pub const AGAIN: Duration = Duration::from_secs(5);
/// How often stores are looked at: what was added is announced within as much and a block.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);
/// States of a store that panels may still have been selected by.
const STATES_MAX: usize = 8;

/// A store at work.
pub struct Documents {
    store: Arc<Store>,
    sample: Arc<Sample>,
    /// Newest last.
    states: Mutex<VecDeque<State>>,
    /// While an announcement is on its way: the newest height that certainly is before it.
    underway: watch::Sender<Option<Height>>,
    /// What was told last, of which state of the store.
    told: Mutex<Option<(u64, Catalogue)>>,
}

/// What was announced, and from which height on it counts.
struct State {
    from: Height,
    proofs: Arc<Proofs>,
    answerer: Arc<Extractive>,
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").finish_non_exhaustive()
    }
}

impl Documents {
    /// Answers from nothing yet. Evidence is measured by the public sample.
    pub fn new(store: Arc<Store>, sample: Arc<Sample>) -> Self {
        Self {
            store,
            sample,
            states: Mutex::default(),
            underway: watch::Sender::new(None),
            told: Mutex::default(),
        }
    }

    /// The documents.
    pub const fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// What the store has now, to be announced; `None` while it is empty.
    ///
    /// # Errors
    /// The store failed.
    pub async fn present(&self) -> anyhow::Result<Option<Arc<Proofs>>> {
        let store = Arc::clone(&self.store);
        let proofs = spawn_blocking(move || store.proofs()).await??;
        Ok((!proofs.ids().is_empty()).then_some(proofs))
    }

    /// Cites these from now on, in contracts whose panels are selected from a height on.
    ///
    /// # Errors
    /// The store failed.
    pub async fn show(&self, proofs: Arc<Proofs>, from: Height) -> anyhow::Result<()> {
        let library = Stored::new(
            Arc::clone(&self.store),
            Arc::clone(&proofs),
            Arc::clone(&self.sample),
        );
        {
            let mut states = self.lock();
            states.push_back(State {
                from,
                proofs: Arc::clone(&proofs),
                answerer: Arc::new(Extractive::new(Arc::new(library), Options::default())),
            });
            while states.len() > STATES_MAX {
                states.pop_front();
            }
        }
        let store = Arc::clone(&self.store);
        Ok(spawn_blocking(move || store.note_announced(&proofs)).await??)
    }

    /// Announces what the store has now, if that is not what was announced last; shows it once the ledger has it. Says
    /// whether it did.
    ///
    /// # Errors
    /// The store fails, or the announcement is not taken.
    pub async fn announce(
        &self,
        chain: &dyn ChainClient,
        network: NetworkId,
        operator: &PrivateKey,
        provider: ProviderId,
    ) -> anyhow::Result<bool> {
        let known = self.lock().back().map(|state| state.proofs.generation());
        let store = Arc::clone(&self.store);
        let generation = spawn_blocking(move || store.generation()).await??;
        if known == Some(generation) {
            return Ok(false);
        }
        let Some(proofs) = self.present().await? else {
            return Ok(false);
        };
        let corpus = proofs.registration().context("an empty corpus is none")?;
        let standing = standing(chain, provider, &corpus).await?;
        if let Some(from) = standing {
            // Another process noted it, or a change was taken back.
            self.show(proofs, from).await?;
            return Ok(true);
        }
        let (store, measured) = (Arc::clone(&self.store), Arc::clone(&proofs));
        let changed = spawn_blocking(move || store.changed(&measured)).await??;
        let announcement = Announcement {
            provider,
            novelty: Novelty::Corpus {
                corpus: corpus.clone(),
                changed,
            },
        };
        let before = chain.tip().borrow().height();
        self.underway.send_replace(Some(before));
        let taken = self
            .hand_in(chain, network, operator, announcement, proofs)
            .await;
        self.underway.send_replace(None);
        taken?;
        tracing::info!(root = %corpus.root, passages = corpus.passages, "new documents are announced");
        Ok(true)
    }

    /// Announces what changes, for as long as it is not dropped. What fails is said once and tried again.
    pub async fn keep_announced(
        &self,
        chain: &dyn ChainClient,
        network: NetworkId,
        operator: &PrivateKey,
        provider: ProviderId,
    ) -> Infallible {
        let mut told = None;
        loop {
            let done = self.announce(chain, network, operator, provider).await;
            let trouble = done.err().map(|error| format!("{error:#}"));
            if let Some(trouble) = trouble.as_ref().filter(|_| told != trouble) {
                tracing::warn!("{trouble}");
            }
            sleep(if trouble.is_some() { AGAIN } else { LOOK_EVERY }).await;
            told = trouble;
        }
    }

    async fn hand_in(
        &self,
        chain: &dyn ChainClient,
        network: NetworkId,
        operator: &PrivateKey,
        announcement: Announcement,
        proofs: Arc<Proofs>,
    ) -> anyhow::Result<()> {
        let provider = announcement.provider;
        let instruction = Instruction::Announce(Box::new(announcement));
        submit(chain, network, operator, instruction)
            .await
            .context("new documents cannot be announced")?;
        let corpus = proofs.registration().context("an empty corpus is none")?;
        let from = standing(chain, provider, &corpus).await?;
        let from = from.context("the announcement cannot be found")?;
        self.show(proofs, from).await
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<State>> {
        // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What counts at a height.
    async fn at(&self, height: Height) -> Result<Arc<Extractive>, AnswerError> {
        let known = |underway: &Option<Height>| underway.is_none_or(|before| height <= before);
        // The sender is this one's own: it is there.
        let _ = self.underway.subscribe().wait_for(known).await;
        let states = self.lock();
        let state = states.iter().rev().find(|state| state.from <= height);
        let state = state.ok_or(AnswerError::Declined(DeclineReason::NothingFound))?;
        Ok(Arc::clone(&state.answerer))
    }
}

impl Documents {
    /// What was announced under a root, lately; the newest for zeros.
    fn announced(&self, root: &Digest) -> Option<Arc<Proofs>> {
        let states = self.lock();
        let mut newest_first = states.iter().rev().map(|state| &state.proofs);
        let found = newest_first.find(|proofs| *root == Digest::ZERO || proofs.root() == *root);
        found.cloned()
    }

    fn looked_up(&self, request: &Lookup) -> Result<Reply, StoreError> {
        let disclosure = self.store.disclosure()?;
        if disclosure == Disclosure::Nothing {
            return Ok(Reply::Declined);
        }
        let root = match request {
            Lookup::Catalogue { .. } => Digest::ZERO,
            Lookup::Ask(ask) => ask.corpus,
        };
        let Some(announced) = self.announced(&root) else {
            return Ok(Reply::Declined);
        };
        Ok(match request {
            Lookup::Catalogue { known } => match self.catalogue(&announced)? {
                Some(catalogue) if catalogue.digest() == *known => Reply::Unchanged,
                told => Reply::Catalogue(told.map(Box::new)),
            },
            Lookup::Ask(ask) => {
                Reply::Found(expert::answer(&self.store, &announced, ask, disclosure)?)
            }
        })
    }

    /// Told again without counting as long as nothing changes.
    fn catalogue(&self, announced: &Proofs) -> Result<Option<Catalogue>, StoreError> {
        let generation = self.store.generation()?;
        // Held while counting: who comes meanwhile gets the same.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, catalogue)) = &*told
            && *of == generation
            && catalogue.corpus.root == announced.root()
        {
            return Ok(Some(catalogue.clone()));
        }
        let models = self.store.status()?.vectors;
        let model = models.iter().max_by_key(|(_, passages)| *passages);
        let model = model.map(|(name, _)| name.as_str());
        let counted = expert::catalogue(&self.store, announced, model)?;
        *told = counted.clone().map(|catalogue| (generation, catalogue));
        Ok(counted)
    }
}

impl Lookups for Documents {
    fn look_up(&self, request: &Lookup) -> Reply {
        self.looked_up(request).unwrap_or_else(|error| {
            tracing::warn!(%error, "nothing can be looked up for others");
            Reply::Declined
        })
    }
}

/// From which height on a provider's newest word has this corpus; `None` where it has another.
async fn standing(
    chain: &dyn ChainClient,
    provider: ProviderId,
    corpus: &Corpus,
) -> anyhow::Result<Option<Height>> {
    let corpus = corpus.clone();
    let (_, found) = query(chain, move |state| {
        let provider = ledger::provider(state, provider)?;
        let versions = provider.versions.iter().rev();
        let same =
            versions.take_while(|version| version.registration.corpus.as_ref() == Some(&corpus));
        Some(same.last().map(|version| version.from))
    })
    .await?;
    found.context("the expert is not registered")
}

#[async_trait]
impl Answerer for Documents {
    fn version(&self) -> String {
        "extractive/1 bm25/2 documents".to_owned()
    }

    async fn answer(
        &self,
        contract: &ContractId,
        request: &Request,
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        self.at(limits.height)
            .await?
            .answer(contract, request, limits)
            .await
    }

    async fn answer_with(
        &self,
        contract: &ContractId,
        request: &Request,
        shared: &[Evidence],
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        let answerer = self.at(limits.height).await?;
        let answered = answerer.answer_with(contract, request, shared, limits);
        answered.await
    }

    async fn revise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Revision, AnswerError> {
        let answerer = self.at(limits.height).await?;
        answerer.revise(contract, request, own, shown, limits).await
    }

    async fn judge(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Ballot, AnswerError> {
        let answerer = self.at(limits.height).await?;
        answerer.judge(contract, request, own, shown, limits).await
    }
}
