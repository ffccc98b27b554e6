//! TXN over random blocks: money is spent once, words are heard once and on one network, and who has nothing
//! to do with another does not feel whether that one comes first. `LLMNET_CASES` sets how many blocks.

use std::collections::BTreeMap;

use llmnet_ledger::{Key, MemoryState, State, query};
use llmnet_types::{
    bond::ChainUse,
    codec::{List, decode},
    id::{Digest, LineId, NetworkId, ProviderId},
    params::Params,
    rejection::Rejection,
    settlement::{CoSignature, Leaf, Settlement},
    signature::Signed,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Slot},
};
use proptest::{prelude::*, test_runner::Config};

use crate::{
    contract::line_between,
    properties::cases,
    world::{World, credits, element, key, params, public, served, settle},
};

/// A contract of a coordinator's slot with these seats, paid by a line.
fn leaf(world: &World, line: LineId, n: u32, slot: u64, seats: &[u32]) -> Leaf {
    let seats = (0_u8..)
        .zip(seats)
        .map(|(rank, id)| served(ProviderId(*id), rank));
    let seats = List::truncated(seats);
    let mut leaf = world.leaf(line, n, slot, world.height, 1);
    let pay = Amount(1_000 * seats.len() as u64);
    let charges = llmnet_ledger::charges(&world.params, pay, Amount(500)).unwrap();
    (leaf.charge, leaf.fee, leaf.seats) = (charges.total, charges.fee, seats);
    leaf
}

/// A settlement of one contract, the coordinator's first.
fn settlement(
    world: &World,
    coordinator: &str,
    requester: &str,
    line: LineId,
    seats: &[u32],
) -> Settlement {
    Settlement {
        first_slot: Slot(0),
        opening: element(coordinator, 0),
        vouchers: List::truncated([world.voucher(requester, line, 1, credits(1))]),
        leaves: List::truncated([leaf(world, line, 1, 0, seats)]),
        line_oks: List::new(),
    }
}

/// A state in which lists of releases are in no order, as they depend on who came first.
fn unordered(state: &MemoryState) -> BTreeMap<Key, Vec<u8>> {
    let sorted = |key: &Key, value: &[u8]| match key {
        Key::Due { .. } => {
            let due: Vec<llmnet_ledger::record::Due> = decode(value, value.len()).unwrap();
            let mut due: Vec<_> = due.iter().map(llmnet_types::codec::encode).collect();
            due.sort();
            due.concat()
        }
        _ => value.to_vec(),
    };
    state
        .iter()
        .map(|(key, value)| (key.clone(), sorted(key, value)))
        .collect()
}

/// A world of two markets that have nothing to do with each other, and transactions of six signers in it.
fn markets() -> (World, Vec<Transaction>) {
    let mut world = World::with_experts(6);
    let first = line_between(&mut world, "alice", "coordinator", credits(5), Epoch(8));
    let second = line_between(&mut world, "bob", "rival", credits(5), Epoch(8));
    let third = line_between(&mut world, "carol", "rival", credits(5), Epoch(8));
    let settled = settlement(&world, "coordinator", "alice", first, &[0, 1, 2]);
    let agreed = CoSignature {
        coordinator: public("coordinator"),
        first_slot: Slot(0),
        provider: ProviderId(1),
        line_ok: Signed::new(
            settled.line_ok(ProviderId(1)).unwrap(),
            &world.network,
            &key("node-1"),
        ),
    };
    let outcome = world.run("coordinator", settle(settled));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    let mut other = settlement(&world, "rival", "bob", second, &[3, 4, 5]);
    let line_ok = Signed::new(
        other.line_ok(ProviderId(4)).unwrap(),
        &world.network,
        &key("node-4"),
    );
    other.line_oks = List::truncated([(ProviderId(4), line_ok)]);
    let transactions = [
        ("operator-9", Instruction::CoSign(List::truncated([agreed]))),
        ("rival", settle(other)),
        (
            "carol",
            Instruction::TopUp {
                line: third,
                amount: credits(1),
            },
        ),
        (
            "operator-6",
            Instruction::Transfer {
                to: public("operator-7"),
                amount: credits(3),
            },
        ),
        ("alice", Instruction::CloseLine { line: first }),
        (
            "coordinator",
            Instruction::Anchor {
                purpose: ChainUse::Slots,
                tip: Digest::of(b"tip"),
                length: 9,
            },
        ),
        // And one that is refused.
        ("operator-8", Instruction::CloseLine { line: second }),
    ];
    let signed = transactions.map(|(signer, instruction)| world.sign(signer, instruction));
    (world, signed.to_vec())
}

