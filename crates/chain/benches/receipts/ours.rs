//! Our four validators, carrying settlements.

use std::{
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use llmnet_chain::{
    ChainClient, Keep, Pacing, Validator, ValidatorConfig, beacon_anchor, start as start_validator,
};
use llmnet_ledger::{Genesis, GenesisValidator};
use llmnet_types::{
    codec::encode,
    settlement::LEAVES_MAX,
    transaction::{Outcome, Transaction},
    units::Amount,
};

use crate::{
    VALIDATORS, bare,
    workload::{Workload, key},
};

/// Settlements of one coordinator on their way at a time.
const DEPTH: usize = 12;
/// How long a settlement may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The validators as the genesis has them.
pub(crate) fn members() -> Vec<GenesisValidator> {
    let members = (0..VALIDATORS).map(|number| {
        let key = key("validator", number);
        GenesisValidator {
            beacon: Some(beacon_anchor(key.to_seed())),
            ..GenesisValidator::plain(key.public_key(), Amount::CREDIT)
        }
    });
    members.collect()
}

/// Starts one of those that listen at these addresses.
pub(crate) fn start(
    number: usize,
    genesis: &Genesis,
    addresses: &[SocketAddr],
    directory: &Path,
    (pacing, keep): (Pacing, Keep),
) -> Validator {
    let public = |number| key("validator", number).public_key();
    let peers = addresses.iter().enumerate();
    let peers = peers.map(|(number, address)| (public(number), *address));
    let config = ValidatorConfig {
        directory: directory.join(number.to_string()),
        seed: key("validator", number).to_seed(),
        listen: addresses[number],
        peers: peers.collect(),
        genesis: genesis.clone(),
        pacing,
        keep,
    };
    start_validator(config).unwrap()
}

/// The clients of all.
pub(crate) fn clients(validators: &[Validator]) -> Vec<Arc<dyn ChainClient>> {
    validators.iter().map(Validator::client).collect()
}

async fn is_final(client: &dyn ChainClient, transaction: &Transaction) {
    let inclusion = client.outcome(transaction.id(), PATIENCE).await.unwrap();
    let inclusion = inclusion.expect("final in time");
    assert!(
        matches!(inclusion.outcome, Outcome::Applied { .. }),
        "{:?}",
        inclusion.outcome
    );
}

/// Registers everybody and opens the lines.
pub(crate) async fn begin(workload: &mut Workload, clients: &[Arc<dyn ChainClient>]) {
    let beginnings = workload.beginnings();
    for part in beginnings.chunks(512) {
        for transaction in part {
            clients[0].submit(transaction.clone()).await.unwrap();
        }
        for transaction in part {
            is_final(&*clients[0], transaction).await;
        }
    }
    let numbers = llmnet_chain::query(&*clients[0], |state| workload.numbers(state));
    let (_, numbers) = numbers.await.unwrap();
    workload.learn(numbers.expect("all are registered, all lines open"));
}

/// Settlements signed and ready, those of each coordinator in order.
pub(crate) struct Prepared {
    queues: Vec<Vec<Transaction>>,
    /// Contracts in all of them.
    pub(crate) receipts: usize,
    /// Their bytes.
    pub(crate) length: usize,
}

/// Signs at least so many contracts' settlements, shared evenly.
pub(crate) fn prepare(
    workload: &mut Workload,
    client: &dyn ChainClient,
    receipts: usize,
) -> Prepared {
    let height = client.tip().borrow().height();
    let coordinators = workload.coordinators().len();
    let each = receipts.div_ceil(LEAVES_MAX * coordinators);
    let queues: Vec<Vec<_>> = (0..coordinators)
        .map(|coordinator| {
            (0..each)
                .map(|_| workload.settlement(coordinator, height))
                .collect()
        })
        .collect();
    let length = queues.iter().flatten().map(|each| encode(each).len()).sum();
    Prepared {
        receipts: each * coordinators * LEAVES_MAX,
        length,
        queues,
    }
}

/// Submits all, each coordinator to a validator of its own, and waits until all are final.
pub(crate) async fn settle(prepared: Prepared, clients: &[Arc<dyn ChainClient>]) {
    let coordinators = prepared.queues.into_iter().enumerate();
    join_all(coordinators.map(|(number, queue)| async move {
        let client = &clients[number % clients.len()];
        for (place, transaction) in queue.iter().enumerate() {
            if let Some(earlier) = place.checked_sub(DEPTH) {
                is_final(&**client, &queue[earlier]).await;
            }
            client.submit(transaction.clone()).await.unwrap();
        }
        for transaction in queue.iter().rev().take(DEPTH) {
            is_final(&**client, transaction).await;
        }
    }))
    .await;
}

/// Milliseconds from each block's timestamp to its finality, at all validators.
pub(crate) async fn delays(clients: &[Arc<dyn ChainClient>], during: Duration) -> Vec<f64> {
    let end = Instant::now() + during;
    let of_each = join_all(clients.iter().map(|client| async move {
        let mut tip = client.tip();
        let mut delays = Vec::new();
        tip.mark_unchanged();
        while Instant::now() < end {
            tip.changed().await.unwrap();
            let timestamp_ms = tip.borrow_and_update().header.timestamp_ms;
            let now_ms = bare::now_us() as f64 / 1e3;
            delays.push(now_ms - timestamp_ms as f64);
        }
        delays
    }))
    .await;
    of_each.concat()
}
