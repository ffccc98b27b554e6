//! Asks itself more than once: of several samples of a closed answer, the one most of them agree on.
//!
//! What a question leaves open is answered once, as no two texts are alike; so is what the requester wants
//! said the same each time. Samples cost time and the operator's own tokens; what is billed is the one answer
//! that is handed in (DEB-8).

use std::time::Instant;

use async_trait::async_trait;
use llmnet_types::{
    class::choice,
    codec::Text,
    id::ContractId,
    message::{Answer, Revision},
    passage::Evidence,
    rating::Ballot,
    request::{Request, Setting},
};

use crate::answer::{AnswerError, Answerer, Limits, VERSION_LENGTH_MAX};

/// The most samples of one answer.
pub const SAMPLES_MAX: u8 = 15;

/// An answerer that samples its closed answers.
#[derive(Debug, Clone)]
pub struct Consistent<A> {
    inner: A,
    samples: u8,
}

impl<A: Answerer> Consistent<A> {
    /// Takes so many samples at the most, from one to [`SAMPLES_MAX`].
    pub fn new(inner: A, samples: u8) -> Self {
        Self {
            inner,
            samples: samples.clamp(1, SAMPLES_MAX),
        }
    }
}

#[async_trait]
impl<A: Answerer> Answerer for Consistent<A> {
    fn version(&self) -> String {
        let text = format!("x{} {}", self.samples, self.inner.version());
        Text::<VERSION_LENGTH_MAX>::truncated(&text).to_string()
    }

    fn trouble(&self) -> Option<String> {
        self.inner.trouble()
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
        let begin = Instant::now();
        let elapsed_ms = || u32::try_from(begin.elapsed().as_millis()).unwrap_or(u32::MAX);
        let inner = &self.inner;
        let first = inner.answer_with(contract, request, shared, limits).await?;
        if is_fixed(request) || choice(request.question(), &first.text).is_none() {
            return Ok(first);
        }
        let mut slowest_ms = elapsed_ms();
        let mut found = vec![(first, 1_u8)];
        for taken in 1..self.samples {
            let lead = found.iter().map(|(_, times)| *times).max().unwrap_or(0);
            let second = second_most(&found);
            // The rest could not overtake the first any more.
            if lead > second + (self.samples - taken) {
                break;
            }
            let before_ms = elapsed_ms();
            let left = limits.time_ms.saturating_sub(before_ms);
            // A sample takes as long as others took; an answer in hand is not risked for it.
            if left <= slowest_ms {
                break;
            }
            let limits = Limits {
                time_ms: left,
                ..*limits
            };
            // One that failed says nothing; the others do.
            let sample = inner.answer_with(contract, request, shared, &limits).await;
            let Ok(sample) = sample else {
                continue;
            };
            slowest_ms = slowest_ms.max(elapsed_ms().saturating_sub(before_ms));
            match found
                .iter_mut()
                .find(|(other, _)| other.class == sample.class)
            {
                Some((_, times)) => *times += 1,
                None => found.push((sample, 1)),
            }
        }
        // The first of the most: `max_by_key` would take the last.
        let most = found.into_iter().rev().max_by_key(|(_, times)| *times);
        most.map(|(answer, _)| answer)
            .ok_or_else(|| AnswerError::Backend("no sample was kept".to_owned()))
    }

    async fn revise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Revision, AnswerError> {
        self.inner
            .revise(contract, request, own, shown, limits)
            .await
    }

    async fn synthesise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        self.inner
            .synthesise(contract, request, own, shown, limits)
            .await
    }

    async fn judge(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Ballot, AnswerError> {
        self.inner
            .judge(contract, request, own, shown, limits)
            .await
    }
}

/// Whether the requester's settings make a model say the same each time, or what it says is no choice: what calls
/// tools, or has a form, is taken as it is (DEB-12).
fn is_fixed(request: &Request) -> bool {
    let fixes = |setting: &Setting| match setting.name.as_str() {
        "seed" => true,
        "temperature" => setting.value.parse() == Ok(0.0),
        _ => false,
    };
    request.needs_model() || request.settings.iter().any(fixes)
}

/// How often the second most frequent was found.
fn second_most(found: &[(Answer, u8)]) -> u8 {
    let mut times: Vec<u8> = found.iter().map(|(_, times)| *times).collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    times.get(1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
