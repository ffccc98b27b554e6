//! `llmnet coordinator leave`: the role given back, and the bond.

use clap::Args;
use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_types::{bond::Role, transaction::Instruction};

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output, place::PATIENCE},
    coordinator::settings::Settings,
    network::submit,
    remote::Remote,
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
    let settings: Settings = role::settings(common)?;
    let node = settings.node;
    let key = arguments.passphrase.key(&settings.key)?;
    let chain = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let own = Role::Coordinator;
    let instruction = Instruction::Delist { node, role: own };
    submit(&chain, settings.genesis.id(), &key, instruction).await?;
    let (_, (bond, clock, params)) = query(&chain, move |state| {
        let bond = ledger::bond(state, &node, own);
        (bond, ledger::clock(state), ledger::params(state))
    })
    .await?;
    let returning = bond.map(|bond| role::returning(&bond, &params, clock.epoch));
    let (lines, leaving) = returning.unwrap_or_default();
    let text = format!(
        "{node} is no coordinator any more: nothing of it is settled from now on. Stop it.\n\
         What its line still holds returns to the requester when the line ends.\n{lines}"
    );
    let json = serde_json::json!({ "node": node, "epoch": clock.epoch, "leaving": leaving });
    output.result(&text, &json)?;
    Ok(code::OK)
}
