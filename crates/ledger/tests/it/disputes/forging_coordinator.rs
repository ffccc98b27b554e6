//! A coordinator that signs one thing and settles another, or signs what does not add up.

use llmnet_ledger::event::EventKind;
use llmnet_types::{
    contract::Voucher,
    disclosure::ReceiptField,
    dispute::{Claim, FaultProof, Filing, SettledLeaf},
    id::ProviderId,
    receipt::{Receipt, SeatOutcome},
    rejection::{ProofPart, Rejection},
    settlement::Leaf,
    signature::Signed,
    units::{Amount, Epoch, Score, Slot},
};

use super::{
    Scene, answer, bond, challenge, fault, file, operator, slashed, void,
    withholding_coordinator::unpaid,
};
use crate::{
    contract::Contract,
    world::{credits, key, public},
};

fn filing(contract: &Contract, settled: &SettledLeaf, claim: Claim) -> Filing {
    Filing::Contradiction {
        settled: settled.clone(),
        receipt: contract.signed(),
        slot: contract.disclose(ReceiptField::Slot),
        claim,
    }
}

pub fn by_seat(contract: &Contract, settled: &SettledLeaf, provider: ProviderId) -> Filing {
    let claim = Claim::Seat {
        provider,
        seats: contract.disclose(ReceiptField::Seats),
        voucher: contract.receipt.voucher.clone(),
        terms: contract.receipt.terms.clone(),
    };
    filing(contract, settled, claim)
}

fn by_requester(contract: &Contract, settled: &SettledLeaf) -> Filing {
    let claim = Claim::Requester {
        charges: contract.disclose(ReceiptField::Charges),
    };
    filing(contract, settled, claim)
}

/// Takes from what the seats earn, and lets the sums be right.
pub fn cut(leaf: &mut Leaf, pay: Amount) {
    let mut seats = leaf.seats.to_vec();
    seats.iter_mut().for_each(|seat| seat.pay = pay);
    let earned = Amount(pay.0 * seats.len() as u64);
    leaf.fee = earned.share(Score::clamped(500));
    leaf.charge = Amount(earned.0 + leaf.fee.0);
    leaf.seats = seats.try_into().unwrap();
}

fn seats(settled: &SettledLeaf) -> Vec<ProviderId> {
    settled
        .leaf
        .seats
        .iter()
        .map(|seat| seat.provider)
        .collect()
}

/// DIS-2, BND-5: each seat gets what it was promised more, here from the line; the slot costs the bond once.
#[test]
fn dis_2_a_seat_gets_what_its_receipt_promised() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle_as(&[&contract], |_, leaf| cut(leaf, Amount(300)));
    let settled = settled[0].clone();
    let promised = contract.receipt.seats[0].pay;
    assert_eq!(promised, Amount(900));
    let drawn = |scene: &Scene| {
        let line = llmnet_ledger::query::line(&scene.world.state, scene.line);
        line.unwrap().drawn
    };
    let before = drawn(&scene);
    for (place, seat) in seats(&settled).into_iter().enumerate() {
        let payee = operator(seat);
        let claim = file(&by_seat(&contract, &settled, seat));
        assert_eq!(scene.gain(&payee, &payee, claim.clone()), Amount(600));
        assert_eq!(scene.bond(), credits(5), "claim {place}");
        assert_eq!(scene.refused(&payee, claim), Rejection::Already);
    }
    assert_eq!(drawn(&scene).0, before.0 + 1_200);
}

