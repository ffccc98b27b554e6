//! What a registration said, as far back as selections are recomputed (REG-9).

use llmnet_types::{
    codec::List,
    params::ANSWER_EPOCHS,
    rejection::{Field, Rejection},
    units::Height,
};

use crate::{
    record::{Provider, VERSIONS_MAX, Version},
    standing::first_height,
    work::Work,
};

/// Versions that announcements leave free, so that who stole a node's key cannot keep its operator from
/// taking the key away by announcing (REG-9).
pub(super) const RESERVED: usize = 4;

const FULL: Rejection = Rejection::Full {
    field: Field::Versions,
};

/// Changes what a registration says after this block, and also what it will say later: the change is
/// the later word.
pub(super) fn amend(
    work: &Work<'_>,
    provider: &mut Provider,
    reserved: usize,
    change: impl Fn(&mut Version),
) -> Result<(), Rejection> {
    let now = work.clock.height;
    let mut versions = remembered(work, provider);
    let before = versions.len();
    let place = versions.iter().rposition(|version| version.from <= now);
    let place = place.ok_or(Rejection::Overflow)?;
    let current = versions.get(place).ok_or(Rejection::Overflow)?;
    // Several words of one block are one version: nobody looks between them.
    let place = if current.from < now {
        let next = Version {
            from: now,
            ..current.clone()
        };
        let place = place.saturating_add(1);
        versions.insert(place, next);
        place
    } else {
        place
    };
    versions.iter_mut().skip(place).for_each(change);
    // Who changes a version in place needs no room.
    if versions.len() > before && versions.len() > VERSIONS_MAX.saturating_sub(reserved) {
        return Err(FULL);
    }
    keep(provider, versions)
}

/// Says something else from a height ahead on, in place of what was to be said from there.
pub(super) fn supersede(
    work: &Work<'_>,
    provider: &mut Provider,
    next: Version,
) -> Result<(), Rejection> {
    let mut versions = remembered(work, provider);
    versions.retain(|version| version.from < next.from);
    versions.push(next);
    keep(provider, versions)
}

/// The first height of the epoch after this one.
pub(super) fn next_epoch(work: &Work<'_>) -> Result<Height, Rejection> {
    let next = work.clock.epoch.next().ok_or(Rejection::Overflow)?;
    Ok(first_height(&work.params, next))
}

/// The first height that selections are recomputed for (SEL-8).
pub(super) fn window(work: &Work<'_>) -> Height {
    first_height(&work.params, work.clock.epoch.before(ANSWER_EPOCHS))
}

/// All that selections may still look at: what came since the first height of the window, and what was
/// in force there.
fn remembered(work: &Work<'_>, provider: &Provider) -> Vec<Version> {
    let window = window(work);
    let forgotten = provider
        .versions
        .iter()
        .filter(|version| version.from <= window)
        .count()
        .saturating_sub(1);
    provider.versions.iter().skip(forgotten).cloned().collect()
}

fn keep(provider: &mut Provider, versions: Vec<Version>) -> Result<(), Rejection> {
    provider.versions = List::from_vec(versions).map_err(|_| FULL)?;
    Ok(())
}
