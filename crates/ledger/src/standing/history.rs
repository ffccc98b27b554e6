//! What was known of a provider in a domain, as far back as selections look (SEL-1, SEL-8).

use llmnet_types::{
    id::{DomainId, ProviderId},
    params::{ANSWER_EPOCHS, Params, SETTLE_EPOCHS},
    reputation::Reputation,
    units::{Epoch, Height},
};

use crate::{
    record::{Audits, Clock, Remembered, Standing},
    state::{Key, State, read},
};

/// A provider in a domain as an epoch sees it: all of it faded to that epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// By contracts.
    pub reputation: Reputation,
    /// By audits.
    pub audits: Audits,
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

fn faded(params: &Params, entry: &Remembered, epoch: Epoch) -> Seen {
    let since = entry.height.epoch(params.epoch_length());
    let epochs = epoch.0.saturating_sub(since.0);
    Seen {
        reputation: entry.value.decayed(params.decay, epochs),
        audits: entry.audits.faded(params.decay, epoch),
    }
}

/// The last entry of a standing as an epoch sees it.
pub(crate) fn newest(standing: &Standing, params: &Params, epoch: Epoch) -> Seen {
    let newest = standing.history.last();
    newest.map_or_else(Seen::default, |entry| faded(params, entry, epoch))
}

/// A provider in a domain as it is in an epoch, which has begun.
pub(crate) fn now(
    state: &dyn State,
    params: &Params,
    epoch: Epoch,
    provider: ProviderId,
    domain: DomainId,
) -> Seen {
    newest(&get(state, provider, domain), params, epoch)
}

/// A provider in a domain as selections at a height see it: as it was at the end of the last checkpoint,
/// faded to the height's epoch (SEL-1). The same whether asked at that height or later in its window
/// (SEL-8), if asked with the parameters of that epoch.
pub(crate) fn at(
    state: &dyn State,
    params: &Params,
    height: Height,
    provider: ProviderId,
    domain: DomainId,
) -> Seen {
    let checkpoint = checkpoint(params, height);
    get(state, provider, domain)
        .history
        .iter()
        .rev()
        .find(|entry| entry.height <= checkpoint)
        .map_or_else(Seen::default, |entry| {
            faded(params, entry, height.epoch(params.epoch_length()))
        })
}

/// Adds what is known as of the clock's block. What no selection can look at any more is dropped: an
/// entry for each checkpoint of the window is left, one before it and one after the last.
pub(crate) fn remember(standing: &mut Standing, params: &Params, clock: &Clock, seen: Seen) {
    let history = &mut standing.history;
    // The last entry counts on only if a checkpoint before this block has seen it.
    let before = Height(clock.height.0.saturating_sub(1));
    let last_checkpoint = checkpoint(params, before);
    if history
        .last()
        .is_some_and(|last| last.height > last_checkpoint)
    {
        history.pop();
    }
    history.push(Remembered {
        height: clock.height,
        value: seen.reputation,
        audits: seen.audits,
    });
    let window = first_height(params, clock.epoch.before(ANSWER_EPOCHS));
    let oldest = checkpoint(params, window);
    let forgotten = history
        .iter()
        .filter(|entry| entry.height <= oldest)
        .count()
        .saturating_sub(1);
    history.drain(..forgotten);
}
