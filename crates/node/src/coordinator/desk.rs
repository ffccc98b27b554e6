//! The desk where requests come in: classify, select, order, conduct, write down, answer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use llmnet_chain::client::ChainClient;
use llmnet_gateway::port::{Allowance, AnswerError, Hold, Offer};
use llmnet_knowledge::classify::Classifier;
use llmnet_model::{answer::Answerer, embedding::Embedder};
use llmnet_protocol::{
    message::{Statement, ToSeat},
    quote::Purse,
    session::{Finished, Setup as SessionSetup},
};
use llmnet_types::{
    codec::{List, Text},
    document::{Format, PhaseTranscript, ReceiptDocument},
    domain::Domain,
    id::{Digest, LineId, NetworkId, ProviderId},
    network::NetworkRoot,
    request::{Progress, Request},
    settlement::Leaf,
    signature::PrivateKey,
    succession::{HandOver, Succession},
    units::{Amount, Epoch, Height, Score},
};
use tokio::{
    sync::{Notify, Semaphore, mpsc, oneshot, watch},
    time::timeout,
};

use super::{
    accounts::Accounts,
    backlog::Backlog,
    catalogues::{Catalogues, LIARS_MAX},
    chains::Chains,
    conduct::conduct,
    journal::{Entry, Journal},
    line::settled,
    lookup, settler,
    slots::go_on,
    terms::Panel,
    vectors::Vectors,
    view::Titles,
};
use crate::{anchor::Anchors, keys::Keys, recent::Recent, transport::Hub};

/// Receipts that may wait at a time to be told to their seats.
const TELLING_MAX: usize = 4_096;
/// How long one waits for a seat that has much to hear.
const TELLING_PATIENCE: Duration = Duration::from_secs(10);

/// What a desk needs.
#[derive(Clone)]
pub struct Setup {
    /// The network.
    pub network: NetworkRoot,
    /// The coordinator's key.
    pub key: PrivateKey,
    /// The account that the gateway orders from.
    pub requester: PrivateKey,
    /// What salts are derived from.
    pub secrets: Keys,
    /// What hash chains are made from.
    pub anchors: Anchors,
    /// The ledger.
    pub chain: Arc<dyn ChainClient>,
    /// The respondents.
    pub hub: Hub,
    /// Tells what a question is about.
    pub classifier: Arc<Classifier>,
    /// What must not be forgotten.
    pub journal: Journal,
    /// How large panels are, and how long the slow are waited for.
    pub panel: Panel,
    /// Respondents of this process that are backed by models, by name: status tells of them.
    pub models: Vec<(String, Arc<dyn Answerer>)>,
    /// What makes vectors of questions, if anything does.
    pub embedder: Option<Arc<dyn Embedder>>,
}

/// A coordinator with its gateway's own line.
pub struct Desk {
    pub(super) network: NetworkRoot,
    pub(super) id: NetworkId,
    pub(super) key: PrivateKey,
    pub(super) chain: Arc<dyn ChainClient>,
    pub(super) hub: Hub,
    pub(super) journal: Journal,
    /// How far settlement is behind.
    pub(super) backlog: Backlog,
    /// Places for receipts that are told to their seats.
    telling: Semaphore,
    /// Called when a slot ended.
    pub(super) work: Notify,
    /// The newest block whose settlements are proven.
    pub(super) proven: watch::Sender<Height>,
    pub(super) requester: PrivateKey,
    pub(super) secrets: Keys,
    pub(super) anchors: Anchors,
    classifier: RwLock<Arc<Classifier>>,
    pub(super) panel: Panel,
    /// What panels are selected from, by domains; what respondents are called; what can be asked.
    pub(super) readings: Readings,
    pub(super) models: Vec<(String, Arc<dyn Answerer>)>,
    /// What experts told of their documents.
    pub(super) catalogues: Catalogues,
    pub(super) vectors: Vectors,
    pub(super) accounts: tokio::sync::Mutex<Accounts>,
    /// Held while slots are set aside.
    pub(super) reserving: tokio::sync::Mutex<()>,
    /// Held while a line is renewed.
    pub(super) renewing: tokio::sync::Mutex<()>,
    pub(super) troubles: Mutex<Option<String>>,
    /// How terms ended, from the first on, as far as proofs needed it.
    pub(super) hand_overs: tokio::sync::Mutex<Vec<HandOver>>,
}

