//! docs/OPERATING.md, as it stands there: each command is run, on hosts that are directories and addresses
//! of this machine.

mod book;
mod hosts;

use std::time::Instant;

use crate::support::{place, until};

use book::Book;
use hosts::{Host, Hosts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_hosts_found_a_network_and_a_fifth_joins_and_leaves() {
    let _place = place().await;
    let mut book = Book::read();
    let mut hosts = Hosts::new(6);
    let began = Instant::now();

    hosts
        .follow(book.section("Founding a network over four hosts"))
        .await;
    let networks = hosts.checked();
    assert_eq!(networks.len(), 4);
    assert!(
        networks.iter().all(|network| *network == networks[0]),
        "{networks:?}"
    );
    for number in 1..=4 {
        hosts.until_height(number, 3).await;
    }
    println!("founded after {:?}", began.elapsed());

    // A client reads a block, from a node that is not the one that was asked before.
    let block = hosts.host(2).get("/v1/ledger/blocks/2").await;
    let same = hosts.host(4).get("/v1/ledger/blocks/2").await;
    assert_eq!(block["digest"], same["digest"]);
    assert!(
        block["finality"]["certificate"]["signers"]
            .as_array()
            .unwrap()
            .len()
            >= 3
    );
    // Questions are for coordinators.
    let refused = hosts.host(2).get("/v1/experts").await;
    assert_eq!(refused["data"].as_array().unwrap().len(), 0);

    hosts.follow(book.section("Watching")).await;
    let status = hosts.host(3).status().await;
    assert_eq!(status["in_office"], true);
    assert_eq!(status["level"], true);
    assert_eq!(status["committee"].as_array().unwrap().len(), 4);

    // One stops: the others go on. It starts again, and only with its passphrase.
    assert_eq!(hosts.host(3).stop().await, 0);
    let before = hosts.height(1).await;
    hosts.until_height(1, before + 3).await;
    let wrong = hosts.host(3).run_with("not this one").await;
    let said = wrong.expect_err("another passphrase opens nothing");
    assert!(said.contains("the passphrase does not open it"), "{said}");
    hosts.host(3).run_with(hosts::PASSPHRASE).await.unwrap();
    let reached = hosts.height(1).await;
    hosts.until_height(3, reached).await;
    println!("stopped and started after {:?}", began.elapsed());

    hosts.follow(book.section("Joining")).await;
    in_office(&hosts, 5, true).await;
    println!("joined after {:?}", began.elapsed());
    hosts.follow(book.section("Leaving")).await;
    in_office(&hosts, 5, false).await;
    println!("left after {:?}", began.elapsed());

    // A coordinator and its respondents, on a host that has no validator.
    hosts.write_nodes(6, &book.nodes());
    hosts
        .follow(book.section("Answering on a network elsewhere"))
        .await;
    let asked = hosts.asked();
    assert_eq!(asked["verified"]["finality"], "final", "{asked}");
    assert_eq!(asked["verified"]["network"], networks[0].as_str());
    println!("asked and proven after {:?}", began.elapsed());
    assert_eq!(hosts.host(6).stop().await, 0);

    let account = format!("/v1/ledger/accounts/{}", hosts.host(5).founder("operator"));
    let before = hosts.host(1).get(&account).await;
    assert!(before["nonce"].as_u64().unwrap() > 0, "{before}");
    for number in 1..=5 {
        assert_eq!(hosts.host(number).stop().await, 0, "host {number}");
    }
    hosts
        .follow(book.section("Setting a network up again"))
        .await;
    let height = hosts.height(1).await;
    for number in 1..=4 {
        hosts.until_height(number, height + 3).await;
        let after = hosts.host(number).get(&account).await;
        assert_eq!(after["nonce"], before["nonce"], "host {number}");
    }
    println!("set up again after {:?}", began.elapsed());
    for number in 1..=4 {
        assert_eq!(hosts.host(number).stop().await, 0, "host {number}");
    }
    book.is_read();
}

/// Waits until the host's own node says that it is, or is not.
async fn in_office(hosts: &Hosts, number: usize, wanted: bool) {
    until("the next term", || async {
        let status = hosts.host_ref(number).status().await;
        (status["in_office"] == wanted).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_is_told() {
    let mut hosts = Hosts::new(2);
    let short = Host::refused(
        &hosts,
        1,
        &["validator", "init", "--address", "127.0.0.1:1"],
    )
    .await;
    assert!(
        short.contains("hint: name a file that has it with --passphrase-file"),
        "{short}"
    );
    let nowhere = [
        "validator",
        "init",
        "--address",
        "here",
        "--passphrase-file",
        "{passphrase}",
    ];
    let nowhere = Host::refused(&hosts, 1, &nowhere).await;
    assert!(nowhere.contains("write HOST:PORT"), "{nowhere}");
    let nothing = Host::refused(&hosts, 1, &["validator", "check"]).await;
    assert!(
        nothing.contains("validator.toml:1: cannot read"),
        "{nothing}"
    );
    assert!(
        nothing.contains("llmnet validator init makes one"),
        "{nothing}"
    );
    let nobody = Host::refused(&hosts, 1, &["genesis", "--name", "x", "nobody.json"]).await;
    assert!(
        nobody.contains("nobody.json is no founder's public part"),
        "{nobody}"
    );

    hosts.init(1).await;
    let twice = [
        "validator",
        "init",
        "--address",
        "127.0.0.1:1",
        "--passphrase-file",
        "{passphrase}",
    ];
    let twice = Host::refused(&hosts, 1, &twice).await;
    assert!(twice.contains("is there already"), "{twice}");
    // A key of another validator is not run under this one's settings.
    hosts.init(2).await;
    hosts.found(&[1, 2]).await;
    hosts.swap_keys();
    let other = hosts.host(1).run_with(hosts::PASSPHRASE).await;
    let other = other.expect_err("it is the other's key");
    assert!(
        other.contains("one of them is another validator's"),
        "{other}"
    );
    hosts.expose_key(1);
    let exposed = Host::refused(&hosts, 1, &["validator", "check"]).await;
    assert!(
        exposed.contains("can be read by others than its owner (mode 644)"),
        "{exposed}"
    );
    assert!(exposed.contains("validator.toml:8"), "{exposed}");
}

#[tokio::test]
async fn what_is_no_snapshot_is_told() {
    let mut hosts = Hosts::new(2);
    hosts.init(1).await;
    hosts.found(&[1]).await;
    let nothing = Host::refused(&hosts, 1, &["snapshot", "export", "state"]).await;
    assert!(nothing.contains("holds no validator's data"), "{nothing}");
    let nobody = Host::refused(&hosts, 1, &["snapshot", "import", "nobody"]).await;
    assert!(nobody.contains("cannot read nobody"), "{nobody}");
    let key = hosts.host(1).path("node.key");
    let key = key.to_str().unwrap();
    let there = Host::refused(&hosts, 1, &["snapshot", "export", key]).await;
    assert!(there.contains("name another file"), "{there}");
    let damaged = Host::refused(&hosts, 1, &["snapshot", "import", key]).await;
    assert!(damaged.contains("it does not begin as one"), "{damaged}");
    assert!(!hosts.host(1).path("data").exists());
    assert!(!hosts.host(1).path("data.part").exists());
}
