//! TXN, EPO, NET: fees, nonces, supply, epochs, genesis.

use expect_test::expect;
use llmnet_ledger::{Genesis, admissible, query};
use llmnet_types::{
    id::NetworkId,
    rejection::Rejection,
    signature::Signed,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch},
};

use crate::world::{World, credits, genesis, key, params, public};

fn pay(amount: Amount) -> Instruction {
    Instruction::Transfer {
        to: public("bob"),
        amount,
    }
}

#[test]
fn txn_2_bytes_are_paid_for_half_burnt_half_to_the_pool() {
    let mut world = World::new();
    let outcome = world.run("alice", pay(credits(1)));
    let Outcome::Applied { fee } = outcome else {
        panic!("{outcome:?}")
    };
    let totals = query::totals(&world.state);
    assert_eq!(
        (totals.burnt.0, totals.pool.0),
        (fee.0 / 2, fee.0 - fee.0 / 2)
    );
    assert_eq!(
        query::account(&world.state, &public("bob")).balance,
        credits(101)
    );
    assert_eq!(
        query::account(&world.state, &public("alice")).balance,
        Amount(99_000_000 - fee.0)
    );
}

#[test]
fn txn_3_a_bad_transaction_costs_its_fee_and_says_why() {
    let mut world = World::new();
    let mut check = |signer: &str, instruction, expect: expect_test::Expect| {
        expect.assert_eq(&world.rejection(signer, instruction).to_string());
    };
    check(
        "alice",
        pay(credits(1_000)),
        expect!["1000000000 needed, 99999823 available"],
    );
    check(
        "alice",
        pay(Amount::ZERO),
        expect!["the amount is outside the bounds of the parameters"],
    );
    let close = Instruction::CloseLine {
        line: llmnet_types::id::LineId(7),
    };
    check("bob", close, expect!["line 7 is not the signer's"]);
}

/// TXN-1: another network, signer or nonce than the signed one moves nothing.
#[test]
fn txn_3_who_cannot_be_charged_changes_nothing() {
    let mut world = World::new();
    let good = world.sign("alice", pay(credits(1)));
    let forged = Signed {
        signature: world.sign("bob", pay(credits(1))).signature,
        ..good.clone()
    };
    let elsewhere = Transaction::sign(NetworkId([7; 32]), &key("alice"), 0, pay(credits(1)));
    let early = Transaction::sign(world.network, &key("alice"), 5, pay(credits(1)));
    let poor = Transaction::sign(world.network, &key("nobody"), 0, pay(credits(1)));
    let cases = [forged, elsewhere, early.clone(), poor];
    let execution = world.block(&cases);
    let reasons: Vec<_> = execution
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Rejected { fee, reason } => {
                assert_eq!(*fee, Amount::ZERO);
                reason.to_string()
            }
            Outcome::Applied { .. } => "applied".to_owned(),
        })
        .collect();
    expect![[r#"
        [
            "the transaction's signature does not hold",
            "the transaction is for another network",
            "nonce 5 where 0 is next",
            "177 needed, 0 available",
        ]
    "#]]
    .assert_debug_eq(&reasons);
    assert_eq!(query::totals(&world.state).burnt, Amount::ZERO);

    // A mempool lets the early one wait, and no other (admission).
    let admit = |transaction| admissible(&world.state, &world.network, transaction, world.height);
    assert_eq!(admit(&early), Ok(()));
    assert_eq!(admit(&cases[0]), Err(Rejection::Signature));
    assert_eq!(admit(&cases[1]), Err(Rejection::Network));
    assert!(matches!(admit(&cases[3]), Err(Rejection::Balance { .. })));
    world.block(std::slice::from_ref(&good));
    let replay = admissible(&world.state, &world.network, &good, world.height);
    assert!(matches!(
        replay,
        Err(Rejection::Nonce {
            expected: 1,
            found: 0
        })
    ));
}

/// EPO-1, EPO-2
#[test]
fn epo_1_and_2_epochs_are_counted_in_blocks_and_have_beacons() {
    let mut world = World::new();
    let first = query::clock(&world.state);
    world.blocks(7);
    assert_eq!(world.epoch(), Epoch(0));
    world.blocks(1);
    let second = query::clock(&world.state);
    assert_eq!(
        (second.epoch, second.beacon_of(Epoch(0))),
        (Epoch(1), Some(first.beacon()))
    );
    assert_ne!(second.beacon(), first.beacon());
}

/// NET-1, NET-2
#[test]
fn net_1_and_2_a_genesis_names_its_network() {
    let genesis = genesis(params());
    let again = Genesis::from_json(&genesis.to_json()).unwrap();
    assert_eq!(again, genesis);
    let mut other = genesis.clone();
    other.params.fee_per_byte = Amount(2);
    assert_ne!(other.id(), genesis.id());
    assert_eq!(other.root().committee, genesis.committee());

    let mut accounts = genesis.accounts.to_vec();
    accounts.push(accounts[0]);
    other.accounts = accounts.try_into().unwrap();
    assert!(other.check().is_err(), "an account twice");
    let unknown = genesis.to_json().replace("\"beacon\"", "\"beacom\"");
    assert!(Genesis::from_json(&unknown).is_err());
    let unbound = genesis
        .to_json()
        .replace("\"epoch_blocks\": 8", "\"epoch_blocks\": 0");
    assert!(Genesis::from_json(&unbound).is_err());
}
