//! The events of a streamed response, numbered from 0 without a gap.
//!
//! ```text
//! event: response.created              at once
//! event: response.in_progress          at once, and in silences where comments are switched off
//! event: response.output_item.added    the answer is there
//! event: response.content_part.added
//! event: response.output_text.delta    piece by piece
//! event: response.output_text.done
//! event: response.content_part.done
//! event: response.output_item.done
//! event: response.completed            or response.incomplete: the whole response, "llmnet": {…}
//! ```
//!
//! What fails on the way is `event: error`, which SDKs raise, then `response.failed`, which agents read.

use serde::Serialize;

use crate::{
    answer::{Head, Voice, named},
    error::{ApiError, Inner},
    json,
    openai::responses::shape::{Echo, Item, Part, Response, status},
    port::Answered,
};

/// Responses.
pub(super) struct Responses {
    echo: Echo,
    numbers: Numbers,
}

impl Responses {
    pub(super) fn new(echo: Echo) -> Self {
        Self {
            echo,
            numbers: Numbers(0),
        }
    }
}

/// The message within a response has an id of its own.
fn item_id(head: &Head) -> String {
    head.id.replacen("resp_", "msg_", 1)
}

impl Voice for Responses {
    fn id(&self, unique: &str) -> String {
        format!("resp_{unique}")
    }

    fn whole(&mut self, head: &Head, answered: &Answered) -> String {
        json::text(&Response::ended(head, &self.echo, &item_id(head), answered))
    }

    fn opening(&mut self, head: &Head) -> String {
        let created = Whole {
            response: Response::begun(head, &self.echo),
        };
        self.numbers.event("response.created", &created) + &self.silence(head)
    }

    fn silence(&mut self, head: &Head) -> String {
        let response = Response::begun(head, &self.echo);
        self.numbers
            .event("response.in_progress", &Whole { response })
    }

    fn beginning(&mut self, head: &Head) -> String {
        let id = item_id(head);
        let item = OfItem {
            output_index: 0,
            item: Item::begun(&id),
        };
        let part = OfPart {
            place: Place::of(&id),
            part: Part::of(""),
        };
        self.numbers.event("response.output_item.added", &item)
            + &self.numbers.event("response.content_part.added", &part)
    }

    fn piece(&mut self, head: &Head, piece: &str) -> String {
        let id = item_id(head);
        let delta = Delta {
            place: Place::of(&id),
            delta: piece,
            logprobs: [],
        };
        self.numbers.event("response.output_text.delta", &delta)
    }

    fn end(&mut self, head: &Head, answered: &Answered) -> String {
        let id = item_id(head);
        let text = Done {
            place: Place::of(&id),
            text: &answered.text,
            logprobs: [],
        };
        let part = OfPart {
            place: Place::of(&id),
            part: Part::of(&answered.text),
        };
        let item = OfItem {
            output_index: 0,
            item: Item::of(&id, answered),
        };
        let response = Response::ended(head, &self.echo, &id, answered);
        let last = match status(answered) {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        [
            self.numbers.event("response.output_text.done", &text),
            self.numbers.event("response.content_part.done", &part),
            self.numbers.event("response.output_item.done", &item),
            self.numbers.event(last, &Whole { response }),
        ]
        .concat()
    }

    fn failure(&mut self, head: &Head, error: &ApiError, _call_id: &str) -> String {
        let raised = Raised {
            error: error.openai(),
        };
        let response = Response::failed(head, &self.echo, error);
        self.numbers.event("error", &raised)
            + &self.numbers.event("response.failed", &Whole { response })
    }
}

/// Numbers events.
struct Numbers(u64);

impl Numbers {
    fn event(&mut self, kind: &'static str, body: &impl Serialize) -> String {
        let sequence_number = self.0;
        self.0 += 1;
        let event = Event {
            kind,
            sequence_number,
            body,
        };
        named(kind, &event)
    }
}

#[derive(Serialize)]
struct Event<'a, T: Serialize> {
    #[serde(rename = "type")]
    kind: &'static str,
    sequence_number: u64,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Serialize)]
struct Whole<'a> {
    response: Response<'a>,
}

#[derive(Serialize)]
struct OfItem<'a> {
    output_index: u8,
    item: Item<'a>,
}

/// Where the text is: the only part of the only item.
#[derive(Serialize)]
struct Place<'a> {
    item_id: &'a str,
    output_index: u8,
    content_index: u8,
}

impl<'a> Place<'a> {
    fn of(item_id: &'a str) -> Self {
        Self {
            item_id,
            output_index: 0,
            content_index: 0,
        }
    }
}

#[derive(Serialize)]
struct OfPart<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    part: Part<'a>,
}

#[derive(Serialize)]
struct Delta<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    delta: &'a str,
    logprobs: [(); 0],
}

#[derive(Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
    logprobs: [(); 0],
}

#[derive(Serialize)]
struct Raised<'a> {
    error: Inner<'a>,
}
