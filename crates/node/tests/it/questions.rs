//! Questions in words other than the passages', and questions from outside, asked over HTTP.

use std::sync::Arc;

use tokio::{sync::Semaphore, task::JoinSet};

use crate::support::{Answer, Gateway, Local, Question, questions};

/// Questions asked at the same time.
const AT_ONCE: usize = 8;

/// What came of a set of questions.
#[derive(Debug, Default)]
struct Figures {
    inside: usize,
    /// A right passage is cited.
    right: usize,
    /// It is the first that is cited.
    first: usize,
    outside: usize,
    declined: usize,
    debated: usize,
    /// The panel's last answers were not all the same.
    disagreed: usize,
    /// At least one seat took another's answer.
    changed: usize,
    receipts: usize,
}

impl Figures {
    fn count(&mut self, question: &Question, answer: &Answer) {
        if question.domain.is_none() {
            self.outside += 1;
            self.declined += usize::from(answer.declined());
        } else {
            self.inside += 1;
            let right = |title: &String| question.passages.contains(title);
            self.right += usize::from(answer.cited().iter().any(right));
            self.first += usize::from(answer.cited().first().is_some_and(right));
        }
        if answer.declined() {
            let total = answer.llmnet()["cost"]["total"].as_str().unwrap();
            assert_eq!(total.parse::<f64>().unwrap(), 0.0, "declining is free");
            return;
        }
        assert!(answer.receipt().is_some(), "an answer has a receipt");
        self.receipts += 1;
        let panel = answer.panel();
        let is = |name: &str, value| panel.iter().any(|seat| seat[name] == value);
        self.debated += usize::from(answer.llmnet()["rounds"] != 0);
        self.disagreed += usize::from(is("agrees", false));
        self.changed += usize::from(is("changed", true));
    }
}

async fn ask_all(gateway: &Gateway, set: Vec<Question>) -> Figures {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut asking = JoinSet::new();
    for question in set {
        let (gateway, places) = (gateway.clone(), Arc::clone(&places));
        asking.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let answer = gateway.ask("llmnet/auto", &question.question).await;
            (question, answer)
        });
    }
    let mut figures = Figures::default();
    while let Some(asked) = asking.join_next().await {
        let (question, answer) = asked.unwrap();
        figures.count(&question, &answer);
    }
    figures
}

/// Both sets that were kept blind, each by itself. Every domain has three experts here, so panels differ in
/// their order only, and figures by a question or none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn most_answers_cite_a_right_passage_and_what_nobody_knows_is_declined() {
    let local = Local::start().await;
    for file in ["held-out.jsonl", "blind.jsonl"] {
        let figures = ask_all(&local.gateway, questions(file)).await;
        println!("{file}: {figures:?}");
        assert!(figures.inside >= 50 && figures.outside >= 20);
        let right = figures.right * 100 >= figures.inside * 80;
        let declined = figures.declined * 100 >= figures.outside * 90;
        assert!(right && declined, "{file}: {figures:?}");
        assert!(figures.disagreed > 0, "some panels do not agree to the end");
        assert!(figures.changed > 0, "some seats change their answer");
    }
    local.stop().await;
}
