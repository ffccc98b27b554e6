//! Taking roles on the ledger that need a bond (BND-1), and what a coordinator needs besides.

use std::time::Duration;

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_types::{
    bond::{ADDRESS_LENGTH_MAX, Enlistment, Role},
    codec::Text,
    id::NetworkId,
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch},
};

use crate::anchor::Anchors;

/// How long a transaction may take to be final.
const INCLUSION: Duration = Duration::from_secs(15);
/// What a coordinator posts where nobody says more: ten times the local least.
pub(crate) const BOND: Amount = Amount(10 * Amount::CREDIT.0);

/// Submits an instruction as its signer's next transaction and waits until it is final.
pub(crate) async fn submit(
    chain: &dyn ChainClient,
    network: NetworkId,
    signer: &PrivateKey,
    instruction: Instruction,
) -> anyhow::Result<()> {
    let payer = signer.public_key();
    let (_, nonce) = query(chain, move |state| ledger::account(state, &payer).nonce).await?;
    let transaction = Transaction::sign(network, signer, nonce, instruction);
    let id = chain.submit(transaction).await?;
    let inclusion = chain.outcome(id, INCLUSION).await?;
    match inclusion.map(|found| found.outcome) {
        Some(Outcome::Applied { .. }) => Ok(()),
        Some(Outcome::Rejected { reason, .. }) => anyhow::bail!("the ledger refuses it: {reason}"),
        None => anyhow::bail!("no block took it in within {INCLUSION:?}"),
    }
}

/// Enlists a coordinator that is its own operator, unless it is enlisted already; one that is enlisted elsewhere
/// moves (BND-7). Others find it at `address`; empty where all its respondents are told otherwise.
pub(crate) async fn enlist_coordinator(
    chain: &dyn ChainClient,
    network: NetworkId,
    key: &PrivateKey,
    address: Text<ADDRESS_LENGTH_MAX>,
    bond: Amount,
) -> anyhow::Result<()> {
    let node = key.public_key();
    let (_, standing) = query(chain, move |state| {
        ledger::bond(state, &node, Role::Coordinator)
    })
    .await?;
    let standing = standing.filter(|bond| bond.enlisted);
    if standing
        .as_ref()
        .is_some_and(|bond| bond.address == address)
    {
        return Ok(());
    }
    // Who has the role posts nothing more: it only says where it is now.
    let bond = match &standing {
        Some(standing) => {
            tracing::info!(from = %*standing.address, to = %*address, "the coordinator moves");
            Amount::ZERO
        }
        None => bond,
    };
    let enlistment = Enlistment {
        node,
        operator: node,
        role: Role::Coordinator,
        address,
        bond,
        until: Epoch(u64::MAX),
    };
    let signed = Signed::new(enlistment, &network, key);
    submit(chain, network, key, Instruction::Enlist(Box::new(signed)))
        .await
        .context("the coordinator cannot be enlisted")
}

/// Anchors a coordinator's hash chain where none stands, and waits until it is in force: with the next epoch
/// (ANC-2).
pub(crate) async fn anchor_coordinator(
    chain: &dyn ChainClient,
    network: NetworkId,
    key: &PrivateKey,
    anchors: &Anchors,
) -> anyhow::Result<()> {
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
            let instruction = anchors.commit(Epoch(epoch.0.saturating_add(1)));
            submit(chain, network, key, instruction)
                .await
                .context("the coordinator's hash chain cannot be anchored")?;
            tracing::info!(%epoch, "the coordinator's hash chain is anchored; it serves from the next epoch on");
        }
        tip.changed()
            .await
            .context("the chain stopped before the next epoch")?;
    }
}
