//! Answers that one model gives by itself: it may call tools, and its text may have to be of a form (DEB-12).
//!
//! The conversation goes to the model as it came. What it says comes back as it is, or not at all: half a call, or
//! JSON that is not of the form, is worth nothing to whoever asked for it.

use llmnet_types::{
    class::text_class,
    codec::{List, Text},
    id::{ContractId, Digest},
    message::{ANSWER_LENGTH_MAX, Answer},
    request::{RESPONSE_FORMAT, Request},
    tool::Said,
};

use super::{Prompted, cut, fits, form::Form, reply, says_something};
use crate::{
    answer::{AnswerError, Limits},
    language::LanguageModel,
};

/// Hexadecimal digits of a call's id, where the model gave none.
const CALL_ID_LENGTH: usize = 24;

impl<M: LanguageModel> Prompted<M> {
    pub(super) async fn alone(
        &self,
        contract: &ContractId,
        request: &Request,
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        let form = match request.setting(RESPONSE_FORMAT) {
            None => None,
            Some(text) => Some(Form::read(text).ok_or_else(|| {
                AnswerError::Backend("a form of answers that nobody here knows".to_owned())
            })?),
        };
        fits(request.read(), limits)?;
        let completion = self
            .model
            .complete(&request.messages, &request.settings, limits)
            .await?;

        let mut said = Said {
            content: reply::spoken(&completion.text).trim().to_owned(),
            tool_calls: completion.calls,
        };
        if !request.offers_tools() {
            said.tool_calls.clear();
        }
        // Not all models keep to it, and not all servers pass it on.
        if request.setting("parallel_tool_calls") == Some("false") {
            said.tool_calls.truncate(1);
        }
        for (place, call) in said.tool_calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = call_id(contract, place);
            }
        }

        if said.tool_calls.is_empty() {
            match form {
                Some(form) => form.check(&said.content).map_err(AnswerError::Backend)?,
                None => {
                    said.content = cut(&said.content, limits.output_tokens)
                        .trim_end()
                        .to_owned();
                    says_something(&said.content)?;
                }
            }
        }
        let text = match request.offers_tools() {
            true => said.to_text(),
            false => said.content,
        };
        // What cannot be cut must fit.
        let text = Text::new(text).map_err(|error| {
            AnswerError::Backend(format!(
                "its answer has {} bytes where at most {ANSWER_LENGTH_MAX} are allowed",
                error.found
            ))
        })?;
        Ok(Answer {
            class: text_class(contract, request, &text),
            text,
            evidence: List::new(),
        })
    }
}

/// An id that no other call of the conversation has.
fn call_id(contract: &ContractId, place: usize) -> String {
    let digest = Digest::tagged("llmnet/call/1", &[&contract.0, &place.to_le_bytes()]).to_string();
    format!("call_{}", &digest[..CALL_ID_LENGTH])
}
