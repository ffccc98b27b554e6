//! `llmnet genesis`: founders' public parts become a network.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use clap::Args;
use llmnet_types::{codec::Text, params::Params, signature::PublicKey, units::Amount};

use super::{code, output::Output};
use crate::{
    settings::credits,
    validator::founding::{self, Charter, FOUNDER_LENGTH_MAX, Founder},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The founders' public parts: the founder.json of each
    #[arg(required = true, value_name = "FOUNDER")]
    founders: Vec<PathBuf>,
    /// What the network is called, for people
    #[arg(long)]
    name: String,
    /// The file to write; one that is there stays
    #[arg(long, value_name = "FILE", default_value = "genesis.json")]
    output: PathBuf,
    /// Credits of each founder's bond
    #[arg(long, value_name = "CREDITS", default_value = "1000", value_parser = credits)]
    bond: Amount,
    /// Credits that each founder's operator has besides
    #[arg(long, value_name = "CREDITS", default_value = "1000", value_parser = credits)]
    balance: Amount,
    /// Credits of anybody else, such as requesters and coordinators (may be repeated)
    #[arg(long = "account", value_name = "KEY=CREDITS", value_parser = account)]
    accounts: Vec<(PublicKey, Amount)>,
    /// Blocks of an epoch [default: 1024]
    #[arg(long, value_name = "N")]
    epoch_blocks: Option<u32>,
    /// Epochs of a committee's term [default: 64]
    #[arg(long, value_name = "N")]
    term_epochs: Option<u32>,
    /// All parameters, as JSON: what params holds at /v1/ledger/params of another network
    #[arg(long, value_name = "FILE", conflicts_with_all = ["epoch_blocks", "term_epochs"])]
    params: Option<PathBuf>,
    /// When it is made, in Unix milliseconds: to make the same again [default: now]
    #[arg(long, value_name = "MS")]
    timestamp_ms: Option<u64>,
}

fn account(text: &str) -> Result<(PublicKey, Amount), String> {
    let (key, amount) = text.split_once('=').ok_or("write KEY=CREDITS")?;
    let key = key
        .parse()
        .map_err(|_| "a key has 64 hexadecimal digits".to_owned())?;
    Ok((key, credits(amount)?))
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let founders = arguments.founders.iter().map(|path| founder(path));
    let founders: Vec<Founder> = founders.collect::<anyhow::Result<_>>()?;
    let params = match &arguments.params {
        Some(path) => params(path)?,
        None => founding::params(arguments.epoch_blocks, arguments.term_epochs),
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let charter = Charter {
        name: Text::new(arguments.name.as_str())
            .map_err(|_| anyhow::anyhow!("a name has at most 64 bytes"))?,
        timestamp_ms: arguments.timestamp_ms.unwrap_or(now),
        params,
        bond: arguments.bond,
        balance: arguments.balance,
        accounts: arguments.accounts.clone(),
        anchors: Vec::new(),
    };
    let genesis = founding::found(&founders, &charter)
        .context("these founders and parameters make no network")?;
    let path = &arguments.output;
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(genesis.to_json().as_bytes())?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    let committee = genesis.committee();
    let mut text = format!(
        "The network is founded in {path}.\n\n\
         \x20 network    {id} \"{name}\"\n\
         \x20 made at    {time} (the same founders with --timestamp-ms {time} make the same again)\n\
         \x20 quorum     {quorum} of {count}",
        path = path.display(),
        id = genesis.id(),
        name = genesis.name,
        time = genesis.timestamp_ms,
        quorum = committee.quorum(),
        count = committee.keys().len(),
    );
    for validator in &genesis.validators {
        text.push_str(&format!("\n  {}  {}", validator.node, validator.address));
    }
    text.push_str(
        "\n\nGive this file to all of them. Each compares the network's id: llmnet validator check",
    );
    let json = serde_json::json!({
        "network": genesis.id(),
        "file": path,
        "timestamp_ms": genesis.timestamp_ms,
        "validators": committee.keys(),
    });
    output.result(&text, &json)?;
    if committee.keys().len() < 4 {
        output.note("fewer than four validators tolerate no faulty one");
    }
    Ok(code::OK)
}

fn founder(path: &Path) -> anyhow::Result<Founder> {
    let shown = path.display();
    let read = || {
        anyhow::ensure!(
            fs::metadata(path)?.len() <= FOUNDER_LENGTH_MAX,
            "it is too long"
        );
        Ok(Founder::from_json(&fs::read_to_string(path)?)?)
    };
    read().with_context(|| format!("{shown} is no founder's public part"))
}

fn params(path: &Path) -> anyhow::Result<Params> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    serde_json::from_str(&text).with_context(|| format!("{shown} has no parameters"))
}
