//! Answers, revises and judges by prompting a language model, whichever and wherever it is.
//!
//! `prompt` has the words, `reply` reads what comes back, strictly. This file only conducts: an answer is
//! one completion, a revision one, a judgement two for each pair of answers. What is about tools, or must have a
//! form, goes to the model as it came, without words of ours (`alone`). What travels to a model's server, and how,
//! is [`api`](super::api)'s.

mod alone;
mod form;
mod prompt;
mod reply;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use llmnet_types::{
    class::{normalised, text_class},
    codec::{List, Text},
    id::ContractId,
    message::{ANSWER_LENGTH_MAX, Answer, DeclineReason, EVIDENCE_MAX, Revision, answer_class},
    passage::Evidence,
    rating::{Ballot, Comparison, Preference},
    registration::Tokenizer,
    request::{ChatMessage, Request, Setting},
    units::Tokens,
};

use crate::{
    answer::{AnswerError, Answerer, Limits, VERSION_LENGTH_MAX, check_place},
    language::{LanguageError, LanguageModel},
};

/// Tokens a decision may take: a JSON object, after whatever thinking the model does in its text.
const DECISION_TOKENS: Tokens = Tokens(512);

/// Answers with a language model.
#[derive(Debug, Clone)]
pub struct Prompted<M> {
    model: M,
}

impl<M: LanguageModel> Prompted<M> {
    /// An answerer that asks this model.
    pub const fn new(model: M) -> Self {
        Self { model }
    }

    async fn complete(
        &self,
        messages: &[ChatMessage],
        settings: &[Setting],
        limits: &Limits,
    ) -> Result<String, AnswerError> {
        let limits = &self.model.within(limits);
        fits(texts(messages), limits)?;
        let completion = self.model.complete(messages, settings, limits).await?;
        Ok(reply::spoken(&completion.text).to_owned())
    }

    /// Asks which of two answers is better, in the order shown; `Tie` for what cannot be read.
    async fn compare(
        &self,
        contract: &ContractId,
        request: &Request,
        pair: [&Answer; 2],
        limits: &Limits,
    ) -> Result<Option<Preference>, AnswerError> {
        let messages = prompt::judge(contract, request, pair);
        let limits = Limits {
            output_tokens: limits.output_tokens.min(DECISION_TOKENS),
            ..*limits
        };
        let text = self.complete(&messages, &[], &limits).await?;
        Ok(reply::judgement(&text))
    }
}

impl From<LanguageError> for AnswerError {
    fn from(error: LanguageError) -> Self {
        match error {
            LanguageError::Timeout { time_ms } => Self::TimedOut { time_ms },
            LanguageError::Withheld => Self::Declined(DeclineReason::Policy),
            other => Self::Backend(other.to_string()),
        }
    }
}

#[async_trait]
impl<M: LanguageModel> Answerer for Prompted<M> {
    fn version(&self) -> String {
        let text = format!("prompted/1 {} {}", prompt::VERSION, self.model.name());
        Text::<VERSION_LENGTH_MAX>::truncated(&text).to_string()
    }

    fn trouble(&self) -> Option<String> {
        self.model.trouble()
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
        let limits = &self.model.within(limits);
        if request.needs_model() {
            return self.alone(contract, request, limits).await;
        }
        // A model that takes less than others is shown fewer.
        let mut shared = shared;
        let mut messages = prompt::answer(contract, request, shared);
        while let Some((_, fewer)) = shared.split_last()
            && fits(texts(&messages), limits).is_err()
        {
            shared = fewer;
            messages = prompt::answer(contract, request, shared);
        }
        let text = self.complete(&messages, &request.settings, limits).await?;
        let (text, cited) = match shared.is_empty() {
            true => (text.as_str(), Vec::new()),
            false => reply::cited(&text, shared.len()),
        };
        let text = cut(text.trim(), limits.output_tokens).trim_end();
        says_something(text)?;
        let cited = cited.into_iter().filter_map(|place| shared.get(place));
        Ok(Answer {
            text: Text::truncated(text),
            evidence: List::truncated(cited.cloned()),
            class: text_class(contract, request, text),
        })
    }

