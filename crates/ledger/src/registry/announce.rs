//! A provider tells of new documents or a new adapter (REG-8).

use llmnet_types::{
    id::ProviderId,
    registration::{Announcement, Novelty},
    rejection::{Field, Rejection},
    signature::PublicKey,
    units::Amount,
};

use super::versions;
use crate::{
    event::EventKind,
    record::{Provider, Version},
    standing,
    state::Key,
    work::{Place, Work},
};

/// Takes an announcement by a provider's node or operator.
pub(crate) fn announce(
    work: &mut Work<'_>,
    signer: &PublicKey,
    announcement: &Announcement,
) -> Result<(), Rejection> {
    let id = announcement.provider;
    let mut provider = super::standing(work, id)?;
    let registration = &provider.newest().registration;
    if ![registration.node, registration.operator].contains(signer) {
        return Err(Rejection::Provider { provider: id });
    }
    charge(work, signer, &mut provider)?;
    let change = |version: &mut Version| match &announcement.novelty {
        Novelty::Corpus { corpus, .. } => version.registration.corpus = Some(corpus.clone()),
        // One that was made for another model, as it will be after an update, does not fit that.
        Novelty::Adapter(adapter) if adapter.base == version.registration.model.digest => {
            version.adapter = Some(*adapter);
        }
        Novelty::Adapter(_) => {}
    };
    fits(work, &provider, &announcement.novelty)?;
    versions::amend(work, &mut provider, versions::RESERVED, change)?;
    work.write(Key::Provider(id), &provider);
    tell(work, id, &provider, &announcement.novelty);
    Ok(())
}

/// Beyond the free ones of an epoch each costs a fee, split as all fees.
fn charge(
    work: &mut Work<'_>,
    signer: &PublicKey,
    provider: &mut Provider,
) -> Result<(), Rejection> {
    let now = work.clock.epoch;
    let (epoch, count) = provider.announced;
    let count = if epoch == now { count } else { 0 };
    provider.announced = (now, count.saturating_add(1));
    let fee = work.params.announcement_fee;
    if count < work.params.announcements_free || fee == Amount::ZERO {
        return Ok(());
    }
    work.debit(signer, fee, Place::Pool)?;
    work.shift(Place::Pool, Place::Burnt, Amount(fee.0 >> 1))
}

/// An adapter is for the model in force.
fn fits(work: &Work<'_>, provider: &Provider, novelty: &Novelty) -> Result<(), Rejection> {
    let now = provider.at(work.clock.height);
    match (novelty, now) {
        (Novelty::Adapter(adapter), Some(now)) if adapter.base != now.registration.model.digest => {
            Err(Rejection::Bounds {
                field: Field::Novelty,
            })
        }
        _ => Ok(()),
    }
}

/// What is new shrinks good evidence by its share (REP-7), and is told to explorers.
fn tell(work: &mut Work<'_>, id: ProviderId, provider: &Provider, novelty: &Novelty) {
    let (share, event) = match novelty {
        Novelty::Corpus { corpus, changed } => (
            *changed,
            EventKind::CorpusAnnounced {
                provider: id,
                root: corpus.root,
                as_of_day: corpus.as_of_day,
            },
        ),
        Novelty::Adapter(adapter) => (
            work.params.model_change,
            EventKind::AdapterAnnounced {
                provider: id,
                adapter: adapter.adapter,
            },
        ),
    };
    standing::shrink(work, id, &provider.domains, share);
    work.event(event);
}
