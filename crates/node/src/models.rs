//! Real models as respondents: those of the configuration, those of the environment, and Ollama's where
//! the user asks for them. They share panels with the experts.

use std::sync::Arc;

use anyhow::Context;
use llmnet_model::{
    answer::Answerer,
    backend::openai::{self, Client, Key, OpenAi},
};
use llmnet_types::{domain::Domain, registration, units::Amount};

use crate::config::Config;

/// The most models of one directory: as many operators have an account in its genesis.
pub const MODELS_MAX: usize = 8;
/// Where Ollama listens by default.
pub const OLLAMA: &str = "http://127.0.0.1:11434";
/// OpenAI itself.
const OPENAI: &str = "https://api.openai.com/v1";
/// Asked for where the environment names a key and no model.
const OPENAI_MODEL: &str = "gpt-4o-mini";

/// What a model asks; its operator pays its maker.
pub const PRICE: registration::Price = registration::Price {
    call: Amount(2_000),
    input_kilo: Amount(500),
    output_kilo: Amount(2_000),
};

/// A model that can be seated.
#[derive(Clone)]
pub struct Source {
    /// Its name, as its server knows it.
    pub name: String,
    /// What it answers about; all local domains where empty.
    pub domains: Vec<Domain>,
    /// What answers.
    pub answerer: Arc<dyn Answerer>,
    /// Where it was found, for people.
    pub origin: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// All models that are to be seated: configured ones, the environment's, and Ollama's that were asked for.
///
/// # Errors
/// A configured model cannot be used.
pub async fn find(config: &Config, ollama: &[String]) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for model in &config.model {
        sources.push(source(
            &model.base_url,
            model.secret()?,
            &model.name,
            model.domains.clone(),
            "llmnet.toml",
        )?);
    }
    sources.extend(of_environment().await?);
    for name in ollama {
        let base = format!("{OLLAMA}/v1");
        sources.push(source(&base, None, name, Vec::new(), "Ollama")?);
    }
    sources.truncate(MODELS_MAX);
    Ok(sources)
}

fn source(
    base_url: &str,
    key: Option<String>,
    name: &str,
    domains: Vec<Domain>,
    origin: &str,
) -> anyhow::Result<Source> {
    let config = openai::Config {
        key: key.map(Key::new),
        ..openai::Config::new(base_url, name)
    };
    let client =
        Client::new(config).with_context(|| format!("model {name} of {origin} cannot be used"))?;
    Ok(Source {
        name: name.to_owned(),
        domains,
        answerer: Arc::new(OpenAi::new(client)),
        origin: origin.to_owned(),
    })
}

/// What `OPENAI_API_KEY`, `OPENAI_BASE_URL` and `OPENAI_MODEL` name.
async fn of_environment() -> Result<Option<Source>, anyhow::Error> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let key = variable("OPENAI_API_KEY");
    let base_url = variable("OPENAI_BASE_URL");
    if key.is_none() && base_url.is_none() {
        return Ok(None);
    }
    let base_url = base_url.unwrap_or_else(|| OPENAI.to_owned());
    let name = match variable("OPENAI_MODEL") {
        Some(name) => name,
        None if base_url == OPENAI => OPENAI_MODEL.to_owned(),
        None => openai::first_model(&base_url, key.clone().map(Key::new))
            .await
            .unwrap_or_else(|| OPENAI_MODEL.to_owned()),
    };
    source(&base_url, key, &name, Vec::new(), "OPENAI_BASE_URL").map(Some)
}

/// Models that an Ollama on this machine offers; none where it does not run.
pub async fn offered_by_ollama() -> Vec<String> {
    openai::detect_ollama(OLLAMA).await
}