/// DIS-2, LIN-3: the line pays as far as it has something, the voucher promises it and the terms' cap goes;
/// the bond pays the rest, and for that is slashed again (BND-5).
#[test]
fn dis_2_the_bond_pays_what_the_line_does_not() {
    let limited = |contract: &mut Contract, limit| {
        let voucher = Voucher {
            limit,
            ..contract.receipt.voucher.body.clone()
        };
        let network = contract.receipt.network;
        contract.receipt.voucher = Signed::new(voucher, &network, &key("alice"));
        let digest = llmnet_types::signature::Message::digest(&contract.receipt.voucher.body);
        let coordinator = key("coordinator");
        let mut seats = std::mem::take(&mut contract.receipt.seats).into_vec();
        for seat in &mut seats {
            seat.assign.body.voucher = digest;
            seat.assign = Signed::new(seat.assign.body.clone(), &network, &coordinator);
        }
        contract.receipt.seats = seats.try_into().unwrap();
    };
    let cases: [(Scene, Option<Amount>, Amount, Amount); 3] = [
        // Two seats of 300 and a fee of 30 leave 670 of the line: the first claim is whole, 70 are left.
        (
            Scene::with_line(Amount(1_300)),
            None,
            Amount(600),
            Amount(70),
        ),
        (Scene::new(), Some(Amount(1_300)), Amount(600), Amount(70)),
        (Scene::new(), None, Amount(600), Amount(600)),
    ];
    for (mut scene, limit, first, second) in cases {
        let mut contract = scene.contract();
        if let Some(limit) = limit {
            limited(&mut contract, limit);
        }
        let settled = scene.settle_as(&[&contract], |_, leaf| cut(leaf, Amount(300)));
        let settled = settled[0].clone();
        let lines = |scene: &Scene| llmnet_ledger::query::totals(&scene.world.state).lines;
        for (seat, from_line) in seats(&settled).into_iter().zip([first, second]) {
            let payee = operator(seat);
            let before = lines(&scene);
            let claim = file(&by_seat(&contract, &settled, seat));
            assert_eq!(scene.gain(&payee, &payee, claim), Amount(600));
            assert_eq!(Amount(before.0 - lines(&scene).0), from_line);
        }
        let whole = second == Amount(600);
        let left = if whole { credits(5) } else { Amount(2_500_000) };
        assert_eq!(scene.bond(), left);
    }
}

/// DIS-2: the requester agreed to the terms' cap and to no more, whatever its coordinator promises a friend.
#[test]
fn dis_2_the_line_pays_no_more_than_the_terms_cap() {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    let settled = scene.settle(&[&contract]).remove(0);
    let friend = seats(&settled)[0];
    contract.change_seats(&scene.world, |seats| seats[0].pay = credits(8));
    let payee = operator(friend);
    let lines = llmnet_ledger::query::totals(&scene.world.state).lines;
    let claim = file(&by_seat(&contract, &settled, friend));
    let cap = contract.receipt.terms.caps.seat_charge;
    // 900 were settled; up to the cap of 5,000 from the line; half of the price from the bond.
    let gain = scene.gain(&payee, &payee, claim);
    assert_eq!(gain, Amount(cap.0 - 900 + 2_500_000));
    let left = llmnet_ledger::query::totals(&scene.world.state).lines;
    assert_eq!((lines.0 - left.0, scene.bond()), (cap.0 - 900, credits(5)));
}

/// DIS-2: the requester gets what it was charged too much, from the bond alone.
#[test]
fn dis_2_a_requester_gets_back_what_it_was_charged_too_much() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle_as(&[&contract], |_, leaf| cut(leaf, Amount(4_000)));
    let settled = settled[0].clone();
    let loss = Amount(settled.leaf.charge.0 - contract.receipt.charges.total.0);
    let lines = llmnet_ledger::query::totals(&scene.world.state).lines;
    let claim = file(&by_requester(&contract, &settled));
    for stranger in ["bob", &operator(seats(&settled)[0])] {
        assert_eq!(scene.refused(stranger, claim.clone()), Rejection::NoParty);
    }
    assert_eq!(scene.gain("alice", "alice", claim.clone()), loss);
    let after = llmnet_ledger::query::totals(&scene.world.state).lines;
    assert_eq!((after, scene.bond()), (lines, credits(5)));
    assert_eq!(scene.refused("alice", claim), Rejection::Already);
    // Nobody who got more than promised lost anything.
    let seat = seats(&settled)[0];
    let claim = file(&by_seat(&contract, &settled, seat));
    assert_eq!(scene.refused(&operator(seat), claim), Rejection::NoFault);
}

