//! A validator with an empty disk takes over the others' state instead of executing all there ever was.

use std::time::Duration;

use std::io::Cursor;

use llmnet_chain::{
    ChainClient, ChainError, Keep, query,
    snapshot::{export, import},
};
use llmnet_ledger::{
    Key,
    query::{account as account_of, office},
};
use llmnet_types::{
    id::TransactionId,
    network::Committee,
    transaction::Outcome,
    units::{Height, Term},
};

use crate::{
    terms::{applied, delist, enlist, short_terms, takes_office},
    testnet::{
        DEADLINE, Testnet, account, final_outcome, genesis, key, later, reaches, succession,
        transfer,
    },
};

/// Few enough that the test's network is past them soon.
const REPLAYED: usize = 24;

/// Blocks of a term.
const TERM: u64 = 16;

/// A network in which a fourth never ran, and which went past what it would replay.
async fn three_went_on() -> (Testnet, Vec<TransactionId>) {
    // Short epochs, as nobody keeps less than five of them.
    let mut genesis = genesis(4);
    genesis.params.epoch_blocks = 4;
    genesis.params.checkpoint_blocks = 4;
    genesis.params.term_epochs = 4;
    let mut testnet = Testnet::of(genesis, 4);
    testnet.keep = Keep::Blocks(REPLAYED);
    (0..3).for_each(|validator| testnet.start(validator));
    let first = testnet.client(0);
    let to = account(7).public_key();
    let mut done = Vec::new();
    for nonce in 0..20 {
        let transaction = transfer(testnet.network, 0, nonce, to);
        let id = first.submit(transaction).await.unwrap();
        final_outcome(&*first, id).await;
        done.push(id);
    }
    reaches(&*first, Height(2 * REPLAYED as u64)).await;
    (testnet, done)
}

