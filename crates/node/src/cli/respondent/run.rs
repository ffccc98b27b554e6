//! `llmnet respondent run`: one respondent, until it is interrupted.

use std::{future::pending, sync::Arc};

use anyhow::Context;
use clap::Args;
use llmnet_chain::client::ChainClient;
use llmnet_types::signature::PrivateKey;

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output, place::PATIENCE, signals::Signals},
    directory, models,
    remote::Remote,
    respondent::{
        Respondent,
        backing::Backing,
        bookkeeping::{self, Bookkeeping},
        coordinators,
        registering::{Registered, registered},
        running,
        settings::Settings,
    },
    serving,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

/// The respondent's own key, held to the settings.
pub(super) fn node_key(
    settings: &Settings,
    passphrase: &PassphraseArguments,
) -> anyhow::Result<PrivateKey> {
    let key = passphrase.key(&settings.key)?;
    anyhow::ensure!(
        key.public_key() == settings.node,
        "{} is the key of {}, and the settings say {}; one of them is another respondent's",
        settings.key.display(),
        key.public_key(),
        settings.node
    );
    Ok(key)
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let mut signals = Signals::new()?;
    let settings: Settings = role::settings(common)?;
    let key = node_key(&settings, &arguments.passphrase)?;
    let backing = settings.source.backing(&key, &models::environment)?;
    let remote = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let chain: Arc<dyn ChainClient> = Arc::new(remote);
    let Some(standing) = registered(&*chain, settings.node).await? else {
        anyhow::bail!(
            "{} is not registered on this network; llmnet respondent join registers it",
            settings.node
        );
    };
    standing.check(&backing)?;
    let ready = Serve {
        key,
        backing,
        standing,
        chain,
    };
    serve(
        &settings,
        ready,
        &arguments.passphrase,
        &mut signals,
        output,
    )
    .await
}

/// What serves.
pub(super) struct Serve {
    pub(super) key: PrivateKey,
    pub(super) backing: Backing,
    pub(super) standing: Registered,
    pub(super) chain: Arc<dyn ChainClient>,
}

/// Serves until a signal comes.
pub(super) async fn serve(
    settings: &Settings,
    ready: Serve,
    passphrase: &PassphraseArguments,
    signals: &mut Signals,
    output: &Output,
) -> anyhow::Result<u8> {
    let Serve {
        key,
        backing,
        standing,
        chain,
    } = ready;
    let listener = match settings.http {
        Some(address) => Some(serving::listen(address).await?),
        None => None,
    };
    let _lock = directory::lock(&settings.data, "respondent")?;
    let network = settings.genesis.id();
    let books = Bookkeeping::open(
        &settings.data.join(bookkeeping::FILE),
        network,
        standing.provider,
    )?;
    let respondent = Respondent {
        network,
        key,
        provider: standing.provider,
        nonce: standing.registration.nonce,
        prices: standing.prices,
        answerer: backing.answerer,
        lookups: backing.lookups,
        chain: Arc::clone(&chain),
    };
    let announcing = match backing.documents {
        Some(documents) => {
            let operator = passphrase.key(&settings.operator_key);
            let operator = operator.context("the operator's key announces new documents")?;
            documents
                .announce(&*chain, network, &operator, standing.provider)
                .await?;
            Some((documents, operator))
        }
        None => None,
    };
    let announcing = {
        let (chain, provider) = (Arc::clone(&chain), standing.provider);
        async move {
            match announcing {
                Some((documents, operator)) => {
                    let kept = documents.keep_announced(&*chain, network, &operator, provider);
                    kept.await
                }
                None => pending().await,
            }
        }
    };
    let named = settings.coordinators.clone();
    let (wanted, _finding) = coordinators::find(Arc::clone(&chain), named);
    let mut running = running::start(respondent, books, wanted);
    if let Some(listener) = listener {
        running.tell(listener, chain, settings.genesis.clone());
    }
    let url = settings.http.map(|http| format!("http://{http}"));
    let domains: Vec<String> = backing.domains.iter().map(ToString::to_string).collect();
    let text = format!(
        "The respondent serves. Ctrl-C stops it, once what it works on is done.\n\n\
         \x20 network    {network}\n\
         \x20 node       {node}, number {provider}\n\
         \x20 answers    {domains} with {model}\n\
         \x20 serves     {serves}\n\
         \x20 tells      {url}",
        network = settings.genesis.id(),
        node = settings.node,
        provider = standing.provider,
        domains = domains.join(", "),
        model = &*backing.model.name,
        serves = match settings.coordinators.len() {
            0 => "every coordinator that the ledger lists".to_owned(),
            1 => "the coordinator that the settings name".to_owned(),
            count => format!("the {count} coordinators that the settings name"),
        },
        url = url.as_deref().unwrap_or("nowhere"),
    );
    let json = serde_json::json!({
        "network": settings.genesis.id(),
        "node": settings.node,
        "provider": standing.provider,
        "domains": domains,
        "url": url,
    });
    output.result(&text, &json)?;
    let serving = async {
        signals.any().await;
        output
            .note("stopping: what it works on is finished first; Ctrl-C once more to stop at once");
        tokio::select! {
            all = running.stop() => all,
            () = signals.any() => Ok(false),
        }
    };
    let all = tokio::select! {
        all = serving => all?,
        never = announcing => match never {},
    };
    if !all {
        output.note("some contracts were left unfinished; nobody is paid for those");
    }
    Ok(code::OK)
}