/// DIS-2: a void leaf contradicts a receipt as well.
#[test]
fn dis_2_a_void_leaf_keeps_nothing_of_what_was_promised() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle_as(&[&contract], |_, leaf| void(leaf));
    let seat = contract.receipt.seats[1].provider;
    let claim = file(&by_seat(&contract, &settled[0], seat));
    let payee = operator(seat);
    assert_eq!(scene.gain(&payee, &payee, claim), Amount(900));
}

/// DIS-2, DIS-3: nobody is paid for a slot twice: by its receipt in the epoch in which it was voided, and for
/// its work in that of the offer.
#[test]
fn dis_3_a_slot_that_is_voided_late_is_claimed_once() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    scene.world.go_to_epoch(1);
    let later = scene.world.height;
    let settled = scene
        .settle_as(&[&contract], |_, leaf| {
            void(leaf);
            leaf.height = later;
        })
        .remove(0);
    let seat = contract.receipt.seats[0].provider;
    let payee = operator(seat);
    let by_receipt = file(&by_seat(&contract, &settled, seat));
    let by_work = file(&unpaid(&contract, 0, Some(settled)));
    assert_eq!(scene.gain(&payee, &payee, by_receipt), Amount(900));
    assert_eq!(scene.refused(&payee, by_work), Rejection::Already);
    assert_eq!(scene.bond(), credits(5));
}

/// WIN-1: who was paid for its work has no receipt left to show when the slot is voided epochs later.
#[test]
fn win_1_the_epoch_of_a_receipt_is_that_of_its_offers() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let seat = contract.receipt.seats[0].provider;
    let payee = operator(seat);
    scene.world.go_to_epoch(2);
    let by_work = file(&unpaid(&contract, 0, None));
    assert_eq!(scene.gain(&payee, &payee, by_work), Amount(500));
    scene.world.go_to_epoch(5);
    let later = scene.world.height;
    let settled = scene
        .settle_as(&[&contract], |_, leaf| {
            void(leaf);
            leaf.height = later;
        })
        .remove(0);
    let by_receipt = file(&by_seat(&contract, &settled, seat));
    assert_eq!(scene.refused(&payee, by_receipt), Rejection::Window);
    assert_eq!(scene.bond(), credits(5));
}

/// DIS-2, WIN-1: the innocent twin. What is settled as signed owes nothing, in any of its windows; after
/// them nothing is heard.
#[test]
fn dis_2_a_receipt_that_is_settled_as_signed_owes_nothing() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle(&[&contract]).remove(0);
    let seat = seats(&settled)[0];
    let claims = [
        (operator(seat), file(&by_seat(&contract, &settled, seat))),
        ("alice".to_owned(), file(&by_requester(&contract, &settled))),
    ];
    for epoch in [1, 2] {
        scene.world.go_to_epoch(epoch);
        for (signer, claim) in &claims {
            assert_eq!(scene.refused(signer, claim.clone()), Rejection::NoFault);
        }
    }
    scene.world.go_to_epoch(3);
    for (signer, claim) in &claims {
        assert_eq!(scene.refused(signer, claim.clone()), Rejection::Window);
    }
    assert_eq!((scene.bond(), scene.world.epoch()), (bond(), Epoch(3)));
}

/// DIS-1: a receipt whose sums are wrong is a fault of its own, shown by two of its fields.
#[test]
fn dis_1_a_receipt_that_does_not_add_up_costs_the_bond() {
    let forgeries: [fn(&mut Receipt); 4] = [
        |receipt| receipt.charges.seats = Amount(receipt.charges.seats.0 + 1),
        |receipt| receipt.charges.total = Amount(receipt.charges.total.0 - 1),
        |receipt| receipt.charges.fee = Amount(u64::MAX),
        |receipt| {
            let mut seats = receipt.seats.to_vec();
            seats[0].pay = Amount(u64::MAX);
            receipt.seats = seats.try_into().unwrap();
        },
    ];
    for forge in forgeries {
        let mut scene = Scene::new();
        let mut contract = scene.contract();
        forge(&mut contract.receipt);
        let proof = totals(&contract);
        let events = scene.applied("bob", fault(&proof));
        assert_eq!(slashed(&events), Some((credits(5), Amount::ZERO)));
        assert_eq!(scene.refused("bob", fault(&proof)), Rejection::Already);
    }
}

