use std::{collections::VecDeque, sync::Mutex};

use llmnet_types::{
    class::text_class,
    codec::List,
    contract::Strategy,
    message::DeclineReason,
    request::{ChatMessage, Role, Setting},
};

use super::*;

const CONTRACT: ContractId = ContractId([3; 32]);

/// Says one thing after another; what is empty fails.
struct Fickle(Mutex<VecDeque<&'static str>>);

impl Fickle {
    fn saying(texts: &[&'static str]) -> Self {
        Self(Mutex::new(texts.iter().copied().collect()))
    }
}

#[async_trait]
impl Answerer for Fickle {
    fn version(&self) -> String {
        "fickle/1".to_owned()
    }

    async fn answer(
        &self,
        contract: &ContractId,
        request: &Request,
        _: &Limits,
    ) -> Result<Answer, AnswerError> {
        match self.0.lock().unwrap().pop_front() {
            None | Some("") => Err(AnswerError::Declined(DeclineReason::NothingFound)),
            Some(text) => Ok(Answer {
                text: Text::truncated(text),
                evidence: List::new(),
                class: text_class(contract, request, text),
            }),
        }
    }

    async fn revise(
        &self,
        _: &ContractId,
        _: &Request,
        _: usize,
        _: &[Answer],
        _: &Limits,
    ) -> Result<Revision, AnswerError> {
        Err(AnswerError::Declined(DeclineReason::Policy))
    }

    async fn judge(
        &self,
        _: &ContractId,
        _: &Request,
        _: usize,
        _: &[Answer],
        _: &Limits,
    ) -> Result<Ballot, AnswerError> {
        Err(AnswerError::Declined(DeclineReason::Policy))
    }
}

fn request(question: &str) -> Request {
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content: Text::truncated(question),
        }]),
        strategy: Strategy::Auto,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

/// The answer, and how many words were left unsaid.
async fn ask(question: &str, samples: u8, texts: &[&'static str], time_ms: u32) -> (String, usize) {
    let seat = Consistent::new(Fickle::saying(texts), samples);
    let limits = Limits {
        time_ms,
        ..Limits::default()
    };
    let answer = seat.answer(&CONTRACT, &request(question), &limits).await;
    let left = seat.inner.0.lock().unwrap().len();
    (
        answer.map_or_else(|error| error.to_string(), |answer| answer.text.to_string()),
        left,
    )
}

const CLOSED: &str = "Which?\nA) Rhea\nB) Titan";

/// DEB-8: what most samples come down to is handed in, in the words it was first said with.
#[tokio::test]
async fn the_most_frequent_choice_is_taken() {
    let texts = ["A", "It is (B).", "B", "", "Answer: B"];
    assert_eq!(
        ask(CLOSED, 5, &texts, 60_000).await,
        ("It is (B).".to_owned(), 0)
    );
    // Equally often: the first.
    assert_eq!(ask(CLOSED, 2, &["A", "B"], 60_000).await.0, "A");
}

/// DEB-8: samples stop where the rest could change nothing, and an open question is asked once.
#[tokio::test]
async fn no_sample_is_taken_in_vain() {
    assert_eq!(
        ask(CLOSED, 5, &["B", "B", "B", "A", "A"], 60_000).await.1,
        2
    );
    assert_eq!(
        ask("Why?", 5, &["So.", "Thus."], 60_000).await,
        ("So.".to_owned(), 1)
    );
    assert_eq!(
        ask(CLOSED, 5, &["B", "A", "A"], 0).await,
        ("B".to_owned(), 2)
    );
    assert_eq!(ask(CLOSED, 5, &["", "B"], 60_000).await.1, 1);
    let seat = Consistent::new(Fickle::saying(&[]), 200);
    assert_eq!(seat.version(), "x15 fickle/1");
}

/// Whoever sets a seed or no temperature wants one answer, not the most frequent of several.
#[tokio::test]
async fn what_is_to_be_the_same_each_time_is_asked_once() {
    for (name, value, left) in [
        ("seed", "7", 2),
        ("temperature", "0", 2),
        ("temperature", "0.0", 2),
        ("temperature", "1", 0),
        ("top_p", "0", 0),
    ] {
        let seat = Consistent::new(Fickle::saying(&["A", "B", "B"]), 3);
        let setting = Setting {
            name: Text::truncated(name),
            value: Text::truncated(value),
        };
        let request = Request {
            settings: List::truncated([setting]),
            ..request(CLOSED)
        };
        let answer = seat.answer(&CONTRACT, &request, &Limits::default()).await;
        let text = answer.unwrap().text.to_string();
        let expected = if left == 2 { "A" } else { "B" };
        assert_eq!(text, expected, "{name} {value}");
        assert_eq!(seat.inner.0.lock().unwrap().len(), left, "{name} {value}");
    }
}
