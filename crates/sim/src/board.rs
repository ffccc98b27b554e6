//! A pool on its recordings: the questions that all its models were asked, and what each gave.

use std::collections::BTreeMap;

use crate::{pool::Pool, traces::Traces};

/// What a provider gave to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Equal for equal answers to the question; `None` where none could be read.
    pub class: Option<u32>,
    /// In milliseconds, 0 where not measured.
    pub latency_ms: u32,
}

/// A question, with the answers of all providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its id in the recordings.
    pub qid: String,
    /// By number.
    pub domain: usize,
    /// Whether it has options: all answers are letters.
    pub closed: bool,
    /// By provider.
    pub given: Vec<Given>,
    /// Of each class, whether it is right: what policies are never shown.
    pub right: Vec<bool>,
}

impl Asked {
    /// Whether a class is right. Classes that no recorded answer has are wrong.
    pub fn is_right(&self, class: Option<u32>) -> bool {
        let place = class.and_then(|class| usize::try_from(class).ok());
        place.is_some_and(|place| self.right.get(place) == Some(&true))
    }

    /// The class that most gave; of equals the one that came first.
    pub fn popular(&self) -> Option<u32> {
        self.most_given(|_| true)
    }

    /// The wrong class that most gave; of equals the one that came first.
    pub fn popular_error(&self) -> Option<u32> {
        self.most_given(|class| !self.is_right(Some(class)))
    }

    fn most_given(&self, counts: impl Fn(u32) -> bool) -> Option<u32> {
        let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
        for class in self.given.iter().filter_map(|given| given.class) {
            if counts(class) {
                *votes.entry(class).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes
            .into_iter()
            .find(|(_, count)| *count == most)
            .map(|(class, _)| class)
    }
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The pool's name.
    pub pool: String,
    /// Names of providers.
    pub providers: Vec<String>,
    /// Names of domains.
    pub domains: Vec<String>,
    /// By id.
    pub questions: Vec<Asked>,
}

/// Why a pool cannot play.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// Nothing recorded.
    #[error(
        "the pool {pool} needs the model {model:?}, of which these recordings have no response to {benchmarks}"
    )]
    Model {
        /// Its name.
        pool: String,
        /// The model.
        model: String,
        /// The sets.
        benchmarks: String,
    },
    /// Nothing in common.
    #[error("there is no question that all {models} models of the pool {pool} were asked")]
    Questions {
        /// Its name.
        pool: String,
        /// How many.
        models: usize,
    },
}

impl Board {
    /// Lays a pool out on recordings.
    ///
    /// # Errors
    /// A model that was asked nothing, or no question that all were asked.
    pub fn new(pool: &Pool, traces: &Traces) -> Result<Self, BoardError> {
        let of_pool = |qid: &str| {
            let question = traces.questions.get(qid);
            question.is_some_and(|question| pool.benchmarks.contains(&question.benchmark))
        };
        let mut rows = Vec::new();
        for model in &pool.models {
            let row = traces.responses.get(model);
            let row = row.filter(|row| row.keys().any(|qid| of_pool(qid)));
            rows.push(row.ok_or_else(|| BoardError::Model {
                pool: pool.name.clone(),
                model: model.clone(),
                benchmarks: pool.benchmarks.join(", "),
            })?);
        }
        let common: Vec<&String> = traces
            .questions
            .keys()
            .filter(|qid| of_pool(qid) && rows.iter().all(|row| row.contains_key(*qid)))
            .collect();
        let domain_of = |qid: &str| {
            let question = &traces.questions[qid];
            if pool.own_domains {
                &question.domain
            } else {
                &question.benchmark
            }
        };
        let mut domains: Vec<String> = common.iter().map(|qid| domain_of(qid).clone()).collect();
        domains.sort();
        domains.dedup();
        let questions: Vec<Asked> = common
            .into_iter()
            .map(|qid| {
                let domain = domains.binary_search(domain_of(qid)).unwrap_or_default();
                asked(traces, &rows, qid, domain)
            })
            .collect();
        if questions.is_empty() {
            return Err(BoardError::Questions {
                pool: pool.name.clone(),
                models: pool.models.len(),
            });
        }
        Ok(Self {
            pool: pool.name.clone(),
            providers: pool.models.clone(),
            domains,
            questions,
        })
    }

    /// The share of these questions that a provider got right.
    pub fn share_right(&self, provider: usize, questions: &[usize]) -> f64 {
        let right = questions.iter().filter(|question| {
            let asked = &self.questions[**question];
            asked.is_right(asked.given[provider].class)
        });
        right.count() as f64 / questions.len().max(1) as f64
    }
}

type Row = BTreeMap<String, crate::traces::Response>;

fn asked(traces: &Traces, rows: &[&Row], qid: &str, domain: usize) -> Asked {
    let mut answers: Vec<&str> = Vec::new();
    let mut right = Vec::new();
    let given = rows
        .iter()
        .map(|row| {
            let response = &row[qid];
            let is_right = traces.is_right(qid, response);
            let known = |answer: &str| answers.iter().position(|other| *other == answer);
            let place = match &response.answer {
                Some(answer) => Some(known(answer).unwrap_or_else(|| {
                    answers.push(answer);
                    right.push(false);
                    answers.len() - 1
                })),
                // Recorded as right or wrong without its text: nobody's answer is known to equal it.
                None if traces.questions[qid].gold.is_none() => {
                    answers.push("");
                    right.push(false);
                    Some(answers.len() - 1)
                }
                None => None,
            };
            if let Some(place) = place {
                right[place] |= is_right;
            }
            Given {
                class: place.and_then(|place| u32::try_from(place).ok()),
                latency_ms: response.latency_ms.unwrap_or(0),
            }
        })
        .collect();
    let is_letter = |answer: &&str| answer.len() == 1 && answer.as_bytes()[0].is_ascii_uppercase();
    Asked {
        qid: qid.to_owned(),
        domain,
        closed: !answers.is_empty() && answers.iter().all(is_letter),
        given,
        right,
    }
}
