//! `llmnet validator status`: how a running validator is, by what it answers over HTTP.
//!
//! Who takes part is told by certificates: a validator whose vote is in none of the newest is not there,
//! whatever is connected to what.

use std::time::SystemTime;

use clap::Args;
use llmnet_chain::Pacing;
use llmnet_types::{
    block::Header, certificate::FinalityCertificate, network::Committee, signature::PublicKey,
    units::Height,
};
use serde::Deserialize;

use super::{Common, role};
use crate::{
    cli::{client::Client, code, output::Output},
    validator::settings::Settings,
};

/// How many of the newest blocks are looked at.
const BLOCKS: u64 = 16;
/// How old the newest block may be beyond the pause between blocks, in milliseconds: some failed leaders'
/// turns, and clocks that differ.
const SILENCE_MAX_MS: u64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where it answers queries [default: as validator.toml says]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Whose part in the network to look for [default: as validator.toml says]
    #[arg(long, value_name = "KEY")]
    node: Option<PublicKey>,
}

#[derive(Deserialize)]
struct Status {
    network: String,
    name: String,
    height: Height,
    timestamp_ms: u64,
    kept_from: Height,
    epoch: u64,
    committee: InOffice,
}

#[derive(Deserialize)]
struct InOffice {
    term: u64,
    quorum: usize,
    validators: Committee,
}

#[derive(Deserialize)]
struct Account {
    balance: String,
    bonds: Vec<Bond>,
}

#[derive(Deserialize)]
struct Bond {
    role: String,
    standing: String,
    enlisted: bool,
}

#[derive(Deserialize)]
struct Block {
    header: Header,
    finality: Option<Finality>,
}

#[derive(Deserialize)]
struct Finality {
    certificate: FinalityCertificate,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let (url, node, pacing) = match (&arguments.url, arguments.node) {
        (Some(url), Some(node)) => (url.clone(), node, Pacing::default()),
        (url, node) => {
            let settings: Settings = role::settings(common)?;
            let http = settings.http.map(|http| format!("http://{http}"));
            let url = url.clone().or(http).ok_or_else(|| {
                anyhow::anyhow!("the settings have no line http; name where it answers with --url")
            })?;
            (url, node.unwrap_or(settings.node), settings.pacing)
        }
    };
    let client = Client::new(url.trim_end_matches('/'))?;
    let status: Status = client.read("/v1/ledger/status").await?;
    let account: Account = client.read(&format!("/v1/ledger/accounts/{node}")).await?;
    let mut signed = vec![0_u32; status.committee.validators.keys().len()];
    let mut certificates = 0_u32;
    for height in status.height.0.saturating_sub(BLOCKS - 1).max(1)..=status.height.0 {
        if height < status.kept_from.0 {
            continue;
        }
        let block: Block = client.read(&format!("/v1/ledger/blocks/{height}")).await?;
        // A number in a certificate is a place in that term's committee.
        let Some(finality) = block
            .finality
            .filter(|_| block.header.term.0 == status.committee.term)
        else {
            continue;
        };
        certificates += 1;
        for signer in &finality.certificate.signers {
            if let Some(count) = signed.get_mut(usize::from(*signer)) {
                *count += 1;
            }
        }
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let age_ms = now.saturating_sub(status.timestamp_ms);
    let pause_ms = u64::try_from(pacing.idle_interval.as_millis()).unwrap_or(u64::MAX);
    let report = Report {
        node,
        status: &status,
        account: &account,
        signed: &signed,
        certificates,
        age_ms,
        is_level: age_ms <= pause_ms.saturating_add(SILENCE_MAX_MS),
    };
    output.result(&report.text(), &report.json())?;
    Ok(code::OK)
}

struct Report<'a> {
    node: PublicKey,
    status: &'a Status,
    account: &'a Account,
    signed: &'a [u32],
    certificates: u32,
    age_ms: u64,
    /// Whether the newest block is as young as the newest of a network that runs.
    is_level: bool,
}

impl Report<'_> {
    fn place(&self) -> Option<usize> {
        let keys = self.status.committee.validators.keys();
        keys.iter().position(|key| *key == self.node)
    }

    fn bond(&self) -> Option<&Bond> {
        self.account
            .bonds
            .iter()
            .find(|bond| bond.role == "validator")
    }

    fn text(&self) -> String {
        let Status {
            network,
            name,
            height,
            kept_from,
            epoch,
            committee,
            ..
        } = self.status;
        let own = match (self.place(), self.bond()) {
            (Some(place), _) => format!("in office as number {place}"),
            (None, Some(bond)) if bond.enlisted => {
                "not in office; may be elected next term".to_owned()
            }
            (None, Some(_)) => "not in office; it has left".to_owned(),
            (None, None) => "not in office; it has no bond".to_owned(),
        };
        let bond = self.bond().map_or("0", |bond| &bond.standing);
        let age = self.age_ms / 1000;
        let sync = match self.is_level {
            true => format!("level: the newest block is {age} s old"),
            false => format!(
                "the newest block is {age} s old: this validator is behind, or the network stands"
            ),
        };
        let mut text = format!(
            "Network    {network} \"{name}\"\n\
             Height     {height}, epoch {epoch}, term {term}; blocks are kept from {kept_from} on\n\
             Sync       {sync}\n\
             This node  {node}: {own}; bond {bond}, balance {balance}\n\
             Committee  {count}, {quorum} are a quorum; signatures in {certificates} certificates of \
             the last {BLOCKS} blocks (a quorum's are enough for one)",
            term = committee.term,
            node = self.node.short(),
            balance = self.account.balance,
            count = committee.validators.keys().len(),
            quorum = committee.quorum,
            certificates = self.certificates,
        );
        for (number, (key, signed)) in self.committee().enumerate() {
            let own = if *key == self.node { "  this node" } else { "" };
            text.push_str(&format!("\n  {number:>3}  {key}  {signed:>3}{own}"));
        }
        text
    }

    fn committee(&self) -> impl Iterator<Item = (&PublicKey, u32)> {
        let keys = self.status.committee.validators.keys().iter();
        keys.zip(self.signed.iter().copied())
    }

    fn json(&self) -> serde_json::Value {
        let committee: Vec<_> = self
            .committee()
            .map(|(key, signed)| serde_json::json!({ "node": key, "signed": signed }))
            .collect();
        serde_json::json!({
            "network": self.status.network,
            "height": self.status.height,
            "kept_from": self.status.kept_from,
            "epoch": self.status.epoch,
            "term": self.status.committee.term,
            "quorum": self.status.committee.quorum,
            "age_ms": self.age_ms,
            "level": self.is_level,
            "node": self.node,
            "in_office": self.place().is_some(),
            "enlisted": self.bond().is_some_and(|bond| bond.enlisted),
            "bond": self.bond().map(|bond| &bond.standing),
            "balance": self.account.balance,
            "certificates": self.certificates,
            "committee": committee,
        })
    }
}
