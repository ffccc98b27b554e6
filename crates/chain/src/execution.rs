//! A block executed on state that is loaded as it is asked for.

use commonware_cryptography::sha256;
use llmnet_ledger::{BlockInfo, Execution, Key, assume, prefetch};
use llmnet_types::{signature::Batch as Signatures, transaction::Transaction};

use crate::{
    query::{Known, StateView},
    runtime::Runtime,
    store::{Batch, database_key},
};

/// Executes as if all signatures held, which `hold` then checks. Where one does not, executes again with each checked.
///
/// `learn` is told what was asked for that the block does not name.
pub(crate) async fn execute<E: Runtime>(
    batch: &Batch<E>,
    known: &mut Known,
    learn: impl Fn(&[Key]) + Sync,
    hold: impl Fn(Signatures) -> bool + Sync,
    info: &BlockInfo,
    transactions: &[Transaction],
) -> Execution {
    let named = prefetch(info, transactions).into_iter();
    let named: Vec<Key> = named.filter(|key| !known.contains_key(key)).collect();
    load(batch, known, named).await;
    let assumed = loop {
        let view = StateView::new(known);
        let assumed = assume(&view, info, transactions);
        let missing = view.into_missing();
        if missing.is_empty() {
            break assumed;
        }
        learn(&missing);
        load(batch, known, missing).await;
    };
    if hold(assumed.signatures) {
        return assumed.execution;
    }
    // Now other transactions apply, which read other things.
    loop {
        let view = StateView::new(known);
        let execution = llmnet_ledger::execute(&view, info, transactions);
        let missing = view.into_missing();
        if missing.is_empty() {
            return execution;
        }
        load(batch, known, missing).await;
    }
}

/// Adds what these keys hold.
pub(crate) async fn load<E: Runtime>(batch: &Batch<E>, known: &mut Known, keys: Vec<Key>) {
    let names: Vec<sha256::Digest> = keys.iter().map(database_key).collect();
    let names: Vec<&sha256::Digest> = names.iter().collect();
    // The engine's contract: a database that cannot be read ends the validator.
    let values = batch.get_many(&names).await.expect("state can be read");
    known.extend(
        keys.into_iter().zip(
            values
                .into_iter()
                .map(|value| value.map(|bytes| bytes.to_vec())),
        ),
    );
}

#[cfg(test)]
mod tests;
