//! `llmnet validator join`, `leave`, `pay`: what a validator's operator signs, handed to a node over HTTP.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_types::{
    bond::{Enlistment, Role},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output},
    network::submit,
    remote::Remote,
    settings::{address, credits},
    validator::{OPERATOR_KEY, settings::Settings},
};

/// How long a node may take to show a final block.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how many epochs a node's consent holds, so that an old one is none.
const CONSENT_EPOCHS: u64 = 8;

/// Whose word it is, and who passes it on.
#[derive(Debug, Args)]
struct Operator {
    /// A node of the network [default: as validator.toml says] (may be repeated)
    #[arg(long, value_name = "URL")]
    url: Vec<String>,
    /// The operator's key [default: operator.key in --dir]
    #[arg(long, value_name = "FILE")]
    operator_key: Option<PathBuf>,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

#[derive(Debug, Args)]
pub(super) struct Join {
    /// Where other validators reach this one
    #[arg(long, value_name = "HOST:PORT")]
    address: String,
    /// Credits to post; 0 for a validator that is enlisted and has moved to --address
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    bond: Amount,
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Args)]
pub(super) struct Leave {
    #[command(flatten)]
    operator: Operator,
}

#[derive(Debug, Args)]
pub(super) struct Pay {
    /// To whom
    #[arg(long, value_name = "KEY")]
    to: PublicKey,
    /// How much
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    amount: Amount,
    #[command(flatten)]
    operator: Operator,
}

impl Operator {
    fn key(&self, common: &Common) -> anyhow::Result<PrivateKey> {
        let own = || role::directory::<Settings>(common).join(OPERATOR_KEY);
        let path = self.operator_key.clone().unwrap_or_else(own);
        self.passphrase.key(&path)
    }

    async fn chain(&self, settings: &Settings) -> anyhow::Result<Remote> {
        let own = settings.http.map(|http| format!("http://{http}"));
        let urls = match self.url.is_empty() {
            true => own.into_iter().collect(),
            false => self.url.clone(),
        };
        Remote::connect(urls, &settings.genesis, PATIENCE).await
    }
}

pub(super) async fn join(arguments: &Join, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let (_, address) = address(&arguments.address)
        .map_err(|mend| anyhow::anyhow!("{:?} is no address; {mend}", arguments.address))?;
    let node = arguments.operator.passphrase.key(&settings.key)?;
    let operator = arguments.operator.key(common)?;
    let chain = arguments.operator.chain(&settings).await?;
    let network = settings.genesis.id();
    let (_, epoch) = query(&chain, |state| ledger::clock(state).epoch).await?;
    let enlistment = Enlistment {
        node: node.public_key(),
        operator: operator.public_key(),
        role: Role::Validator,
        address: address.clone(),
        bond: arguments.bond,
        until: Epoch(epoch.0.saturating_add(CONSENT_EPOCHS)),
    };
    let signed = Signed::new(enlistment, &network, &node);
    let instruction = Instruction::Enlist(Box::new(signed));
    submit(&chain, network, &operator, instruction).await?;
    let (node, bond) = (settings.node, arguments.bond.credits());
    let text = match arguments.bond {
        // The ledger takes a consent without money from who is enlisted only (BND-7).
        Amount::ZERO => format!(
            "{node} has moved to {address}; the others look for it there from the next block on.",
            address = &*address,
        ),
        _ => format!(
            "{node} is enlisted with {bond} credits and may be elected when the next term begins.\n\
             Keep it running: a validator that is elected and silent slows everybody down."
        ),
    };
    let json = serde_json::json!({ "node": node, "bond": bond, "address": &*address });
    output.result(&text, &json)?;
    Ok(code::OK)
}

pub(super) async fn leave(
    arguments: &Leave,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let operator = arguments.operator.key(common)?;
    let chain = arguments.operator.chain(&settings).await?;
    let node = settings.node;
    let instruction = Instruction::Delist {
        node,
        role: Role::Validator,
    };
    submit(&chain, settings.genesis.id(), &operator, instruction).await?;
    let height = chain.tip().borrow().height();
    let text = format!(
        "{node} is not elected again (block {height}).\n\
         Keep it running until llmnet validator status says that it is not in office; the bond can be \
         slashed until it has returned, so keep the key as safe as before."
    );
    output.result(
        &text,
        &serde_json::json!({ "node": node, "height": height }),
    )?;
    Ok(code::OK)
}

pub(super) async fn pay(arguments: &Pay, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let operator = arguments.operator.key(common)?;
    let chain = arguments.operator.chain(&settings).await?;
    let Pay { to, amount, .. } = arguments;
    let instruction = Instruction::Transfer {
        to: *to,
        amount: *amount,
    };
    submit(&chain, settings.genesis.id(), &operator, instruction).await?;
    let amount = amount.credits();
    let text = format!("{to} has {amount} credits more; the block that says so is final.");
    output.result(&text, &serde_json::json!({ "to": to, "amount": amount }))?;
    Ok(code::OK)
}
