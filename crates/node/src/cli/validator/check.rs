//! `llmnet validator check`: whether a validator would run, and as what.

use llmnet_chain::config::Keep;

use super::{Common, role};
use crate::{
    cli::{code, output::Output},
    validator::settings::Settings,
};

pub(super) fn run(common: &Common, output: &Output) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let genesis = &settings.genesis;
    let office = match settings.is_founder() {
        true => "of the first committee",
        false => "not of the first committee: it follows until it is elected",
    };
    let keep = match settings.keep {
        Keep::Everything => "all blocks".to_owned(),
        Keep::Blocks(blocks) => format!("about {blocks} blocks"),
    };
    let queries = match settings.http {
        Some(http) => format!("http://{http}"),
        None => "nowhere".to_owned(),
    };
    let text = format!(
        "Nothing to mend.\n\n\
         \x20 node       {node}, {office}\n\
         \x20 network    {id} \"{name}\", {count} validators at first\n\
         \x20 listens    {listen}\n\
         \x20 queries    {queries}\n\
         \x20 keeps      {keep} in {data}",
        node = settings.node,
        id = genesis.id(),
        name = genesis.name,
        count = genesis.validators.len(),
        listen = settings.listen,
        data = settings.data.display(),
    );
    let json = serde_json::json!({
        "node": settings.node,
        "network": genesis.id(),
        "founder": settings.is_founder(),
        "listen": settings.listen,
        "http": settings.http,
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
