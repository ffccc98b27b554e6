//! `llmnet coordinator run`: one coordinator, until it is interrupted.

use clap::Args;

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output, signals::Signals},
    coordinator::{running, settings::Settings},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let mut signals = Signals::new()?;
    let settings: Settings = role::settings(common)?;
    let node = arguments.passphrase.key(&settings.key)?;
    let requester = arguments.passphrase.key(&settings.requester_key)?;
    let progress = output.progress();
    let starting = running::start(&settings, (&node, &requester), |stage| {
        progress.step(stage.label());
    });
    let running = tokio::select! {
        running = starting => running?,
        () = signals.any() => return Ok(code::OK),
    };
    progress.done();
    let url = running.url();
    let admin = running.admin().map(|admin| format!("http://{admin}"));
    let text = format!(
        "The coordinator runs. Ctrl-C stops it, once what it works on is done.\n\n\
         \x20 network    {network}\n\
         \x20 node       {node}\n\
         \x20 API        {url}/v1\n{keys}\
         \x20 links      {link}, respondents reach it by {address}",
        network = settings.genesis.id(),
        node = settings.node,
        keys = admin.as_ref().map_or_else(String::new, |admin| format!(
            "  keys       {admin}/admin/keys\n"
        )),
        link = running.link(),
        address = &*settings.address,
    );
    let json = serde_json::json!({
        "network": settings.genesis.id(),
        "node": settings.node,
        "url": url,
        "admin": admin,
        "link": running.link(),
    });
    output.result(&text, &json)?;
    signals.any().await;
    output.note("stopping: requests at work are finished first");
    running.stop().await?;
    Ok(code::OK)
}
