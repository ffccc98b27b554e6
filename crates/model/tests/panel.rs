//! Panels of three extractive experts answer the public questions, debate once and vote.
//!
//! Expert i knows domain i in full and about half of the next two. A question goes to the three experts that
//! are registered in the domain which the classifier names first, or to all five where it names none.
//!
//! What they reach, and which set is blind to what, stands in `questions/README.md`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "the exceptions for tests do not reach helpers of integration tests"
)]

use std::{collections::BTreeMap, sync::Arc};

use llmnet_knowledge::{
    classify::Classifier,
    corpus::{Corpus, part},
    ingest::{Document, parse},
    retrieve::Shelf,
    sample::Sample,
};
use llmnet_model::{
    answer::{Answerer, Limits},
    backend::extractive::{Extractive, Options},
};
use llmnet_types::{
    codec::{List, Text},
    contract::Strategy,
    id::{ContractId, Digest, Salt},
    message::Answer,
    rating::Preference,
    request::{ChatMessage, Request, Role},
};
use serde::Deserialize;

/// The sets measured where `LLMNET_PANEL_FILES` names no others.
const SETS: [&str; 4] = [
    "tune.jsonl",
    "tune-more.jsonl",
    "held-out.jsonl",
    "blind.jsonl",
];
/// The sets that are only counted.
const BLIND: [&str; 2] = ["held-out.jsonl", "blind.jsonl"];
const RING: [&str; 5] = ["llm-net", "computing", "astronomy", "climate", "medicine"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    question: String,
    domain: Option<String>,
    passages: Vec<String>,
}

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn questions(file: &str) -> Vec<Question> {
    let text = std::fs::read_to_string(root().join("questions").join(file)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

struct Ring {
    classifier: Classifier,
    experts: Vec<Extractive>,
}

impl Ring {
    fn new() -> Self {
        let documents: Vec<Document> = RING
            .iter()
            .map(|name| {
                let file = format!("experts/{name}.md");
                parse(&file, &std::fs::read_to_string(root().join(&file)).unwrap()).unwrap()
            })
            .collect();
        let labelled: Vec<_> = documents.iter().flat_map(Document::samples).collect();
        let classifier = Classifier::new(&labelled);
        let sample = Arc::new(Sample::new(&documents));
        let experts = (0..RING.len())
            .map(|expert| {
                let mut sections = documents[expert].sections.clone();
                for next in 1..=2 {
                    sections.extend(part(&documents[(expert + next) % RING.len()], RING[expert]));
                }
                let corpus =
                    Corpus::new(sections, &Salt([7; 32]), documents[expert].as_of_day).unwrap();
                let shelf = Shelf::new(corpus, Arc::clone(&sample)).unwrap();
                Extractive::new(Arc::new(shelf), Options::default())
            })
            .collect();
        Self {
            classifier,
            experts,
        }
    }

    /// Places of the experts that know a domain: in full, then in part.
    fn panel(domain: &str) -> Vec<usize> {
        let place = RING.iter().position(|name| *name == domain).unwrap();
        (0..3)
            .map(|back| (place + RING.len() - back) % RING.len())
            .collect()
    }
}

fn request(question: &str) -> Request {
    let content = Text::new(question).unwrap();
    Request {
        messages: List::truncated([ChatMessage {
            role: Role::User,
            content,
        }]),
        strategy: Strategy::Auto,
        domain: None,
        output_tokens_max: None,
        settings: List::new(),
    }
}

/// First answers, what became of them after a debate, and the title that won.
#[derive(Debug, Clone)]
struct Outcome {
    first: Vec<String>,
    last: Vec<String>,
    verdict: Option<String>,
}

fn title(answer: &Answer) -> String {
    answer.evidence[0].passage.title.to_string()
}

async fn ask(experts: &[&Extractive], question: &str) -> Outcome {
    let contract = ContractId(Digest::of(question.as_bytes()).0);
    let (request, limits) = (request(question), Limits::default());
    let (mut seats, mut shown) = (Vec::new(), Vec::new());
    for expert in experts {
        if let Ok(answer) = expert.answer(&contract, &request, &limits).await {
            seats.push(*expert);
            shown.push(answer);
        }
    }
    let mut last = Vec::new();
    for (own, seat) in seats.iter().enumerate() {
        let revision = seat
            .revise(&contract, &request, own, &shown, &limits)
            .await
            .unwrap();
        assert_eq!(
            revision.convinced_by.is_some(),
            revision.answer != shown[own]
        );
        last.push(revision.answer);
    }
    // DEB-5 with equal weights: votes of first and last answers, then the peers' ballots.
    let mut merits: BTreeMap<Digest, (u32, u32)> = BTreeMap::new();
    for answer in shown.iter().chain(&last) {
        merits.entry(answer.class).or_default().0 += 1;
    }
    for (own, seat) in seats.iter().enumerate() {
        for comparison in &*seat
            .judge(&contract, &request, own, &last, &limits)
            .await
            .unwrap()
        {
            let winner = match comparison.better {
                Preference::Tie => continue,
                Preference::First => comparison.first,
                Preference::Second => comparison.second,
            };
            merits.entry(last[usize::from(winner)].class).or_default().1 += 1;
        }
    }
    // The last of equal merits is the expert that knows least of the domain: take the first.
    let verdict = last
        .iter()
        .rev()
        .max_by_key(|answer| merits[&answer.class])
        .map(title);
    Outcome {
        first: shown.iter().map(title).collect(),
        last: last.iter().map(title).collect(),
        verdict,
    }
}

#[derive(Debug, Default, Clone, Copy)]
struct Measure {
    questions: usize,
    classified: usize,
    in_two: usize,
    found_at_first: usize,
    right: usize,
    outside: usize,
    outside_unclassified: usize,
    outside_declined: usize,
    outside_declined_by_all_five: usize,
}

impl Measure {
    /// What one question adds.
    async fn of(ring: &Ring, question: &Question, verbose: bool) -> Self {
        let Question {
            question,
            domain,
            passages,
        } = question;
        let domains = ring.classifier.classify(question);
        let named: Vec<&str> = domains.iter().map(|(domain, _)| domain.as_str()).collect();
        let everybody: Vec<&Extractive> = ring.experts.iter().collect();
        let experts = named.first().map_or(everybody.clone(), |domain| {
            let places = Ring::panel(domain).into_iter();
            places.map(|place| &ring.experts[place]).collect()
        });
        let outcome = ask(&experts, question).await;
        let Some(domain) = domain else {
            let all = if domains.is_empty() {
                outcome.clone()
            } else {
                ask(&everybody, question).await
            };
            if verbose && (outcome.verdict.is_some() || all.verdict.is_some()) {
                let (first, all) = (&outcome.first, &all.first);
                println!("OUT  {question}\n     {domains:?} {first:?} all: {all:?}");
            }
            return Self {
                outside: 1,
                outside_unclassified: usize::from(domains.is_empty()),
                outside_declined: usize::from(outcome.verdict.is_none()),
                outside_declined_by_all_five: usize::from(all.verdict.is_none()),
                ..Self::default()
            };
        };
        let right = |title: &String| passages.contains(title);
        let is_right = outcome.verdict.as_ref().is_some_and(right);
        if verbose && !is_right {
            let Outcome {
                first,
                last,
                verdict,
            } = &outcome;
            println!(
                "MISS {question} [{domain}] {passages:?}\n     {domains:?}\n     \
                 {first:?} -> {last:?} = {verdict:?}"
            );
        }
        Self {
            questions: 1,
            classified: usize::from(named.first() == Some(&domain.as_str())),
            in_two: usize::from(named.contains(&domain.as_str())),
            found_at_first: usize::from(outcome.first.iter().any(right)),
            right: usize::from(is_right),
            ..Self::default()
        }
    }

    fn add(&mut self, other: Self) {
        self.questions += other.questions;
        self.classified += other.classified;
        self.in_two += other.in_two;
        self.found_at_first += other.found_at_first;
        self.right += other.right;
        self.outside += other.outside;
        self.outside_unclassified += other.outside_unclassified;
        self.outside_declined += other.outside_declined;
        self.outside_declined_by_all_five += other.outside_declined_by_all_five;
    }
}

async fn measure(ring: &Ring, file: &str) -> Measure {
    // A set whose failures were read is not blind any more.
    let verbose = std::env::var_os("LLMNET_PANEL_FAILURES").is_some() && !BLIND.contains(&file);
    let mut domains: BTreeMap<Option<String>, Measure> = BTreeMap::new();
    let mut whole = Measure::default();
    for question in questions(file) {
        let measure = Measure::of(ring, &question, verbose).await;
        whole.add(measure);
        domains.entry(question.domain).or_default().add(measure);
    }
    println!("{file}: {whole:?}");
    for (
        domain,
        Measure {
            questions, right, ..
        },
    ) in &domains
    {
        if let Some(domain) = domain {
            println!("  {domain}: {right} of {questions}");
        }
    }
    whole
}

#[tokio::test]
async fn panels_cite_the_right_passage_and_decline_the_rest() {
    let ring = Ring::new();
    let mut measures = Vec::new();
    let chosen = std::env::var("LLMNET_PANEL_FILES").unwrap_or_else(|_| SETS.join(" "));
    for file in chosen.split_whitespace() {
        measures.push((file, measure(&ring, file).await));
    }
    for (file, measure) in measures {
        let Measure {
            questions,
            right,
            outside,
            outside_declined,
            ..
        } = measure;
        assert!(right * 100 >= questions * 80, "{file}: {measure:?}");
        assert!(
            outside_declined * 100 >= outside * 90,
            "{file}: {measure:?}"
        );
    }
}
