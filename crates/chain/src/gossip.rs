//! Hands transactions on to the other validators, and takes in theirs.

use std::sync::Arc;

use bytes::Bytes;
use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::IoBuf;
use llmnet_ledger::admissible;
use llmnet_types::{id::NetworkId, transaction::TRANSACTION_LENGTH_MAX, units::Height};
use tokio::sync::mpsc;

use crate::{
    membership,
    mempool::{Arrival, Mempool},
    network::{Channel, GOSSIP_LENGTH_MAX, Transport},
    runtime::Runtime,
    store::Databases,
};

/// Runs until the network ends; says how.
pub(crate) async fn run<E: Runtime, T: Transport>(
    runtime: E,
    mempool: Arc<Mempool>,
    mut outbox: mpsc::Receiver<Bytes>,
    (mut sender, mut receiver): Channel<T>,
    databases: Databases<E>,
) -> String {
    loop {
        tokio::select! {
            // What waits in the outbox is gone with one message, so it cannot keep the others out.
            biased;
            Some(first) = outbox.recv() => {
                let message = gather(first, &mut outbox);
                let _ = sender.send(Recipients::All, IoBuf::from(message), false);
            }
            received = receiver.recv() => match received {
                Ok((peer, message)) => {
                    let found: Vec<Arrival> = transactions(message.as_ref())
                        .filter_map(|bytes| mempool.unknown(bytes))
                        .collect();
                    for arrival in admitted(&databases, mempool.network(), found).await {
                        mempool.receive(&peer, arrival, runtime.current());
                    }
                }
                Err(error) => return error.to_string(),
            }
        }
    }
}

/// Those that the ledger lets in as the state is now: another validator's word for that is none.
async fn admitted<E: Runtime>(
    databases: &Databases<E>,
    network: NetworkId,
    found: Vec<Arrival>,
) -> Vec<Arrival> {
    if found.is_empty() {
        return found;
    }
    let verdicts = membership::ask(databases, |state| -> Vec<bool> {
        let verdict = |arrival: &Arrival| {
            admissible(state, &network, &arrival.transaction, Height(0)).is_ok()
        };
        found.iter().map(verdict).collect()
    });
    let (_, verdicts) = verdicts.await.unwrap_or_default();
    let admitted = found.into_iter().zip(verdicts);
    admitted
        .filter_map(|(arrival, admitted)| admitted.then_some(arrival))
        .collect()
}

/// As many waiting transactions as a message holds, each behind its length.
fn gather(first: Bytes, outbox: &mut mpsc::Receiver<Bytes>) -> Vec<u8> {
    let mut message = Vec::new();
    let mut next = Some(first);
    while let Some(transaction) = next {
        let length = u32::try_from(transaction.len()).unwrap_or(u32::MAX);
        message.extend_from_slice(&length.to_le_bytes());
        message.extend_from_slice(&transaction);
        let room = GOSSIP_LENGTH_MAX.saturating_sub(message.len());
        next = (room > TRANSACTION_LENGTH_MAX + 4)
            .then(|| outbox.try_recv().ok())
            .flatten();
    }
    message
}

/// The reverse of [`gather`]; ends at the first length that does not fit.
fn transactions(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (transaction, after) = after.split_at_checked(length)?;
        rest = after;
        Some(transaction)
    })
}

#[cfg(test)]
mod tests;
