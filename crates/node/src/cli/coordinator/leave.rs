//! `llmnet coordinator leave`: the role given back, and the bond.

use clap::Args;
use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_types::{bond::Role, params::UNBOND_EPOCHS, transaction::Instruction};

use super::{Common, PassphraseArguments, settings};
use crate::{
    cli::{code, output::Output, place::PATIENCE},
    keystore,
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
    let settings = settings(common)?;
    let node = settings.node;
    let file = settings.key.display().to_string();
    let passphrase = arguments.passphrase.source().known(&file)?;
    let key = keystore::read(&settings.key, &passphrase)?;
    drop(passphrase);
    let chain = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let role = Role::Coordinator;
    let instruction = Instruction::Delist { node, role };
    submit(&chain, settings.genesis.id(), &key, instruction).await?;
    let (_, bond) = query(&chain, move |state| ledger::bond(state, &node, role)).await?;
    let leaving = bond.map(|bond| bond.leaving).unwrap_or_default();
    let mut text = format!(
        "{node} is no coordinator any more: nothing of it is settled from now on. Stop it.\n"
    );
    for (free, amount) in &leaving {
        let amount = amount.credits();
        text.push_str(&format!(
            "\n{amount} credits return to it by themselves in epoch {free}"
        ));
    }
    text.push_str(&format!(
        "\nUntil then, {UNBOND_EPOCHS} epochs after leaving, they can be slashed for what was signed before. What \
         its line still holds returns to the requester when the line ends."
    ));
    let json = serde_json::json!({
        "node": node,
        "leaving": leaving
            .iter()
            .map(|(free, amount)| serde_json::json!({ "free": free, "amount": amount.credits() }))
            .collect::<Vec<_>>(),
    });
    output.result(&text, &json)?;
    Ok(code::OK)
}
