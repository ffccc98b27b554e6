//! `llmnet respondent leave`: no further panels, and the bond back.

use clap::Args;
use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_types::{bond::Role, transaction::Instruction};

use super::{Common, PassphraseArguments, role};
use crate::{
    cli::{code, output::Output, place::PATIENCE},
    network::submit,
    remote::Remote,
    respondent::{registering::registered, settings::Settings},
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
    let chain = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let standing = registered(&chain, node).await?;
    if let Some(standing) = &standing {
        let operator = arguments.passphrase.key(&settings.operator_key)?;
        let provider = standing.provider;
        let instruction = Instruction::Retire { provider };
        submit(&chain, settings.genesis.id(), &operator, instruction).await?;
    }
    let (_, (bond, clock, params)) = query(&chain, move |state| {
        let bond = ledger::bond(state, &node, Role::Respondent);
        (bond, ledger::clock(state), ledger::params(state))
    })
    .await?;
    let Some(bond) = bond else {
        anyhow::bail!("{node} is not registered on this network, and nothing of a bond is left");
    };
    let mut text = match standing {
        Some(_) => format!(
            "{node} is on no further panels. Let it run until what it works on is done: llmnet respondent status\n"
        ),
        None => format!("{node} had left already.\n"),
    };
    let (lines, leaving) = role::returning(&bond, &params, clock.epoch);
    text.push_str(&lines);
    let json = serde_json::json!({
        "node": node,
        "operator": bond.operator,
        "epoch": clock.epoch,
        "leaving": leaving,
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
