//! From the body of a chat completion to a request.

use llmnet_types::{
    codec::List,
    request::{ChatMessage, MESSAGES_MAX, RESPONSE_FORMAT, Role},
    tool::{Returned, Said, ToolCall},
};
use serde_json::Value;

use crate::{
    answer::Ask,
    conversation::{
        self, ModelName, Ours, Settings, Turns,
        alone::{self, Choice, Tool},
        turns,
    },
    error::ApiError,
    fields::{Fields, invalid, read_json, unsupported, wrong_type},
    openai::chat::shape::Chat,
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "llmnet/auto", "messages": [{"role": "user", "content": "…"}]}"#;

/// Reads a body.
pub(crate) fn read(bytes: &[u8]) -> Result<Ask, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = conversation::model(&fields)?;
    refuse_unsupported(&fields)?;
    let mut settings = settings(&fields)?;
    tools(&fields, &model, &mut settings)?;
    alone::form(&fields, RESPONSE_FORMAT, &model, &mut settings, |format| {
        let schema = format.required("json_schema")?;
        alone::openai_schema(&Fields::of(format.path("json_schema"), schema)?)
    })?;
    let messages = messages(&fields, &model)?;
    let include_usage = match fields.object("stream_options")? {
        Some(options) => options.flag("include_usage")?.unwrap_or(false),
        None => false,
    };
    let ours = Ours::read(&fields, &model)?;
    // The newer name wins where both are given.
    let names = ["max_completion_tokens", "max_tokens"];
    let tokens_max = conversation::output_tokens_max(&fields, &names)?;
    Ok(Ask {
        request: conversation::request("messages", messages, &model, &ours, tokens_max, settings)?,
        model,
        stream: fields.flag("stream")?.unwrap_or(false),
        ours,
        voice: Box::new(Chat { include_usage }),
    })
}

/// What we cannot do is refused rather than left out, where the answer would mean something else.
fn refuse_unsupported(fields: &Fields<'_>) -> Result<(), ApiError> {
    match fields.whole("n")? {
        None | Some(1) => {}
        Some(0) => return Err(invalid("n", "'n' must be 1")),
        Some(_) => {
            let message = "a panel gives one answer: leave 'n' out and ask several times";
            return Err(unsupported("n", message));
        }
    }
    if fields
        .array("functions")?
        .is_some_and(|functions| !functions.is_empty())
    {
        let message = "'functions' is of an older API: offer them under 'tools'";
        return Err(unsupported("functions", message));
    }
    let modalities = fields.array("modalities")?;
    let other = |modality: &Value| modality.as_str() != Some("text");
    if modalities.is_some_and(|modalities| modalities.iter().any(other)) {
        let message = "answers are text: leave 'modalities' out";
        return Err(unsupported("modalities", message));
    }
    if fields.get("audio").is_some() {
        return Err(unsupported("audio", "answers are text: leave 'audio' out"));
    }
    if fields.flag("logprobs")?.unwrap_or(false) {
        let message = "answers have no log probabilities here: leave 'logprobs' out";
        return Err(unsupported("logprobs", message));
    }
    if fields.whole("top_logprobs")?.unwrap_or(0) > 0 {
        let message = "answers have no log probabilities here: leave 'top_logprobs' out";
        return Err(unsupported("top_logprobs", message));
    }
    let biased = fields.get("logit_bias");
    if biased.is_some_and(|bias| bias.as_object().is_none_or(|tokens| !tokens.is_empty())) {
        let message = "tokens are another model's for each respondent: leave 'logit_bias' out";
        return Err(unsupported("logit_bias", message));
    }
    if fields.get("web_search_options").is_some() {
        let message = "nobody searches the web here: leave 'web_search_options' out; experts look up their own documents";
        return Err(unsupported("web_search_options", message));
    }
    Ok(())
}

/// Functions that the client runs, and which of them are to be called.
fn tools(fields: &Fields<'_>, model: &ModelName, settings: &mut Settings) -> Result<(), ApiError> {
    let names = alone::tools(fields, model, settings, |tool| {
        tool.required("type")?;
        match tool.text("type")?.unwrap_or_default() {
            "function" => {}
            other => return Err(alone::no_function(tool, other)),
        }
        let function = Fields::of(tool.path("function"), tool.required("function")?)?;
        Ok(Tool {
            name: alone::tool_name(&function, "name")?,
            description: function.text("description")?,
            parameters: alone::schema(&function, "parameters")?,
            strict: function.flag("strict")?,
        })
    })?;
    let path = "tool_choice";
    let choice = match fields.get(path) {
        None => None,
        Some(Value::String(word)) => Some(word_of_choice(path, word)?),
        Some(value) => {
            let choice = Fields::of(path, value)?;
            choice.required("function")?;
            let function = Fields::of(choice.path("function"), choice.required("function")?)?;
            Some(Choice::One(alone::tool_name(&function, "name")?.to_owned()))
        }
    };
    if let Some(choice) = choice {
        alone::choose(settings, path, &choice, &names)?;
    }
    let path = "parallel_tool_calls";
    alone::parallel(settings, path, fields.flag(path)?, &names)
}

