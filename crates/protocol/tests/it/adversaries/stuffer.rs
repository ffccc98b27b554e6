use llmnet_protocol::{
    message::{ToCoordinator, ToSeat},
    seat::{Effect, Input},
};
use llmnet_types::{
    codec::List,
    message::Payload,
    rating::{Comparison, PAIRS_MAX, Preference},
    units::Timestamp,
};

use crate::respondent::{Honest, Respondent};

/// Fills its ballot with one judgement, said as often as there is room: its answer beats the others.
pub struct Stuffer {
    pub honest: Honest,
    /// The text it stands for.
    pub text: &'static str,
    shown: Vec<String>,
}

impl Stuffer {
    pub fn new(honest: Honest, text: &'static str) -> Self {
        Self {
            honest,
            text,
            shown: Vec::new(),
        }
    }

    fn ballot(&self) -> Vec<Comparison> {
        let place = |own: bool| {
            let found = self
                .shown
                .iter()
                .position(|text| (text == self.text) == own);
            u8::try_from(found.unwrap_or(0)).unwrap()
        };
        let (own, other) = (place(true), place(false));
        let stuffed = Comparison {
            first: own.min(other),
            second: own.max(other),
            better: if own < other {
                Preference::First
            } else {
                Preference::Second
            },
        };
        vec![stuffed; PAIRS_MAX]
    }
}

impl Respondent for Stuffer {
    fn receive(&mut self, now: Timestamp, message: ToSeat) -> Vec<ToCoordinator> {
        if let ToSeat::Relay(relay) = &message {
            let texts = relay
                .openings
                .iter()
                .filter_map(|opening| match &opening.payload {
                    Payload::Answer(answer) => Some(answer.text.as_str().to_owned()),
                    Payload::Revision(revision) => Some(revision.answer.text.as_str().to_owned()),
                    Payload::Ballot(_) => None,
                });
            self.shown = texts.collect();
        }
        self.honest.receive(now, message)
    }

    fn wake(&mut self, now: Timestamp) -> Vec<ToCoordinator> {
        let ballot = List::truncated(self.ballot());
        // Before its backend judges honestly; out of turn, the seat takes no notice.
        let stuffed = match &mut self.honest.seat {
            Some(seat) => seat.step(now, Input::Judged(Some(ballot))),
            None => Vec::new(),
        };
        let stuffed = stuffed.into_iter().filter_map(|effect| match effect {
            Effect::Send(message) => Some(*message),
            _ => None,
        });
        stuffed.chain(self.honest.wake(now)).collect()
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.honest.wake_at()
    }
}
