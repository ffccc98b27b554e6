//! The events of a streamed response, numbered from 0 without a gap.
//!
//! ```text
//! event: response.created              at once
//! event: response.in_progress          at once, and in silences where comments are switched off
//! event: response.output_item.added    the answer is there
//! event: response.content_part.added
//! event: response.output_text.delta    piece by piece
//! event: response.output_text.annotation.added    for each place that rests on a passage
//! event: response.output_text.done
//! event: response.content_part.done
//! event: response.output_item.done
//!                                      and for each tool that is called:
//! event: response.output_item.added
//! event: response.function_call_arguments.delta
//! event: response.function_call_arguments.done
//! event: response.output_item.done
//! event: response.completed            or response.incomplete: the whole response, "llmnet": {…}
//! ```
//!
//! What fails on the way is `event: error`, which SDKs raise, then `response.failed`, which agents read.

use serde::Serialize;

use crate::{
    answer::{Called, Head, Voice, named},
    error::{ApiError, Inner},
    json,
    openai::{
        annotation::{self, OfResponse},
        responses::shape::{Echo, Item, Part, Response, call_id, message_id, status},
    },
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

impl Voice for Responses {
    fn id(&self, unique: &str) -> String {
        format!("resp_{unique}")
    }

    fn whole(&mut self, head: &Head, answered: &Answered) -> String {
        json::text(&Response::ended(head, &self.echo, answered))
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
        let id = message_id(head);
        let item = OfItem {
            output_index: 0,
            item: Item::begun(head),
        };
        let part = OfPart {
            place: Place::of(&id),
            part: Part::begun(),
        };
        self.numbers.event("response.output_item.added", &item)
            + &self.numbers.event("response.content_part.added", &part)
    }

    fn piece(&mut self, head: &Head, piece: &str) -> String {
        let id = message_id(head);
        let delta = Delta {
            place: Place::of(&id),
            delta: piece,
            logprobs: [],
        };
        self.numbers.event("response.output_text.delta", &delta)
    }

    fn ending(&mut self, head: &Head, answered: &Answered) -> String {
        let id = message_id(head);
        let annotations = annotation::of_response(answered);
        let mut added = String::new();
        for (annotation_index, annotation) in annotations.iter().enumerate() {
            let annotated = Annotated {
                place: Place::of(&id),
                annotation_index,
                annotation,
            };
            let kind = "response.output_text.annotation.added";
            added.push_str(&self.numbers.event(kind, &annotated));
        }
        let text = Done {
            place: Place::of(&id),
            text: &answered.text,
            logprobs: [],
        };
        let part = OfPart {
            place: Place::of(&id),
            part: Part::of(answered),
        };
        let item = OfItem {
            output_index: 0,
            item: Item::of(head, answered),
        };
        [
            added,
            self.numbers.event("response.output_text.done", &text),
            self.numbers.event("response.content_part.done", &part),
            self.numbers.event("response.output_item.done", &item),
        ]
        .concat()
    }

    fn call_begins(&mut self, head: &Head, called: &Called<'_>) -> String {
        let item = OfItem {
            output_index: called.index,
            item: Item::call_begun(head, called),
        };
        self.numbers.event("response.output_item.added", &item)
    }

    fn call_piece(&mut self, head: &Head, called: &Called<'_>, piece: &str) -> String {
        let delta = ArgumentsDelta {
            item_id: call_id(head, called.place),
            output_index: called.index,
            delta: piece,
        };
        let kind = "response.function_call_arguments.delta";
        self.numbers.event(kind, &delta)
    }

    fn call_ends(&mut self, head: &Head, called: &Called<'_>) -> String {
        let done = ArgumentsDone {
            item_id: call_id(head, called.place),
            output_index: called.index,
            name: &called.call.name,
            arguments: &called.call.arguments,
        };
        let item = OfItem {
            output_index: called.index,
            item: Item::call(head, called),
        };
        let kind = "response.function_call_arguments.done";
        self.numbers.event(kind, &done) + &self.numbers.event("response.output_item.done", &item)
    }

    fn end(&mut self, head: &Head, answered: &Answered) -> String {
        let response = Response::ended(head, &self.echo, answered);
        let last = match status(answered) {
            "incomplete" => "response.incomplete",
            _ => "response.completed",
        };
        self.numbers.event(last, &Whole { response })
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
    output_index: usize,
    item: Item<'a>,
}

#[derive(Serialize)]
struct ArgumentsDelta<'a> {
    item_id: String,
    output_index: usize,
    delta: &'a str,
}

#[derive(Serialize)]
struct ArgumentsDone<'a> {
    item_id: String,
    output_index: usize,
    name: &'a str,
    arguments: &'a str,
}

/// Where the text is: the only part of the first item.
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
struct Annotated<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    annotation_index: usize,
    annotation: &'a OfResponse<'a>,
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
