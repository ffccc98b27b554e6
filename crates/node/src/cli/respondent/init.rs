//! `llmnet respondent init`: keys and settings.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use clap::Args;
use llmnet_model::backend::api::Api;
use llmnet_types::{domain::Domain, signature::PublicKey, units::Amount};

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output, place::Elsewhere},
    config::RESPONDENT_PORT,
    directory::Made,
    experts::RESPONDENTS,
    keystore,
    respondent::{
        registering::BOND,
        settings::{self, FILES, Plan, PlannedSource, Settings},
    },
    settings::{address, credits},
};

/// What a new respondent is.
#[derive(Debug, Clone, Args)]
pub(super) struct New {
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// Serve this coordinator, and nobody who is not named so [default: all that the ledger lists]; with an address,
    /// there and not where the ledger says (may be repeated)
    #[arg(long, value_name = "KEY[@HOST:PORT]", value_parser = coordinator)]
    coordinator: Vec<(PublicKey, Option<String>)>,
    /// Answer as this expert in the box
    #[arg(long, value_name = "NAME", conflicts_with = "model", value_parser = RESPONDENTS)]
    expert: Option<String>,
    /// Answer from the documents that llmnet knowledge keeps in this directory under this name, which is their domain
    #[arg(long, value_name = "NAME", conflicts_with_all = ["model", "expert"])]
    knowledge: Option<Domain>,
    /// Answer with this model, as its server knows it
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// What the model's server speaks: openai, anthropic, gemini, xai or compatible [default: compatible]
    #[arg(long, value_name = "API", requires = "model")]
    api: Option<Api>,
    /// Where the model's server is, up to and with the version; its maker's where there is one
    #[arg(long, value_name = "URL", requires = "model")]
    base_url: Option<String>,
    /// Where the model's key is: env::NAME or file::PATH, never the key itself
    #[arg(long, value_name = "PLACE", requires = "model", value_parser = place)]
    model_key: Option<String>,
    /// A domain that the model answers about [default: all that the experts in the box know] (may be repeated)
    #[arg(long = "domain", value_name = "DOMAIN", requires = "model")]
    domains: Vec<Domain>,
    /// Credits to post for each domain [default: 10]
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    bond: Option<Amount>,
    /// Where it tells how it is [default: 127.0.0.1:7474]
    #[arg(long, value_name = "IP:PORT")]
    http: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    new: New,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

fn coordinator(text: &str) -> Result<(PublicKey, Option<String>), String> {
    let (key, at) = match text.split_once('@') {
        Some((key, at)) => (key, Some(address(at)?.1.to_string())),
        None => (text, None),
    };
    let shape = |_| "write KEY or KEY@HOST:PORT, the key with 64 hexadecimal digits".to_owned();
    Ok((key.parse().map_err(shape)?, at))
}

/// Quotes nothing: what stands here by mistake is most likely a key.
fn place(text: &str) -> Result<String, &'static str> {
    let is_place = text.starts_with("env::") || text.starts_with("file::");
    is_place
        .then(|| text.to_owned())
        .ok_or("a key is never written here itself; write env::NAME or file::PATH")
}

impl New {
    /// Whether anything is said of it.
    pub(super) fn is_said(&self) -> bool {
        self.elsewhere.is_said()
            || !self.coordinator.is_empty()
            || self.expert.is_some()
            || self.knowledge.is_some()
            || self.model.is_some()
            || self.bond.is_some()
            || self.http.is_some()
    }

    /// Makes the directory.
    pub(super) async fn make(
        &self,
        common: &Common,
        passphrase: &PassphraseArguments,
    ) -> anyhow::Result<Made> {
        let source = match (&self.expert, &self.knowledge, &self.model) {
            (Some(expert), ..) => PlannedSource::Expert(expert.clone()),
            (None, Some(expert), _) => PlannedSource::Documents(expert.clone()),
            (None, None, Some(model)) => PlannedSource::Model {
                name: model.clone(),
                api: self.api,
                base_url: self.base_url.clone(),
                key: self.model_key.clone(),
                domains: self.domains.clone(),
            },
            (None, None, None) => anyhow::bail!(
                "nothing is said of what answers; say --expert NAME for one of {}, --knowledge NAME for documents of \
                 your own, or --model NAME with --base-url URL or --api API",
                RESPONDENTS.join(", ")
            ),
        };
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, RESPONDENT_PORT));
        let plan = Plan {
            directory: role::directory::<Settings>(common),
            nodes: self.elsewhere.nodes()?,
            genesis: self.elsewhere.genesis().await?,
            http: self.http.unwrap_or(local),
            bond: self.bond.unwrap_or(BOND),
            source,
            coordinators: self.coordinator.iter().cloned().collect(),
        };
        let passphrase = passphrase.source().new_one("the new keys")?;
        Ok(settings::init(
            &plan,
            (&keystore::generate()?, &keystore::generate()?),
            &passphrase,
        )?)
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let made = arguments.new.make(common, &arguments.passphrase).await?;
    let directory = role::directory::<Settings>(common);
    let first = arguments.new.knowledge.as_ref().map(|expert| {
        let directory = directory.display();
        format!("llmnet knowledge add FILES --expert {expert} --dir {directory}, then ")
    });
    let text = format!(
        "{}\n\nNext: {}llmnet respondent join, which says how much money the operator needs",
        told(&made, &directory),
        first.unwrap_or_default()
    );
    output.result(&text, &role::told_json(&made, &directory, FILES))?;
    Ok(code::OK)
}

/// What was made, for people.
pub(super) fn told(made: &Made, directory: &Path) -> String {
    let backup = "reputation belongs to the node's, bond and pay to the operator's. ";
    role::told::<Settings>(made, directory, FILES, backup)
}
