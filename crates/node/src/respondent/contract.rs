//! One contract's task: messages and finished work go into the seat, its effects come out.

use std::{sync::Arc, time::Duration};

use llmnet_model::{
    answer::{Answerer, Limits},
    way::along,
};
use llmnet_protocol::{
    message::{Offer, ToCoordinator, ToSeat},
    seat::{Account, Effect, Input, Seat, Work},
};
use llmnet_types::{
    codec::Text, id::ContractId, message::Revision, passage::Evidence, request::Request,
    units::Timestamp, way::Way,
};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::Respondent;
use crate::transport::Reply;

/// Works on a contract until nothing more will come of it. Says whether it was served to its end, by a Part.
pub(super) async fn conduct(
    respondent: &Respondent,
    account: &Account,
    offer: Offer,
    reply: &Reply,
    mut messages: mpsc::Receiver<ToSeat>,
) -> bool {
    let start = Instant::now();
    let now = || Timestamp(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX));
    let durations = offer.terms.durations;
    let limits = |time_ms| Limits {
        input_tokens: offer.terms.caps.input_tokens,
        output_tokens: offer.terms.caps.output_tokens,
        time_ms,
        height: offer.assign.body.height,
    };
    let (answering, revising, judging) = (
        limits(durations.answer_ms),
        limits(durations.round_ms),
        limits(durations.ballot_ms),
    );
    let seat = Seat::new(
        account,
        respondent.key.clone(),
        respondent.answerer.version(),
        durations.accept_ms / 2,
        offer,
        now(),
    );
    let (mut seat, mut effects) = match seat {
        Ok(started) => started,
        Err(declined) => {
            if let Some(declined) = declined {
                reply.send(declined.to_bytes());
            }
            return false;
        }
    };
    // What answers may be a gateway again, which must know what it is asked for.
    let mut request = seat.request().clone();
    let told = Way::of(&request);
    Way::default().tell(&mut request);
    let way = told.clone().and(account.coordinator).unwrap_or(told);
    let request = Arc::new(request);
    let shared: Vec<Evidence> = seat
        .shared()
        .iter()
        .map(|one| one.evidence.clone())
        .collect();
    let shared = Arc::new(shared);
    // One piece of work at a time; dropping the set stops a model nobody waits for any more.
    let mut work = JoinSet::new();
    let mut served = false;
    loop {
        for effect in effects {
            match effect {
                Effect::Send(message) => {
                    served |= matches!(*message, ToCoordinator::Part(_));
                    reply.send(message.to_bytes());
                }
                Effect::Work(wanted) => {
                    let limits = match &wanted {
                        Work::Answer => answering,
                        Work::Revise { .. } => revising,
                        Work::Synthesise { output_max, .. } => Limits {
                            output_tokens: *output_max,
                            ..revising
                        },
                        Work::Judge { .. } => judging,
                    };
                    let answerer = Arc::clone(&respondent.answerer);
                    let asked = (Arc::clone(&request), Arc::clone(&shared));
                    let performed = perform(answerer, seat.contract(), asked, wanted, limits);
                    work.spawn(along(way.clone(), performed));
                }
                Effect::Done => return served,
            }
        }
        let Some(wake_at) = seat.wake_at() else {
            return served;
        };
        let input = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => Input::Message(Box::new(message)),
                None => return served,
            },
            Some(done) = work.join_next() => match done {
                Ok(input) => input,
                // A backend that panicked has not answered; its time will run out.
                Err(_) => Input::Tick,
            },
            () = sleep_until(start + Duration::from_millis(wake_at.0)) => Input::Tick,
        };
        effects = seat.step(now(), input);
    }
}

async fn perform(
    answerer: Arc<dyn Answerer>,
    contract: ContractId,
    (request, shared): (Arc<Request>, Arc<Vec<Evidence>>),
    work: Work,
    limits: Limits,
) -> Input {
    match work {
        Work::Answer => Input::Answered(
            answerer
                .answer_with(&contract, &request, &shared, &limits)
                .await
                .map_err(|error| error.reason()),
        ),
        Work::Revise { own, shown } => Input::Revised(
            answerer
                .revise(&contract, &request, own, &shown, &limits)
                .await
                .ok(),
        ),
        Work::Synthesise { own, shown, .. } => {
            let written = answerer
                .synthesise(&contract, &request, own, &shown, &limits)
                .await;
            Input::Revised(written.ok().map(|answer| Revision {
                answer,
                convinced_by: None,
                reason: Text::default(),
            }))
        }
        Work::Judge { own, shown } => Input::Judged(
            answerer
                .judge(&contract, &request, own, &shown, &limits)
                .await
                .ok(),
        ),
    }
}
