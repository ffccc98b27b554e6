//! `llmnet up`: the local network until it is interrupted.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::{Common, Models, code, output::Output, session};
use crate::{config::Config, models};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The gateway's port, 0 for any free one [default: 7171, or as llmnet.toml says]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    #[command(flatten)]
    models: Models,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let directory = common.directory();
    let port = match arguments.port {
        Some(port) => port,
        None => Config::read(&directory)?.gateway.port,
    };
    let network = tokio::select! {
        network = session::start(&directory, Some(port), &arguments.models, output) => network?,
        _ = interrupt.recv() => return Ok(code::OK),
        _ = terminate.recv() => return Ok(code::OK),
    };
    let url = network.url();
    let keys = network
        .admin
        .map(|admin| format!("  keys       http://{admin}/admin/keys\n"));
    let text = format!(
        "LLM-Net is up. Ctrl-C stops it.\n\n\
         \x20 network    {id}\n\
         \x20 API        {url}/v1\n\
         \x20 status     {url}/status\n\
         \x20 directory  {directory}\n\
         {keys}\n\
         Try it:\n\n\
         \x20 curl {url}/v1/chat/completions -H 'content-type: application/json' \\\n\
         \x20   -d '{{\"model\":\"llmnet/auto\",\"messages\":[{{\"role\":\"user\",\"content\":\"Why does the Moon have phases?\"}}]}}'\n",
        id = network.id,
        directory = directory.display(),
        keys = keys.unwrap_or_default(),
    );
    let admin = network.admin.map(|admin| format!("http://{admin}"));
    let json = serde_json::json!({
        "network": network.id, "url": url, "admin": admin, "directory": directory
    });
    output.result(&text, &json)?;
    offer_models(output).await;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    output.note("stopping");
    network.stop().await?;
    Ok(code::OK)
}

/// Ollama is detected and offered, never seated without being asked for.
async fn offer_models(output: &Output) {
    if let Some(name) = models::offered_by_ollama().await.first() {
        output.note(&format!(
            "Ollama runs on this machine: `llmnet up --ollama {name}` seats its model on panels"
        ));
    }
}
