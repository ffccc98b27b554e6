//! Reputation as the ledger keeps it: decayed when read, remembered as far back as selections look.

use llmnet_types::{
    id::{DomainId, ProviderId},
    reputation::Reputation,
    units::{Epoch, Height, Score},
};

use crate::{
    params::{Params, SETTLE_EPOCHS},
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

/// The first height that can still be settled.
pub(crate) const fn window_start(params: &Params, epoch: Epoch) -> Height {
    Height(
        epoch
            .0
            .saturating_sub(SETTLE_EPOCHS)
            .saturating_mul(params.epoch_length()),
    )
}

/// Whether selections at a height can be recomputed (SEL-8).
pub(crate) fn in_window(params: &Params, clock: &Clock, height: Height) -> bool {
    height <= clock.height && height >= window_start(params, clock.epoch)
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
    let mut history = get(work, provider, domain).history;
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
    });
    let oldest = checkpoint(&work.params, window_start(&work.params, clock.epoch));
    let forgotten = history
        .iter()
        .filter(|entry| entry.height <= oldest)
        .count()
        .saturating_sub(1);
    history.drain(..forgotten);
    work.write(Key::Standing(provider, domain), &Standing { history });
}
