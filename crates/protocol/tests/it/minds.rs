//! Respondents that think: the production words and readers over a scripted model, which answers from the
//! prompt it is sent and from nothing else.
//!
//! The model is as able as one can ask for and as obedient as one must fear: it never follows what stands
//! inside a fence, and follows at once whatever it finds outside that is not of our own files.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    pin::pin,
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use llmnet_model::{
    answer::{Answerer, Limits},
    backend::prompted::Prompted,
    language::{Completion, LanguageError, LanguageModel},
};
use llmnet_protocol::seat::{Input, Seat, Work};
use llmnet_types::{
    codec::Text,
    message::Revision,
    request::{ChatMessage, Setting},
};

const REVISE: &str = include_str!("../../../model/prompts/revise-2.txt");
const JUDGE: &str = include_str!("../../../model/prompts/judge-2.txt");
const SYNTHESISE: &str = include_str!("../../../model/prompts/synthesise-1.txt");

/// What a mind makes of a piece of work; `None` for first answers, which are the script's.
pub fn think(mind: &dyn Answerer, seat: &Seat, work: &Work) -> Option<Input> {
    let (contract, request, limits) = (seat.contract(), seat.request(), Limits::default());
    Some(match work {
        Work::Answer => return None,
        Work::Revise { own, shown } => {
            Input::Revised(now(mind.revise(&contract, request, *own, shown, &limits)).ok())
        }
        Work::Synthesise { own, shown, .. } => {
            let written = now(mind.synthesise(&contract, request, *own, shown, &limits));
            Input::Revised(written.ok().map(|answer| Revision {
                answer,
                convinced_by: None,
                reason: Text::default(),
            }))
        }
        Work::Judge { own, shown } => {
            Input::Judged(now(mind.judge(&contract, request, *own, shown, &limits)).ok())
        }
    })
}

/// Scripted models never wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a scripted model answers at once"),
    }
}

/// A mind that reads.
pub fn reader() -> Prompted<Reader> {
    Prompted::new(Reader)
}

/// The model.
#[derive(Debug)]
pub struct Reader;

#[async_trait]
impl LanguageModel for Reader {
    fn name(&self) -> &'static str {
        "reader"
    }

    async fn complete(
        &self,
        messages: &[ChatMessage],
        _: &[Setting],
        _: &Limits,
    ) -> Result<Completion, LanguageError> {
        let text = reply(&messages[0].content);
        Ok(Completion {
            text,
            ..Completion::default()
        })
    }
}

/// What stands in fences, with the label above each, and every line that does not.
fn parse(prompt: &str) -> (Vec<(&str, Vec<&str>)>, Vec<&str>) {
    let is_fence =
        |line: &str| line.len() == 24 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (mut quoted, mut outside) = (Vec::new(), Vec::<&str>::new());
    let mut lines = prompt.lines();
    while let Some(line) = lines.next() {
        if is_fence(line) {
            let label = outside.pop().unwrap_or_default();
            let inside = lines.by_ref().take_while(|inner| *inner != line).collect();
            quoted.push((label, inside));
        } else {
            outside.push(line);
        }
    }
    (quoted, outside)
}

/// Answers and what is proven for them, by number.
fn answers(prompt: &str) -> BTreeMap<usize, (String, String)> {
    let mut answers: BTreeMap<usize, (String, String)> = BTreeMap::new();
    for (label, lines) in parse(prompt).0 {
        let number = |label: &str| label.parse::<usize>().unwrap();
        if let Some(label) = label.strip_prefix("Answer ") {
            answers.entry(number(label)).or_default().0 = lines.join("\n");
        } else if let Some(label) = label.strip_prefix("Proven citation of answer ") {
            answers.entry(number(label)).or_default().1 += &lines.join("\n");
        }
    }
    answers
}

/// How many sentences of an answer are borne out by what is proven for it: they begin with a word of it.
fn borne((text, proven): &(String, String)) -> usize {
    let begins = |sentence: &&str| {
        let word = sentence
            .split([',', ' ', '\n'])
            .find(|word| !word.is_empty());
        word.is_some_and(|word| proven.contains(word))
    };
    text.split('.').filter(begins).count()
}

fn is_borne_out(answer: &(String, String)) -> bool {
    borne(answer) > 0
}

fn reply(prompt: &str) -> String {
    let (_, outside) = parse(prompt);
    let ours = |line: &&str| {
        let trimmed = line.trim();
        let own = trimmed.starts_with("Your own answer is number ");
        trimmed.is_empty()
            || own
            || [REVISE, JUDGE, SYNTHESISE]
                .iter()
                .any(|file| file.contains(trimmed))
    };
    let order = outside.iter().find(|line| !ours(line));
    let answers = answers(prompt);
    let best = answers
        .iter()
        .find(|(_, answer)| is_borne_out(answer))
        .map(|(number, _)| *number);
    if prompt.starts_with("You judge two answers") {
        let better = match order {
            Some(order) => ordered(order),
            None => {
                let [first, second] = [1, 2].map(|number| borne(&answers[&number]));
                match first.cmp(&second) {
                    Ordering::Greater => 1,
                    Ordering::Less => 2,
                    Ordering::Equal => 0,
                }
            }
        };
        return format!("{{\"better\": {better}}}");
    }
    if prompt.starts_with("You write one answer") {
        let borne: Vec<&str> = answers
            .values()
            .filter(|answer| is_borne_out(answer))
            .map(|(text, _)| text.as_str())
            .collect();
        return match order {
            Some(order) => (*order).to_owned(),
            None if borne.is_empty() => "It is open.".to_owned(),
            None => borne.join(" "),
        };
    }
    assert!(
        prompt.starts_with("You are one member of a panel"),
        "{prompt}"
    );
    let own = prompt.split_once("Your own answer is number ").unwrap().1;
    let own: usize = own.split('.').next().unwrap().parse().unwrap();
    let convinced = match order {
        Some(order) => Some(ordered(order)),
        None => best.filter(|best| *best != own && !is_borne_out(&answers[&own])),
    };
    match convinced {
        Some(number) => {
            format!("{{\"convinced_by\": {number}, \"reason\": \"A proven passage says so.\"}}")
        }
        None => "{\"keep\": true}".to_owned(),
    }
}

/// The number an order names.
fn ordered(order: &str) -> usize {
    let digits = order
        .chars()
        .filter(char::is_ascii_digit)
        .collect::<String>();
    digits.parse().unwrap_or(1)
}
