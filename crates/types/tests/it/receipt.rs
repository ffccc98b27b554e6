//! REC-1: the root is over all fields, each under its own salt.

use llmnet_types::{
    codec::List,
    id::{Digest, NetworkId, Salt},
    receipt::{ContractStatus, Receipt},
    signature::Signed,
    units::{Amount, Score, Slot, Tokens},
};

use crate::samples::{NETWORK, key, receipt, salt};

fn changed(change: impl FnOnce(&mut Receipt)) -> Receipt {
    let mut receipt = receipt(&NETWORK);
    change(&mut receipt);
    receipt
}

#[test]
fn the_root_changes_with_each_field_and_with_the_salt() {
    // REC-1
    let mut roots = vec![
        receipt(&NETWORK).root(&salt()),
        receipt(&NETWORK).root(&Salt([32; 32])),
    ];
    let others = [
        changed(|it| it.network = NetworkId([0x12; 32])),
        changed(|it| it.coordinator = key(9).public_key()),
        changed(|it| it.slot = Slot(8)),
        changed(|it| it.requester = key(9).public_key()),
        changed(|it| it.voucher.body.n += 1),
        changed(|it| it.voucher.signature.0[0] ^= 1),
        changed(|it| it.terms.seats += 1),
        changed(|it| it.terms.policy += 1),
        changed(|it| it.slot_secret = Digest::ZERO),
        changed(|it| it.selection.beacon = Digest::ZERO),
        changed(|it| it.seats = List::new()),
        changed(|it| it.closes = List::new()),
        changed(|it| it.status = ContractStatus::Failed),
        changed(|it| it.verdict.agreement = Score::HALF),
        changed(|it| it.verdict.winner = None),
        changed(|it| it.charges.total = Amount(1)),
        changed(|it| it.response = Digest::ZERO),
        changed(|it| {
            let mut seats = it.seats.clone().into_vec();
            seats[0].output = Tokens(41);
            it.seats = List::truncated(seats);
        }),
        changed(|it| {
            let seat = it.seats[0].clone();
            let skip = llmnet_types::receipt::Skip {
                provider: seat.provider,
                rank: 0,
                assign: seat.assign,
                reply: None,
            };
            it.skips = List::truncated([skip]);
        }),
    ];
    roots.extend(others.iter().map(|receipt| receipt.root(&salt())));
    let count = roots.len();
    roots.sort_unstable();
    roots.dedup();
    assert_eq!(roots.len(), count);
}

#[test]
fn the_coordinator_signs_the_root_for_one_network() {
    // REC-1, ENC-4
    let receipt = receipt(&NETWORK);
    let signed = Signed::new(receipt.root(&salt()), &NETWORK, &key(2));
    assert_eq!(signed.verify(&NETWORK, &receipt.coordinator), Ok(()));
    assert!(signed.verify(&NETWORK, &receipt.requester).is_err());
    assert!(
        signed
            .verify(&NetworkId([0x12; 32]), &receipt.coordinator)
            .is_err()
    );
}

#[test]
fn a_contract_is_named_by_network_coordinator_and_slot() {
    // CON-1
    let mut names = [
        receipt(&NETWORK),
        receipt(&NetworkId([0x12; 32])),
        changed(|it| it.slot = Slot(8)),
        changed(|it| it.coordinator = key(9).public_key()),
    ]
    .map(|receipt| receipt.contract());
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    let same = changed(|it| it.status = ContractStatus::Failed);
    assert_eq!(same.contract(), receipt(&NETWORK).contract());
}
