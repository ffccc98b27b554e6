//! An epoch's evidence on its way into a standing: gathered by source, cut, closed (REP-5 to REP-8).

use llmnet_types::{
    codec::List,
    id::{DomainId, ProviderId},
    reputation::Reputation,
    signature::PublicKey,
    units::{Amount, Score},
};

use super::{cut, history};
use crate::{
    due,
    event::EventKind,
    query,
    record::{Due, Gathering, SOURCES_MAX, Source, Standing},
    settle,
    state::Key,
    work::Work,
};

/// What a settlement says of a provider in a domain.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// For and against, by requester, in the order of keys.
    pub(crate) requesters: Vec<(PublicKey, (u64, u64))>,
    /// How many ratings.
    pub(crate) samples: u32,
    /// Times to an answer, in the order of slots.
    pub(crate) latencies_ms: Vec<u32>,
}

/// Adds a settlement's evidence to what its epoch gathers (REP-5). Selections see it from the next
/// checkpoint on, as it counts now (REP-8).
pub(crate) fn gather(
    work: &mut Work<'_>,
    provider: ProviderId,
    domain: DomainId,
    coordinator: &PublicKey,
    evidence: Evidence,
) {
    let mut standing = rolled(work, provider, domain);
    let epoch = work.clock.epoch;
    let mut gathering = match standing.gathering.take() {
        Some(gathering) => gathering,
        None => {
            // Nothing is gathered in the last epoch there can be: nobody would close it.
            let Some(next) = epoch.next() else { return };
            due::push(work, next, Due::Standing(provider, domain));
            Gathering {
                epoch,
                before: history::newest(&standing, &work.params, epoch).reputation,
                coordinators: List::new(),
                requesters: List::new(),
            }
        }
    };
    let mut all = (0_u64, 0_u64);
    for (requester, said) in &evidence.requesters {
        all = (all.0.saturating_add(said.0), all.1.saturating_add(said.1));
        gathering.requesters = cut::add(gathering.requesters, requester, *said);
    }
    gathering.coordinators = cut::add(gathering.coordinators, coordinator, all);
    let before = &mut gathering.before;
    before.samples = before.samples.saturating_add(evidence.samples);
    for latency_ms in evidence.latencies_ms {
        before.latency_ms = smoothed(before.latency_ms, latency_ms);
    }
    let value = counted(work, &gathering);
    standing.gathering = Some(gathering);
    change(work, provider, domain, &mut standing, value);
    work.write(Key::Standing(provider, domain), &standing);
}

/// Latency smoothed over about eight answers.
fn smoothed(before: u32, latency_ms: u32) -> u32 {
    if before == 0 {
        return latency_ms;
    }
    let sum = u64::from(before)
        .saturating_mul(7)
        .saturating_add(u64::from(latency_ms));
    u32::try_from(sum >> 3).unwrap_or(u32::MAX)
}

/// What stood before an epoch, and what counts of its evidence by all that is known now.
fn counted(work: &Work<'_>, gathering: &Gathering) -> Reputation {
    let epoch = gathering.epoch;
    let void_max = query::params_of(work, epoch).void_max;
    // Evidence of a coordinator that was slashed, or left too much void, does not count (REP-6).
    let coordinators: Vec<Source> = gathering
        .coordinators
        .iter()
        .filter(|source| settle::evidence_counts(work, &source.key, epoch, void_max))
        .copied()
        .collect();
    let (active_coordinators, active_requesters) = settle::active(work, epoch);
    let halved = |sources: &[Source], active: u32| {
        if active >= cut::MANY {
            cut::halved(sources)
        } else {
            sources.to_vec()
        }
    };
    let mut by_coordinator = halved(&coordinators, active_coordinators);
    if u32::try_from(coordinators.len()).is_ok_and(|there| there >= cut::MANY) {
        by_coordinator = cut::clipped(&coordinators, &by_coordinator);
    }
    let by_coordinator = cut::sums(&by_coordinator);
    let by_requester = cut::sums(&halved(&gathering.requesters, active_requesters));
    gathering.before.with(
        by_coordinator.0.min(by_requester.0),
        by_coordinator.1.min(by_requester.1),
    )
}

/// A standing whose evidence of an epoch that is over is closed, though it may not be written yet.
pub(crate) fn rolled(work: &mut Work<'_>, provider: ProviderId, domain: DomainId) -> Standing {
    let mut standing: Standing = work
        .read(&Key::Standing(provider, domain))
        .unwrap_or_default();
    let epoch = work.clock.epoch;
    let over = standing
        .gathering
        .take_if(|gathering| gathering.epoch < epoch);
    if let Some(gathering) = over {
        let epochs = epoch.0.saturating_sub(gathering.epoch.0);
        let value = counted(work, &gathering).decayed(work.params.decay, epochs);
        change(work, provider, domain, &mut standing, value);
    }
    standing
}

/// Closes the evidence of an epoch that is over, now that all is known of its sources (REP-8).
pub(crate) fn close(work: &mut Work<'_>, provider: ProviderId, domain: DomainId) {
    let standing = rolled(work, provider, domain);
    work.write(Key::Standing(provider, domain), &standing);
}

/// A new version of a provider: what spoke for it in these domains loses this share, what spoke against
/// it stays (REP-7). Evidence of this epoch that came before is of the old version too.
pub(crate) fn shrink(
    work: &mut Work<'_>,
    provider: ProviderId,
    domains: &[DomainId],
    share: Score,
) {
    let shrunk = |positive: u64| positive.saturating_sub(Amount(positive).share(share).0);
    let all = |sources: &List<Source, SOURCES_MAX>| {
        List::truncated(sources.iter().map(|source| Source {
            positive: shrunk(source.positive),
            ..*source
        }))
    };
    for domain in domains {
        let mut standing = rolled(work, provider, *domain);
        let value = match &mut standing.gathering {
            Some(gathering) => {
                gathering.before.positive = shrunk(gathering.before.positive);
                gathering.coordinators = all(&gathering.coordinators);
                gathering.requesters = all(&gathering.requesters);
                counted(work, gathering)
            }
            None => {
                let value = history::newest(&standing, &work.params, work.clock.epoch).reputation;
                Reputation {
                    positive: shrunk(value.positive),
                    ..value
                }
            }
        };
        change(work, provider, *domain, &mut standing, value);
        if standing != Standing::default() {
            work.write(Key::Standing(provider, *domain), &standing);
        }
    }
}

/// Remembers another reputation as of the clock's block, and tells of it; nothing where it is the same.
fn change(
    work: &mut Work<'_>,
    provider: ProviderId,
    domain: DomainId,
    standing: &mut Standing,
    reputation: Reputation,
) {
    let seen = history::newest(standing, &work.params, work.clock.epoch);
    if seen.reputation == reputation {
        return;
    }
    let seen = history::Seen { reputation, ..seen };
    history::remember(standing, &work.params, &work.clock, seen);
    work.event(EventKind::ReputationChanged {
        provider,
        domain,
        reputation,
    });
}

#[cfg(test)]
mod tests;
