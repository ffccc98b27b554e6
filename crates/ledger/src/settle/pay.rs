//! Who earns what of a settlement, at once or when the windows close (SET-5, SET-6).

use std::collections::BTreeMap;

use llmnet_types::{
    codec::List,
    id::{Digest, NetworkId, ProviderId},
    params::RELEASE_EPOCHS,
    rejection::{Field, Rejection},
    settlement::{CoSignature, Settlement, Summary},
    signature::PublicKey,
    units::{Amount, Epoch, Slot},
};

use super::leaf::Server;
use crate::{
    due,
    event::EventKind,
    record::{Due, Held, Provider, SETTLED_PROVIDERS_MAX, Settled},
    standing,
    state::Key,
    work::{Place, Work},
};

/// What a provider earns by a settlement.
struct Earned {
    operator: PublicKey,
    amount: Amount,
    /// Whether it agrees already.
    co_signed: bool,
}

/// What all providers earn by a settlement, as leaves are added.
#[derive(Default)]
pub(super) struct Tally(Vec<(ProviderId, Earned)>);

impl Tally {
    /// Adds what a seat earns. Servers are numbered as they come, and each one's first seat is added first.
    pub(super) fn add(
        &mut self,
        id: ProviderId,
        server: &Server,
        pay: Amount,
    ) -> Result<(), Rejection> {
        let Some((_, earned)) = self.0.get_mut(server.place) else {
            let earned = Earned {
                operator: server.operator,
                amount: pay,
                co_signed: false,
            };
            self.0.push((id, earned));
            return Ok(());
        };
        earned.amount = earned.amount.checked_add(pay).ok_or(Rejection::Overflow)?;
        Ok(())
    }

    /// In the order of providers.
    pub(super) fn earnings(self) -> Earnings {
        Earnings(self.0.into_iter().collect())
    }
}

/// What all providers earn by a settlement.
pub(super) struct Earnings(BTreeMap<ProviderId, Earned>);

impl Earnings {
    /// Takes the co-signatures for what they say: each of a provider that the leaves name, in order, about
    /// exactly those leaves (SET-6). There are not more providers than a settlement may name (SET-9).
    pub(super) fn agree(
        &mut self,
        summary: &Summary,
        settlement: &Settlement,
    ) -> Result<(), Rejection> {
        if self.0.len() > SETTLED_PROVIDERS_MAX {
            return Err(TOO_MANY);
        }
        let mut before = None;
        for (provider, line_ok) in &settlement.line_oks {
            let in_order = before.is_none_or(|before| before < provider);
            let agrees = summary.line_ok(*provider).as_ref() == Some(&line_ok.body);
            match self.0.get_mut(provider).filter(|_| in_order && agrees) {
                Some(earned) => earned.co_signed = true,
                None => return Err(forged(*provider)),
            }
            before = Some(provider);
        }
        Ok(())
    }

    /// Co-signatures are of the providers' own keys (SET-6).
    pub(super) fn signed(
        &self,
        work: &Work<'_>,
        network: &NetworkId,
        settlement: &Settlement,
        keys: impl Fn(ProviderId) -> Vec<PublicKey>,
    ) -> Result<(), Rejection> {
        for (provider, line_ok) in &settlement.line_oks {
            if !work.signed_by_one(line_ok, network, &keys(*provider)) {
                return Err(forged(*provider));
            }
        }
        Ok(())
    }