    async fn revise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Revision, AnswerError> {
        check_place(own, shown)?;
        let messages = prompt::revise(contract, request, own, shown);
        let limits = Limits {
            output_tokens: limits.output_tokens.min(DECISION_TOKENS),
            ..*limits
        };
        let text = self.complete(&messages, &[], &limits).await?;
        let decision = reply::revision(&text, own, shown.len());
        let (answer, convinced_by, reason) = match decision {
            Some((place, reason)) => (&shown[place], u8::try_from(place).ok(), reason),
            None => (&shown[own], None, String::new()),
        };
        // Its own class for the text: a peer may have claimed another.
        let class = match (convinced_by, answer.evidence.first()) {
            (None, _) => answer.class,
            (Some(_), Some(main)) => answer_class(contract, &main.passage.digest().0),
            (Some(_), None) => text_class(contract, request, &answer.text),
        };
        Ok(Revision {
            answer: Answer {
                class,
                ..answer.clone()
            },
            convinced_by,
            reason: Text::truncated(&reason),
        })
    }

    async fn synthesise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        check_place(own, shown)?;
        let messages = prompt::synthesise(contract, request, shown);
        let text = self.complete(&messages, &request.settings, limits).await?;
        let text = cut(text.trim(), limits.output_tokens).trim_end();
        says_something(text)?;
        // It rests on whatever the answers rest on that it was written from.
        let mut evidence: List<Evidence, EVIDENCE_MAX> = List::new();
        for quoted in shown.iter().flat_map(|answer| answer.evidence.iter()) {
            if !evidence.contains(quoted) && !evidence.push(quoted.clone()) {
                break;
            }
        }
        Ok(Answer {
            text: Text::truncated(text),
            evidence,
            class: text_class(contract, request, text),
        })
    }

    async fn judge(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Ballot, AnswerError> {
        check_place(own, shown)?;
        let begin = Instant::now();
        let others: Vec<usize> = (0..shown.len()).filter(|place| *place != own).collect();
        let mut comparisons = Vec::new();
        for (at, &first) in others.iter().enumerate() {
            for &second in &others[at + 1..] {
                let pair = [&shown[first], &shown[second]];
                let orders = [pair, [pair[1], pair[0]]];
                let mut words = [None; 2];
                for (word, order) in words.iter_mut().zip(orders) {
                    let left = left(limits, begin)?;
                    *word = self.compare(contract, request, order, &left).await?;
                }
                // One unreadable word spoils the ballot: half a ballot would favour whom it names.
                let [Some(forward), Some(backward)] = words else {
                    return Ok(Ballot::new());
                };
                if let (Ok(first), Ok(second)) = (u8::try_from(first), u8::try_from(second)) {
                    comparisons.push(Comparison {
                        first,
                        second,
                        better: agreed(forward, backward),
                    });
                }
            }
        }
        Ok(Ballot::truncated(comparisons))
    }
}

fn texts(messages: &[ChatMessage]) -> impl Iterator<Item = &str> {
    messages.iter().map(|message| message.content.as_str())
}

/// Refuses more to read than the limits allow.
fn fits<'a>(texts: impl Iterator<Item = &'a str>, limits: &Limits) -> Result<(), AnswerError> {
    let needed = texts
        .map(|text| Tokenizer::Bytes4.count(text).0)
        .fold(0, u32::saturating_add);
    let limit = limits.input_tokens.0;
    if needed > limit {
        return Err(AnswerError::TooLarge { needed, limit });
    }
    Ok(())
}

/// Refuses a text that says nothing.
fn says_something(text: &str) -> Result<(), AnswerError> {
    let normal = normalised(text);
    if normal.is_empty() || normal == "i do not know" {
        return Err(AnswerError::Declined(DeclineReason::NothingFound));
    }
    Ok(())
}

/// What is left of the limits' time since a beginning.
fn left(limits: &Limits, begin: Instant) -> Result<Limits, AnswerError> {
    let whole = Duration::from_millis(u64::from(limits.time_ms));
    let left = whole.saturating_sub(begin.elapsed());
    match u32::try_from(left.as_millis()) {
        Ok(time_ms) if time_ms > 0 => Ok(Limits { time_ms, ..*limits }),
        _ => Err(AnswerError::TimedOut {
            time_ms: limits.time_ms,
        }),
    }
}

/// One word of two, the second given with the answers swapped (RAT-1).
const fn agreed(forward: Preference, backward: Preference) -> Preference {
    match (forward, backward) {
        (Preference::First, Preference::Second) => Preference::First,
        (Preference::Second, Preference::First) => Preference::Second,
        _ => Preference::Tie,
    }
}

/// The longest beginning of a text within the limits, as it is billed.
fn cut(text: &str, limit: Tokens) -> &str {
    let bytes = usize::try_from(limit.0)
        .unwrap_or(usize::MAX)
        .saturating_mul(4);
    &text[..text.floor_char_boundary(bytes.min(ANSWER_LENGTH_MAX))]
}

#[cfg(test)]
mod tests;