/// What a question is about, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Topic {
    /// Best first.
    pub(super) domains: Vec<(Domain, Score)>,
    /// The classifier's version.
    pub(super) classifier: Digest,
}

/// What most requests ask of the ledger.
#[derive(Default)]
pub(super) struct Readings {
    pub(super) inputs: Recent<Topic, Arc<super::order::Read>>,
    pub(super) titles: Recent<Vec<ProviderId>, Arc<Titles>>,
    pub(super) offers: Recent<(), Vec<Offer>>,
    /// Whether a provider had a corpus at a height, as it was read from the ledger to be asked.
    pub(super) standing: Recent<(ProviderId, Digest, Height), bool>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("network", &self.id)
            .finish_non_exhaustive()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Opens the desk: picks up where the journal and the ledger say, opens a line where there is none,
    /// starts to settle.
    ///
    /// # Errors
    /// Chain or journal fail, or the gateway's account cannot pay for a line.
    pub async fn open(setup: Setup) -> anyhow::Result<Arc<Self>> {
        let (key, requester) = (setup.key, setup.requester);
        let network = setup.network.id();
        let settled = settled(&*setup.chain, key.public_key()).await?;
        let (next_slot, height) =
            go_on(&setup.journal, &network, &key.public_key(), settled).await?;
        let distrusted = setup.journal.distrusted(LIARS_MAX).await?;
        let placeholder = Purse::new(LineId::default(), Amount::ZERO, 0, Amount::ZERO);
        let desk = Arc::new(Self {
            id: network,
            network: setup.network,
            key,
            requester,
            chain: setup.chain,
            hub: setup.hub,
            journal: setup.journal,
            backlog: Backlog::new(),
            telling: Semaphore::new(TELLING_MAX),
            work: Notify::new(),
            proven: watch::Sender::new(Height(0)),
            accounts: tokio::sync::Mutex::new(Accounts {
                chains: Chains::new(setup.anchors.length()),
                next_slot,
                reserved: next_slot,
                closed: false,
                height,
                purse: placeholder,
                line_ends: Epoch(0),
            }),
            secrets: setup.secrets,
            anchors: setup.anchors,
            classifier: RwLock::new(setup.classifier),
            panel: setup.panel,
            readings: Readings::default(),
            models: setup.models,
            catalogues: Catalogues::without(distrusted),
            vectors: Vectors::new(setup.embedder),
            reserving: tokio::sync::Mutex::default(),
            renewing: tokio::sync::Mutex::default(),
            troubles: Mutex::default(),
            hand_overs: tokio::sync::Mutex::default(),
        });
        desk.take_up_chains().await?;
        desk.take_up_line().await?;
        tokio::spawn(settler::run(Arc::clone(&desk)));
        tokio::spawn(lookup::follow(Arc::downgrade(&desk)));
        Ok(desk)
    }

    /// Notes what went wrong in the background, for `/status`.
    pub(super) fn trouble(&self, error: &anyhow::Error) {
        tracing::warn!(error = format!("{error:#}"), "settlement");
        *lock(&self.troubles) = Some(format!("{error:#}"));
    }

    /// Settling works again: what went wrong before is in the log.
    pub(super) fn settled_well(&self) {
        *lock(&self.troubles) = None;
    }

    /// Tells from now on what questions are about.
    pub fn classify_by(&self, classifier: Arc<Classifier>) {
        let kept = self.classifier.write();
        *kept.unwrap_or_else(PoisonError::into_inner) = classifier;
    }

    /// What the request is about; no domain where nobody here could know.
    pub(super) fn topic(&self, request: &Request) -> Topic {
        let classifier = self
            .classifier
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let domains = match &request.domain {
            Some(domain) => vec![(domain.clone(), Score::ONE)],
            None => classifier.classify(request.question()),
        };
        Topic {
            domains,
            classifier: classifier.version(),
        }
    }

