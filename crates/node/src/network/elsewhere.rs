//! What roles need on a network that was not made for them: money, and a hash chain in force.

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{chain_element, query as ledger};
use llmnet_types::{bond::ChainUse, signature::PublicKey, transaction::Instruction, units::Amount};

use super::roles::submit;
use crate::home::{CHAIN_LENGTH, Home};

/// What a requester begins with, in credits: most of it is locked in a line.
const REQUESTER: u64 = 1_000;
/// What everybody else does: bonds, and the fees of transactions.
const OTHERS: u64 = 100;

/// Accounts that need money before this directory's roles can begin.
#[derive(Debug, thiserror::Error)]
pub struct Unfunded {
    /// Whose they are, what for, and how many credits each needs.
    accounts: Vec<(PublicKey, String, u64)>,
}

impl std::fmt::Display for Unfunded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.accounts.len();
        write!(
            f,
            "{count} accounts of this directory have no money on the network yet"
        )?;
        for (key, what, credits) in &self.accounts {
            write!(f, "\n  --to {key} --amount {credits}   {what}")?;
        }
        Ok(())
    }
}

/// Whether everybody has, or once had, something to begin with.
pub(super) async fn is_funded(
    home: &Home,
    chain: &dyn ChainClient,
    respondents: impl Iterator<Item = String>,
) -> anyhow::Result<()> {
    let keys = &home.keys;
    let operators = respondents.map(|name| {
        let what = format!("operator of {name}");
        (keys.operator(&name).public_key(), what, OTHERS)
    });
    let own = [
        (
            keys.requester().public_key(),
            "requester".to_owned(),
            REQUESTER,
        ),
        (
            keys.coordinator().public_key(),
            "coordinator".to_owned(),
            OTHERS,
        ),
    ];
    let needed: Vec<_> = own.into_iter().chain(operators).collect();
    let is_poor = |state: &llmnet_chain::StateView<'_>| {
        let accounts = needed.iter().map(|(key, ..)| ledger::account(state, key));
        let poor = accounts.map(|account| account.balance == Amount::ZERO && account.nonce == 0);
        poor.collect::<Vec<bool>>()
    };
    let (_, poor) = query(chain, is_poor).await?;
    let accounts: Vec<_> = needed
        .into_iter()
        .zip(poor)
        .filter_map(|(account, is_poor)| is_poor.then_some(account))
        .collect();
    if accounts.is_empty() {
        return Ok(());
    }
    Err(Unfunded { accounts }.into())
}

/// Anchors the coordinator's hash chain where the genesis did not, and waits until it is in force: with the
/// next epoch (ANC-2).
pub(super) async fn anchor_coordinator(home: &Home, chain: &dyn ChainClient) -> anyhow::Result<()> {
    let key = home.keys.coordinator();
    let coordinator = key.public_key();
    let mut tip = chain.tip();
    loop {
        tip.mark_unchanged();
        let (_, (record, epoch)) = query(chain, move |state| {
            let record = ledger::coordinator(state, &coordinator);
            (record, ledger::clock(state).epoch)
        })
        .await?;
        let chains = record.unwrap_or_default().chains.chains;
        if chains.iter().any(|chain| chain.from <= epoch) {
            return Ok(());
        }
        if chains.is_empty() {
            let instruction = Instruction::Anchor {
                purpose: ChainUse::Slots,
                tip: chain_element(&home.keys.chain(), CHAIN_LENGTH, 0),
                length: CHAIN_LENGTH,
            };
            submit(chain, home.genesis.id(), &key, instruction)
                .await
                .context("the coordinator's hash chain cannot be anchored")?;
            tracing::info!(%epoch, "the coordinator's hash chain is anchored; it serves from the next epoch on");
        }
        tip.changed()
            .await
            .context("the chain stopped before the next epoch")?;
    }
}
