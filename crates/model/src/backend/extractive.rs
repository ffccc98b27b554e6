//! Answers in the words of retrieved passages: nothing is invented, each sentence can be looked up.
//!
//! Whose answer is better is decided by one measure for own and peers' evidence alike: how much of the
//! question the main passage covers ([`Library::compare`]). Claims that the cited passages do not bear out
//! count as uncovered.

mod compose;

use std::sync::Arc;

use async_trait::async_trait;
use llmnet_types::{
    codec::{List, Text},
    id::ContractId,
    message::{Answer, DeclineReason, EVIDENCE_MAX, Revision, answer_class},
    passage::{Evidence, Passage},
    rating::{Ballot, Comparison, Preference},
    request::Request,
    units::Score,
};

use crate::{
    answer::{AnswerError, Answerer, Limits, check_place},
    library::{Finding, Library, LibraryError},
};

/// What the backend decides by, all measured on tuning questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Passages that cover less of a question than this are nothing found.
    pub coverage_min: Score,
    /// How much better a peer's evidence must be to change one's mind.
    pub margin: Score,
    /// Evidence this close is equally good to a judge.
    pub tie: Score,
    /// What a second passage must add to be cited as well.
    pub addition_min: Score,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            coverage_min: Score::clamped(4_500),
            margin: Score::clamped(500),
            tie: Score::clamped(300),
            addition_min: Score::clamped(2_000),
        }
    }
}

/// What coverage is worth against rank in the choice among passages.
const COVERAGE_MERIT: f64 = 0.5;
/// Passages looked at for an answer.
const FINDINGS: usize = 16;

/// Answers from a library, without a model.
#[derive(Clone)]
pub struct Extractive {
    library: Arc<dyn Library>,
    options: Options,
}

impl std::fmt::Debug for Extractive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Extractive")
            .field("library", &self.library.version())
            .field("options", &self.options)
            .finish()
    }
}

impl Extractive {
    /// A backend over a respondent's own documents.
    pub fn new(library: Arc<dyn Library>, options: Options) -> Self {
        Self { library, options }
    }

    /// The best passage, and a second one where it adds to the first. A passage that all seats are shown is taken for the
    /// best where it covers clearly more than the best of its own: as one's mind is changed in a debate.
    fn choose(&self, question: &str, shared: &[Evidence]) -> Result<Vec<Evidence>, AnswerError> {
        let mut findings = self.library.find(question, FINDINGS)?;
        // Rank knows rarity and length, coverage the whole question; each errs where the other does not.
        let top = findings
            .iter()
            .map(|finding| finding.rank)
            .fold(f64::MIN_POSITIVE, f64::max);
        let merit = |finding: &Finding| {
            let coverage = f64::from(finding.coverage.get()) / f64::from(Score::ONE.get());
            finding.rank / top + COVERAGE_MERIT * coverage
        };
        findings.sort_by(|a, b| merit(b).total_cmp(&merit(a)));
        findings.retain(|finding| finding.coverage >= self.options.coverage_min);
        let own = findings.into_iter().map(|finding| finding.evidence);
        let mut found = self.beside(question, own.collect(), shared).into_iter();
        let first = found
            .next()
            .ok_or(AnswerError::Declined(DeclineReason::NothingFound))?;
        let text = |evidence: &Evidence| {
            let Passage { title, text, .. } = &evidence.passage;
            format!("{title}\n{text}")
        };
        let alone = self.library.coverage(question, &text(&first)).get();
        let second = found.find(|evidence| {
            let both = format!("{}\n{}", text(&first), text(evidence));
            let added = self
                .library
                .coverage(question, &both)
                .get()
                .saturating_sub(alone);
            added >= self.options.addition_min.get()
        });
        Ok(std::iter::once(first).chain(second).collect())
    }

    /// One's own findings and what all are shown, best first, all measured alike.
    fn beside(&self, question: &str, own: Vec<Evidence>, shared: &[Evidence]) -> Vec<Evidence> {
        if shared.is_empty() {
            return own;
        }
        let passages = own.first().into_iter().chain(shared);
        let passages: Vec<&Passage> = passages.map(|evidence| &evidence.passage).collect();
        let mut scores = self.library.compare(question, &passages).into_iter();
        let best = own.first().and_then(|_| scores.next());
        let mut shared: Vec<(Score, &Evidence)> = scores.zip(shared).collect();
        shared.retain(|(score, _)| *score >= self.options.coverage_min);
        // Equal ones stay in order.
        shared.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        let better = shared.first().is_some_and(|(score, _)| {
            let needed = best.map_or(0, |best| best.get() + self.options.margin.get());
            score.get() >= needed
        });
        let mut shared = shared.into_iter().map(|(_, evidence)| evidence.clone());
        let first = if better { shared.next() } else { None };
        first.into_iter().chain(own).chain(shared).collect()
    }

    /// The evidence scores of answers, all measured alike; zero where the evidence does not hold.
    fn scores(&self, question: &str, answers: &[Answer]) -> Vec<Score> {
        let main: Vec<_> = answers
            .iter()
            .map(|answer| supported(answer).then(|| &answer.evidence[0].passage))
            .collect();
        let passages: Vec<&Passage> = main.iter().copied().flatten().collect();
        let mut scores = self.library.compare(question, &passages).into_iter();
        main.iter()
            .map(|passage| passage.and_then(|_| scores.next()).unwrap_or_default())
            .collect()
    }
}