    /// Orders a slot, conducts it and writes down what came of it, in a task of its own: all of that must
    /// be brought to its end also when nobody waits for the answer any more.
    pub(super) async fn contract(
        self: &Arc<Self>,
        request: Request,
        panel: Panel,
        topic: Topic,
        allowance: Allowance,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Finished, AnswerError> {
        self.backlog.pass().await?;
        let (waiting, hung_up) = oneshot::channel::<()>();
        let desk = Arc::clone(self);
        let task = tokio::spawn(async move {
            let found = desk.look_up(&request).await;
            let order = desk.order((request, found), panel, &topic, &allowance);
            let (setup, hold) = order.await?;
            desk.conduct_and_record(setup, hold, progress, hung_up)
                .await
        });
        let done = task.await;
        drop(waiting);
        done.map_err(internal)?
    }

    async fn conduct_and_record(
        self: &Arc<Self>,
        setup: SessionSetup,
        hold: Hold,
        progress: mpsc::Sender<Progress>,
        hung_up: oneshot::Receiver<()>,
    ) -> Result<Finished, AnswerError> {
        let voucher = setup.voucher.clone();
        let finished = conduct(
            self.hub.clone(),
            self.key.public_key(),
            setup,
            progress,
            hung_up,
        )
        .await;
        let total = finished.receipt.charges.total;
        hold.charge(&finished.receipt.contract(), total);
        let leaf = Leaf::of(&finished.receipt, finished.signed.body);
        let document = self.document(&finished).map_err(internal)?;
        self.accounts.lock().await.charge(&voucher, total);
        let entry = Entry {
            slot: finished.receipt.slot,
            height: leaf.height,
            voucher: Some(voucher),
            leaf,
        };
        let contract = finished.receipt.contract();
        let written = self.journal.end(contract, entry, Some(document)).await;
        let mut written = written.map_err(internal)?;
        let desk = Arc::clone(self);
        let statement = statement(&finished);
        tokio::spawn(async move {
            match written.synced().await {
                Ok(()) => {
                    desk.tell_seats(statement).await;
                    desk.work.notify_one();
                }
                Err(error) => desk.trouble(&error.into()),
            }
        });
        Ok(finished)
    }

    /// Shows every seat the receipt, so that it knows what it is owed and can agree to the settlement.
    async fn tell_seats(&self, statement: Statement) {
        // A seat that cannot hear it in time is paid later, without its co-signature.
        let Ok(_telling) = self.telling.try_acquire() else {
            return;
        };
        let seats = &statement.receipt.seats;
        let nodes: Vec<_> = seats.iter().map(|seat| seat.assign.body.seat).collect();
        let bytes = ToSeat::Receipt(Box::new(statement)).to_bytes();
        let tell = |node| {
            let told = self.hub.tell(self.key.public_key(), node, bytes.clone());
            timeout(TELLING_PATIENCE, told)
        };
        futures::future::join_all(nodes.iter().map(tell)).await;
    }

    fn document(&self, finished: &Finished) -> anyhow::Result<ReceiptDocument> {
        let transcript = finished
            .transcript
            .iter()
            .map(|(phase, openings)| PhaseTranscript {
                phase: *phase,
                openings: List::truncated(openings.iter().cloned()),
            });
        let answer = finished
            .answer
            .as_ref()
            .map_or("", |answer| answer.text.as_str());
        Ok(ReceiptDocument {
            format: Format::Receipt2,
            network: self.network.clone(),
            request: finished.request.clone(),
            answer: Text::new(answer)?,
            salt: finished.salt,
            receipt: finished.receipt.clone(),
            signed: finished.signed.clone(),
            shared: finished.shared.clone(),
            transcript: List::truncated(transcript),
            succession: Succession::default(),
            proof: None,
        })
    }

    /// The newest finalized height, the moment it is asked for.
    pub(super) fn height(&self) -> Height {
        self.chain.tip().borrow().height()
    }
}

/// What seats are shown of a contract that is over.
fn statement(finished: &Finished) -> Statement {
    Statement {
        receipt: finished.receipt.clone(),
        salt: finished.salt,
        signed: finished.signed.clone(),
    }
}

pub(super) fn internal(error: impl std::fmt::Display) -> AnswerError {
    AnswerError::Internal {
        detail: format!("{error:#}"),
    }
}
