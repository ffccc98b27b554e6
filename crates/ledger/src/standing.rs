//! Reputation as the ledger keeps it: decayed when read, remembered as far back as selections look.

use std::collections::BTreeMap;

use llmnet_types::{
    id::{DomainId, ProviderId},
    params::{ANSWER_EPOCHS, Params, SETTLE_EPOCHS},
    reputation::Reputation,
    signature::PublicKey,
    units::{Epoch, Height, Score},
};

use crate::{
    event::EventKind,
    record::{Clock, Remembered, Standing},
    state::{Key, State, read},
    work::Work,
};

/// Scale of powers of the decay: 12 decimals.
const SCALE: u128 = 1_000_000_000_000;
/// A basis point in that scale.
const POINT: u128 = 100_000_000;

/// `g^epochs` in [`SCALE`], rounded down at each multiplication.
fn power(decay: Score, mut epochs: u64) -> u128 {
    let mut base = u128::from(decay.get()).saturating_mul(POINT);
    let mut result = SCALE;
    while epochs > 0 {
        if epochs & 1 == 1 {
            result = result.saturating_mul(base) / SCALE;
        }
        base = base.saturating_mul(base) / SCALE;
        epochs >>= 1;
    }
    result
}

/// What is left of evidence after so many epochs (REP-2). Samples and latency do not fade.
pub(crate) fn decayed(value: Reputation, decay: Score, epochs: u64) -> Reputation {
    let factor = power(decay, epochs);
    let part = |evidence: u64| {
        let product = u128::from(evidence).saturating_mul(factor) / SCALE;
        u64::try_from(product).unwrap_or(u64::MAX)
    };
    Reputation {
        positive: part(value.positive),
        negative: part(value.negative),
        ..value
    }
}

fn decayed_to(params: &Params, entry: &Remembered, epoch: Epoch) -> Reputation {
    let since = entry.height.epoch(params.epoch_length());
    decayed(entry.value, params.decay, epoch.0.saturating_sub(since.0))
}

/// The last checkpoint up to a height (SEL-1): the end of that block.
const fn checkpoint(params: &Params, height: Height) -> Height {
    let past = match height.0.checked_rem(params.checkpoint_blocks as u64) {
        Some(past) => past,
        None => 0,
    };
    Height(height.0.saturating_sub(past))
}

/// The first height of an epoch.
pub(crate) const fn first_height(params: &Params, epoch: Epoch) -> Height {
    Height(epoch.0.saturating_mul(params.epoch_length()))
}

/// Whether a contract of a height can still be settled (WIN-1).
pub(crate) fn can_settle(params: &Params, clock: &Clock, height: Height) -> bool {
    height <= clock.height && height >= first_height(params, clock.epoch.before(SETTLE_EPOCHS))
}

/// Whether selections at a height can be recomputed (SEL-8).
pub(crate) fn in_window(params: &Params, clock: &Clock, height: Height) -> bool {
    height <= clock.height && height >= first_height(params, clock.epoch.before(ANSWER_EPOCHS))
}

fn get(state: &dyn State, provider: ProviderId, domain: DomainId) -> Standing {
    read(state, &Key::Standing(provider, domain)).unwrap_or_default()
}

/// A standing as it is in an epoch.
pub(crate) fn now(
    state: &dyn State,
    params: &Params,
    epoch: Epoch,
    provider: ProviderId,
    domain: DomainId,
) -> Reputation {
    get(state, provider, domain)
        .history
        .last()
        .map_or_else(Reputation::default, |entry| {
            decayed_to(params, entry, epoch)
        })
}

/// A standing as selections at a height see it: the value at the end of the last checkpoint, decayed
/// to the height's epoch. The same whether asked at that height or later in its window (SEL-8).
pub(crate) fn at(
    state: &dyn State,
    params: &Params,
    height: Height,
    provider: ProviderId,
    domain: DomainId,
) -> Reputation {
    let checkpoint = checkpoint(params, height);
    get(state, provider, domain)
        .history
        .iter()
        .rev()
        .find(|entry| entry.height <= checkpoint)
        .map_or_else(Reputation::default, |entry| {
            decayed_to(params, entry, height.epoch(params.epoch_length()))
        })
}

/// Replaces a standing as of the clock's block. What a selection may still look at is kept.
pub(crate) fn update(
    work: &mut Work<'_>,
    provider: ProviderId,
    domain: DomainId,
    value: Reputation,
) {
    let clock = work.clock;
    let Standing {
        mut history,
        gathering,
    } = get(work, provider, domain);
    let audits = history.last().map(|last| last.audits).unwrap_or_default();
    // The last value counts on only if a checkpoint before this block has seen it.
    let before = Height(clock.height.0.saturating_sub(1));
    let last_checkpoint = checkpoint(&work.params, before);
    if history
        .last()
        .is_some_and(|last| last.height > last_checkpoint)
    {
        history.pop();
    }
    history.push(Remembered {
        height: clock.height,
        value,
        audits,
    });
    let window = first_height(&work.params, clock.epoch.before(ANSWER_EPOCHS));
    let oldest = checkpoint(&work.params, window);
    let forgotten = history
        .iter()
        .filter(|entry| entry.height <= oldest)
        .count()
        .saturating_sub(1);
    history.drain(..forgotten);
    work.write(
        Key::Standing(provider, domain),
        &Standing { history, gathering },
    );
}

/// What a settlement says of a provider in a domain.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// For and against, by requester.
    pub(crate) requesters: BTreeMap<PublicKey, (u64, u64)>,
    /// How many ratings.
    pub(crate) samples: u32,
    /// Times to an answer, in the order of slots.
    pub(crate) latencies_ms: Vec<u32>,
}

/// Adds a settlement's evidence to what its epoch gathers (REP-5).
pub(crate) fn gather(
    work: &mut Work<'_>,
    provider: ProviderId,
    domain: DomainId,
    _coordinator: &PublicKey,
    evidence: Evidence,
) {
    let mut value = now(work, &work.params, work.clock.epoch, provider, domain);
    for (positive, negative) in evidence.requesters.values() {
        value.positive = value.positive.saturating_add(*positive);
        value.negative = value.negative.saturating_add(*negative);
    }
    value.samples = value.samples.saturating_add(evidence.samples);
    for latency_ms in evidence.latencies_ms {
        value.latency_ms = smoothed(value.latency_ms, latency_ms);
    }
    update(work, provider, domain, value);
    work.event(EventKind::ReputationChanged {
        provider,
        domain,
        reputation: value,
    });
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

/// A new version of a provider: what spoke for it in these domains loses this share, what spoke against
/// it stays (REP-7).
#[allow(dead_code)]
pub(crate) fn shrink(
    _work: &mut Work<'_>,
    _provider: ProviderId,
    _domains: &[DomainId],
    _share: Score,
) {
}

/// Closes the evidence of the epoch before (REP-8).
pub(crate) fn close(_work: &mut Work<'_>, _provider: ProviderId, _domain: DomainId) {}
