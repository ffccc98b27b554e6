//! A node that says what the question tells it to, shared with the example `scripted`.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use llmnet_gateway::port::embedder::{EmbedError, Embedded, Embedder, Input};
use llmnet_gateway::port::{
    Allowance, AnswerError, Answered, Citation, Coordinator, Dissent, Expert, Health, Offer,
    PanelSeat, PanelSize, Part, ReceiptDocument, ReceiptState, Skipped, Standing, Usage,
};
use llmnet_types::{
    codec::Text,
    domain::Domain,
    id::{ContractId, Digest, NetworkId},
    message::{DeclineReason, Response},
    receipt::{Charges, Conclusion, ContractStatus, SeatOutcome},
    registration::{Assurance, Corpus, Model, Price},
    request::{Progress, Request, TOOLS},
    signature::PublicKey,
    tool::{Returned, ToolCall},
    units::{Amount, Height, Score, Tokens},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

/// The key of the coordinator.
pub(crate) const NODE: PublicKey = PublicKey([0x77; 32]);
/// The one receipt there is.
pub(crate) const RECEIPT: ContractId = ContractId([0xab; 32]);
/// Its file, with spaces no serialiser would write.
pub(crate) const RECEIPT_FILE: &str = "{ \"receipt\" :  1 }\n";

/// What is said where a form is asked for.
const FORMED: &str = r#"{"city":"Paris","degrees":18}"#;
/// The model that makes vectors.
pub(crate) const EMBEDDER: &str = "script-embedding";

/// Makes vectors of what its inputs' lengths are; refuses what is too long for it.
pub(crate) struct Vectors;

#[async_trait]
impl Embedder for Vectors {
    fn model(&self) -> &str {
        EMBEDDER
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    async fn embed(
        &self,
        inputs: Vec<Input>,
        dimensions: Option<u32>,
    ) -> Result<Embedded, EmbedError> {
        let lengths: Vec<usize> = inputs
            .iter()
            .map(|input| match input {
                Input::Text(text) => text.len(),
                Input::Tokens(tokens) => 4 * tokens.len(),
            })
            .collect();
        if inputs.contains(&Input::Text("nobody there".to_owned())) {
            return Err(EmbedError::Unavailable {
                message: "the model for embeddings cannot be reached".to_owned(),
                retry_after: Duration::from_millis(2_500),
            });
        }
        if lengths.iter().any(|length| *length > 1_000) {
            return Err(EmbedError::Refused {
                message: "an input is too long for this model; shorten it".to_owned(),
            });
        }
        let width = dimensions.unwrap_or(3) as usize;
        #[expect(clippy::cast_precision_loss, reason = "small lengths")]
        let vectors = lengths.iter().map(|length| {
            (0..width)
                .map(|place| *length as f32 + 0.5 * place as f32)
                .collect()
        });
        let tokens = lengths
            .iter()
            .map(|length| length.div_ceil(4))
            .sum::<usize>();
        Ok(Embedded {
            vectors: vectors.collect(),
            tokens: Tokens(u32::try_from(tokens).unwrap_or(u32::MAX)),
        })
    }
}

/// What any question may cost at most.
const WORST: Amount = Amount(2_000);

/// The node, and what was seen of it.
#[derive(Default)]
pub(crate) struct Script {
    /// Answers begun.
    pub(crate) asked: AtomicUsize,
    /// Answers dropped before their end.
    pub(crate) cancelled: AtomicUsize,
    /// Why it is not ready.
    pub(crate) blocked: Option<String>,
}

struct Begun<'a>(&'a Script, bool);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn domain(name: &str) -> Domain {
    Domain::new(name).expect("a domain")
}

fn score(basis_points: u16) -> Score {
    Score::new(basis_points).expect("a score")
}

fn standing(mean: u16, lower_bound: u16, samples: u32) -> Standing {
    Standing {
        mean: score(mean),
        lower_bound: score(lower_bound),
        samples,
    }
}

fn price(call: u64) -> Price {
    Price {
        call: Amount(call),
        input_kilo: Amount(100),
        output_kilo: Amount(2_000),
    }
}

fn skipped() -> Vec<Skipped> {
    let skip = |rank, name: &str, reply| Skipped {
        provider: format!("{rank:02}ff00aa"),
        name: name.to_owned(),
        rank,
        reply,
    };
    vec![
        skip(0, "unseen", None),
        skip(1, "full", Some(Response::Busy)),
        skip(
            2,
            "elsewhere",
            Some(Response::Decline(DeclineReason::NothingFound)),
        ),
    ]
}

/// What is answered where the question asks for nothing special.
pub(crate) fn answered(request: &Request) -> Answered {
    Answered {
        receipt: Some(RECEIPT),
        text: "Aspirin thins the blood; ask before you combine it with warfarin [1]. \
               Übrigens: it does so for the life of a platelet, about ten days."
            .to_owned(),
        calls: Vec::new(),
        truncated: false,
        declined: false,
        status: ContractStatus::Concluded,
        strategy: request.strategy,
        conclusion: Conclusion::Vote,
        domains: vec![domain("medicine")],
        rounds: 1,
        agreement: score(8_750),
        height: Height(42),
        panel: vec![PanelSeat {
            provider: "1a2b3c4d".to_owned(),
            name: "asclepius".to_owned(),
            domains: vec![domain("medicine"), domain("biology")],
            reputation: standing(9_100, 8_300, 57),
            rank: 3,
            outcome: SeatOutcome::Served,
            reason: None,
            changed: false,
            agrees: true,
            score: score(9_000),
            price: Amount(1_250),
            latency_ms: 340,
        }],
        skipped: skipped(),
        citations: vec![Citation {
            title: "Antiplatelets".to_owned(),
            document: "cardiology.md".to_owned(),
            passage: Digest([1; 32]),
            corpus: Digest([2; 32]),
            as_of_day: 20_500,
            provider: "1a2b3c4d".to_owned(),
            quote: "Aspirin blocks \"cyclooxygenase\".".to_owned(),
        }],
        minority: vec![Dissent {
            providers: vec!["2b3c4d5e".to_owned()],
            share: score(1_250),
            text: "It does not matter.".to_owned(),
            citations: Vec::new(),
            reasons: vec!["no trial found harm".to_owned()],
        }],
        cost: Charges {
            seats: Amount(1_250),
            coordinator: Amount(125),
            fee: Amount(25),
            total: Amount(1_400),
        },
        usage: Usage {
            prompt_tokens: Tokens(120),
            completion_tokens: Tokens(36),
        },
    }
}

/// What a model alone says: it calls the first tool for each city that is asked for, then repeats what came of it;
/// and of a form it has one answer.
fn alone(request: &Request) -> Answered {
    let last = request.messages.last().expect("a turn");
    let (text, calls) = match Returned::of_text(&last.content) {
        Some(returned) => (format!("It says: {}.", returned.content), Vec::new()),
        None if request.wants_form() => (FORMED.to_owned(), Vec::new()),
        None => (String::new(), calls(request)),
    };
    Answered {
        text,
        calls,
        conclusion: Conclusion::Unanimous,
        rounds: 0,
        agreement: Score::ONE,
        minority: Vec::new(),
        citations: Vec::new(),
        ..answered(request)
    }
}

fn calls(request: &Request) -> Vec<ToolCall> {
    let tools: Value = serde_json::from_str(request.setting(TOOLS).unwrap_or("[]")).expect("JSON");
    let name = tools[0]["function"]["name"].as_str().unwrap_or_default();
    let cities = ["Paris", "Rome"].into_iter();
    let cities = cities.filter(|city| request.question().contains(city));
    let calls = cities.enumerate().map(|(place, city)| ToolCall {
        id: format!("call_{place}"),
        name: name.to_owned(),
        arguments:
            json!({ "city": city, "unit": "degrees Celsius, as everywhere else in the world" })
                .to_string(),
    });
    calls.collect()
}

fn declined(request: &Request) -> Answered {
    Answered {
        receipt: None,
        text: "Nobody on this network knows anything about that.".to_owned(),
        declined: true,
        status: ContractStatus::Void,
        conclusion: Conclusion::None,
        domains: Vec::new(),
        rounds: 0,
        agreement: Score::ZERO,
        panel: Vec::new(),
        skipped: Vec::new(),
        citations: Vec::new(),
        minority: Vec::new(),
        cost: Charges::default(),
        usage: Usage::default(),
        ..answered(request)
    }
}

fn refusal(question: &str) -> Option<AnswerError> {
    let retry_after = Duration::from_millis(2_500);
    match question {
        "invalid" => Some(AnswerError::InvalidRequest {
            param: Some("max_tokens".to_owned()),
            message: "'max_tokens' is over the 4000 that the terms allow".to_owned(),
        }),
        "unfunded" => Some(AnswerError::Unfunded {
            message: "the line has 0.1 credits, the worst case needs 0.4; run llmnet wallet fund"
                .to_owned(),
        }),
        "nobody serves" => Some(AnswerError::NoRespondent {
            message: "3 were asked, none serves now".to_owned(),
            skipped: skipped(),
            retry_after,
        }),
        "overloaded" => Some(AnswerError::Overloaded { retry_after }),
        "too often" => Some(AnswerError::RateLimited { retry_after }),
        "not ready" => Some(AnswerError::NotReady {
            message: "no block is final yet".to_owned(),
            retry_after,
        }),
        "timeout" => Some(AnswerError::Timeout {
            message: "no quorum answered in time".to_owned(),
            receipt: Some(RECEIPT),
        }),
        "internal" => Some(AnswerError::Internal {
            detail: "secret path".to_owned(),
        }),
        _ => None,
    }
}

#[async_trait]
impl Coordinator for Script {
    fn node(&self) -> Option<PublicKey> {
        Some(NODE)
    }

    async fn answer(
        &self,
        request: Request,
        size: PanelSize,
        allowance: Allowance,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Answered, AnswerError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut begun = Begun(self, false);
        let hold = allowance.reserve(WORST)?;
        let question = request.question().to_owned();
        let outcome = match question.as_str() {
            "how large?" => Ok(Answered {
                text: format!(
                    "{:?} seats, {:?} first, {:?} answers, {:?} ms",
                    size.seats, size.first, size.quorum, size.grace_ms
                ),
                ..answered(&request)
            }),
            "what does nobody know?" => Ok(declined(&request)),
            "never" => {
                sleep(Duration::from_secs(3_600)).await;
                Ok(answered(&request))
            }
            "panic" => panic!("as told"),
            "late failure" => {
                sleep(Duration::from_millis(200)).await;
                Err(AnswerError::Internal {
                    detail: "secret path".to_owned(),
                })
            }
            "slowly" => {
                sleep(Duration::from_millis(200)).await;
                tell(&progress).await;
                sleep(Duration::from_millis(200)).await;
                Ok(answered(&request))
            }
            "at length" => {
                for _ in 0..10_000 {
                    let _ = progress.send(Progress::Rating).await;
                }
                let text = "All work and no play. ".repeat(20_000);
                Ok(Answered {
                    text,
                    truncated: true,
                    ..answered(&request)
                })
            }
            "echo" => Ok(Answered {
                text: serde_json::to_string(&request).expect("a request"),
                ..answered(&request)
            }),
            _ if request.needs_model() => Ok(alone(&request)),
            other => match refusal(other) {
                Some(error) => Err(error),
                None => {
                    tell(&progress).await;
                    Ok(answered(&request))
                }
            },
        };
        begun.1 = true;
        if let Ok(answered) = &outcome {
            hold.charge(&RECEIPT, answered.cost.total);
        }
        outcome
    }

    async fn models(&self) -> Vec<Offer> {
        let offer = |name, respondents, call, lower_bound| Offer {
            domain: domain(name),
            respondents,
            price_min: price(call),
            price_max: price(2 * call),
            reputation: standing(9_100, lower_bound, 57),
        };
        vec![
            offer("astronomy", 2, 500, 7_000),
            offer("medicine", 3, 1_000, 8_300),
        ]
    }

    async fn experts(&self) -> Vec<Expert> {
        vec![Expert {
            provider: "1a2b3c4d".to_owned(),
            name: "asclepius".to_owned(),
            node: PublicKey([0x1a; 32]),
            operator: PublicKey([0x0f; 32]),
            domains: vec![(domain("medicine"), standing(9_100, 8_300, 57))],
            model: Model {
                family: Text::truncated("llama"),
                name: Text::truncated("Llama-3.2-1B"),
                digest: Digest([3; 32]),
                assurance: Assurance::Declared,
            },
            corpus: Some(Corpus {
                root: Digest([2; 32]),
                as_of_day: 20_500,
                passages: 12,
            }),
            price: price(1_000),
            bond: Amount(5_000_000),
            reachable: true,
        }]
    }

    async fn receipt(
        &self,
        id: &ContractId,
        wait: Duration,
    ) -> Result<Option<ReceiptDocument>, AnswerError> {
        // Final after 50 ms of waiting.
        let state = if wait >= Duration::from_millis(50) {
            sleep(Duration::from_millis(50)).await;
            ReceiptState::Final(Height(43))
        } else {
            ReceiptState::Issued
        };
        Ok((*id == RECEIPT).then(|| ReceiptDocument {
            bytes: RECEIPT_FILE.into(),
            state,
        }))
    }

    async fn health(&self) -> Health {
        Health {
            blocked: self.blocked.clone(),
            network: Some(NetworkId([7; 32])),
            height: Some(Height(43)),
            parts: vec![Part {
                name: "chain".to_owned(),
                ready: self.blocked.is_none(),
                detail: "4 validators, last block 0.8 s ago".to_owned(),
            }],
        }
    }
}

async fn tell(progress: &mpsc::Sender<Progress>) {
    for step in [
        Progress::Classified {
            domains: vec![(domain("medicine"), score(9_300))],
        },
        Progress::Selected { seats: 3 },
        Progress::Answered {
            answers: 2,
            seats: 3,
        },
        Progress::Debating {
            round: 1,
            rounds: 2,
        },
        Progress::Concluded,
    ] {
        let _ = progress.send(step).await;
    }
}