fn totals(contract: &Contract) -> FaultProof {
    FaultProof::Totals {
        coordinator: public("coordinator"),
        receipt: contract.signed(),
        seats: contract.disclose(ReceiptField::Seats),
        charges: contract.disclose(ReceiptField::Charges),
    }
}

/// DIS-1: the innocent twin; and a receipt that the coordinator did not sign, or fields of another.
#[test]
fn dis_1_a_receipt_that_adds_up_is_no_fault() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let mut forged = Contract::new(&scene.world, scene.plan(2, 1));
    assert_eq!(
        scene.refused("bob", fault(&totals(&contract))),
        Rejection::NoFault
    );
    forged.receipt.charges.fee = Amount(7);
    let mut by_another = totals(&forged);
    let mut mixed = totals(&contract);
    let network = scene.world.network;
    if let FaultProof::Totals { receipt, .. } = &mut by_another {
        *receipt = Signed::new(receipt.body, &network, &key("rival"));
    }
    if let FaultProof::Totals { charges, .. } = &mut mixed {
        *charges = forged.disclose(ReceiptField::Charges);
    }
    let part = |part| Rejection::Proof { part };
    assert_eq!(
        scene.refused("bob", fault(&by_another)),
        part(ProofPart::Signature)
    );
    assert_eq!(
        scene.refused("bob", fault(&mixed)),
        part(ProofPart::Disclosure)
    );
    if let FaultProof::Totals { seats, charges, .. } = &mut mixed {
        *charges = contract.disclose(ReceiptField::Charges);
        std::mem::swap(seats, charges);
    }
    assert_eq!(
        scene.refused("bob", fault(&mixed)),
        part(ProofPart::Disclosure)
    );
}

/// DIS-5, DIS-6: a seat that is told not to have shown up never accepted; its word cannot be opened.
#[test]
fn dis_5_a_no_show_needs_an_acceptance() {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    let network = scene.world.network;
    contract.change_seats(&scene.world, |seats| {
        let seat = &mut seats[0];
        seat.outcome = SeatOutcome::NoShow;
        seat.part = None;
        (seat.score, seat.pay) = (Score::ZERO, Amount::ZERO);
        seat.reply = Signed::new(seat.reply.body.clone(), &network, &key("coordinator"));
    });
    let settled = scene.settle(&[&contract]).remove(0);
    let slandered = operator(seats(&settled)[0]);
    scene.applied(&slandered, challenge(&settled));
    let expected = Rejection::Proof {
        part: ProofPart::Signature,
    };
    let tried = scene.refused("coordinator", answer(&contract, &settled.leaf));
    assert_eq!(tried, expected);
    scene.world.go_to_epoch(4);
    assert_eq!(scene.bond(), credits(5));
}

/// DIS-5: the innocent twin: who accepted and did not show up is told of as it was.
#[test]
fn dis_5_a_real_no_show_opens() {
    let mut scene = Scene::new();
    let mut contract = scene.contract();
    contract.change_seats(&scene.world, |seats| {
        let seat = &mut seats[0];
        seat.outcome = SeatOutcome::NoShow;
        seat.part = None;
        (seat.score, seat.pay) = (Score::ZERO, Amount::ZERO);
    });
    let settled = scene.settle(&[&contract]).remove(0);
    scene.applied(&operator(seats(&settled)[0]), challenge(&settled));
    let events = scene.applied("coordinator", answer(&contract, &settled.leaf));
    let answered = EventKind::Answered {
        coordinator: public("coordinator"),
        slot: Slot(0),
    };
    assert!(events.contains(&answered));
    assert_eq!(scene.bond(), bond());
}
