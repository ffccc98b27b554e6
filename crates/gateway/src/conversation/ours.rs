//! What is ours in a body, under the one key `llmnet`.

use llmnet_types::domain::{DOMAIN_LENGTH_MAX, Domain};

use crate::{
    conversation::{ModelName, panel},
    error::ApiError,
    fields::{Fields, invalid, shown},
    port::PanelSize,
};

/// What a body may say beyond its dialect. Fields not named here are ignored, as elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Ours {
    /// Whether a stream is to tell of progress; the operator's choice where unsaid.
    pub(crate) progress: Option<bool>,
    /// The domain that respondents are taken from, whatever the question's words; nobody's guess where unsaid.
    pub(crate) domain: Option<Domain>,
    /// How large a panel is wanted.
    pub(crate) size: PanelSize,
}

impl Ours {
    pub(crate) fn read(fields: &Fields<'_>, model: &ModelName) -> Result<Self, ApiError> {
        let Some(ours) = fields.object("llmnet")? else {
            return Ok(Self::default());
        };
        Ok(Self {
            progress: ours.flag("progress")?,
            domain: domain(&ours, model)?,
            size: panel::size(&ours)?,
        })
    }
}

/// A domain that is one, and no other than the model's own.
fn domain(ours: &Fields<'_>, model: &ModelName) -> Result<Option<Domain>, ApiError> {
    let Some(text) = ours.text("domain")? else {
        return Ok(None);
    };
    let path = ours.path("domain");
    // The error quotes the whole text, which may be long.
    let domain = Domain::new(text).map_err(|_| {
        let message = format!(
            "{} is not a domain: use 1 to {DOMAIN_LENGTH_MAX} characters of a-z, 0-9 and -, as in GET /v1/models",
            shown(text)
        );
        invalid(path.as_str(), message)
    })?;
    match model.domain() {
        Some(other) if *other != domain => {
            let message = format!(
                "'{path}' is {domain} and the model {model} is of {other}; leave one of them out"
            );
            Err(invalid(path, message))
        }
        _ => Ok(Some(domain)),
    }
}
