//! `llmnet respondent leave`: no further panels, and the bond back.

use clap::Args;
use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_types::{
    bond::Role,
    params::UNBOND_EPOCHS,
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{Common, PassphraseArguments, settings};
use crate::{
    cli::{code, output::Output, place::PATIENCE},
    keystore,
    network::submit,
    remote::Remote,
    respondent::registering::registered,
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
    let settings = settings(common)?;
    let node = settings.node;
    let chain = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let standing = registered(&chain, node).await?;
    if let Some(standing) = &standing {
        let file = settings.operator_key.display().to_string();
        let passphrase = arguments.passphrase.source().known(&file)?;
        let operator = keystore::read(&settings.operator_key, &passphrase)?;
        drop(passphrase);
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
    let leaving: Vec<(Epoch, Amount)> = bond.leaving;
    let mut text = match standing {
        Some(_) => format!(
            "{node} is on no further panels. Let it run until what it works on is done: llmnet respondent status\n"
        ),
        None => format!("{node} had left already.\n"),
    };
    for (free, amount) in &leaving {
        let height = free.0.saturating_mul(params.epoch_length());
        let blocks = height.saturating_sub(clock.height.0);
        text.push_str(&format!(
            "\n{} credits return to {} by themselves with block {height}, in {blocks} blocks (epoch {free})",
            amount.credits(),
            bond.operator,
        ));
    }
    text.push_str(&format!(
        "\nUntil then, {UNBOND_EPOCHS} epochs after leaving, they can be slashed for what was signed before: keep \
         the keys as safe as ever. llmnet wallet show tells of them."
    ));
    let json = serde_json::json!({
        "node": node,
        "operator": bond.operator,
        "epoch": clock.epoch,
        "leaving": leaving
            .iter()
            .map(|(free, amount)| serde_json::json!({
                "amount": amount.credits(),
                "free": free,
                "height": free.0.saturating_mul(params.epoch_length()),
            }))
            .collect::<Vec<_>>(),
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