    /// Pays everybody: the co-signed at once, the others by themselves when the windows close (SET-6).
    pub(super) fn pay(
        self,
        work: &mut Work<'_>,
        coordinator: &PublicKey,
        settlement: &Settlement,
        root: Digest,
        epoch: Epoch,
    ) -> Result<(), Rejection> {
        let until = epoch.after(RELEASE_EPOCHS).ok_or(Rejection::Overflow)?;
        let mut held = List::new();
        for (provider, earned) in self.0 {
            let Earned {
                operator,
                amount,
                co_signed,
            } = earned;
            if amount == Amount::ZERO {
                continue;
            }
            if co_signed {
                work.credit(&operator, amount, Place::Lines)?;
            } else {
                work.shift(Place::Lines, Place::Held, amount)?;
                let entry = Held {
                    provider,
                    operator,
                    amount,
                };
                if !held.push(entry) {
                    return Err(TOO_MANY);
                }
            }
            work.event(EventKind::PayEarned {
                provider,
                operator,
                amount,
                held_until: (!co_signed).then_some(until),
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
}

const TOO_MANY: Rejection = Rejection::Bounds {
    field: Field::Leaves,
};

const fn forged(provider: ProviderId) -> Rejection {
    Rejection::LineOk { provider }
}

/// Frees held pay of seats that agree later (SET-6). One that does not hold refuses them all.
pub(crate) fn co_sign(
    work: &mut Work<'_>,
    network: &NetworkId,
    signatures: &[CoSignature],
) -> Result<(), Rejection> {
    if signatures.is_empty() {
        return Err(Rejection::Bounds {
            field: Field::Items,
        });
    }
    // Those of one settlement usually follow one another: it is read and written once for all of them.
    let same = |first: &CoSignature, second: &CoSignature| place(first) == place(second);
    for signatures in signatures.chunk_by(same) {
        co_sign_one(work, network, signatures)?;
    }
    Ok(())
}

/// Where the settlement is kept that a co-signature is about.
const fn place(signature: &CoSignature) -> Key {
    Key::Settlement(signature.coordinator, signature.first_slot)
}

/// Frees held pay of one settlement.
fn co_sign_one(
    work: &mut Work<'_>,
    network: &NetworkId,
    signatures: &[CoSignature],
) -> Result<(), Rejection> {
    let Some(first) = signatures.first() else {
        return Ok(());
    };
    let settled: Option<Settled> = work.read(&place(first));
    let mut settled = settled.ok_or(Rejection::Settlement {
        slot: first.first_slot,
    })?;
    let mut held = settled.held.into_vec();
    for signature in signatures {
        let entry = agreed(
            work,
            network,
            signature,
            settled.root,
            settled.epoch,
            &mut held,
        )?;
        work.credit(&entry.operator, entry.amount, Place::Held)?;
        work.event(EventKind::PayReleased {
            operator: entry.operator,
            amount: entry.amount,
        });
    }
    settled.held = List::truncated(held);
    work.write(place(first), &settled);
    Ok(())
}

/// Takes what a co-signature frees from what is held: it names the settlement and the whole amount, and is
/// of a key that the provider has had since the contracts' epoch began.
fn agreed(
    work: &Work<'_>,
    network: &NetworkId,
    signature: &CoSignature,
    root: Digest,
    epoch: Epoch,
    held: &mut Vec<Held>,
) -> Result<Held, Rejection> {
    let id = signature.provider;
    let index = held.binary_search_by_key(&id, |held| held.provider);
    let index = index.map_err(|_| forged(id))?;
    // Found, so this cannot fail.
    let entry = held.get(index).copied().ok_or(forged(id))?;
    let said = &signature.line_ok.body;
    if said.settlement != root || said.total != entry.amount {
        return Err(forged(id));
    }
    let provider: Option<Provider> = work.read(&Key::Provider(id));
    let provider = provider.ok_or(forged(id))?;
    let keys = provider.keys_since(standing::first_height(&work.params, epoch));
    if !work.signed_by_one(&signature.line_ok, network, &keys) {
        return Err(forged(id));
    }
    held.remove(index);
    Ok(entry)
}

/// Frees what a settlement still holds, and forgets it (SET-6, WIN-1). Gives how many it paid.
pub(crate) fn release(work: &mut Work<'_>, coordinator: &PublicKey, first_slot: Slot) -> u32 {
    let key = Key::Settlement(*coordinator, first_slot);
    let Some(settled) = work.read::<Settled>(&key) else {
        return 0;
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
    u32::try_from(settled.held.len()).unwrap_or(u32::MAX)
}
