//! From the body of a response to a request.

use llmnet_types::{
    codec::List,
    request::{ChatMessage, MESSAGES_MAX, Role},
    tool::{Returned, Said, ToolCall},
};
use serde_json::{Map, Value, json};

use crate::{
    answer::Ask,
    conversation::{
        self, ModelName, Ours, Settings, Turns,
        alone::{self, Choice, Tool},
        turns,
    },
    error::ApiError,
    fields::{Fields, invalid, read_json, shown, unsupported, wrong_type},
    openai::{
        chat::ask::word_of_choice,
        responses::{events::Responses, shape::Echo},
    },
};

/// What a body looks like.
const EXAMPLE: &str = r#"{"model": "llmnet/auto", "input": "…"}"#;
/// The most pairs of metadata, and the most characters of their names and values, as OpenAI has it.
const METADATA_MAX: usize = 16;
const METADATA_NAME_MAX: usize = 64;
const METADATA_VALUE_MAX: usize = 512;

/// Reads a body.
pub(crate) fn read(bytes: &[u8]) -> Result<Ask, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    let model = conversation::model(&fields)?;
    let ours = Ours::read(&fields, &model)?;
    refuse_unsupported(&fields)?;
    let mut settings = settings(&fields)?;
    tools(&fields, &model, &mut settings)?;
    let text = fields.object("text")?;
    if let Some(text) = &text {
        alone::form(text, "format", &model, &mut settings, alone::openai_schema)?;
    }
    let messages = messages(&fields, &model)?;
    let tokens_max = conversation::output_tokens_max(&fields, &["max_output_tokens"])?;
    let echo = Echo {
        instructions: fields.text("instructions")?.map(str::to_owned),
        max_output_tokens: tokens_max.map(|tokens| tokens.0),
        metadata: metadata(&fields)?,
        reasoning_effort: match fields.object("reasoning")? {
            Some(reasoning) => reasoning.text("effort")?.map(str::to_owned),
            None => None,
        },
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        tools: fields.array("tools")?.cloned().unwrap_or_default(),
        tool_choice: fields.get("tool_choice").cloned(),
        parallel_tool_calls: fields.flag("parallel_tool_calls")?,
        format: match &text {
            Some(text) => text.get("format").cloned(),
            None => None,
        }
        .unwrap_or_else(|| json!({"type": "text"})),
    };
    Ok(Ask {
        request: conversation::request("input", messages, &model, &ours, tokens_max, settings)?,
        model,
        stream: fields.flag("stream")?.unwrap_or(false),
        ours,
        voice: Box::new(Responses::new(echo)),
    })
}

/// What we cannot do is refused rather than left out, where the answer would mean something else.
fn refuse_unsupported(fields: &Fields<'_>) -> Result<(), ApiError> {
    for name in ["previous_response_id", "conversation"] {
        if fields.get(name).is_some() {
            let message = format!(
                "answers are not stored here: leave '{name}' out and send the whole conversation in 'input'"
            );
            return Err(unsupported(name, message));
        }
    }
    if fields.flag("store")?.unwrap_or(false) {
        let message = "answers are not stored here: leave 'store' out or say false; receipts are kept, by \
                       llmnet.receipt_id";
        return Err(unsupported("store", message));
    }
    if fields.flag("background")?.unwrap_or(false) {
        let message = "nothing is answered in the background: leave 'background' out";
        return Err(unsupported("background", message));
    }
    if fields.get("prompt").is_some() {
        let message = "prompts are not stored here: leave 'prompt' out and write it into 'input'";
        return Err(unsupported("prompt", message));
    }
    if fields.whole("top_logprobs")?.unwrap_or(0) > 0 {
        let message = "answers have no log probabilities here: leave 'top_logprobs' out";
        return Err(unsupported("top_logprobs", message));
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
        Ok(Tool {
            name: alone::tool_name(tool, "name")?,
            description: tool.text("description")?,
            parameters: alone::schema(tool, "parameters")?,
            strict: tool.flag("strict")?,
        })
    })?;
    let path = "tool_choice";
    let choice = match fields.get(path) {
        None => None,
        Some(Value::String(word)) => Some(word_of_choice(path, word)?),
        Some(value) => {
            let choice = Fields::of(path, value)?;
            match choice.text("type")?.unwrap_or_default() {
                "function" => {}
                other => return Err(alone::no_function(&choice, other)),
            }
            Some(Choice::One(alone::tool_name(&choice, "name")?.to_owned()))
        }
    };
    if let Some(choice) = choice {
        alone::choose(settings, path, &choice, &names)?;
    }
    let path = "parallel_tool_calls";
    alone::parallel(settings, path, fields.flag(path)?, &names)
}

