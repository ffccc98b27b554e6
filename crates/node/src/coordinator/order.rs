//! Taking an order: read what a panel is selected from, take the next slot, sign for it.

use std::{sync::Arc, time::Duration};

use llmnet_chain::query;
use llmnet_gateway::port::{Allowance, AnswerError, Hold};
use llmnet_ledger::{
    query as ledger,
    selection::{self, inputs},
};
use llmnet_protocol::{quote::worst_case, session::Setup as SessionSetup};
use llmnet_types::{
    contract::Terms,
    id::{Digest, ProviderId},
    passage::Shared,
    request::Request,
    selection::{DomainChoice, SelectionInputs},
    signature::PublicKey,
    units::{Epoch, Height, Score, Slot},
};

use super::{
    able,
    accounts::{At, OrderError},
    desk::{Desk, Topic, internal},
    lookup::fit,
    terms::{Panel, terms},
};

/// How often a selection is read again when blocks come in between.
const ATTEMPTS: usize = 8;

/// When to ask again where no hash chain is in force: the next one is with the next epoch.
const NEXT_CHAIN: Duration = Duration::from_secs(5);

/// What a selection was read with.
pub(super) struct Read {
    inputs: SelectionInputs,
    fee: Score,
    policy: u16,
    /// Since when the coordinator's hash chain in force is that.
    chain: Option<Epoch>,
}

impl Desk {
    /// Selection inputs at the newest finalized height, with the network's fee and policy.
    async fn inputs(&self, topic: &Topic) -> Result<Arc<Read>, AnswerError> {
        let read = self.read_inputs(topic.clone());
        let inputs = &self.readings.inputs;
        inputs.at(self.height(), topic.clone(), read).await
    }

    async fn read_inputs(&self, topic: Topic) -> Result<(Height, Arc<Read>), AnswerError> {
        let coordinator = self.key.public_key();
        let (height, read) = query(&*self.chain, move |state| {
            let clock = ledger::clock(state);
            let choices: Vec<DomainChoice> = topic
                .domains
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
            let record = ledger::coordinator(state, &coordinator).unwrap_or_default();
            let inputs = inputs(state, clock.height, &choices, topic.classifier);
            inputs.map(|inputs| Read {
                inputs,
                fee: params.network_fee,
                policy: params.policy,
                chain: record.chains.of(clock.epoch).map(|chain| chain.from),
            })
        })
        .await
        .map_err(internal)?;
        let read = read.map_err(|fault| AnswerError::NoRespondent {
            message: format!("nobody can be selected for this domain: {fault}"),
            skipped: Vec::new(),
            retry_after: Duration::from_secs(5),
        })?;
        Ok((height, Arc::new(read)))
    }

    /// Orders a slot within what the asker may spend, for a request with the passages that were found for it. Not to be dropped half way: the slot would have no end, and
    /// those after it would wait for it.
    pub(super) async fn order(
        self: &Arc<Self>,
        (request, found): (Request, Vec<Shared>),
        panel: Panel,
        topic: &Topic,
        allowance: &Allowance,
    ) -> Result<(SessionSetup, Hold), AnswerError> {
        for _ in 0..ATTEMPTS {
            let read = self.inputs(topic).await?;
            let filters = able::filters(&request, &read.inputs)?;
            let standing = self.standing(&found, read.inputs.height).await;
            let standing = standing.map_err(internal)?;
            let mut accounts = self.accounts.lock().await;
            let slot = accounts.next_slot;
            let salt = self.secrets.contract(slot);
            let terms = terms(&request, &salt, read.policy, panel, filters);
            // Out of range is the order's own to say.
            let worst = worst_case(&terms, read.fee).unwrap_or_default();
            let hold = allowance.reserve(worst)?;
            let at = At {
                height: read.inputs.height,
                epoch: read.inputs.epoch,
                chain: read.chain,
            };
            let ordered = accounts.order(at, &terms, read.fee, &self.id, &self.requester);
            let reserved = accounts.reserved;
            drop(accounts);
            match ordered {
                Ok(ordered) => {
                    self.set_aside_in_time(ordered.slot, reserved);
                    let order = self.ranks(&read, ordered.slot, &ordered.secret, &terms);
                    let setup = SessionSetup {
                        network: self.id,
                        key: self.key.clone(),
                        slot: ordered.slot,
                        slot_secret: ordered.secret,
                        requester: self.requester.public_key(),
                        voucher: ordered.voucher,
                        own: self.own(&read.inputs, &order, &terms),
                        order,
                        shared: fit(standing, &request, &terms.caps),
                        terms,
                        request,
                        salt,
                        selection: read.inputs.clone(),
                        fee: read.fee,
                    };
                    return Ok((setup, hold));
                }
                Err(OrderError::Stale) => {}
                Err(OrderError::NoneAside) => self.set_aside().await.map_err(internal)?,
                Err(error @ (OrderError::Line(_) | OrderError::LineEnding(_))) => {
                    let renewed = self.renew_line().await;
                    let renewed = renewed.map_err(|failed| AnswerError::Unfunded {
                        message: format!("{error}; {failed:#}"),
                    })?;
                    if !renewed {
                        // Open orders reserve what is left: it is free again when they end.
                        break;
                    }
                }
                Err(OrderError::Chain(error)) => {
                    // The settler sees to it that the next one is anchored.
                    self.work.notify_one();
                    return Err(AnswerError::NotReady {
                        message: error.to_string(),
                        retry_after: NEXT_CHAIN,
                    });
                }
                Err(error @ (OrderError::Price | OrderError::Slots)) => {
                    return Err(internal(error));
                }
            }
        }
        Err(AnswerError::Overloaded {
            retry_after: Duration::from_millis(500),
        })
    }

    /// Those that can be asked and are of this program.
    fn own(&self, inputs: &SelectionInputs, order: &[ProviderId], terms: &Terms) -> Vec<PublicKey> {
        let asked = order.iter().take(2 * usize::from(terms.seats));
        let nodes = asked.filter_map(|id| {
            let mut candidates = inputs.candidates.iter();
            let candidate = candidates.find(|candidate| candidate.provider == *id)?;
            Some(candidate.node)
        });
        nodes.filter(|node| self.hub.is_near(node)).collect()
    }

    fn ranks(&self, read: &Read, slot: Slot, secret: &Digest, terms: &Terms) -> Vec<ProviderId> {
        let beacon = &read.inputs.beacon;
        let seed = selection::seed(&self.id, beacon, &self.key.public_key(), slot, secret);
        let rule = selection::Rule::version(terms.policy).unwrap_or_default();
        selection::order(&read.inputs, &seed, &rule, &terms.filters)
    }
}
