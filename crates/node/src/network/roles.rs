//! Taking roles on the ledger that need a bond (BND-1).

use std::time::Duration;

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::Text,
    id::NetworkId,
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch},
};

use crate::home::Home;

/// How long a transaction may take to be final.
const INCLUSION: Duration = Duration::from_secs(15);
/// What the local coordinator posts: ten times the least.
const BOND: Amount = Amount(10 * Amount::CREDIT.0);

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

/// The coordinator of a local network is its own operator.
pub(super) async fn enlist_coordinator(home: &Home, chain: &dyn ChainClient) -> anyhow::Result<()> {
    let key = home.keys.coordinator();
    let node = key.public_key();
    let (_, bond) = query(chain, move |state| {
        ledger::bond(state, &node, Role::Coordinator)
    })
    .await?;
    if bond.is_some_and(|bond| bond.enlisted) {
        return Ok(());
    }
    let enlistment = Enlistment {
        node,
        operator: node,
        role: Role::Coordinator,
        address: Text::empty(),
        bond: BOND,
        until: Epoch(u64::MAX),
    };
    let network = home.genesis.id();
    let signed = Signed::new(enlistment, &network, &key);
    submit(chain, network, &key, Instruction::Enlist(Box::new(signed)))
        .await
        .context("the coordinator cannot be enlisted")
}
