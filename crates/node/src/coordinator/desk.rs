//! The desk where requests come in: classify, select, order, conduct, write down, answer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use llmnet_chain::{client::ChainClient, query};
use llmnet_gateway::port::{
    AnswerError, Answered, Coordinator, Expert, Health, Offer, Part, ReceiptDocument as File,
    ReceiptState,
};
use llmnet_knowledge::classify::Classifier;
use llmnet_ledger::{
    query as ledger,
    selection::{self, inputs},
};
use llmnet_protocol::{
    message::{Statement, ToSeat},
    quote::Purse,
    session::{Finished, Setup as SessionSetup},
    settle,
};
use llmnet_types::{
    codec::{List, Text},
    contract::{Caps, Criteria, Durations, Filters, PaySplit, Strategy, Terms, contract_id},
    document::{Format, PhaseTranscript, ReceiptDocument},
    domain::Domain,
    id::{ContractId, Digest, NetworkId},
    network::NetworkRoot,
    receipt::ContractStatus,
    registration::Assurance,
    request::{Progress, Request},
    selection::{DomainChoice, SelectionInputs},
    signature::PrivateKey,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{
    accounts::{Accounts, Chain, OrderError},
    conduct::conduct,
    journal::Journal,
    settler, view,
};
use crate::{
    home::CHAIN_LENGTH,
    keys::Keys,
    transport::{Hub, REPLIES},
};

/// What a line is opened with.
const DEPOSIT: Amount = Amount(10_000 * Amount::CREDIT.0);
/// For how many epochs.
const LINE_EPOCHS: u64 = 10_000;
/// How long opening a line may take.
const OPENING: Duration = Duration::from_secs(10);
/// How often a selection is read again when blocks come in between.
const ATTEMPTS: usize = 8;

/// What a desk needs.
#[derive(Clone)]
pub struct Setup {
    /// The network.
    pub network: NetworkRoot,
    /// All keys of the directory.
    pub keys: Keys,
    /// The ledger.
    pub chain: Arc<dyn ChainClient>,
    /// The respondents.
    pub hub: Hub,
    /// Tells what a question is about.
    pub classifier: Arc<Classifier>,
    /// What must not be forgotten.
    pub journal: Journal,
    /// Whether slow models sit on panels: they are given more time.
    pub patient: bool,
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
    requester: PrivateKey,
    keys: Keys,
    classifier: Arc<Classifier>,
    patient: bool,
    /// Held until an order is written down, so that the journal has no gap.
    accounts: tokio::sync::Mutex<Accounts>,
    troubles: Mutex<Option<String>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("network", &self.id)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        let key = setup.keys.coordinator();
        let requester = setup.keys.requester();
        let entries = setup.journal.entries(Slot(0)).await?;
        let next_slot = entries
            .last()
            .map_or(Some(Slot(0)), |entry| entry.slot.next())
            .unwrap_or_default();
        let height = entries.last().map_or(Height(0), |entry| entry.height);
        // What has no end now was lost when the program stopped: nobody is owed anything for it.
        for lost in entries.iter().filter(|entry| entry.leaf.is_none()) {
            let leaf = settle::void_leaf(lost.height, lost.voucher.body.line);
            setup.journal.end(lost.slot, leaf, None).await?;
        }
        let placeholder = Purse::new(Default::default(), Amount::ZERO, 0, Amount::ZERO);
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
                chain: Chain::new(setup.keys.chain(), CHAIN_LENGTH),
                next_slot,
                height,
                purse: placeholder,
            }),
            keys: setup.keys,
            classifier: setup.classifier,
            patient: setup.patient,
            troubles: Mutex::default(),
        });
        desk.take_up_line().await?;
        tokio::spawn(settler::run(Arc::clone(&desk)));
        Ok(desk)
    }

    /// Notes what went wrong in the background, for `/status`.
    pub(super) fn trouble(&self, error: &anyhow::Error) {
        *lock(&self.troubles) = Some(format!("{error:#}"));
    }

    pub(super) async fn slot_secret(&self, slot: Slot) -> Option<Digest> {
        self.accounts.lock().await.chain.element(slot)
    }

    /// Finds the line to order from, opening one where none has money and time left.
    async fn take_up_line(&self) -> anyhow::Result<()> {
        let owner = self.requester.public_key();
        let coordinator = self.key.public_key();
        let read = || async {
            query(&*self.chain, move |state| {
                (
                    ledger::line_of(state, &owner, &coordinator),
                    ledger::account(state, &owner),
                    ledger::clock(state).epoch,
                )
            })
            .await
        };
        let (_, (mut line, account, epoch)) = read().await?;
        let usable = line.as_ref().is_some_and(|(_, line)| {
            !line.closed
                && line.ends.0 > epoch.0.saturating_add(8)
                && line.rest() > Amount(DEPOSIT.0 / 100)
        });
        if !usable {
            let instruction = Instruction::OpenLine {
                coordinator,
                amount: DEPOSIT,
                expires: Epoch(epoch.0.saturating_add(LINE_EPOCHS)),
            };
            let transaction =
                Transaction::sign(self.id, &self.requester, account.nonce, instruction);
            let id = self.chain.submit(transaction).await?;
            match self
                .chain
                .outcome(id, OPENING)
                .await?
                .map(|found| found.outcome)
            {
                Some(Outcome::Applied { .. }) => {}
                Some(Outcome::Rejected { reason, .. }) => anyhow::bail!("no line: {reason}"),
                None => anyhow::bail!("the line was not opened within {OPENING:?}"),
            }
            line = read().await?.1.0;
        }
        let Some((id, line)) = line else {
            anyhow::bail!("the line that was opened cannot be found");
        };
        let (last, unsettled) = self.unsettled(id).await?;
        let charged = line.drawn.checked_add(unsettled).unwrap_or(line.locked);
        let last = last.max(line.n);
        self.accounts.lock().await.purse = Purse::new(id, line.locked, last, charged);
        Ok(())
    }

    /// The last order on a line, and what ended orders will still draw from it.
    async fn unsettled(&self, line: llmnet_types::id::LineId) -> anyhow::Result<(u32, Amount)> {
        let coordinator = self.key.public_key();
        let (_, record) = query(&*self.chain, move |state| {
            ledger::coordinator(state, &coordinator)
        })
        .await?;
        let settled = record.map_or(Slot(0), |record| record.next_slot);
        let entries = self.journal.entries(Slot(0)).await?;
        let ours = entries
            .iter()
            .filter(|entry| entry.voucher.body.line == line);
        let last = ours
            .clone()
            .map(|entry| entry.voucher.body.n)
            .max()
            .unwrap_or(0);
        let charges = ours
            .filter(|entry| entry.slot >= settled)
            .filter_map(|entry| entry.leaf.as_ref())
            .map(|leaf| leaf.charge);
        Ok((last, Amount::sum(charges).unwrap_or(Amount::ZERO)))
    }

    fn terms(&self, request: &Request, salt: &llmnet_types::id::Salt, policy: u16) -> Terms {
        let output = request.output_tokens_max.unwrap_or(Tokens(2_000));
        let (quorum, grace_ms) = if self.patient {
            (2, 20_000)
        } else {
            (1, 1_500)
        };
        Terms {
            request: request.digest(&salt.field("request")),
            domain: request.domain.clone(),
            filters: Filters::default(),
            strategy: request.strategy,
            seats: if request.strategy == Strategy::Single {
                1
            } else {
                3
            },
            quorum: if request.strategy == Strategy::Single {
                1
            } else {
                quorum
            },
            rounds: u8::from(!matches!(
                request.strategy,
                Strategy::Single | Strategy::Vote
            )),
            durations: Durations {
                offer_ms: 1_000,
                accept_ms: 3_000,
                answer_ms: 60_000,
                grace_ms,
                open_ms: 3_000,
                round_ms: 60_000,
                ballot_ms: 60_000,
            },
            caps: Caps {
                input_tokens: Tokens(100_000),
                output_tokens: Tokens(output.0.clamp(1, 6_000)),
                seat_charge: Amount(100_000),
            },
            split: PaySplit {
                base: Score::clamped(4_000),
                coordinator: Score::clamped(1_000),
            },
            criteria: Criteria {
                seats: 1,
                agreement: Score::ZERO,
                assurance: Assurance::Declared,
            },
            policy,
        }
    }

    /// What the request is about; nothing where nobody here could know.
    fn domains(&self, request: &Request) -> Vec<(Domain, Score)> {
        match &request.domain {
            Some(domain) => vec![(domain.clone(), Score::ONE)],
            None => self.classifier.classify(request.question()),
        }
    }

    /// Selection inputs at the newest finalized height, with the network's fee and policy.
    async fn inputs(&self, domains: &[(Domain, Score)]) -> Result<Read, AnswerError> {
        let domains = domains.to_vec();
        let classifier = self.classifier.version();
        let (_, read) = query(&*self.chain, move |state| {
            let clock = ledger::clock(state);
            let choices: Vec<DomainChoice> = domains
                .iter()
                .filter_map(|(domain, confidence)| {
                    Some(DomainChoice {
                        domain: domain.clone(),
                        id: ledger::domain_id(state, domain)?,
                        confidence: *confidence,
                    })
                })
                .collect();
            let params = ledger::params(state);
            let inputs = inputs(state, clock.height, &choices, classifier);
            inputs.map(|inputs| Read {
                inputs,
                fee: params.network_fee,
                policy: params.policy,
            })
        })
        .await
        .map_err(internal)?;
        read.map_err(|fault| AnswerError::NoRespondent {
            message: format!("nobody can be selected for this domain: {fault}"),
            skipped: Vec::new(),
            retry_after: Duration::from_secs(5),
        })
    }

    /// Orders a slot and conducts it.
    async fn contract(
        self: &Arc<Self>,
        request: Request,
        domains: &[(Domain, Score)],
        progress: mpsc::Sender<Progress>,
    ) -> Result<Conducted, AnswerError> {
        for _ in 0..ATTEMPTS {
            let read = self.inputs(domains).await?;
            let mut accounts = self.accounts.lock().await;
            let slot = accounts.next_slot;
            let salt = self.keys.contract(slot);
            let terms = self.terms(&request, &salt, read.policy);
            let height = read.inputs.height;
            let ordered = accounts.order(height, &terms, read.fee, &self.id, &self.requester);
            if let Ok(ordered) = &ordered {
                let contract = contract_id(&self.id, &self.key.public_key(), slot);
                self.journal
                    .begin(slot, contract, height, ordered.voucher.clone())
                    .await
                    .map_err(internal)?;
            }
            drop(accounts);
            match ordered {
                Ok(ordered) => {
                    let setup = SessionSetup {
                        network: self.id,
                        key: self.key.clone(),
                        slot: ordered.slot,
                        slot_secret: ordered.secret,
                        requester: self.requester.public_key(),
                        voucher: ordered.voucher,
                        order: self.order(&read, ordered.slot, &ordered.secret, &terms),
                        terms,
                        request,
                        salt,
                        selection: read.inputs,
                        fee: read.fee,
                    };
                    return self.conduct(setup, progress).await;
                }
                Err(OrderError::Stale) => {}
                Err(OrderError::Line(exhausted)) => {
                    self.take_up_line()
                        .await
                        .map_err(|error| AnswerError::Unfunded {
                            message: format!("{exhausted}; {error:#}"),
                        })?;
                }
                Err(error @ (OrderError::ChainUsedUp | OrderError::Price)) => {
                    return Err(internal(error));
                }
            }
        }
        Err(AnswerError::Overloaded {
            retry_after: Duration::from_millis(500),
        })
    }

    fn order(
        &self,
        read: &Read,
        slot: Slot,
        secret: &Digest,
        terms: &Terms,
    ) -> Vec<llmnet_types::id::ProviderId> {
        let beacon = &read.inputs.beacon;
        let seed = selection::seed(&self.id, beacon, &self.key.public_key(), slot, secret);
        let rule = selection::Rule::version(terms.policy).unwrap_or_default();
        selection::order(&read.inputs, &seed, &rule, &terms.filters)
    }

    /// Runs the session in a task of its own: it must be brought to its end also when nobody waits for
    /// the answer any more.
    async fn conduct(
        self: &Arc<Self>,
        setup: SessionSetup,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Conducted, AnswerError> {
        let (waiting, hung_up) = oneshot::channel::<()>();
        let desk = Arc::clone(self);
        let task = tokio::spawn(async move {
            let done = desk.conduct_and_record(setup, progress, hung_up).await;
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
        progress: mpsc::Sender<Progress>,
        hung_up: oneshot::Receiver<()>,
    ) -> Result<Conducted, AnswerError> {
        let slot = setup.slot;
        let n = setup.voucher.body.n;
        let finished = conduct(
            self.hub.clone(),
            self.key.public_key(),
            setup,
            progress,
            hung_up,
        )
        .await;
        let leaf = settle::leaf(&finished.receipt, finished.signed.body);
        let document = self.document(&finished).map_err(internal)?;
        self.journal
            .end(slot, leaf, Some(document))
            .await
            .map_err(internal)?;
        let total = finished.receipt.charges.total;
        self.accounts.lock().await.purse.charge(n, total);
        self.tell_seats(&finished);
        Ok(Conducted { finished })
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
            proof: None,
        })
    }

    /// The newest finalized height, the moment it is asked for.
    fn height(&self) -> Height {
        self.chain.tip().borrow().height()
    }
}

