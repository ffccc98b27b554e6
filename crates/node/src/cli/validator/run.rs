//! `llmnet validator run`: one validator, until it is interrupted.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output},
    validator::{running, settings::Settings},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only say what is wrong with the settings, as check does
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    if arguments.check {
        return super::check::run(common, output);
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let settings: Settings = role::settings(common)?;
    let key = arguments.passphrase.key(&settings.key)?;
    let running = running::start(&settings, &key).await?;
    let url = settings.http.map(|http| format!("http://{http}"));
    let text = format!(
        "The validator runs. Ctrl-C stops it.\n\n\
         \x20 network    {id}\n\
         \x20 node       {node}\n\
         \x20 listens    {listen}\n\
         \x20 queries    {queries}",
        id = settings.genesis.id(),
        node = settings.node,
        listen = settings.listen,
        queries = url.as_deref().unwrap_or("nowhere"),
    );
    let json = serde_json::json!({
        "network": settings.genesis.id(),
        "node": settings.node,
        "listen": settings.listen,
        "url": url,
    });
    output.result(&text, &json)?;
    tokio::select! {
        error = running.failed() => return Err(error),
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    output.note("stopping");
    running.stop().await?;
    Ok(code::OK)
}
