//! Who earns what of a settlement, at once or when the windows close (SET-5, SET-6).

use std::collections::BTreeMap;

use llmnet_types::{
    codec::List,
    id::{Digest, NetworkId, ProviderId},
    params::RELEASE_EPOCHS,
    rejection::{Field, Rejection},
    settlement::{CoSignature, Settlement},
    signature::PublicKey,
    units::{Amount, Epoch, Slot},
};

use super::leaf::Server;
use crate::{
    due,
    event::EventKind,
    record::{Due, Held, Provider, SETTLED_PROVIDERS_MAX, Settled},
    state::Key,
    work::{Place, Work},
};

/// What a provider earns by a settlement.
struct Earned {
    node: PublicKey,
    operator: PublicKey,
    amount: Amount,
}

/// What all providers earn by a settlement.
#[derive(Default)]
pub(super) struct Earnings(BTreeMap<ProviderId, Earned>);

impl Earnings {
    pub(super) fn add(
        &mut self,
        id: ProviderId,
        server: &Server,
        pay: Amount,
    ) -> Result<(), Rejection> {
        let earned = self.0.entry(id).or_insert_with(|| Earned {
            node: server.node,
            operator: server.operator,
            amount: Amount::ZERO,
        });
        earned.amount = earned.amount.checked_add(pay).ok_or(Rejection::Overflow)?;
        Ok(())
    }

    /// Pays everybody: the co-signed at once, the others by themselves when the windows close (SET-6).
    pub(super) fn pay(
        self,
        work: &mut Work<'_>,
        network: &NetworkId,
        coordinator: &PublicKey,
        settlement: &Settlement,
        root: Digest,
        epoch: Epoch,
    ) -> Result<(), Rejection> {
        let too_many = Rejection::Bounds {
            field: Field::Leaves,
        };
        if self.0.len() > SETTLED_PROVIDERS_MAX {
            return Err(too_many);
        }
        let co_signed = self.co_signed(network, settlement)?;
        let until = epoch.after(RELEASE_EPOCHS).ok_or(Rejection::Overflow)?;
        let mut held = List::new();
        for (provider, earned) in self.0 {
            let Earned {
                operator, amount, ..
            } = earned;
            if amount == Amount::ZERO {
                continue;
            }
            let free = co_signed.binary_search(&provider).is_ok();
            if free {
                work.credit(&operator, amount, Place::Lines)?;
            } else {
                work.shift(Place::Lines, Place::Held, amount)?;
                let entry = Held {
                    provider,
                    operator,
                    amount,
                };
                if !held.push(entry) {
                    return Err(too_many);
                }
            }
            work.event(EventKind::PayEarned {
                provider,
                operator,
                amount,
                held_until: (!free).then_some(until),
            });
        }
        let settled = Settled {
            root,
            leaves: u16::try_from(settlement.leaves.len()).unwrap_or(u16::MAX),
            opening: settlement.opening,
            epoch,
            held,
        };
        let first_slot = settlement.first_slot;
        work.write(Key::Settlement(*coordinator, first_slot), &settled);
        let due = Due::Settlement {
            coordinator: *coordinator,
            first_slot,
        };
        due::push(work, until, due);
        Ok(())
    }

    /// The seats that agreed: each named by the leaves, signed by its node, about exactly them.
    fn co_signed(
        &self,
        network: &NetworkId,
        settlement: &Settlement,
    ) -> Result<Vec<ProviderId>, Rejection> {
        let mut co_signed: Vec<ProviderId> = Vec::new();
        for (provider, line_ok) in &settlement.line_oks {
            let fault = Rejection::LineOk {
                provider: *provider,
            };
            let in_order = co_signed.last().is_none_or(|last| last < provider);
            let Some(earned) = self.0.get(provider).filter(|_| in_order) else {
                return Err(fault);
            };
            let agrees = settlement.line_ok(*provider).as_ref() == Some(&line_ok.body);
            if !agrees || line_ok.verify(network, &earned.node).is_err() {
                return Err(fault);
            }
            co_signed.push(*provider);
        }
        Ok(co_signed)
    }
}

/// Frees held pay of seats that agree later (SET-6). One that does not hold refuses them all.
pub(crate) fn co_sign(
    work: &mut Work<'_>,
    network: &NetworkId,
    signatures: &[CoSignature],
) -> Result<(), Rejection> {
    for signature in signatures {
        let fault = Rejection::LineOk {
            provider: signature.provider,
        };
        let key = Key::Settlement(signature.coordinator, signature.first_slot);
        let settled: Option<Settled> = work.read(&key);
        let mut settled = settled.ok_or(Rejection::Settlement {
            slot: signature.first_slot,
        })?;
        let place = settled
            .held
            .iter()
            .position(|held| held.provider == signature.provider);
        let mut held = settled.held.into_vec();
        let entry = held.remove(place.ok_or_else(|| fault.clone())?);
        let provider: Option<Provider> = work.read(&Key::Provider(signature.provider));
        let provider = provider.ok_or_else(|| fault.clone())?;
        let said = &signature.line_ok.body;
        let node = provider.newest().registration.node;
        let agrees = said.settlement == settled.root && said.total == entry.amount;
        if !agrees || signature.line_ok.verify(network, &node).is_err() {
            return Err(fault);
        }
        work.credit(&entry.operator, entry.amount, Place::Held)?;
        settled.held = List::truncated(held);
        work.write(key, &settled);
        work.event(EventKind::PayReleased {
            operator: entry.operator,
            amount: entry.amount,
        });
    }
    Ok(())
}

/// Frees what a settlement still holds, and forgets it (SET-6, WIN-1).
pub(crate) fn release(work: &mut Work<'_>, coordinator: &PublicKey, first_slot: Slot) {
    let key = Key::Settlement(*coordinator, first_slot);
    let Some(settled) = work.read::<Settled>(&key) else {
        return;
    };
    for held in &settled.held {
        // All money together fits in 64 bits (TXN-4), so this cannot fail.
        if work
            .credit(&held.operator, held.amount, Place::Held)
            .is_ok()
        {
            work.event(EventKind::PayReleased {
                operator: held.operator,
                amount: held.amount,
            });
        }
    }
    work.remove(key);
}