/// OpenAI's words for a choice among tools.
pub(in crate::openai) fn word_of_choice(path: &str, word: &str) -> Result<Choice, ApiError> {
    match word {
        "auto" => Ok(Choice::Auto),
        "none" => Ok(Choice::None),
        "required" => Ok(Choice::Required),
        _ => {
            let message = format!("'{path}' must be auto, none, required or a function of 'tools'");
            Err(invalid(path, message))
        }
    }
}

fn messages(
    fields: &Fields<'_>,
    model: &ModelName,
) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    let values = match fields.required("messages")? {
        Value::Array(values) => values,
        other => return Err(wrong_type("messages", "an array", other)),
    };
    let mut turns = Turns::new("messages", model);
    for (place, value) in turns.listed(values)?.iter().enumerate() {
        let fields = Fields::of(format!("messages[{place}]"), value)?;
        message(&fields, &mut turns)?;
    }
    turns.ended()
}

fn message(fields: &Fields<'_>, turns: &mut Turns<'_>) -> Result<(), ApiError> {
    fields.required("role")?;
    let (at, text_at) = (fields.at().to_owned(), fields.path("content"));
    match fields.text("role")?.unwrap_or_default() {
        "system" | "developer" => turns.push(Role::System, at, text_at, content(fields)?),
        "user" => turns.push(Role::User, at, text_at, content(fields)?),
        "assistant" => {
            // It may have been a refusal, or a call and no words.
            let content = match fields.get("content") {
                None => String::new(),
                Some(_) => content(fields)?,
            };
            let said = Said {
                content,
                tool_calls: calls(fields)?,
            };
            turns.said(at, text_at, &fields.path("tool_calls"), said)
        }
        "tool" => {
            turns.of_tools(&fields.path("role"))?;
            let id_at = fields.path("tool_call_id");
            let returned = Returned {
                tool_call_id: turns::part(fields, "tool_call_id")?.unwrap_or_default(),
                content: content(fields)?,
                failed: false,
            };
            turns.returned(at, text_at, &id_at, returned)
        }
        "function" => {
            let message =
                "functions are of an older API: send what they gave back with the role 'tool'";
            Err(unsupported(fields.path("role"), message))
        }
        other => Err(turns::no_role(
            fields,
            other,
            "system, user, assistant or tool",
        )),
    }
}

fn content(fields: &Fields<'_>) -> Result<String, ApiError> {
    let content = fields.required("content")?;
    turns::text(&fields.path("content"), content, |part, kind| match kind {
        "text" => turns::part(part, "text"),
        other => Err(turns::no_text(part, other)),
    })
}

/// Tools that an assistant's turn called.
fn calls(fields: &Fields<'_>) -> Result<Vec<ToolCall>, ApiError> {
    let values = fields.array("tool_calls")?.map_or(&[][..], Vec::as_slice);
    let calls = values.iter().enumerate().map(|(place, value)| {
        let call = Fields::of(format!("{}[{place}]", fields.path("tool_calls")), value)?;
        if let Some(other) = call.text("type")?.filter(|kind| *kind != "function") {
            return Err(alone::no_function(&call, other));
        }
        let function = Fields::of(call.path("function"), call.required("function")?)?;
        Ok(ToolCall {
            id: turns::part(&call, "id")?.unwrap_or_default(),
            name: alone::tool_name(&function, "name")?.to_owned(),
            arguments: turns::part(&function, "arguments")?.unwrap_or_default(),
        })
    });
    calls.collect()
}

fn settings(fields: &Fields<'_>) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    settings.number(fields, "temperature", 0.0, 2.0)?;
    settings.number(fields, "top_p", 0.0, 1.0)?;
    settings.number(fields, "frequency_penalty", -2.0, 2.0)?;
    settings.number(fields, "presence_penalty", -2.0, 2.0)?;
    settings.words(fields, "reasoning_effort", "reasoning_effort")?;
    settings.words(fields, "verbosity", "verbosity")?;
    if let Some(seed) = fields.get("seed") {
        if !(seed.is_i64() || seed.is_u64()) {
            return Err(wrong_type("seed", "a whole number", seed));
        }
        settings.set("seed", "seed", seed)?;
    }
    settings.stop(fields, "stop")?;
    Ok(settings)
}
