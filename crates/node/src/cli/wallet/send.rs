//! `llmnet wallet send`: money to another account.

use clap::Args;
use llmnet_types::{signature::PublicKey, transaction::Instruction, units::Amount};

use super::{Common, Owner};
use crate::{
    cli::{
        code,
        output::Output,
        place::{Elsewhere, PATIENCE},
    },
    network::submit,
    remote::Remote,
    settings::credits,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    owner: Owner,
    /// To whom
    #[arg(long, value_name = "KEY")]
    to: PublicKey,
    /// How much
    #[arg(long, value_name = "CREDITS", value_parser = credits)]
    amount: Amount,
    #[command(flatten)]
    elsewhere: Elsewhere,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let Arguments {
        owner,
        to,
        amount,
        elsewhere,
    } = arguments;
    // What is signed holds on one network alone, so which one it is must not be a stranger's word.
    let genesis = elsewhere.genesis_in(common.dir.as_deref()).await?;
    let chain = Remote::connect(elsewhere.nodes()?, &genesis, PATIENCE).await?;
    let key = owner.read()?;
    let (to, amount) = (*to, *amount);
    let instruction = Instruction::Transfer { to, amount };
    submit(&chain, genesis.id(), &key, instruction).await?;
    let amount = amount.credits();
    let text = format!("{to} has {amount} credits more; the block that says so is final.");
    let json = serde_json::json!({
        "network": genesis.id(),
        "from": key.public_key(),
        "to": to,
        "amount": amount,
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