/// TXN-5: the order of transactions that touch nothing in common changes nothing.
#[test]
fn txn_5_independent_transactions_commute() {
    let (world, transactions) = markets();
    let after = |order: &[usize]| {
        let transactions: Vec<_> = order.iter().map(|at| transactions[*at].clone()).collect();
        let mut world = world.clone();
        let execution = world.block(&transactions);
        let mut outcomes: Vec<_> = order.iter().zip(execution.outcomes).collect();
        outcomes.sort_by_key(|(at, _)| **at);
        let outcomes: Vec<_> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
        (unordered(&world.state), outcomes)
    };
    let straight: Vec<_> = (0..transactions.len()).collect();
    let expected = after(&straight);
    let applied = |outcome: &&Outcome| matches!(outcome, Outcome::Applied { .. });
    assert_eq!(
        expected.1.iter().filter(applied).count(),
        6,
        "{:?}",
        expected.1
    );
    let config = Config {
        cases: cases() * 4,
        failure_persistence: None,
        ..Config::default()
    };
    proptest!(config, |(order in Just(straight).prop_shuffle())| {
        prop_assert!(after(&order) == expected, "{order:?}");
    });
}

proptest! {
    #![proptest_config(Config { cases: cases() * 4, failure_persistence: None, ..Config::default() })]

    /// TXN-1, TXN-3: of many payments in a block, those apply that the balance still covers, each once.
    #[test]
    fn txn_1_nobody_spends_what_was_spent(
        payments in prop::collection::vec((0..3_usize, 0..3_usize, 0..80_000_000_u64, any::<bool>()), 1..30)
    ) {
        const PEOPLE: [&str; 3] = ["alice", "bob", "carol"];
        let mut world = World::new();
        let mut nonces = [0_u64; 3];
        let mut transactions = Vec::new();
        for (from, to, amount, twice) in &payments {
            let pay = Instruction::Transfer { to: public(PEOPLE[*to]), amount: Amount(*amount) };
            let signed = Transaction::sign(world.network, &key(PEOPLE[*from]), nonces[*from], pay);
            nonces[*from] += 1;
            // The very same words again in one block move nothing again.
            transactions.extend(twice.then(|| (*from, *to, *amount, signed.clone())));
            transactions.push((*from, *to, *amount, signed));
        }
        let mut balances = [credits(100).0; 3];
        let signed: Vec<_> = transactions.iter().map(|(.., signed)| signed.clone()).collect();
        let execution = world.block(&signed);
        let mut heard = [0_u64; 3];
        for ((from, to, amount, signed), outcome) in transactions.iter().zip(&execution.outcomes) {
            let fee = llmnet_types::codec::length(signed) as u64;
            // A plain second ledger: nonce, fee, then the payment if the rest covers it.
            if signed.body.nonce != heard[*from] || balances[*from] < fee {
                let free = Amount::ZERO;
                let unheard = matches!(outcome, Outcome::Rejected { fee, .. } if *fee == free);
                prop_assert!(unheard);
                continue;
            }
            heard[*from] += 1;
            balances[*from] -= fee;
            let covered = *amount > 0 && balances[*from] >= *amount;
            let applied = matches!(outcome, Outcome::Applied { .. });
            prop_assert_eq!(applied, covered);
            if covered {
                balances[*from] -= amount;
                balances[*to] += amount;
            }
        }
        for (name, balance) in PEOPLE.iter().zip(balances) {
            prop_assert_eq!(query::account(&world.state, &public(name)).balance.0, balance);
        }
    }

    /// TXN-3: forged words in a block change nothing, neither themselves nor what the others do.
    #[test]
    fn txn_3_forged_words_change_nothing(
        forged in prop::collection::vec((0..7_usize, 0..8_usize, 0..64_usize), 1..6)
    ) {
        let (world, transactions) = markets();
        let mut mixed: Vec<_> = transactions.iter().cloned().map(|good| (true, good)).collect();
        for (of, before, byte) in forged {
            let mut transaction = transactions[of].clone();
            transaction.signature.0[byte] ^= 1;
            mixed.insert(before, (false, transaction));
        }
        let (mut alone, mut among) = (world.clone(), world);
        let expected = alone.block(&transactions);
        let block: Vec<_> = mixed.iter().map(|(_, transaction)| transaction.clone()).collect();
        let execution = among.block(&block);
        prop_assert!(alone.state == among.state);
        let (good, bad): (Vec<_>, Vec<_>) = mixed.iter().zip(execution.outcomes).partition(|((good, _), _)| *good);
        let outcomes: Vec<_> = good.into_iter().map(|(_, outcome)| outcome).collect();
        prop_assert_eq!(outcomes, expected.outcomes);
        // Before its good twin a forgery is a forgery, after it one nonce behind.
        let unheard = |outcome: &Outcome| matches!(
            outcome,
            Outcome::Rejected {
                fee: Amount::ZERO,
                reason: Rejection::Signature | Rejection::Nonce { .. },
            }
        );
        prop_assert!(bad.iter().all(|(_, outcome)| unheard(outcome)));
    }

    /// TXN-1, LIN-3: whatever was heard is not heard again, later or elsewhere, though the signers are the
    /// same there.
    #[test]
    fn txn_1_words_hold_once_and_on_one_network(order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let (mut world, transactions) = markets();
        let transactions: Vec<_> = order.iter().map(|at| transactions[*at].clone()).collect();
        world.block(&transactions);
        let before = unordered(&world.state);
        let again = world.block(&transactions);
        let heard = |outcome: &Outcome| matches!(
            outcome,
            Outcome::Rejected { fee: Amount::ZERO, reason: Rejection::Nonce { .. } }
        );
        prop_assert!(again.outcomes.iter().all(heard), "{:?}", again.outcomes);
        let clock = [Key::Clock, Key::Turns];
        let same = |state: &BTreeMap<Key, Vec<u8>>| -> Vec<(Key, Vec<u8>)> {
            let kept = |key: &Key| !clock.contains(key) && !matches!(key, Key::Beacon(_));
            let entries = state.iter().filter(|(key, _)| kept(key));
            entries.map(|(key, value)| (key.clone(), value.clone())).collect()
        };
        prop_assert!(same(&before) == same(&unordered(&world.state)));

        // A network that differs in one parameter is another one.
        let mut elsewhere = World::with(Params { announcements_free: 5, ..params() });
        prop_assert_ne!(elsewhere.network, world.network);
        let execution = elsewhere.block(&transactions);
        let foreign = |outcome: &Outcome| matches!(
            outcome,
            Outcome::Rejected { fee: Amount::ZERO, reason: Rejection::Network }
        );
        prop_assert!(execution.outcomes.iter().all(foreign));
        // Nor does it help to say that they are meant for it: signatures are of the first.
        let renamed: Vec<_> = transactions.iter().cloned().map(|mut transaction| {
            transaction.body.network = elsewhere.network;
            transaction.body.nonce = query::account(&elsewhere.state, &transaction.body.signer).nonce;
            transaction
        }).collect();
        let execution = elsewhere.block(&renamed);
        let forged = |outcome: &Outcome| matches!(
            outcome,
            Outcome::Rejected { fee: Amount::ZERO, reason: Rejection::Signature }
        );
        prop_assert!(execution.outcomes.iter().all(forged), "{:?}", execution.outcomes);
    }
}

/// LIN-3: a voucher is a promise on one network: its words are worth nothing on another, though line,
/// requester and coordinator are the same there.
#[test]
fn lin_3_a_voucher_of_another_network_covers_nothing() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let mut settlement = settlement(&world, "coordinator", "alice", line, &[0, 1]);
    let voucher = settlement.vouchers[0].body.clone();
    let elsewhere = Signed::new(voucher, &NetworkId([9; 32]), &key("alice"));
    settlement.vouchers = List::truncated([elsewhere]);
    let reason = world.rejection("coordinator", settle(settlement));
    assert_eq!(reason, Rejection::Voucher { line });
    assert!(
        world
            .state
            .get(&Key::Settlement(public("coordinator"), Slot(0)))
            .is_none()
    );
}