/// Reads the same of two validators at the same height.
async fn agree(one: &dyn ChainClient, other: &dyn ChainClient) {
    let keys = [
        Key::Totals,
        Key::Clock,
        Key::Office,
        Key::Validators,
        Key::Account(account(0).public_key()),
        Key::Account(account(7).public_key()),
    ];
    let agreed = async {
        loop {
            let (height, values) = one.read(&keys).await.unwrap();
            if other.read(&keys).await.unwrap() == (height, values) {
                return;
            }
            one.tip().changed().await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, agreed).await.unwrap();
}

#[tokio::test]
async fn an_empty_disk_joins_while_blocks_go_on() {
    // BLK-2
    let (mut testnet, done) = three_went_on().await;
    let first = testnet.client(0);
    let network = testnet.network;
    let load = tokio::spawn({
        let first = first.clone();
        async move {
            let to = account(6).public_key();
            for nonce in 0.. {
                let transaction = transfer(network, 1, nonce, to);
                let id = first.submit(transaction).await.unwrap();
                final_outcome(&*first, id).await;
            }
        }
    });
    testnet.start(3);
    let fourth = testnet.client(3);
    reaches(&*fourth, later(&*first, 3)).await;
    agree(&*first, &*fourth).await;
    load.abort();

    // What was before it joined it does not have, and it does not say otherwise.
    assert!(fourth.block(Height(1)).await.unwrap().is_none());
    let outcome = fourth.outcome(done[0], Duration::ZERO).await.unwrap();
    assert_eq!(outcome, None);
    // What comes after, it has with all that belongs to it, and proves.
    let transaction = transfer(network, 2, 0, account(7).public_key());
    let id = fourth.submit(transaction).await.unwrap();
    let inclusion = final_outcome(&*fourth, id).await;
    assert!(matches!(inclusion.outcome, Outcome::Applied { .. }));
    reaches(&*fourth, Height(inclusion.height.0 + 2)).await;
    let finality = fourth.finality(inclusion.height).await.unwrap().unwrap();
    assert_eq!(finality.header.height, inclusion.height);
    let block = fourth.block(inclusion.height).await.unwrap().unwrap();
    assert!(block.outcomes.is_some());

    // In the term in which it joined it signs nothing (COM-4).
    let mut began = fourth.tip().borrow().header.clone();
    while let Some(block) = fourth.block(Height(began.height.0 - 1)).await.unwrap() {
        began = block.header;
    }
    let over = (began.term.0 + 1) * TERM;
    reaches(&*fourth, Height(over + 1)).await;
    let mut keys: Vec<_> = (0..4).map(key).collect();
    keys.sort_unstable();
    let place = keys.iter().position(|other| *other == key(3)).unwrap();
    for height in began.height.0..over {
        if let Some(certificate) = fourth.certificate(Height(height)).await.unwrap() {
            let signed = certificate
                .signers
                .iter()
                .any(|signer| usize::from(*signer) == place);
            assert!(!signed, "block {height}");
        }
    }

    // From then on it is a validator like others: of the first three two are enough with it.
    testnet.stop(1);
    let transaction = transfer(network, 2, 1, account(7).public_key());
    let id = fourth.submit(transaction).await.unwrap();
    final_outcome(&*first, id).await;
    // And it starts again from its own disk, with nobody to ask.
    (0..4)
        .filter(|validator| *validator != 1)
        .for_each(|validator| testnet.stop(validator));
    testnet.start(3);
    let fourth = testnet.client(3);
    let (height, balance) = query(&*fourth, |state| {
        account_of(state, &account(7).public_key()).balance
    })
    .await
    .unwrap();
    assert!(height >= inclusion.height);
    assert!(balance.0 > 1_000_000_000);
    assert!(fourth.block(inclusion.height).await.unwrap().is_some());
    assert!(fourth.block(Height(1)).await.unwrap().is_none());
}

async fn term(client: &dyn ChainClient) -> Term {
    let (_, office) = query(client, |state| office(state)).await.unwrap();
    office.expect("there is always one").term
}

#[tokio::test]
async fn one_that_never_ran_joins_under_a_later_committee() {
    // COM-2, COM-4
    let mut testnet = Testnet::of(short_terms(), 5);
    testnet.keep = Keep::Blocks(REPLAYED);
    (0..4).for_each(|validator| testnet.start(validator));
    let client = testnet.client(1);
    reaches(&*client, Height(2)).await;
    applied(&*client, enlist(&testnet, 0, 4)).await;
    applied(&*client, delist(&testnet, 1, 0)).await;
    let changed = takes_office(&*client, &[1, 2, 3, 4]).await;
    testnet.stop(0);
    // Far enough that it does not replay.
    reaches(&*client, Height((changed.0 + 3) * TERM)).await;
    testnet.start(4);
    let joined = testnet.client(4);
    reaches(&*joined, later(&*client, 2)).await;
    agree(&*client, &*joined).await;
    assert!(joined.block(Height(1)).await.unwrap().is_none());
    // It knows how every term ended, from the first committee on.
    let newest = term(&*joined).await;
    let known = succession(&*joined, newest).await;
    let first = testnet.genesis.root().electorate();
    let electorate = known.follow(&first, newest).unwrap();
    let committee = Committee::new([1, 2, 3, 4].map(key).to_vec()).unwrap();
    assert_eq!(electorate.committee, committee);
    // With the next term it votes: two others are enough with it.
    reaches(&*joined, Height((newest.0 + 1) * TERM + 1)).await;
    testnet.stop(1);
    let id = joined
        .submit(transfer(testnet.network, 5, 0, account(7).public_key()))
        .await
        .unwrap();
    final_outcome(&*joined, id).await;
}

#[tokio::test]
async fn who_was_away_for_too_long_is_told_what_to_do() {
    let (mut testnet, _) = three_went_on().await;
    // The fourth was there at the beginning.
    testnet.keep = Keep::Everything;
    testnet.start(3);
    let fourth = testnet.client(3);
    reaches(&*fourth, Height(1)).await;
    testnet.stop(3);
    let away = fourth.tip().borrow().height();
    // Then blocks go on, and those that come right after are kept by nobody.
    let first = testnet.client(0);
    reaches(&*first, Height(away.0 + 2 * TERM)).await;
    (0..3).for_each(|validator| testnet.stop(validator));
    let mut file = Vec::new();
    export(&testnet.config(0).directory, &testnet.genesis, &mut file).unwrap();
    for validator in 0..3 {
        let directory = testnet.config(validator).directory;
        std::fs::remove_dir_all(&directory).unwrap();
        import(&directory, &testnet.genesis, Cursor::new(file.clone())).unwrap();
    }
    (0..4).for_each(|validator| testnet.start(validator));
    let fourth = testnet.client(3);
    let ended = async {
        let mut tip = fourth.tip();
        while tip.changed().await.is_ok() {}
    };
    tokio::time::timeout(DEADLINE, ended).await.unwrap();
    testnet.stop(3);
    let error = fourth.block(Height(1)).await.unwrap_err();
    let ChainError::Stopped { reason } = &error else {
        panic!("{error}");
    };
    assert!(reason.contains("away for too long"), "{reason}");
    assert!(reason.contains("move its directory away"), "{reason}");
    // What it is told to do helps.
    testnet.keep = Keep::Blocks(REPLAYED);
    std::fs::remove_dir_all(testnet.config(3).directory).unwrap();
    testnet.start(3);
    reaches(&*testnet.client(3), later(&*testnet.client(0), 1)).await;
}

#[tokio::test]
async fn a_kill_while_joining_starts_over() {
    let (mut testnet, _) = three_went_on().await;
    let first = testnet.client(0);
    // Stopped at moments from before it heard of anybody to after it has joined.
    for wait in [0, 20, 60, 120, 250] {
        testnet.start(3);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        testnet.stop(3);
    }
    testnet.start(3);
    let fourth = testnet.client(3);
    reaches(&*fourth, later(&*first, 2)).await;
    agree(&*first, &*fourth).await;
    assert!(fourth.block(Height(1)).await.unwrap().is_none());
}

#[tokio::test]
async fn who_keeps_everything_replays_everything() {
    let (mut testnet, done) = three_went_on().await;
    testnet.keep = Keep::Everything;
    testnet.start(3);
    let [first, fourth] = [testnet.client(0), testnet.client(3)];
    reaches(&*fourth, later(&*first, 1)).await;
    let outcome = fourth.outcome(done[0], DEADLINE).await.unwrap();
    assert!(matches!(outcome.unwrap().outcome, Outcome::Applied { .. }));
    let first_block = fourth.block(Height(1)).await.unwrap().unwrap();
    assert!(first_block.outcomes.is_some());
}

#[tokio::test]
async fn one_that_has_nothing_waits_for_a_quorum_and_can_be_stopped() {
    let mut testnet = Testnet::new();
    testnet.start(0);
    testnet.stop(0);
    (0..4).for_each(|validator| testnet.start(validator));
    reaches(&*testnet.client(0), Height(1)).await;
}
