//! A false claimant: takes a receipt of the coordinator's for more than it says, or for another's.

use llmnet_types::{
    contract::{Terms, Voucher},
    dispute::{Claim, Filing, SettledLeaf},
    id::ReceiptRoot,
    rejection::{ProofPart, Rejection},
    signature::Signed,
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{
    Scene, bond, file,
    forging_coordinator::{by_seat, cut},
    operator, void,
};
use crate::{
    contract::{Contract, line_between},
    world::{credits, key},
};

/// What a seat shows, open to change.
struct Shown {
    settled: SettledLeaf,
    receipt: Signed<ReceiptRoot>,
    voucher: Signed<Voucher>,
    terms: Terms,
}

fn changed(filing: &Filing, change: impl FnOnce(&mut Shown)) -> Instruction {
    let Filing::Contradiction {
        settled,
        receipt,
        slot,
        claim:
            Claim::Seat {
                provider,
                seats,
                voucher,
                terms,
            },
    } = filing.clone()
    else {
        unreachable!("a seat's claim")
    };
    let mut shown = Shown {
        settled,
        receipt,
        voucher,
        terms,
    };
    change(&mut shown);
    file(&Filing::Contradiction {
        settled: shown.settled,
        receipt: shown.receipt,
        slot,
        claim: Claim::Seat {
            provider,
            seats,
            voucher: shown.voucher,
            terms: shown.terms,
        },
    })
}

/// DIS-2: every piece is about this contract, signed by whose word it is, and shown by the seat.
#[test]
fn dis_2_pieces_of_different_contracts_make_no_claim() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let other = Contract::new(&scene.world, scene.plan(2, 1));
    let settled = scene.settle_as(&[&contract, &other], |_, leaf| cut(leaf, Amount(300)));
    let provider = contract.receipt.seats[0].provider;
    let payee = operator(provider);
    let good = by_seat(&contract, &settled[0], provider);
    let network = scene.world.network;
    let forger = key("operator-0");

    let of_another: [Instruction; 3] = [
        changed(&good, |shown| shown.settled = settled[1].clone()),
        changed(&good, |shown| {
            shown.voucher = other.receipt.voucher.clone();
            shown.terms = other.receipt.terms.clone();
        }),
        changed(&good, |shown| shown.terms.caps.seat_charge = credits(1)),
    ];
    let part = ProofPart::Contract;
    for claim in of_another {
        assert_eq!(scene.refused(&payee, claim), Rejection::Proof { part });
    }
    let forged = [
        changed(&good, |shown| {
            shown.receipt = Signed::new(shown.receipt.body, &network, &forger);
        }),
        changed(&good, |shown| {
            let body = shown.voucher.body.clone();
            shown.voucher = Signed::new(body, &network, &forger);
        }),
    ];
    let part = ProofPart::Signature;
    for claim in forged {
        assert_eq!(scene.refused(&payee, claim), Rejection::Proof { part });
    }
    let peer = operator(contract.receipt.seats[1].provider);
    for stranger in ["alice", "bob", "coordinator", &peer] {
        assert_eq!(
            scene.refused(stranger, file(&good)),
            Rejection::NoParty,
            "{stranger}"
        );
    }
    assert_eq!(scene.bond(), bond());
    assert_eq!(scene.gain(&payee, &payee, file(&good)), Amount(600));
}

/// DIS-2, LIN-1: though coordinator and seat agree, a line to another coordinator is not theirs to draw on.
#[test]
fn dis_2_a_line_to_another_coordinator_pays_nothing() {
    let mut scene = Scene::new();
    let line = line_between(&mut scene.world, "alice", "rival", credits(1), Epoch(6));
    let mut plan = scene.plan(1, 0);
    plan.line = line;
    let contract = Contract::new(&scene.world, plan);
    let settled = scene
        .settle_as(&[&contract], |_, leaf| void(leaf))
        .remove(0);
    let provider = contract.receipt.seats[0].provider;
    let claim = file(&by_seat(&contract, &settled, provider));
    let refused = scene.refused(&operator(provider), claim);
    assert_eq!(refused, Rejection::Line { line });
}
