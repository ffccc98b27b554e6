//! Whatever an honest party may have to show fits in a transaction.

use llmnet_ledger::weight;
use llmnet_types::{
    codec::{List, Text, encode},
    contract::{Filters, SEATS_MAX},
    disclosure::{DISCLOSURE_LENGTH_MAX, ReceiptField},
    dispute::FaultProof,
    domain::Domain,
    id::{Digest, ProviderId},
    message::{PHASES_MAX, Part},
    rating::{Comparison, PAIRS_MAX, Preference},
    receipt::{Receipt, SeatReceipt, Skip},
    rejection::Rejection,
    signature::{PublicKey, Signature, Signed},
    transaction::TRANSACTION_LENGTH_MAX,
    units::Amount,
};

use super::{Scene, answer, challenge, fault, opening};
use crate::contract::Contract;

/// Fills every list of a receipt that a dispute may show.
fn largest(receipt: &mut Receipt) {
    let seat = receipt.seats[0].clone();
    let comparison = Comparison {
        first: 0,
        second: 1,
        better: Preference::Tie,
    };
    let part = Part {
        commitments: List::truncated([Digest::ZERO; PHASES_MAX]),
        ballot: List::truncated([comparison; PAIRS_MAX]),
        version: Text::truncated(&"v".repeat(96)),
        citations: List::truncated([Digest::ZERO; 4]),
        ..seat.part.clone().unwrap().body
    };
    let seat = SeatReceipt {
        part: Some(Signed {
            body: part,
            signature: Signature([0; 64]),
        }),
        ..seat
    };
    let skip = Skip {
        provider: ProviderId(0),
        rank: 0,
        assign: seat.assign.clone(),
        reply: Some(seat.reply.clone()),
    };
    receipt.seats = List::truncated(vec![seat; SEATS_MAX]);
    receipt.skips = List::truncated(vec![skip; 2 * SEATS_MAX]);
    receipt.terms.domain = Some(Domain::new(&"d".repeat(32)).unwrap());
    receipt.terms.filters = Filters {
        only: List::truncated([PublicKey([0; 32]); 16]),
        ignore: List::truncated([PublicKey([0; 32]); 16]),
        ..Filters::default()
    };
}

/// DIS-5, ENC-2: a coordinator is never slashed because its answer is too long.
#[test]
fn dis_5_the_largest_answer_fits_in_a_transaction() {
    let scene = Scene::new();
    let mut contract: Contract = scene.contract();
    largest(&mut contract.receipt);
    let leaf = contract.leaf();
    let opened = opening(&contract, &leaf);
    for field in [
        ReceiptField::Seats,
        ReceiptField::Skips,
        ReceiptField::Terms,
    ] {
        assert!(contract.disclose(field).value.len() <= DISCLOSURE_LENGTH_MAX / 2);
    }
    let transaction = scene.world.sign("coordinator", answer(&contract, &leaf));
    let length = encode(&transaction).len();
    assert!(length <= TRANSACTION_LENGTH_MAX / 2, "{length}");
    assert_eq!(opened.leaf, leaf);
}

/// TXN-2: selecting a panel again is paid for as if the transaction were the largest, right or wrong: so
/// that nobody can keep validators busy for less than it costs to fill their blocks.
#[test]
fn txn_2_a_panel_that_is_selected_again_weighs_as_much_as_the_largest_transaction() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle(&[&contract]).remove(0);
    let shown = fault(&FaultProof::Panel(settled.clone()));
    let most = Amount(u64::try_from(TRANSACTION_LENGTH_MAX).unwrap());
    let before = scene.balance("bob");
    assert_eq!(scene.refused("bob", shown), Rejection::NoFault);
    assert_eq!(before.0 - scene.balance("bob").0, most.0);
    let asked = scene.world.sign("alice", challenge(&settled));
    assert_eq!(weight(&asked), encode(&asked).len());
    scene.world.block(&[asked]);
    let answered = scene
        .world
        .sign("coordinator", answer(&contract, &settled.leaf));
    assert_eq!(weight(&answered), TRANSACTION_LENGTH_MAX);
}
