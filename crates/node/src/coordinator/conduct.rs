//! One request's task: messages, time and the requester's absence go into the session, its effects come
//! out.

use std::time::Duration;

use llmnet_protocol::{
    message::{ToCoordinator, ToSeat},
    session::{Effect, Finished, Input, Session, Setup},
};
use llmnet_types::{request::Progress, signature::PublicKey, units::Timestamp};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};

use crate::transport::{Hub, REPLIES, Returned};

/// Conducts a request to its end. `hung_up` ends when nobody waits for the answer any more.
pub(super) async fn conduct(
    hub: Hub,
    coordinator: PublicKey,
    setup: Setup,
    progress: mpsc::Sender<Progress>,
    mut hung_up: oneshot::Receiver<()>,
) -> Finished {
    let start = Instant::now();
    let now = || Timestamp(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
    let (replies, mut inbox) = mpsc::channel(REPLIES);
    let (mut session, mut effects) = Session::new(setup, now());
    let mut cancelled = false;
    loop {
        let mut unreached = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    if hub
                        .send(coordinator, &to, message.to_bytes(), &replies)
                        .is_err()
                    {
                        unreached.push(to);
                    }
                }
                // Whoever reads too slowly misses progress, never the answer.
                Effect::Progress(step) => drop(progress.try_send(step)),
                Effect::Finished(finished) => return *finished,
            }
        }
        effects = Vec::new();
        for seat in unreached {
            effects.extend(session.step(now(), Input::Unreached(seat)));
        }
        if !effects.is_empty() {
            continue;
        }
        let wake_at = session.wake_at().unwrap_or_default();
        let input = tokio::select! {
            Some(Returned { from, bytes }) = inbox.recv() => match bytes {
                None => Input::Unreached(from),
                Some(bytes) => match ToCoordinator::from_bytes(&bytes) {
                    Ok(message) => Input::Message { from, message: Box::new(message) },
                    Err(_) => Input::Tick,
                },
            },
            _ = &mut hung_up, if !cancelled => {
                cancelled = true;
                Input::Cancel
            }
            () = sleep_until(start + Duration::from_millis(wake_at.0)) => Input::Tick,
        };
        effects = session.step(now(), input);
    }
}

/// Asks seats to agree to a settlement and waits a little for those that do.
pub(super) async fn collect_agreements(
    hub: &Hub,
    coordinator: PublicKey,
    seats: &[PublicKey],
    message: &ToSeat,
    patience: Duration,
) -> Vec<(
    PublicKey,
    llmnet_types::signature::Signed<llmnet_types::message::LineOk>,
)> {
    let (replies, mut inbox) = mpsc::channel(REPLIES);
    let bytes = message.to_bytes();
    let mut awaited = 0_usize;
    for seat in seats {
        if hub.send(coordinator, seat, bytes.clone(), &replies).is_ok() {
            awaited += 1;
        }
    }
    drop(replies);
    let deadline = Instant::now() + patience;
    let mut agreed: Vec<(PublicKey, _)> = Vec::new();
    while agreed.len() < awaited {
        tokio::select! {
            returned = inbox.recv() => {
                let Some(Returned { from, bytes }) = returned else { break };
                let Some(bytes) = bytes else {
                    if agreed.iter().all(|(agreed, _)| *agreed != from) {
                        awaited = awaited.saturating_sub(1);
                    }
                    continue;
                };
                if let Ok(ToCoordinator::LineOk(line_ok)) = ToCoordinator::from_bytes(&bytes) {
                    agreed.push((from, *line_ok));
                }
            }
            () = sleep_until(deadline) => break,
        }
    }
    agreed
}
