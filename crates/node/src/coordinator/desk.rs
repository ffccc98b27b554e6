//! The desk where requests come in: classify, select, order, conduct, write down, answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llmnet_chain::client::ChainClient;
use llmnet_gateway::port::{Allowance, AnswerError, Hold};
use llmnet_knowledge::classify::Classifier;
use llmnet_model::answer::Answerer;
use llmnet_protocol::{
    message::{Statement, ToSeat},
    quote::Purse,
    session::{Finished, Setup as SessionSetup},
    settle,
};
use llmnet_types::{
    codec::{List, Text},
    document::{Format, PhaseTranscript, ReceiptDocument},
    domain::Domain,
    id::{Digest, LineId, NetworkId},
    network::NetworkRoot,
    request::{Progress, Request},
    settlement::Leaf,
    signature::PrivateKey,
    succession::{HandOver, Succession},
    units::{Amount, Epoch, Height, Score, Slot},
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    accounts::{Accounts, Chain},
    conduct::conduct,
    journal::Journal,
    line::settled,
    settler,
    terms::Panel,
};
use crate::{
    home::CHAIN_LENGTH,
    keys::Keys,
    transport::{Hub, REPLIES},
};

/// What a desk needs.
#[derive(Clone)]
pub struct Setup {
    /// The network.
    pub network: NetworkRoot,
    /// The coordinator's key.
    pub key: PrivateKey,
    /// The account that the gateway orders from.
    pub requester: PrivateKey,
    /// What hash chain and salts are derived from.
    pub secrets: Keys,
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
}

/// A coordinator with its gateway's own line.
pub struct Desk {
    pub(super) network: NetworkRoot,
    pub(super) id: NetworkId,
    pub(super) key: PrivateKey,
    pub(super) chain: Arc<dyn ChainClient>,
    pub(super) hub: Hub,
    pub(super) journal: Journal,
    /// Called when a slot ended.
    pub(super) work: Notify,
    /// The newest block whose settlements are proven.
    pub(super) proven: watch::Sender<Height>,
    pub(super) requester: PrivateKey,
    pub(super) secrets: Keys,
    pub(super) classifier: Arc<Classifier>,
    pub(super) panel: Panel,
    pub(super) models: Vec<(String, Arc<dyn Answerer>)>,
    /// Held until an order is written down, so that the journal has no gap.
    pub(super) accounts: tokio::sync::Mutex<Accounts>,
    /// Held while a line is renewed.
    pub(super) renewing: tokio::sync::Mutex<()>,
    pub(super) troubles: Mutex<Option<String>>,
    /// How terms ended, from the first on, as far as proofs needed it.
    pub(super) hand_overs: tokio::sync::Mutex<Vec<HandOver>>,
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
        let (settled, settled_height) = settled(&*setup.chain, key.public_key()).await?;
        let entries = setup.journal.entries(settled).await?;
        let (next_slot, height) = match entries.last() {
            Some(last) => (last.slot.next().unwrap_or(last.slot), last.height),
            None => (settled, settled_height),
        };
        // What has no end now was lost when the program stopped: nobody is owed anything for it.
        for lost in entries.iter().filter(|entry| entry.leaf.is_none()) {
            let leaf = settle::void_leaf(lost.height, lost.voucher.body.line);
            setup.journal.end(lost.slot, leaf, None).await?;
        }
        let placeholder = Purse::new(LineId::default(), Amount::ZERO, 0, Amount::ZERO);
        let desk = Arc::new(Self {
            id: setup.network.id(),
            network: setup.network,
            key,
            requester,
            chain: setup.chain,
            hub: setup.hub,
            journal: setup.journal,
            work: Notify::new(),
            proven: watch::Sender::new(Height(0)),
            accounts: tokio::sync::Mutex::new(Accounts {
                chain: Chain::new(setup.secrets.chain(), CHAIN_LENGTH),
                next_slot,
                height: height.max(settled_height),
                purse: placeholder,
                line_ends: Epoch(0),
            }),
            secrets: setup.secrets,
            classifier: setup.classifier,
            panel: setup.panel,
            models: setup.models,
            renewing: tokio::sync::Mutex::default(),
            troubles: Mutex::default(),
            hand_overs: tokio::sync::Mutex::default(),
        });
        desk.take_up_line().await?;
        tokio::spawn(settler::run(Arc::clone(&desk)));
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

    pub(super) async fn slot_secret(&self, slot: Slot) -> Option<Digest> {
        self.accounts.lock().await.chain.element(slot)
    }

    /// What the request is about; nothing where nobody here could know.
    pub(super) fn domains(&self, request: &Request) -> Vec<(Domain, Score)> {
        match &request.domain {
            Some(domain) => vec![(domain.clone(), Score::ONE)],
            None => self.classifier.classify(request.question()),
        }
    }

    /// Orders a slot, conducts it and writes down what came of it, in a task of its own: all of that must
    /// be brought to its end also when nobody waits for the answer any more.
    pub(super) async fn contract(
        self: &Arc<Self>,
        request: Request,
        panel: Panel,
        domains: Vec<(Domain, Score)>,
        allowance: Allowance,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Finished, AnswerError> {
        let (waiting, hung_up) = oneshot::channel::<()>();
        let desk = Arc::clone(self);
        let task = tokio::spawn(async move {
            let (setup, hold) = desk.order(request, panel, &domains, &allowance).await?;
            let done = desk
                .conduct_and_record(setup, hold, progress, hung_up)
                .await;
            desk.work.notify_one();
            done
        });
        let done = task.await;
        drop(waiting);
        done.map_err(internal)?
    }

    async fn conduct_and_record(
        &self,
        setup: SessionSetup,
        hold: Hold,
        progress: mpsc::Sender<Progress>,
        hung_up: oneshot::Receiver<()>,
    ) -> Result<Finished, AnswerError> {
        let slot = setup.slot;
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
        hold.charge(total);
        let leaf = Leaf::of(&finished.receipt, finished.signed.body);
        let document = self.document(&finished).map_err(internal)?;
        self.journal
            .end(slot, leaf, Some(document))
            .await
            .map_err(internal)?;
        self.accounts.lock().await.charge(&voucher, total);
        self.tell_seats(&finished);
        Ok(finished)
    }

    /// Shows every seat the receipt, so that it knows what it is owed and can agree to the settlement.
    fn tell_seats(&self, finished: &Finished) {
        let statement = Statement {
            receipt: finished.receipt.clone(),
            salt: finished.salt,
            signed: finished.signed.clone(),
        };
        let bytes = ToSeat::Receipt(Box::new(statement)).to_bytes();
        let (replies, _inbox) = mpsc::channel(REPLIES);
        for seat in &finished.receipt.seats {
            let node = seat.assign.body.seat;
            // A seat that cannot hear it is paid later, without its co-signature.
            let _ = self
                .hub
                .send(self.key.public_key(), &node, bytes.clone(), &replies);
        }
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
            format: Format::Receipt1,
            network: self.network.clone(),
            request: finished.request.clone(),
            answer: Text::new(answer)?,
            salt: finished.salt,
            receipt: finished.receipt.clone(),
            signed: finished.signed.clone(),
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

pub(super) fn internal(error: impl std::fmt::Display) -> AnswerError {
    AnswerError::Internal {
        detail: format!("{error:#}"),
    }
}
