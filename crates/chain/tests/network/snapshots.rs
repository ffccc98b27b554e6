//! State out of one directory and into others, by a file that nobody has to believe.

use std::{fs, io::Cursor, path::PathBuf};

use llmnet_chain::{
    query,
    snapshot::{SnapshotError, export, import},
};
use llmnet_ledger::{Genesis, query::account as account_of};
use llmnet_types::{transaction::Outcome, units::Height};

use crate::testnet::{
    Testnet, account, final_outcome, fresh_directory, genesis, reaches, transfer,
};

/// A network that was stopped after some transfers, and a snapshot of it.
async fn stopped() -> (Testnet, Height, Vec<u8>) {
    let mut testnet = Testnet::running();
    let client = testnet.client(0);
    let to = account(7).public_key();
    let mut last = Height(0);
    for nonce in 0..12 {
        let transaction = transfer(testnet.network, 0, nonce, to);
        let id = client.submit(transaction).await.unwrap();
        last = final_outcome(&*client, id).await.height;
    }
    reaches(&*client, Height(last.0 + 2)).await;
    (0..4).for_each(|validator| testnet.stop(validator));
    let mut file = Vec::new();
    let height = export(&testnet.config(0).directory, &testnet.genesis, &mut file).unwrap();
    assert!(height >= last, "{height} is before {last}");
    (testnet, height, file)
}

#[tokio::test]
async fn a_network_goes_on_from_a_snapshot() {
    let (mut testnet, height, file) = stopped().await;
    let before = testnet.directory.clone();
    testnet.directory = fresh_directory();
    fs::create_dir_all(&testnet.directory).unwrap();
    for validator in 0..4 {
        let directory = testnet.config(validator).directory;
        let imported = import(&directory, &testnet.genesis, Cursor::new(file.clone()));
        assert_eq!(imported.unwrap(), height);
        // The same state makes the same file, from whichever directory.
        let mut again = Vec::new();
        export(&directory, &testnet.genesis, &mut again).unwrap();
        assert!(again == file, "{} bytes, then {}", file.len(), again.len());
    }
    (0..4).for_each(|validator| testnet.start(validator));
    let client = testnet.client(2);
    reaches(&*client, Height(height.0 + 1)).await;
    let receiver = account(7).public_key();
    let (_, balance) = query(&*client, |state| account_of(state, &receiver).balance)
        .await
        .unwrap();
    assert_eq!(balance.0, 1_000_000_000 + 12 * 10);
    // Nonces are where they were, and so is everything else that was paid for.
    let id = client
        .submit(transfer(testnet.network, 0, 12, receiver))
        .await
        .unwrap();
    let inclusion = final_outcome(&*client, id).await;
    assert!(matches!(inclusion.outcome, Outcome::Applied { .. }));
    assert!(inclusion.height > height);
    let _ = fs::remove_dir_all(before);
}

/// A snapshot of version 1 and its genesis, as they were written once: every later program reads them, and
/// writes the same state in the same bytes as long as it writes version 1.
///
/// `UPDATE_EXPECT=1` writes them anew. That is a break: say so where breaks are listed.
#[tokio::test]
async fn what_the_first_version_wrote_is_imported_for_ever() {
    let written = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/network/snapshots");
    let (snapshot, founded) = (written.join("1.snapshot"), written.join("1.genesis.json"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let (testnet, _, file) = stopped().await;
        fs::create_dir_all(&written).unwrap();
        fs::write(&snapshot, file).unwrap();
        fs::write(&founded, testnet.genesis.to_json()).unwrap();
    }
    let file = fs::read(&snapshot).unwrap();
    let genesis = Genesis::from_json(&fs::read_to_string(&founded).unwrap()).unwrap();
    let directory = fresh_directory();
    let height = import(&directory, &genesis, Cursor::new(file.clone())).unwrap();
    assert!(height.0 > 0);
    let mut again = Vec::new();
    assert_eq!(export(&directory, &genesis, &mut again).unwrap(), height);
    assert!(again == file, "{} bytes, then {}", file.len(), again.len());
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_changed_snapshot_is_refused_and_leaves_nothing() {
    // BLK-2
    let (testnet, _, file) = stopped().await;
    let directory = testnet.directory.join("imported");
    let refused = |file: Vec<u8>| {
        let error = import(&directory, &testnet.genesis, Cursor::new(file)).unwrap_err();
        assert!(!directory.exists());
        assert!(!directory.with_file_name("imported.part").exists());
        error
    };
    // Somebody who knows the format puts the digest right again.
    let sealed = |mut body: Vec<u8>| {
        let digest = llmnet_types::id::Digest::of(&body);
        body.extend_from_slice(&[6, 0, 0, 0, 32]);
        body.extend_from_slice(&digest.0);
        body
    };
    let body = file[..file.len() - 37].to_vec();
    assert!(
        sealed(body.clone()) == file,
        "the digest is of all before it"
    );
    let step = (body.len() / 24).max(1);
    for at in (18..body.len()).step_by(step) {
        let mut changed = body.clone();
        changed[at] ^= 1;
        let error = refused(sealed(changed));
        assert!(
            matches!(
                error,
                SnapshotError::Damaged { .. } | SnapshotError::Untrue { .. }
            ),
            "byte {at}: {error}"
        );
    }
    for end in [0, 17, 40, file.len() / 2, file.len() - 1] {
        let error = refused(file[..end].to_vec());
        assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
    }
    // Of another network, with the same validators.
    let mut other = genesis(4);
    other.timestamp_ms = 7;
    let error = import(&directory, &other, Cursor::new(file.clone())).unwrap_err();
    assert!(matches!(error, SnapshotError::Untrue { .. }), "{error}");
}

#[tokio::test]
async fn directories_are_not_mistaken() {
    let (testnet, _, file) = stopped().await;
    let used = testnet.config(1).directory;
    let error = import(&used, &testnet.genesis, Cursor::new(file)).unwrap_err();
    assert!(matches!(error, SnapshotError::Exists { .. }), "{error}");
    let nothing = PathBuf::from(&testnet.directory).join("nothing");
    let error = export(&nothing, &testnet.genesis, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, SnapshotError::Missing { .. }), "{error}");
    assert!(!nothing.exists());
}
