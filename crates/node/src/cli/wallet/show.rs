//! `llmnet wallet show`: where a key's money is.

use std::path::PathBuf;

use clap::Args;
use llmnet_types::{signature::PublicKey, units::Amount};
use serde::{Deserialize, Serialize};

use super::{Account, Bond, Owner, account};
use crate::{
    cli::{PassphraseArguments, client::Client, code, output::Output},
    config::GATEWAY_PORT,
    settings::credits,
};

/// The most pages of registrations that are looked through for those that a key is operator of.
const PAGES_MAX: usize = 64;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The public key, in place of its file
    #[arg(
        long,
        value_name = "KEY",
        conflicts_with = "key",
        required_unless_present = "key"
    )]
    account: Option<PublicKey>,
    /// The file of the key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// A node that it is operator of; respondents are found without (may be repeated)
    #[arg(long, value_name = "KEY")]
    node: Vec<PublicKey>,
    /// A node of the network that answers queries [default: the one on this machine]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

#[derive(Debug, Deserialize)]
struct Providers {
    data: Vec<Provider>,
    next: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Provider {
    node: PublicKey,
    operator: PublicKey,
}

/// A bond of the owner's.
#[derive(Debug, Serialize)]
struct Posted {
    node: PublicKey,
    #[serde(flatten)]
    bond: Bond,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let key = match (arguments.account, &arguments.key) {
        (Some(account), _) => account,
        (None, Some(file)) => {
            let (key, passphrase) = (file.clone(), arguments.passphrase.clone());
            Owner { key, passphrase }.read()?.public_key()
        }
        (None, None) => anyhow::bail!("say whose money: --key FILE or --account KEY"),
    };
    let local = || format!("http://127.0.0.1:{GATEWAY_PORT}");
    let url = arguments.url.clone().unwrap_or_else(local);
    let client = Client::new(url.trim_end_matches('/'))?;
    let own = account(&client, key).await?;
    let posted = posted(&client, key, &arguments.node, &own).await?;
    let leaving = posted.iter().flat_map(|posted| &posted.bond.leaving);
    let locked = sum(own.lines.iter().map(|line| &line.rest));
    let standing = sum(posted.iter().map(|posted| &posted.bond.standing));
    let leaving = sum(leaving.map(|leaving| &leaving.amount));
    let mut lines = vec![
        format!("Account     {key}, block {}", own.height),
        format!("Available   {} credits", own.balance),
        format!("In lines    {locked} credits"),
    ];
    for line in &own.lines {
        let how = match line.closed {
            true => "closed; it returns four epochs after",
            false => "it returns four epochs after it is closed, or after",
        };
        lines.push(format!(
            "            {} of {} are refundable, locked for coordinator {}: {how} epoch {}",
            line.rest,
            line.locked,
            line.coordinator.short(),
            line.ends
        ));
    }
    lines.push(format!("In bonds    {standing} credits"));
    let standing_ones = posted.iter().filter(|one| one.bond.standing != "0");
    for Posted { node, bond } in standing_ones {
        lines.push(format!(
            "            {} for {} as {}",
            bond.standing,
            node.short(),
            bond.role
        ));
    }
    lines.push(format!("Leaving     {leaving} credits"));
    for Posted { node, bond } in &posted {
        for leaving in &bond.leaving {
            lines.push(format!(
                "            {} of {} as {}: available by itself in epoch {}",
                leaving.amount,
                node.short(),
                bond.role,
                leaving.free
            ));
        }
    }
    let json = serde_json::json!({
        "account": key,
        "height": own.height,
        "available": own.balance,
        "in_lines": locked,
        "in_bonds": standing,
        "leaving": leaving,
        "lines": own.lines,
        "bonds": posted,
    });
    output.result(&lines.join("\n"), &json)?;
    Ok(code::OK)
}

/// Amounts that a node wrote, together.
fn sum<'a>(amounts: impl Iterator<Item = &'a String>) -> String {
    let amounts: Option<Vec<Amount>> = amounts.map(|text| credits(text).ok()).collect();
    let sum = amounts.and_then(Amount::sum);
    sum.map_or_else(|| "more than there can be".to_owned(), Amount::credits)
}

/// All bonds that the owner posted: for itself, for the nodes that were named, and for respondents.
async fn posted(
    client: &Client,
    owner: PublicKey,
    named: &[PublicKey],
    own: &Account,
) -> anyhow::Result<Vec<Posted>> {
    let mut nodes = named.to_vec();
    let mut cursor = 0;
    for _ in 0..PAGES_MAX {
        let path = format!("/v1/ledger/providers?limit=256&cursor={cursor}");
        let page: Providers = client.read(&path).await?;
        let ours = page.data.iter().filter(|one| one.operator == owner);
        nodes.extend(ours.map(|provider| provider.node));
        let Some(next) = page.next else { break };
        cursor = next;
    }
    nodes.sort_unstable();
    nodes.dedup();
    let mut posted = ours(owner, owner, &own.bonds);
    for node in nodes.into_iter().filter(|node| *node != owner) {
        posted.extend(ours(owner, node, &account(client, node).await?.bonds));
    }
    Ok(posted)
}

fn ours(owner: PublicKey, node: PublicKey, bonds: &[Bond]) -> Vec<Posted> {
    let ours = bonds.iter().filter(|bond| bond.operator == owner).cloned();
    ours.map(|bond| Posted { node, bond }).collect()
}
