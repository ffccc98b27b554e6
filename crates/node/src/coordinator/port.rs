//! The gateway's port: a desk as whoever asks over HTTP sees it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use llmnet_chain::{client::ChainError, query};
use llmnet_gateway::port::{
    Allowance, AnswerError, Answered, Coordinator, Expert, Health, Offer, PanelSize, Part,
    ReceiptDocument as File, ReceiptState, Skipped,
};
use llmnet_types::{
    id::ContractId,
    receipt::{ContractStatus, Receipt, SeatOutcome, SeatReceipt},
    request::{Progress, Request},
    signature::PublicKey,
    units::Amount,
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    able,
    desk::{Desk, internal, lock},
    view,
};

/// What is said where nobody found anything: honest, and free.
const NOBODY: &str = "Nobody on this network found anything about that in its documents.";

/// Why a contract that somebody accepted has no answer. Where all gave up, nothing is owed, and asking again is free.
fn unanswered(receipt: &Receipt, skipped: Vec<Skipped>) -> AnswerError {
    let gave_up = |seat: &SeatReceipt| seat.outcome == SeatOutcome::GaveUp;
    if receipt.seats.iter().all(gave_up) {
        return AnswerError::NoRespondent {
            message: "every respondent that took the request gave up; nothing is charged"
                .to_owned(),
            skipped,
            retry_after: Duration::from_secs(2),
        };
    }
    AnswerError::Timeout {
        message: "the panel accepted and did not answer in time".to_owned(),
        receipt: Some(receipt.contract()),
    }
}

/// A desk behind the gateway.
#[derive(Debug, Clone)]
pub struct Port(pub Arc<Desk>);

#[async_trait]
impl Coordinator for Port {
    fn node(&self) -> Option<PublicKey> {
        Some(self.0.key.public_key())
    }

    async fn answer(
        &self,
        request: Request,
        size: PanelSize,
        allowance: Allowance,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Answered, AnswerError> {
        // What a tool gave back is a question by itself.
        if request.question().trim().is_empty() && !request.needs_model() {
            return Err(AnswerError::InvalidRequest {
                param: Some("messages".to_owned()),
                message: "the last user message is empty; ask something".to_owned(),
            });
        }
        let panel = self.0.panel.of(request.strategy, size)?;
        let mut topic = self.0.topic(&request);
        if request.needs_model() {
            let (_, models) = query(&*self.0.chain, |state| able::models(state))
                .await
                .map_err(internal)?;
            topic.domains = able::domains(&request, topic.domains, &models)?;
        }
        if topic.domains.is_empty() {
            return Ok(view::declined(NOBODY, request.strategy, self.0.height()));
        }
        drop(progress.try_send(Progress::Classified {
            domains: topic.domains.clone(),
        }));
        let finished = self
            .0
            .contract(request, panel, topic, allowance, progress)
            .await?;
        let named = view::named(&finished.receipt);
        let asked = named.clone();
        let read = async {
            let read = query(&*self.0.chain, move |state| view::titles(state, &asked));
            let (height, titles) = read.await?;
            Ok::<_, ChainError>((height, Arc::new(titles)))
        };
        let titles = self.0.readings.titles.at(self.0.height(), named, read);
        let titles = titles.await.map_err(internal)?;
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
            return Err(unanswered(&finished.receipt, answered.skipped));
        }
        Ok(answered)
    }

    async fn models(&self) -> Vec<Offer> {
        let read = query(&*self.0.chain, |state| view::offers(state));
        let offers = self.0.readings.offers.at(self.0.height(), (), read);
        offers.await.unwrap_or_default()
    }

    async fn experts(&self) -> Vec<Expert> {
        let hub = self.0.hub.clone();
        query(&*self.0.chain, move |state| view::experts(state, &hub))
            .await
            .map(|(_, experts)| experts)
            .unwrap_or_default()
    }

    async fn receipt(&self, id: &ContractId, wait: Duration) -> Result<Option<File>, AnswerError> {
        let deadline = Instant::now() + wait;
        let mut proven = self.0.proven.subscribe();
        loop {
            let found = self.0.journal.receipt(*id).await.map_err(internal)?;
            let Some(document) = found else {
                return Ok(None);
            };
            let state = match &document.proof {
                Some(proof) => ReceiptState::Final(proof.header.height),
                None => ReceiptState::Issued,
            };
            let patient = state == ReceiptState::Issued && Instant::now() < deadline;
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
        let tip = self.0.chain.tip();
        let running = tip.has_changed().is_ok();
        let height = tip.borrow().height();
        let trouble = lock(&self.0.troubles).clone();
        let free = self.0.accounts.lock().await.purse.free();
        let part = |name: &str, ready, detail: String| Part {
            name: name.to_owned(),
            ready,
            detail,
        };
        let mut parts = vec![
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
        ];
        parts.push(part("lookups", true, self.0.lookups()));
        for (name, answerer) in &self.0.models {
            let trouble = answerer.trouble();
            parts.push(part(
                &format!("model {name}"),
                trouble.is_none(),
                trouble.unwrap_or_else(|| "takes questions".to_owned()),
            ));
        }
        Health {
            blocked: (!running).then(|| "the chain has stopped; restart the node".to_owned()),
            network: Some(self.0.id),
            height: Some(height),
            parts,
        }
    }
}
