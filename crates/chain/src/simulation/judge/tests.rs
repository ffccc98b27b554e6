//! The judge finds what is planted: a chain that is right in all, and each way of being wrong.

use futures::executor::block_on;
use llmnet_ledger::GenesisValidator;
use llmnet_types::{
    codec::{List, Text},
    params::Params,
    signature::{PrivateKey, Signature},
    transaction::Instruction,
    units::Amount,
};

use super::*;
use crate::{client::ChainClient, solo::Solo};

const HEIGHT: u64 = 5;

fn key() -> PrivateKey {
    PrivateKey::from_seed([1; 32])
}

fn genesis() -> Genesis {
    Genesis {
        name: Text::truncated("judged"),
        validators: List::truncated([GenesisValidator::plain(key().public_key(), Amount::CREDIT)]),
        params: Params::local(),
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated([(key().public_key(), Amount(1_000_000))]),
        anchors: List::new(),
    }
}

/// A chain of which every block holds one transfer.
fn chain() -> Solo {
    let solo = Solo::new(&genesis(), [1; 32]).unwrap();
    for nonce in 0..HEIGHT {
        let instruction = Instruction::Transfer {
            to: PrivateKey::from_seed([2; 32]).public_key(),
            amount: Amount(1 + nonce),
        };
        let transaction = Transaction::sign(genesis().id(), &key(), nonce, instruction);
        block_on(solo.submit(transaction)).unwrap();
    }
    solo
}

fn block(solo: &Solo, height: u64) -> FinalizedBlock {
    block_on(solo.block(Height(height))).unwrap().unwrap()
}

/// Hears blocks 1 to 3 from validator 0, and then this one from the given validator.
fn hear(
    validator: usize,
    height: u64,
    change: impl FnOnce(&mut FinalizedBlock),
) -> Result<(), Violation> {
    let solo = chain();
    let mut judge = Judge::new(&genesis());
    for height in 1..=3 {
        judge.hear(0, height, Some(block(&solo, height))).unwrap();
    }
    let mut block = block(&solo, height);
    change(&mut block);
    judge.hear(validator, height, Some(block))
}

#[test]
fn a_chain_that_is_right_is_right_from_everyone() {
    let solo = chain();
    let mut judge = Judge::new(&genesis());
    for validator in 0..3 {
        for height in 1..=HEIGHT {
            let block = block(&solo, height);
            assert_eq!(judge.hear(validator, height, Some(block)), Ok(()));
            let finality = block_on(solo.finality(Height(height))).unwrap().unwrap();
            assert_eq!(judge.hear_proof(validator, height, Some(&finality)), Ok(()));
        }
    }
    assert_eq!((judge.height(), judge.transactions()), (HEIGHT, 5));
    let keys = judge.keys();
    let (height, values) = block_on(solo.read(&keys)).unwrap();
    assert_eq!(judge.hear_state(1, height, &keys, &values), Ok(true));
}

#[test]
fn another_block_at_a_height_is_a_fork() {
    let another = |block: &mut FinalizedBlock| block.header.timestamp_ms += 1;
    let verdict = hear(1, 2, another);
    assert!(matches!(
        verdict,
        Err(Violation::Fork {
            validator: 1,
            height: 2,
            ..
        })
    ));
    // Also from the validator that said so before: nobody changes a block over a restart.
    let verdict = hear(0, 2, another);
    assert!(matches!(
        verdict,
        Err(Violation::Fork {
            validator: 0,
            height: 2,
            ..
        })
    ));
    // And with the same header, but not the same transactions.
    let verdict = hear(1, 2, |block| block.transactions.clear());
    assert_eq!(verdict, Err(Violation::Transactions { height: 2 }));
}

#[test]
fn a_block_that_is_gone_is_lost() {
    let solo = chain();
    let mut judge = Judge::new(&genesis());
    judge.hear(0, 1, Some(block(&solo, 1))).unwrap();
    let (validator, height) = (2, 1);
    assert_eq!(
        judge.hear(validator, height, None),
        Err(Violation::Lost { validator, height })
    );
}