fn messages(
    fields: &Fields<'_>,
    model: &ModelName,
) -> Result<List<ChatMessage, MESSAGES_MAX>, ApiError> {
    let mut turns = Turns::new("input", model);
    if let Some(instructions) = fields.text("instructions")? {
        turns.preface("instructions", instructions.to_owned())?;
    }
    match fields.required("input")? {
        Value::String(question) => {
            let at = "input".to_owned();
            turns.push(Role::User, at.clone(), at, question.clone())?;
        }
        Value::Array(values) => {
            // What an assistant said at once are several items here, and one turn elsewhere.
            let mut said = None;
            for (place, value) in turns.listed(values)?.iter().enumerate() {
                let fields = Fields::of(format!("input[{place}]"), value)?;
                item(&fields, &mut turns, &mut said)?;
            }
            flush(&mut turns, &mut said)?;
        }
        other => return Err(wrong_type("input", "a string or an array", other)),
    }
    turns.ended()
}

/// What an assistant says, as far as it was read, and where it began.
type Saying = Option<(String, Said)>;

fn flush(turns: &mut Turns<'_>, saying: &mut Saying) -> Result<(), ApiError> {
    let Some((at, said)) = saying.take() else {
        return Ok(());
    };
    let text_at = format!("{at}.content");
    turns.said(at.clone(), text_at, &at, said)
}

/// An item of the input.
fn item(fields: &Fields<'_>, turns: &mut Turns<'_>, saying: &mut Saying) -> Result<(), ApiError> {
    let at = fields.at().to_owned();
    match fields.text("type")?.unwrap_or("message") {
        "message" => {}
        // What another model thought before it said something is no part of what was said.
        "reasoning" => return Ok(()),
        "item_reference" => {
            let message = "answers are not stored here: send the item itself";
            return Err(unsupported(fields.path("type"), message));
        }
        "function_call" => {
            turns.of_tools(&fields.path("type"))?;
            let call = ToolCall {
                id: turns::part(fields, "call_id")?.unwrap_or_default(),
                name: alone::tool_name(fields, "name")?.to_owned(),
                arguments: turns::part(fields, "arguments")?.unwrap_or_default(),
            };
            let (_, said) = saying.get_or_insert_with(|| (at, Said::default()));
            said.tool_calls.push(call);
            return Ok(());
        }
        "function_call_output" => {
            turns.of_tools(&fields.path("type"))?;
            flush(turns, saying)?;
            let returned = Returned {
                tool_call_id: turns::part(fields, "call_id")?.unwrap_or_default(),
                content: text(fields, "output")?,
                failed: false,
            };
            return turns.returned(at, fields.path("output"), &fields.path("call_id"), returned);
        }
        other => {
            let message = format!(
                "messages, functions' calls and their outputs are read here: leave items of type {} out",
                shown(other)
            );
            return Err(unsupported(fields.path("type"), message));
        }
    }
    fields.required("role")?;
    let role = match fields.text("role")?.unwrap_or_default() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(turns::no_role(fields, other, "system, user or assistant")),
    };
    let text = text(fields, "content")?;
    flush(turns, saying)?;
    if role == Role::Assistant {
        *saying = Some((at, Said::words(text)));
        return Ok(());
    }
    turns.push(role, at, fields.path("content"), text)
}

/// The text of a string, or of parts.
fn text(fields: &Fields<'_>, name: &str) -> Result<String, ApiError> {
    turns::text(
        &fields.path(name),
        fields.required(name)?,
        |part, kind| match kind {
            "input_text" | "output_text" | "text" => turns::part(part, "text"),
            "refusal" => turns::part(part, "refusal"),
            other => Err(turns::no_text(part, other)),
        },
    )
}

fn settings(fields: &Fields<'_>) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    settings.number(fields, "temperature", 0.0, 2.0)?;
    settings.number(fields, "top_p", 0.0, 1.0)?;
    if let Some(text) = fields.object("text")? {
        settings.words(&text, "verbosity", "verbosity")?;
    }
    if let Some(reasoning) = fields.object("reasoning")? {
        settings.words(&reasoning, "effort", "reasoning_effort")?;
    }
    Ok(settings)
}

/// What a client noted about its request; told back to it and to nobody else.
fn metadata(fields: &Fields<'_>) -> Result<Map<String, Value>, ApiError> {
    let Some(value) = fields.get("metadata") else {
        return Ok(Map::new());
    };
    let Value::Object(pairs) = value else {
        return Err(wrong_type("metadata", "an object", value));
    };
    let fits = |(name, value): (&String, &Value)| {
        let value = value.as_str();
        name.chars().count() <= METADATA_NAME_MAX
            && value.is_some_and(|value| value.chars().count() <= METADATA_VALUE_MAX)
    };
    if pairs.len() > METADATA_MAX || !pairs.iter().all(fits) {
        let message = format!(
            "'metadata' must have at most {METADATA_MAX} names of at most {METADATA_NAME_MAX} characters, \
             with text of at most {METADATA_VALUE_MAX}"
        );
        return Err(invalid("metadata", message));
    }
    Ok(pairs.clone())
}