/// What a selection was read with.
struct Read {
    inputs: SelectionInputs,
    fee: Score,
    policy: u16,
}

/// A request that came to its end.
struct Conducted {
    finished: Finished,
}

fn internal(error: impl std::fmt::Display) -> AnswerError {
    AnswerError::Internal {
        detail: format!("{error:#}"),
    }
}

/// What is said where nobody found anything: honest, and free.
const NOBODY: &str = "Nobody on this network found anything about that in its documents.";

#[async_trait]
impl Coordinator for Arc<Desk> {
    async fn answer(
        &self,
        request: Request,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Answered, AnswerError> {
        if request.question().trim().is_empty() {
            return Err(AnswerError::InvalidRequest {
                param: Some("messages".to_owned()),
                message: "the last user message is empty; ask something".to_owned(),
            });
        }
        let domains = self.domains(&request);
        drop(progress.try_send(Progress::Classified {
            domains: domains.clone(),
        }));
        if domains.is_empty() {
            return Ok(view::declined(NOBODY, request.strategy, self.height()));
        }
        let Conducted { finished } = self.contract(request, &domains, progress).await?;
        let receipt = finished.receipt.clone();
        let (_, titles) = query(&*self.chain, move |state| view::titles(state, &receipt))
            .await
            .map_err(internal)?;
        let mut answered = view::answered(&finished, &titles);
        if finished.receipt.status == ContractStatus::Void {
            if !view::nothing_found(&finished.receipt) {
                return Err(AnswerError::NoRespondent {
                    message: "no respondent took the request".to_owned(),
                    skipped: answered.skipped,
                    retry_after: Duration::from_secs(2),
                });
            }
            answered.declined = true;
            answered.text = NOBODY.to_owned();
        } else if finished.answer.is_none() {
            return Err(AnswerError::Timeout {
                message: "the panel accepted and did not answer in time".to_owned(),
                receipt: Some(finished.receipt.contract()),
            });
        }
        Ok(answered)
    }

    async fn models(&self) -> Vec<Offer> {
        query(&*self.chain, |state| view::offers(state))
            .await
            .map(|(_, offers)| offers)
            .unwrap_or_default()
    }

    async fn experts(&self) -> Vec<Expert> {
        let hub = self.hub.clone();
        query(&*self.chain, move |state| view::experts(state, &hub))
            .await
            .map(|(_, experts)| experts)
            .unwrap_or_default()
    }

    async fn receipt(&self, id: &ContractId, wait: Duration) -> Result<Option<File>, AnswerError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut proven = self.proven.subscribe();
        loop {
            let found = self.journal.receipt(*id).await.map_err(internal)?;
            let Some(document) = found else {
                return Ok(None);
            };
            let state = match &document.proof {
                Some(proof) => ReceiptState::Final(proof.header.height),
                None => ReceiptState::Issued,
            };
            let patient = state == ReceiptState::Issued && tokio::time::Instant::now() < deadline;
            if !patient {
                return Ok(Some(File {
                    bytes: document.to_bytes(),
                    state,
                }));
            }
            tokio::select! {
                _ = proven.changed() => {}
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }

    async fn health(&self) -> Health {
        let tip = self.chain.tip();
        let running = tip.has_changed().is_ok();
        let height = tip.borrow().height();
        let trouble = lock(&self.troubles).clone();
        let free = self.accounts.lock().await.purse.free();
        let part = |name: &str, ready, detail: String| Part {
            name: name.to_owned(),
            ready,
            detail,
        };
        Health {
            blocked: (!running).then(|| "the chain has stopped; restart the node".to_owned()),
            network: Some(self.id),
            height: Some(height),
            parts: vec![
                part("chain", running, format!("block {height}")),
                part(
                    "line",
                    free > Amount::ZERO,
                    format!("{} credits free", free.credits()),
                ),
                part(
                    "settlement",
                    trouble.is_none(),
                    trouble.unwrap_or_else(|| "up to date".to_owned()),
                ),
            ],
        }
    }
}
