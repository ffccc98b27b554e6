//! Who earns what of a settlement, at once or when the windows close (SET-5, SET-6).

use std::collections::BTreeMap;

use llmnet_types::{
    id::{NetworkId, ProviderId},
    signature::PublicKey,
    transaction::{Rejection, Settlement},
    units::{Amount, Epoch},
};

use crate::{
    due,
    event::EventKind,
    record::{Due, Provider},
    state::Key,
    work::{Place, Work},
};

/// What a provider earns by a settlement.
struct Earned {
    node: PublicKey,
    operator: PublicKey,
    /// By the epoch of selection, as the windows follow it.
    amounts: BTreeMap<Epoch, Amount>,
}

/// What all providers earn by a settlement.
#[derive(Default)]
pub(super) struct Earnings(BTreeMap<ProviderId, Earned>);

impl Earnings {
    pub(super) fn add(
        &mut self,
        id: ProviderId,
        provider: &Provider,
        epoch: Epoch,
        pay: Amount,
    ) -> Result<(), Rejection> {
        let earned = self.0.entry(id).or_insert_with(|| Earned {
            node: provider.registration.node,
            operator: provider.registration.operator,
            amounts: BTreeMap::new(),
        });
        let amount = earned.amounts.entry(epoch).or_default();
        *amount = amount.checked_add(pay).ok_or(Rejection::Overflow)?;
        Ok(())
    }

    /// Pays everybody: the co-signed at once, the others by themselves when the windows close (SET-6).
    pub(super) fn pay(
        self,
        work: &mut Work<'_>,
        network: &NetworkId,
        settlement: &Settlement,
    ) -> Result<(), Rejection> {
        let cosigned = self.cosigned(network, settlement)?;
        for (provider, earned) in self.0 {
            for (epoch, amount) in earned.amounts {
                if amount == Amount::ZERO {
                    continue;
                }
                let held_until = if cosigned.contains(&provider) {
                    work.credit(&earned.operator, amount, Place::Lines)?;
                    None
                } else {
                    Some(hold(work, &earned.operator, amount, epoch)?)
                };
                work.event(EventKind::PayEarned {
                    provider,
                    operator: earned.operator,
                    amount,
                    held_until,
                });
            }
        }
        Ok(())
    }

    /// The seats that agreed: each named by the leaves, signed by its node, about exactly them.
    fn cosigned(
        &self,
        network: &NetworkId,
        settlement: &Settlement,
    ) -> Result<Vec<ProviderId>, Rejection> {
        let mut cosigned: Vec<ProviderId> = Vec::new();
        for (provider, line_ok) in &settlement.line_oks {
            let fault = Rejection::LineOk {
                provider: *provider,
            };
            let in_order = cosigned.last().is_none_or(|last| last < provider);
            let Some(earned) = self.0.get(provider).filter(|_| in_order) else {
                return Err(fault);
            };
            let agrees = settlement.line_ok(*provider).as_ref() == Some(&line_ok.body);
            if !agrees || line_ok.verify(network, &earned.node).is_err() {
                return Err(fault);
            }
            cosigned.push(*provider);
        }
        Ok(cosigned)
    }
}

/// Holds pay until the windows of an epoch close, on one list entry for each operator and epoch.
fn hold(
    work: &mut Work<'_>,
    operator: &PublicKey,
    amount: Amount,
    epoch: Epoch,
) -> Result<Epoch, Rejection> {
    let until = epoch
        .0
        .checked_add(u64::from(work.params.held_epochs))
        .map(Epoch)
        .ok_or(Rejection::Overflow)?;
    let key = Key::Held {
        operator: *operator,
        epoch: until,
    };
    let held: Option<Amount> = work.read(&key);
    if held.is_none() {
        due::push(work, until, Due::Pay(*operator));
    }
    let sum = held.unwrap_or_default().checked_add(amount);
    work.write(key, &sum.ok_or(Rejection::Overflow)?);
    work.shift(Place::Lines, Place::Held, amount)?;
    Ok(until)
}