impl From<LibraryError> for AnswerError {
    fn from(error: LibraryError) -> Self {
        Self::Backend(error.to_string())
    }
}

/// Whether all evidence stands where it says, and all of the text stands in the evidence.
fn supported(answer: &Answer) -> bool {
    let holds = !answer.evidence.is_empty() && answer.evidence.iter().all(Evidence::holds);
    holds
        && compose::stands_in(
            &answer.text,
            answer.evidence.iter().map(|evidence| &evidence.passage),
        )
}

fn class(contract: &ContractId, evidence: &[Evidence]) -> Option<llmnet_types::id::Digest> {
    let main = evidence.first()?;
    Some(answer_class(contract, &main.passage.digest().0))
}

fn percent(score: Score) -> u16 {
    score.get() / 100
}

#[async_trait]
impl Answerer for Extractive {
    fn version(&self) -> String {
        let text = format!("extractive/1 {}", self.library.version());
        Text::<{ crate::answer::VERSION_LENGTH_MAX }>::truncated(&text).to_string()
    }

    async fn answer(
        &self,
        contract: &ContractId,
        request: &Request,
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        self.answer_with(contract, request, &[], limits).await
    }

    async fn answer_with(
        &self,
        contract: &ContractId,
        request: &Request,
        shared: &[Evidence],
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        // Who only quotes calls no tool and writes no JSON (DEB-12).
        if request.needs_model() {
            return Err(AnswerError::Declined(DeclineReason::Policy));
        }
        let question = request.question();
        let found = self.choose(question, shared)?;
        let passages: Vec<&Passage> = found.iter().map(|evidence| &evidence.passage).collect();
        let score = |text: &str| self.library.coverage(question, text);
        let (text, used) = compose::compose(&passages, score, limits.output_tokens)
            .ok_or(AnswerError::Declined(DeclineReason::Policy))?;
        let evidence: List<Evidence, EVIDENCE_MAX> = List::truncated(found.into_iter().take(used));
        let class =
            class(contract, &evidence).ok_or(AnswerError::Declined(DeclineReason::NothingFound))?;
        Ok(Answer {
            text: Text::truncated(&text),
            evidence,
            class,
        })
    }

    async fn revise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        _limits: &Limits,
    ) -> Result<Revision, AnswerError> {
        check_place(own, shown)?;
        let scores = self.scores(request.question(), shown);
        let best = (0..shown.len())
            .filter(|place| *place != own)
            // The first of the best: `max_by_key` would take the last.
            .rev()
            .max_by_key(|place| scores[*place]);
        let convinced_by = best.filter(|place| {
            let needed = scores[own].get() + self.options.margin.get();
            scores[*place].get() >= needed
        });
        let Some(place) = convinced_by else {
            let reason = format!(
                "no peer's passage covers clearly more of the question than {}%",
                percent(scores[own])
            );
            return Ok(Revision {
                answer: shown[own].clone(),
                convinced_by: None,
                reason: Text::truncated(&reason),
            });
        };
        let answer = &shown[place];
        let class = class(contract, &answer.evidence)
            .ok_or_else(|| AnswerError::Backend("a scored answer has no evidence".to_owned()))?;
        let title = &answer.evidence[0].passage.title;
        let reason = format!(
            "\"{title}\" covers more of the question ({}% against {}%)",
            percent(scores[place]),
            percent(scores[own]),
        );
        Ok(Revision {
            answer: Answer {
                class,
                ..answer.clone()
            },
            convinced_by: u8::try_from(place).ok(),
            reason: Text::truncated(&reason),
        })
    }

    async fn judge(
        &self,
        _contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        _limits: &Limits,
    ) -> Result<Ballot, AnswerError> {
        check_place(own, shown)?;
        let scores = self.scores(request.question(), shown);
        Ok(ballot(own, shown.len(), |first, second| {
            let (a, b) = (scores[first].get(), scores[second].get());
            // An unsupported answer loses to a supported one, however little that covers.
            let tie = if a.min(b) == 0 {
                0
            } else {
                self.options.tie.get()
            };
            if a.abs_diff(b) <= tie {
                Preference::Tie
            } else if a > b {
                Preference::First
            } else {
                Preference::Second
            }
        }))
    }
}

/// Asks for each pair of places in both orders; where the orders disagree it is a tie (RAT-1).
fn ballot(own: usize, places: usize, better: impl Fn(usize, usize) -> Preference) -> Ballot {
    let others: Vec<usize> = (0..places).filter(|place| *place != own).collect();
    let mut comparisons = Vec::new();
    for (at, &first) in others.iter().enumerate() {
        for &second in &others[at + 1..] {
            let better = match (better(first, second), better(second, first)) {
                (Preference::First, Preference::Second) => Preference::First,
                (Preference::Second, Preference::First) => Preference::Second,
                _ => Preference::Tie,
            };
            if let (Ok(first), Ok(second)) = (u8::try_from(first), u8::try_from(second)) {
                comparisons.push(Comparison {
                    first,
                    second,
                    better,
                });
            }
        }
    }
    Ballot::truncated(comparisons)
}

#[cfg(test)]
mod tests;
