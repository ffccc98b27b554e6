use llmnet_protocol::settle::void_leaf;
use llmnet_types::{contract::contract_id, id::NetworkId, signature::PrivateKey};

use super::*;
use crate::{coordinator::slots::go_on, scratch::Scratch};

fn coordinator() -> PrivateKey {
    PrivateKey::from_seed([7; 32])
}

fn contract(slot: u64) -> ContractId {
    let network = NetworkId([1; 32]);
    contract_id(&network, &coordinator().public_key(), Slot(slot))
}

fn entry(slot: u64, height: u64) -> Entry {
    Entry {
        slot: Slot(slot),
        height: Height(height),
        voucher: None,
        leaf: void_leaf(Height(height), LineId::default()),
    }
}

fn slots(entries: &[Entry]) -> Vec<(u64, u64)> {
    let pairs = entries.iter();
    pairs
        .map(|entry| (entry.slot.0, entry.leaf.height.0))
        .collect()
}

async fn goes_on(journal: &Journal, settled: (u64, u64)) -> (u64, u64) {
    let settled = (Slot(settled.0), Height(settled.1));
    let key = coordinator().public_key();
    let on = go_on(journal, &NetworkId([1; 32]), &key, settled).await;
    let (slot, height) = on.unwrap();
    (slot.0, height.0)
}

#[tokio::test]
async fn what_is_written_together_is_read_in_order_and_on_disk_once_synced() {
    let room = Scratch::new();
    let journal = Journal::open(&room.path().join("journal.db")).unwrap();
    let ends = (0..1_000).rev().map(|slot| {
        let journal = journal.clone();
        async move {
            let written = journal.end(contract(slot), entry(slot, 5), None).await;
            written.unwrap().synced().await.unwrap();
        }
    });
    futures::future::join_all(ends).await;
    let entries = journal.entries(Slot(990), 100).await.unwrap();
    let expected: Vec<_> = (990..1_000).map(|slot| (slot, 5)).collect();
    assert_eq!(slots(&entries), expected);
    let two = journal.entries(Slot(3), 2).await.unwrap();
    assert_eq!(slots(&two), [(3, 5), (4, 5)]);
}

#[tokio::test]
async fn work_that_fails_is_told_so_and_spoils_nobody_elses() {
    let room = Scratch::new();
    let journal = Journal::open(&room.path().join("journal.db")).unwrap();
    let twice = journal.end(contract(1), entry(2, 5), None);
    let (first, second, third) = tokio::join!(
        journal.end(contract(1), entry(1, 5), None),
        // A contract has one slot.
        twice,
        journal.end(contract(3), entry(3, 5), None),
    );
    first.unwrap().synced().await.unwrap();
    assert!(matches!(second, Err(JournalError::Database(_))));
    third.unwrap().synced().await.unwrap();
    let entries = journal.entries(Slot(0), 10).await.unwrap();
    assert_eq!(slots(&entries), [(1, 5), (3, 5)]);
}

#[tokio::test]
async fn slots_that_may_have_been_used_are_void_after_a_crash() {
    let room = Scratch::new();
    let path = room.path().join("journal.db");
    let journal = Journal::open(&path).unwrap();
    assert_eq!(goes_on(&journal, (0, 0)).await, (0, 0));
    let reserved = Reserved {
        until: Slot(8),
        line: LineId(3),
        order: 12,
    };
    journal.reserve(reserved).await.unwrap();
    // Slots 0 and 1 are settled. Of the rest, 3 and 4 have ended; who knows what the others were used for.
    for (slot, height) in [(3, 20), (4, 30)] {
        let written = journal.end(contract(slot), entry(slot, height), None).await;
        drop(written.unwrap());
    }
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.reserved().await.unwrap(), reserved);
    assert_eq!(goes_on(&journal, (2, 10)).await, (8, 30));
    let entries = journal.entries(Slot(2), 100).await.unwrap();
    // No slot is of an earlier height than the one before it (SEL-1).
    let expected = [(2, 10), (3, 20), (4, 30), (5, 30), (6, 30), (7, 30)];
    assert_eq!(slots(&entries), expected);
    // Once they have an end, starting again changes nothing.
    assert_eq!(goes_on(&journal, (2, 10)).await, (8, 30));
}

#[tokio::test]
async fn who_lied_is_known_after_a_start() {
    let room = Scratch::new();
    let path = room.path().join("journal.db");
    let journal = Journal::open(&path).unwrap();
    assert_eq!(journal.distrusted(9).await.unwrap(), []);
    for provider in [4, 9, 4] {
        journal.distrust(ProviderId(provider)).await.unwrap();
    }
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    let all = [ProviderId(9), ProviderId(4)];
    assert_eq!(journal.distrusted(9).await.unwrap(), all);
    assert_eq!(journal.distrusted(1).await.unwrap(), all[..1]);
}

#[tokio::test]
async fn slots_that_were_given_back_are_used_next() {
    let room = Scratch::new();
    let journal = Journal::open(&room.path().join("journal.db")).unwrap();
    let reserve = |until| {
        let journal = &journal;
        async move {
            let until = Slot(until);
            let reserved = Reserved {
                until,
                ..Reserved::default()
            };
            journal.reserve(reserved).await.unwrap();
        }
    };
    reserve(128).await;
    let written = journal.end(contract(0), entry(0, 4), None).await;
    written.unwrap().synced().await.unwrap();
    reserve(1).await;
    assert_eq!(goes_on(&journal, (0, 0)).await, (1, 4));
    assert_eq!(journal.entries(Slot(0), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_journal_of_an_earlier_program_goes_on_after_its_last_order() {
    let room = Scratch::new();
    let path = room.path().join("journal.db");
    let old = rusqlite::Connection::open(&path).unwrap();
    // It wrote a slot down when its order was taken, and its end beside it later.
    old.execute_batch(
        "PRAGMA journal_mode = WAL;
         CREATE TABLE slots (
             slot INTEGER PRIMARY KEY, contract BLOB NOT NULL UNIQUE, height INTEGER NOT NULL,
             voucher BLOB NOT NULL, leaf BLOB, document BLOB, settled_at INTEGER,
             proven INTEGER NOT NULL DEFAULT 0
         ) STRICT;
         CREATE TABLE settlements (
             first_slot INTEGER NOT NULL, contracts INTEGER NOT NULL, id BLOB PRIMARY KEY, bytes BLOB NOT NULL
         ) STRICT;",
    )
    .unwrap();
    let leaf = encode(&entry(0, 6).leaf);
    let begin =
        "INSERT INTO slots (slot, contract, height, voucher, leaf) VALUES (?1, ?2, ?3, x'', ?4)";
    old.execute(begin, params![0, contract(0).0, 6, leaf])
        .unwrap();
    old.execute(begin, params![1, contract(1).0, 7, Option::<Vec<u8>>::None])
        .unwrap();
    drop(old);
    let journal = Journal::open(&path).unwrap();
    assert_eq!(goes_on(&journal, (0, 0)).await, (2, 6));
    let entries = journal.entries(Slot(0), 9).await.unwrap();
    assert_eq!(slots(&entries), [(0, 6), (1, 6)]);
}