#[test]
fn a_new_block_follows_the_last_one() {
    let height = 4;
    let refused = Err(Violation::Chain { height });
    let changes: [fn(&mut FinalizedBlock); 4] = [
        |block| block.header.parent = Digest::ZERO,
        |block| block.header.parent_view += 1,
        |block| block.header.timestamp_ms = 0,
        |block| block.header.height = Height(6),
    ];
    for change in changes {
        assert_eq!(hear(0, height, change), refused);
    }
    assert_eq!(hear(0, height, |_| {}), Ok(()));
    // Not even a right one, if one is left out.
    assert_eq!(hear(0, 5, |_| {}), Err(Violation::Chain { height: 5 }));
}

#[test]
fn transactions_are_those_promised_and_happen_once() {
    let height = 4;
    let verdict = hear(0, height, |block| block.transactions.clear());
    assert_eq!(verdict, Err(Violation::Transactions { height }));
    let verdict = hear(0, height, |again| {
        again.transactions = block(&chain(), 2).transactions;
        again.header.transactions = transactions_root(&again.transactions);
    });
    assert_eq!(verdict, Err(Violation::Twice { height, before: 2 }));
    let verdict = hear(0, height, |block| block.header.settlements = Digest::ZERO);
    assert_eq!(verdict, Err(Violation::Settlements { height }));
}

#[test]
fn outcomes_are_remembered_and_right() {
    let (validator, height) = (1, 3);
    for change in [
        |block: &mut FinalizedBlock| block.outcomes = None,
        |block: &mut FinalizedBlock| block.events = None,
    ] {
        let verdict = hear(validator, height, change);
        assert_eq!(verdict, Err(Violation::Forgotten { validator, height }));
    }
    for change in [
        |block: &mut FinalizedBlock| block.outcomes = Some(Vec::new()),
        |block: &mut FinalizedBlock| block.events = Some(Vec::new()),
    ] {
        let verdict = hear(validator, height, change);
        assert_eq!(verdict, Err(Violation::Outcomes { validator, height }));
    }
}

#[test]
fn proofs_and_values_are_checked() {
    let solo = chain();
    let mut judge = Judge::new(&genesis());
    for height in 1..=HEIGHT {
        judge.hear(0, height, Some(block(&solo, height))).unwrap();
    }
    let (validator, height) = (0, 2);
    let finality = block_on(solo.finality(Height(height))).unwrap().unwrap();
    let mut forged = finality.clone();
    forged.certificate.signatures = List::truncated([Signature([7; 64])]);
    let verdict = judge.hear_proof(validator, height, Some(&forged));
    assert!(matches!(verdict, Err(Violation::Certificate { .. })));
    let mut forged = finality.clone();
    forged.descendants = vec![block(&solo, 4).header];
    let verdict = judge.hear_proof(validator, height, Some(&forged));
    assert_eq!(verdict, Err(Violation::Descendants { validator, height }));
    // A proof that holds, of another block than that at this height.
    let verdict = judge.hear_proof(validator, 3, Some(&finality));
    assert!(matches!(verdict, Err(Violation::Fork { height: 3, .. })));

    let verdict = judge.hear_proof(validator, height, None);
    assert_eq!(verdict, Err(Violation::Unproven { validator, height }));
    let forgotten = Err(Violation::Forgotten { validator, height });
    for id in block(&solo, height)
        .transactions
        .iter()
        .map(Transaction::id)
    {
        let inclusion = block_on(solo.outcome(id, std::time::Duration::ZERO)).unwrap();
        let elsewhere = inclusion.clone().map(|inclusion| Inclusion {
            index: 1,
            ..inclusion
        });
        assert_eq!(judge.hear_inclusion(validator, id, inclusion), Ok(()));
        assert_eq!(judge.hear_inclusion(validator, id, elsewhere), forgotten);
        assert_eq!(judge.hear_inclusion(validator, id, None), forgotten);
    }

    let keys = judge.keys();
    let (at, mut values) = block_on(solo.read(&keys)).unwrap();
    values[0] = None;
    let verdict = judge.hear_state(validator, at, &keys, &values);
    assert!(matches!(verdict, Err(Violation::State { .. })));
    assert_eq!(judge.hear_state(0, Height(99), &keys, &values), Ok(false));
}
