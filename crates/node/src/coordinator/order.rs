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
    domain::Domain,
    id::{Digest, ProviderId},
    request::Request,
    selection::{DomainChoice, SelectionInputs},
    signature::PublicKey,
    units::{Height, Score, Slot},
};

use super::{
    able,
    accounts::OrderError,
    desk::{Desk, internal},
    terms::{Panel, terms},
};

/// How often a selection is read again when blocks come in between.
const ATTEMPTS: usize = 8;

/// What a selection was read with.
pub(super) struct Read {
    inputs: SelectionInputs,
    fee: Score,
    policy: u16,
}

impl Desk {
    /// Selection inputs at the newest finalized height, with the network's fee and policy.
    async fn inputs(&self, domains: &[(Domain, Score)]) -> Result<Arc<Read>, AnswerError> {
        let read = self.read_inputs(domains.to_vec());
        let inputs = &self.readings.inputs;
        inputs.at(self.height(), domains.to_vec(), read).await
    }

    async fn read_inputs(
        &self,
        domains: Vec<(Domain, Score)>,
    ) -> Result<(Height, Arc<Read>), AnswerError> {
        let classifier = self.classifier.version();
        let (height, read) = query(&*self.chain, move |state| {
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
        let read = read.map_err(|fault| AnswerError::NoRespondent {
            message: format!("nobody can be selected for this domain: {fault}"),
            skipped: Vec::new(),
            retry_after: Duration::from_secs(5),
        })?;
        Ok((height, Arc::new(read)))
    }

    /// Orders a slot within what the asker may spend. Not to be dropped half way: the slot would have no end, and
    /// those after it would wait for it.
    pub(super) async fn order(
        self: &Arc<Self>,
        request: Request,
        panel: Panel,
        domains: &[(Domain, Score)],
        allowance: &Allowance,
    ) -> Result<(SessionSetup, Hold), AnswerError> {
        for _ in 0..ATTEMPTS {
            let read = self.inputs(domains).await?;
            let filters = able::filters(&request, &read.inputs)?;
            let mut accounts = self.accounts.lock().await;
            let slot = accounts.next_slot;
            let salt = self.secrets.contract(slot);
            let terms = terms(&request, &salt, read.policy, panel, filters);
            // Out of range is the order's own to say.
            let worst = worst_case(&terms, read.fee).unwrap_or_default();
            let hold = allowance.reserve(worst)?;
            let height = read.inputs.height;
            let at = (height, read.inputs.epoch);
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
                Err(error @ OrderError::ChainUsedUp) => {
                    return Err(AnswerError::NotReady {
                        message: format!("{error}; go on with a new directory (--dir)"),
                        retry_after: Duration::from_secs(3_600),
                    });
                }
                Err(error @ OrderError::Price) => return Err(internal(error)),
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
