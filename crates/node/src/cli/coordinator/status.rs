//! `llmnet coordinator status`: how a coordinator is, by its own word and by the ledger's.

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Common, role};
use crate::{
    cli::{client::Client, code, output::Output, role::Part, wallet},
    coordinator::settings::Settings,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {}

#[derive(Debug, Deserialize)]
struct Told {
    ready: bool,
    reason: Option<String>,
    height: Option<u64>,
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Experts {
    data: Vec<Expert>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Expert {
    provider: String,
    name: String,
    reachable: bool,
}

pub(super) async fn run(_: &Arguments, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let gateway = &settings.gateway;
    let client = Client::new(&gateway.url(gateway.port))?;
    let told: Told = client.read("/status").await?;
    let experts: Experts = client.read("/v1/experts").await?;
    let account = wallet::account(&client, settings.node).await?;
    let reached = experts
        .data
        .iter()
        .filter(|expert| expert.reachable)
        .count();
    let mut lines = vec![
        format!(
            "Network     {}, block {}",
            settings.genesis.id(),
            told.height.unwrap_or_default()
        ),
        format!(
            "This node   {}: {}",
            settings.node,
            match (&told.reason, told.ready) {
                (Some(reason), _) => reason,
                (None, true) => "answers questions",
                (None, false) => "does not answer questions",
            }
        ),
        format!(
            "Respondents {reached} of {} registered are linked",
            experts.data.len()
        ),
    ];
    for expert in &experts.data {
        let how = if expert.reachable {
            "linked"
        } else {
            "not linked"
        };
        lines.push(format!(
            "            {:<24} {}  {how}",
            expert.name, expert.provider
        ));
    }
    lines.extend(role::lines(&told.parts));
    lines.push(format!("Money       {} credits free", account.balance));
    for bond in &account.bonds {
        lines.push(format!(
            "Bond        {} credits as {}",
            bond.standing, bond.role
        ));
    }
    let json = serde_json::json!({
        "network": settings.genesis.id(),
        "node": settings.node,
        "ready": told.ready,
        "reason": told.reason,
        "height": told.height,
        "parts": told.parts,
        "respondents": experts.data,
        "account": account,
    });
    output.result(&lines.join("\n"), &json)?;
    Ok(code::OK)
}
