//! `llmnet coordinator init`: keys and settings.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use llmnet_types::units::Amount;

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output, place::Elsewhere},
    config::GATEWAY_PORT,
    coordinator::settings::{self, FILES, Plan, Settings},
    keystore,
    settings::{address, credits},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// Where respondents reach this coordinator, such as 192.0.2.1:7373 or node.example:7373
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// Where it listens for them [default: the port of --address on all addresses of this machine]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Where it serves the API [default: 127.0.0.1:7171]
    #[arg(long, value_name = "IP:PORT")]
    http: Option<SocketAddr>,
    /// Credits to post
    #[arg(long, value_name = "CREDITS", value_parser = credits, default_value = "10")]
    bond: Amount,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let directory = role::directory::<Settings>(common);
    let (port, address) = address(&arguments.address)
        .map_err(|mend| anyhow::anyhow!("{:?} is no address; {mend}", arguments.address))?;
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, GATEWAY_PORT));
    let plan = Plan {
        directory: directory.clone(),
        nodes: arguments.elsewhere.nodes()?,
        genesis: arguments.elsewhere.genesis().await?,
        http: arguments.http.unwrap_or(local),
        listen: arguments.listen.unwrap_or(any),
        address: address.clone(),
        bond: arguments.bond,
        patient: true,
    };
    let passphrase = arguments.passphrase.source().new_one("the new keys")?;
    let made = settings::init(
        &plan,
        (&keystore::generate()?, &keystore::generate()?),
        &passphrase,
    )?;
    let text = format!(
        "{made}\n\
         Respondents find it on the ledger, by {address}, once it runs.\n\
         Next: llmnet coordinator run, which says how much money these accounts need",
        made = role::told::<Settings>(&made, &directory, FILES, ""),
        address = &*address,
    );
    let mut json = role::told_json(&made, &directory, FILES);
    json["address"] = serde_json::json!(&*address);
    output.result(&text, &json)?;
    Ok(code::OK)
}
