//! Whatever an honest party may have to show fits in a transaction.

use llmnet_types::{
    codec::{List, Text, encode},
    contract::{Filters, SEATS_MAX},
    disclosure::{DISCLOSURE_LENGTH_MAX, ReceiptField},
    domain::Domain,
    id::{Digest, ProviderId},
    message::{PHASES_MAX, Part},
    rating::{Comparison, PAIRS_MAX, Preference},
    receipt::{Receipt, SeatReceipt, Skip},
    signature::{PublicKey, Signature, Signed},
    transaction::TRANSACTION_LENGTH_MAX,
};

use super::{Scene, answer, opening};
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
