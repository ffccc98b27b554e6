//! ENC-4, TXN-5: a block's signatures are checked together, and one that does not hold harms nobody else.

use llmnet_ledger::{Execution, assume, execute};
use llmnet_types::{
    codec::List,
    id::LineId,
    rejection::Rejection,
    signature::{Known, Signature},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch},
};

use crate::world::{World, credits, public, settle};

fn world() -> (World, LineId) {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(10), Epoch(8));
    (world, line)
}

fn pay(world: &World, from: &str, to: &str) -> Transaction {
    let amount = credits(1);
    let to = public(to);
    world.sign(from, Instruction::Transfer { to, amount })
}

/// A settlement with a voucher that is signed by so-and-so.
fn settlement(world: &World, line: LineId, signer: &str) -> Transaction {
    let mut settlement = world.settlement(vec![world.leaf(line, 1, 0, world.height, 3)]);
    let voucher = world.voucher(signer, line, 1, credits(5));
    settlement.vouchers = List::from_vec(vec![voucher]).unwrap();
    for seat in settlement.leaves[0].seats.clone().iter() {
        world.co_sign(&mut settlement, seat.provider.0);
    }
    world.sign("coordinator", settle(settlement))
}

fn reasons(execution: &Execution) -> Vec<Option<Rejection>> {
    let reason = |outcome: &Outcome| match outcome {
        Outcome::Applied { .. } => None,
        Outcome::Rejected { reason, .. } => Some(reason.clone()),
    };
    execution.outcomes.iter().map(reason).collect()
}

#[test]
fn txn_3_a_bad_signature_in_a_block_refuses_its_transaction_alone() {
    let (mut world, line) = world();
    let mut forged = pay(&world, "carol", "alice");
    forged.signature = Signature([7; 64]);
    let transactions = [
        pay(&world, "alice", "bob"),
        settlement(&world, line, "bob"),
        forged,
        pay(&world, "bob", "carol"),
    ];
    let execution = world.block(&transactions);
    assert_eq!(
        reasons(&execution),
        [
            None,
            Some(Rejection::Voucher { line }),
            Some(Rejection::Signature),
            None
        ]
    );
    let fees: Vec<_> = execution
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Applied { fee } | Outcome::Rejected { fee, .. } => *fee > Amount::ZERO,
        })
        .collect();
    assert_eq!(fees, [true, true, false, true], "TXN-3");
    assert!(execution.settlements.is_empty());
}

#[test]
fn txn_5_a_block_whose_signatures_hold_does_what_was_assumed() {
    let (world, line) = world();
    let block = world.next_block();
    let good = [
        pay(&world, "alice", "bob"),
        settlement(&world, line, "alice"),
    ];
    let assumed = assume(&world.state, &block, &good);
    // Two transactions, a voucher, three co-signatures.
    assert_eq!(assumed.signatures.len(), 6);
    assert!(assumed.signatures.holds());
    assert_eq!(assumed.execution, execute(&world.state, &block, &good));

    // What was checked ahead, say when the transaction came in, need not be checked in the block.
    let mut known = Known::new(100);
    known.learn(&assume(&world.state, &block, &good[1..]).signatures);
    let left = known.unknown(assumed.signatures);
    assert_eq!(left.len(), 1);
    assert!(left.holds());

    // Nobody who executes takes a forged signature for good.
    let bad = [pay(&world, "alice", "bob"), settlement(&world, line, "bob")];
    let assumed = assume(&world.state, &block, &bad);
    assert_eq!(reasons(&assumed.execution), [None, None]);
    assert!(!assumed.signatures.holds());
    let execution = execute(&world.state, &block, &bad);
    assert_eq!(
        reasons(&execution),
        [None, Some(Rejection::Voucher { line })]
    );
    assert_ne!(assumed.execution, execution);
}
