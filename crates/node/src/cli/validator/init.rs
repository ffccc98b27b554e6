//! `llmnet validator init`: keys, settings, and the public part.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;
use llmnet_types::signature::PublicKey;

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output},
    config::GATEWAY_PORT,
    settings::address,
    validator::{self, FOUNDER, NODE_KEY, OPERATOR_KEY, Plan, SETTINGS, settings::Settings},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where other validators reach this one, such as 192.0.2.1:7272 or node.example:7272
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// Where it listens for them [default: the port of --address on all addresses of this machine]
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// Where it answers queries [default: 127.0.0.1:7171]
    #[arg(long, value_name = "IP:PORT")]
    http: Option<SocketAddr>,
    /// The account that owns its bond [default: a new key of this directory]
    #[arg(long, value_name = "KEY")]
    operator: Option<PublicKey>,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

pub(super) fn run(arguments: &Arguments, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let directory = role::directory::<Settings>(common);
    let (port, address) = address(&arguments.address)
        .map_err(|mend| anyhow::anyhow!("{:?} is no address; {mend}", arguments.address))?;
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let plan = Plan {
        directory: directory.clone(),
        address,
        listen: arguments.listen.unwrap_or_else(|| any(port)),
        http: arguments.http.unwrap_or_else(|| local(GATEWAY_PORT)),
        operator: arguments.operator,
    };
    let passphrase = arguments.passphrase.source().new_one("the new keys")?;
    let founder = validator::init(&plan, &passphrase)?;
    let shown = directory.display();
    let owner = match arguments.operator {
        Some(_) => "as you say".to_owned(),
        None => format!("{shown}/{OPERATOR_KEY}: move it to where no server is"),
    };
    let text = format!(
        "A validator is made in {shown}.\n\n\
         \x20 node       {node}  {shown}/{NODE_KEY}\n\
         \x20 operator   {operator}  {owner}\n\
         \x20 settings   {shown}/{SETTINGS}\n\
         \x20 public     {shown}/{FOUNDER}: for whoever makes the genesis\n\n\
         Back up the keys and their passphrase, each in a place of its own; nobody can restore them.\n\
         Next: put genesis.json beside the settings, then llmnet validator check",
        node = founder.node,
        operator = founder.operator,
    );
    let json = serde_json::json!({
        "directory": directory,
        "node": founder.node,
        "operator": founder.operator,
        "founder": directory.join(FOUNDER),
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
