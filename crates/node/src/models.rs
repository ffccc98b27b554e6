//! Real models as respondents: those of the configuration, those of the environment, and Ollama's where
//! the user asks for them. They share panels with the experts.

use std::sync::Arc;

use anyhow::{Context, ensure};
use llmnet_model::{
    answer::Answerer,
    backend::{
        api::{self, Api, Client, Key},
        prompted::Prompted,
    },
    consistent::Consistent,
};
use llmnet_types::{domain::Domain, registration, units::Amount};

use crate::config::{
    Config,
    model::{Model, Place},
};

/// The most models of one directory: as many operators have an account in its genesis.
pub const MODELS_MAX: usize = 8;
/// Where Ollama listens by default.
pub const OLLAMA: &str = "http://127.0.0.1:11434";

/// The value of a variable that is there and not empty.
pub type Environment<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// The environment of this process.
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What the environment may say of a maker's models.
struct Variables {
    api: Api,
    key: &'static str,
    base: &'static str,
    model: &'static str,
    /// Asked for where no model is named.
    default: &'static str,
}

/// In the order in which models are seated.
const VARIABLES: [Variables; 4] = [
    Variables {
        api: Api::OpenAi,
        key: "OPENAI_API_KEY",
        base: "OPENAI_BASE_URL",
        model: "OPENAI_MODEL",
        default: "gpt-4o-mini",
    },
    Variables {
        api: Api::Anthropic,
        key: "ANTHROPIC_API_KEY",
        base: "ANTHROPIC_BASE_URL",
        model: "ANTHROPIC_MODEL",
        default: "claude-haiku-4-5",
    },
    Variables {
        api: Api::Gemini,
        key: "GEMINI_API_KEY",
        base: "GEMINI_BASE_URL",
        model: "GEMINI_MODEL",
        default: "gemini-flash-latest",
    },
    Variables {
        api: Api::Xai,
        key: "XAI_API_KEY",
        base: "XAI_BASE_URL",
        model: "XAI_MODEL",
        default: "grok-4.3",
    },
];

/// The variable that has the key of an API where nobody says another; none for what anybody may serve.
pub fn key_variable(api: Api) -> Option<&'static str> {
    let mut all = VARIABLES.iter();
    all.find(|variables| variables.api == api)
        .map(|variables| variables.key)
}

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
    /// What it asks.
    pub price: registration::Price,
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
/// A configured model cannot be used, or there are more than can be seated.
pub async fn find(
    config: &Config,
    ollama: &[String],
    environment: Environment<'_>,
) -> anyhow::Result<Vec<Source>> {
    let mut sources = Vec::new();
    for model in &config.model {
        sources.push(configured(model, "llmnet.toml", environment)?);
    }
    for variables in &VARIABLES {
        // Whoever configures a maker's models has said which of them are to be seated.
        let configured = Some(Place::Variable(variables.key.to_owned()));
        if config.model.iter().any(|model| model.key == configured) {
            continue;
        }
        sources.extend(of_environment(variables, environment).await?);
    }
    for name in ollama {
        let config = api::Config::new(Api::Compatible, format!("{OLLAMA}/v1"), name);
        let client = Client::new(config).context("a model of Ollama cannot be used")?;
        sources.push(source(client, 1, name, "Ollama"));
    }
    ensure!(
        sources.len() <= MODELS_MAX,
        "{} models are configured, in the environment or asked for, and at most {MODELS_MAX} can be seated; \
         take some out of llmnet.toml, or unset the variables of their keys",
        sources.len()
    );
    Ok(sources)
}

/// A model that a file configures.
///
/// # Errors
/// It cannot be used.
pub fn configured(
    model: &Model,
    file: &str,
    environment: Environment<'_>,
) -> anyhow::Result<Source> {
    let client = client(model, file, environment)?;
    let mut source = source(client, model.samples, &model.name, file);
    source.domains.clone_from(&model.domains);
    source.price = model.price;
    Ok(source)
}

/// A client for a configured model.
fn client(model: &Model, file: &str, environment: Environment<'_>) -> anyhow::Result<Client> {
    let config = api::Config {
        key: model.secret(environment)?,
        connect_timeout: model.connect_timeout,
        bounds: model.bounds,
        ..api::Config::new(model.api, &model.base_url, &model.name)
    };
    Client::new(config).with_context(|| format!("model {} of {file} cannot be used", model.name))
}

/// A model at what models ask here, for everything.
fn source(client: Client, samples: u8, name: &str, origin: &str) -> Source {
    let prompted = Prompted::new(client);
    let answerer: Arc<dyn Answerer> = match samples {
        0 | 1 => Arc::new(prompted),
        _ => Arc::new(Consistent::new(prompted, samples)),
    };
    Source {
        name: name.to_owned(),
        domains: Vec::new(),
        price: PRICE,
        answerer,
        origin: origin.to_owned(),
    }
}

/// The model that the environment names, with a key or, for servers of OpenAI's shape, a base alone.
async fn of_environment(
    variables: &Variables,
    environment: Environment<'_>,
) -> anyhow::Result<Option<Source>> {
    let key = environment(variables.key).map(Key::new);
    let maker = variables.api.base().unwrap_or_default();
    let base = environment(variables.base);
    let openai = variables.api == Api::OpenAi;
    if key.is_none() && !(openai && base.is_some()) {
        return Ok(None);
    }
    let base = base.unwrap_or_else(|| maker.to_owned());
    // What is not OpenAI itself may know the old names only, and has models of its own.
    let compatible = openai && base.trim_end_matches('/') != maker;
    let api = if compatible {
        Api::Compatible
    } else {
        variables.api
    };
    let name = match environment(variables.model) {
        Some(name) => Some(name),
        None if compatible => api::first_model(&base, key.clone()).await,
        None => None,
    };
    let name = name.unwrap_or_else(|| variables.default.to_owned());
    let config = api::Config {
        key: key.clone(),
        ..api::Config::new(api, base, &name)
    };
    let origin = if key.is_some() {
        variables.key
    } else {
        variables.base
    };
    let client =
        Client::new(config).with_context(|| format!("model {name} of {origin} cannot be used"))?;
    Ok(Some(source(client, 1, &name, origin)))
}

/// Models that an Ollama on this machine offers; none where it does not run.
pub async fn offered_by_ollama() -> Vec<String> {
    api::detect_ollama(OLLAMA).await
}

#[cfg(test)]
mod tests;
