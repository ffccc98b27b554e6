//! Money that roles need on a network that was not made for them.

use std::time::Duration;

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_types::{
    signature::{PrivateKey, PublicKey},
    units::Amount,
};
use tokio::time::{Instant, timeout_at};

use crate::home::Home;

/// What a requester begins with: most of it is locked in a line.
const REQUESTER: Amount = Amount(1_000 * Amount::CREDIT.0);
/// What everybody else does: bonds, and the fees of transactions.
const OTHERS: Amount = Amount(100 * Amount::CREDIT.0);

/// An account that needs money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Whose.
    pub(crate) account: PublicKey,
    /// What for.
    pub(crate) what: String,
    /// How much.
    pub(crate) amount: Amount,
}

/// Accounts that need money before their roles can begin.
#[derive(Debug, thiserror::Error)]
pub struct Unfunded {
    needs: Vec<Need>,
}

impl std::fmt::Display for Unfunded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.needs.len() {
            1 => write!(
                f,
                "an account has not the money that it needs on the network"
            )?,
            count => write!(
                f,
                "{count} accounts have not the money that they need on the network"
            )?,
        }
        for Need {
            account,
            what,
            amount,
        } in &self.needs
        {
            let amount = amount.credits();
            write!(f, "\n  --to {account} --amount {amount}   {what}")?;
        }
        Ok(())
    }
}

fn need(account: PublicKey, what: impl Into<String>, amount: Amount) -> Need {
    let what = what.into();
    Need {
        account,
        what,
        amount,
    }
}

/// What all roles of a directory need.
pub(super) fn home(home: &Home, respondents: impl Iterator<Item = String>) -> Vec<Need> {
    let keys = &home.keys;
    let mut needs = coordinator(&keys.coordinator(), &keys.requester());
    needs.extend(respondents.map(|name| {
        let account = keys.operator(&name).public_key();
        need(account, format!("operator of {name}"), OTHERS)
    }));
    needs
}

/// What a coordinator and its gateway's requester need.
pub(crate) fn coordinator(key: &PrivateKey, requester: &PrivateKey) -> Vec<Need> {
    vec![
        need(requester.public_key(), "requester", REQUESTER),
        need(key.public_key(), "coordinator", OTHERS),
    ]
}

/// Whether everybody has, or once had, something to begin with.
///
/// # Errors
/// [`Unfunded`], with those who never had anything.
pub(crate) async fn check(chain: &dyn ChainClient, needs: Vec<Need>) -> anyhow::Result<()> {
    let is_poor = |state: &llmnet_chain::StateView<'_>| {
        let accounts = needs
            .iter()
            .map(|need| ledger::account(state, &need.account));
        let poor = accounts.map(|account| account.balance == Amount::ZERO && account.nonce == 0);
        poor.collect::<Vec<bool>>()
    };
    let (_, poor) = query(chain, is_poor).await?;
    let needs = needs.into_iter().zip(poor);
    let needs: Vec<_> = needs
        .filter_map(|(need, is_poor)| is_poor.then_some(need))
        .collect();
    if needs.is_empty() {
        return Ok(());
    }
    Err(Unfunded { needs }.into())
}

/// Waits until an account has what it needs, telling what it has whenever that changes.
///
/// # Errors
/// [`Unfunded`] where it has less when the time is over.
pub(crate) async fn wait(
    chain: &dyn ChainClient,
    need: Need,
    patience: Duration,
    mut on_balance: impl FnMut(Amount),
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    let mut tip = chain.tip();
    let mut told = None;
    loop {
        tip.mark_unchanged();
        let account = need.account;
        let (_, balance) =
            query(chain, move |state| ledger::account(state, &account).balance).await?;
        if balance >= need.amount {
            return Ok(());
        }
        if told != Some(balance) {
            on_balance(balance);
            told = Some(balance);
        }
        match timeout_at(deadline, tip.changed()).await {
            Ok(changed) => changed.context("the chain stopped")?,
            Err(_) => return Err(Unfunded { needs: vec![need] }.into()),
        }
    }
}
