//! A registration ends, by its operator's word or by a slashing (REG-7).

use llmnet_types::{
    bond::Role, codec::List, id::ProviderId, params::RELEASE_EPOCHS, rejection::Rejection,
    signature::PublicKey, units::Amount,
};

use super::{domains, versions};
use crate::{
    bond, due,
    event::EventKind,
    query,
    record::{Due, Provider},
    state::Key,
    work::Work,
};

/// Ends a registration by its operator's word.
pub(crate) fn retire(
    work: &mut Work<'_>,
    signer: &PublicKey,
    id: ProviderId,
) -> Result<(), Rejection> {
    let provider = super::standing(work, id)?;
    if provider.newest().registration.operator != *signer {
        return Err(Rejection::Provider { provider: id });
    }
    end(work, id, provider)
}

/// After a slashing: a registration with too little bond ends; of any other the registered bonds are at
/// most what is left, as newcomers are drawn in proportion to them (SEL-6).
pub(crate) fn slashed(work: &mut Work<'_>, node: &PublicKey) {
    let Some((id, mut provider)) = query::provider_of(work, node) else {
        return;
    };
    let left = query::bond(work, node, Role::Respondent).map_or(Amount::ZERO, |bond| bond.standing);
    let said = &provider.newest().registration;
    let domains = u64::try_from(said.domains.len()).unwrap_or(u64::MAX);
    let each = Amount(left.0.checked_div(domains).unwrap_or(0));
    let lowered = each < said.bond;
    let lower = |work: &mut Work<'_>, provider: &mut Provider| {
        versions::amend(work, provider, 0, |version| {
            version.registration.bond = each
        })
    };
    if each >= work.params.bond_min && (!lowered || lower(work, &mut provider).is_ok()) {
        work.write(Key::Provider(id), &provider);
        return;
    }
    // Refused only where numbers of epochs run out, which they do not.
    let _ended = end(work, id, provider);
}

fn end(work: &mut Work<'_>, id: ProviderId, mut provider: Provider) -> Result<(), Rejection> {
    let now = work.clock.epoch;
    let forgotten = now.after(RELEASE_EPOCHS).ok_or(Rejection::Overflow)?;
    let node = provider.newest().registration.node;
    provider.retired_at = Some(work.clock.height);
    work.write(Key::Provider(id), &provider);
    bond::end(work, &node, Role::Respondent)?;
    due::push(work, forgotten, Due::Retired(id));
    work.event(EventKind::Retired { provider: id });
    Ok(())
}

/// Takes a registration off the lists of its domains, once no selection looks back to when it stood: so
/// the retired take nobody's place (REG-3).
pub(crate) fn forget(work: &mut Work<'_>, id: ProviderId) {
    let Some(mut provider) = query::provider(work, id) else {
        return;
    };
    for domain in &provider.domains {
        domains::leave(work, id, *domain);
    }
    // Its last key goes on to name it, so that its number and nonce are never another's.
    provider.versions = List::truncated([provider.newest().clone()]);
    work.write(Key::Provider(id), &provider);
}
