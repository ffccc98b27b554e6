//! A registration says something else from the next epoch on (REG-5).

use llmnet_types::{
    bond::Role,
    id::{NetworkId, ProviderId},
    registration::Registration,
    rejection::Rejection,
    signature::{PublicKey, Signed},
    units::Score,
};

use super::{BOND, DOMAINS, versions};
use crate::{
    event::EventKind,
    query,
    record::{Provider, Version},
    standing,
    state::Key,
    work::Work,
};

/// Takes an update: of several in an epoch, the last counts.
pub(crate) fn update(
    work: &mut Work<'_>,
    network: &NetworkId,
    signer: &PublicKey,
    signed: &Signed<Registration>,
) -> Result<(), Rejection> {
    let next = &signed.body;
    if next.operator != *signer {
        return Err(Rejection::Operator);
    }
    let known = query::provider_of(work, &next.node);
    let (id, mut provider) = known.ok_or(Rejection::NotEnlisted {
        role: Role::Respondent,
    })?;
    let before = provider.newest().clone();
    unchanged(&before.registration, next)?;
    let from = versions::next_epoch(work)?;
    // An adapter is of one model; with another it is gone.
    let adapter = before
        .adapter
        .filter(|adapter| adapter.base == next.model.digest);
    let version = Version {
        from,
        registration: next.clone(),
        adapter,
    };
    versions::supersede(work, &mut provider, version)?;
    if !work.signed(signed, network, &next.node) {
        return Err(Rejection::NodeSignature);
    }
    work.write(Key::Provider(id), &provider);
    shrink(work, id, &provider, &before.registration, next);
    work.event(EventKind::Updated { provider: id, from });
    Ok(())
}

/// What stands behind a registration does not change with what it says.
fn unchanged(before: &Registration, next: &Registration) -> Result<(), Rejection> {
    if next.operator != before.operator {
        return Err(Rejection::Operator);
    }
    if next.nonce != before.nonce {
        return Err(Rejection::RegistrationNonce {
            expected: before.nonce,
            found: next.nonce,
        });
    }
    if next.domains != before.domains {
        return Err(DOMAINS);
    }
    if next.bond != before.bond {
        return Err(BOND);
    }
    Ok(())
}

/// Another model costs good evidence, and so does a corpus of which nobody said what stayed (REG-5,
/// REP-7). It costs at once, so that no later word can take it back.
fn shrink(
    work: &mut Work<'_>,
    id: ProviderId,
    provider: &Provider,
    before: &Registration,
    next: &Registration,
) {
    // How far the model is backed is no part of it.
    let model = |registration: &Registration| {
        let model = &registration.model;
        (model.digest, model.name.clone(), model.family.clone())
    };
    let root = |registration: &Registration| registration.corpus.as_ref().map(|corpus| corpus.root);
    if model(before) != model(next) {
        let share = work.params.model_change;
        standing::shrink(work, id, &provider.domains, share);
    }
    if root(before) != root(next) {
        standing::shrink(work, id, &provider.domains, Score::ONE);
    }
}
