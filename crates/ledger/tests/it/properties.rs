//! Truths over random histories: garbage, replays, overdrafts, honest and cheating coordinators.
//!
//! [`World::block`] checks after every block that supply is conserved (TXN-4), that every hold has an
//! end (LIN-2, SET-6), and that execution is a function (TXN-5). `LLMNET_CASES` sets how many histories.

use llmnet_ledger::{invariant, query};
use llmnet_types::{
    codec::List,
    id::{Digest, LineId, ProviderId},
    rejection::Rejection,
    settlement::Leaf,
    signature::Signature,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Score},
};
use proptest::{prelude::*, test_runner::Config};

use crate::world::{World, credits, public, registration, settle};

const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "coordinator", "operator-0"];

/// One thing that somebody tries.
#[derive(Debug, Clone)]
enum Attempt {
    Transfer {
        from: usize,
        to: usize,
        amount: u64,
    },
    Open {
        from: usize,
        amount: u64,
        epochs: u64,
    },
    Close {
        from: usize,
        line: u32,
    },
    Register {
        number: u32,
        bond: u64,
    },
    Anchor {
        length: u32,
    },
    Settle {
        line: u32,
        seats: usize,
        count: u64,
        co_sign: bool,
        cheat: Option<Cheat>,
    },
    Replay,
    Garbage,
    Wait {
        blocks: u64,
    },
}

#[derive(Debug, Clone, Copy)]
enum Cheat {
    Charge,
    Seat,
    Score,
    Order,
    Slot,
    Opening,
    Voucher,
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let person = 0..PEOPLE.len();
    let money = prop_oneof![0..2_000_u64, 0..200_000_000_u64, Just(u64::MAX)];
    let cheat = prop_oneof![
        Just(Cheat::Charge),
        Just(Cheat::Seat),
        Just(Cheat::Score),
        Just(Cheat::Order),
        Just(Cheat::Slot),
        Just(Cheat::Opening),
        Just(Cheat::Voucher),
    ];
    prop_oneof![
        2 => (person.clone(), person.clone(), money.clone())
            .prop_map(|(from, to, amount)| Attempt::Transfer { from, to, amount }),
        2 => (person.clone(), money, 0..6_u64)
            .prop_map(|(from, amount, epochs)| Attempt::Open { from, amount, epochs }),
        1 => (person, 0..6_u32).prop_map(|(from, line)| Attempt::Close { from, line }),
        1 => (0..9_u32, 0..3_000_000_u64)
            .prop_map(|(number, bond)| Attempt::Register { number, bond }),
        1 => (0..30_u32).prop_map(|length| Attempt::Anchor { length }),
        4 => (0..4_u32, 1..5_usize, 1..4_u64, any::<bool>(), prop::option::of(cheat)).prop_map(
            |(line, seats, count, co_sign, cheat)| Attempt::Settle {
                line, seats, count, co_sign, cheat,
            }
        ),
        1 => Just(Attempt::Replay),
        1 => Just(Attempt::Garbage),
        2 => (1..20_u64).prop_map(|blocks| Attempt::Wait { blocks }),
    ]
}

/// Runs an attempt; what it gives back is to be replayed.
fn run(world: &mut World, attempt: &Attempt, last: &Option<Transaction>) -> Option<Transaction> {
    let (signer, instruction) = match attempt.clone() {
        Attempt::Transfer { from, to, amount } => {
            let to = public(PEOPLE[to]);
            let amount = Amount(amount);
            (PEOPLE[from], Instruction::Transfer { to, amount })
        }
        Attempt::Open {
            from,
            amount,
            epochs,
        } => {
            let open = Instruction::OpenLine {
                coordinator: public("coordinator"),
                amount: Amount(amount),
                expires: Epoch(world.epoch().0 + epochs),
            };
            (PEOPLE[from], open)
        }
        Attempt::Close { from, line } => {
            let line = LineId(line);
            (PEOPLE[from], Instruction::CloseLine { line })
        }
        Attempt::Register { number, bond } => {
            let mut registration = registration(number, &["physics"]);
            registration.bond = Amount(bond);
            world.register(registration);
            return None;
        }
        Attempt::Anchor { length } => {
            let tip = Digest::of(&length.to_le_bytes());
            (
                "rival",
                Instruction::Anchor {
                    purpose: llmnet_types::bond::ChainUse::Slots,
                    tip,
                    length,
                },
            )
        }
        Attempt::Settle {
            line,
            seats,
            count,
            co_sign,
            cheat,
        } => {
            settlement(world, LineId(line), seats, count, co_sign, cheat);
            return None;
        }
        Attempt::Replay => {
            let transaction = last.clone()?;
            let outcome = world
                .block(std::slice::from_ref(&transaction))
                .outcomes
                .remove(0);
            let fee = Amount::ZERO;
            assert!(matches!(
                outcome,
                Outcome::Rejected { fee: found, reason: Rejection::Nonce { .. } } if found == fee
            ));
            return None;
        }
        Attempt::Garbage => {
            let mut transaction = last.clone()?;
            transaction.signature = Signature([7; 64]);
            transaction.body.nonce = query::account(&world.state, &transaction.body.signer).nonce;
            let outcome = world.block(&[transaction]).outcomes.remove(0);
            assert!(matches!(
                outcome,
                Outcome::Rejected {
                    fee: Amount::ZERO,
                    ..
                }
            ));
            return None;
        }
        Attempt::Wait { blocks } => {
            world.blocks(blocks);
            return None;
        }
    };
    let transaction = world.sign(signer, instruction);
    let used = match world
        .block(std::slice::from_ref(&transaction))
        .outcomes
        .remove(0)
    {
        Outcome::Applied { .. } => true,
        Outcome::Rejected { fee, .. } => fee > Amount::ZERO,
    };
    used.then_some(transaction)
}

/// Alice's orders, settled. A cheat is always refused; without one, only a bad line or a spent one is.
fn settlement(
    world: &mut World,
    line: LineId,
    seats: usize,
    count: u64,
    co_sign: bool,
    cheat: Option<Cheat>,
) {
    let record = query::coordinator(&world.state, &public("coordinator")).unwrap();
    let n = query::line(&world.state, line).map_or(0, |line| line.n);
    let leaves: Vec<Leaf> = (0..count)
        .map(|index| {
            let n = n + 1 + u32::try_from(index).unwrap();
            world.leaf(line, n, record.next_slot.0 + index, world.height, seats)
        })
        .collect();
    let mut settlement = world.settlement(leaves);
    let mut leaf = settlement.leaves[0].clone();
    let mut panel = leaf.seats.to_vec();
    match cheat {
        Some(Cheat::Charge) => leaf.charge = Amount(leaf.charge.0 + 1_000),
        Some(Cheat::Seat) => panel[0].provider = ProviderId(99),
        Some(Cheat::Score) => panel[0].outcome = llmnet_types::receipt::SeatOutcome::NoShow,
        Some(Cheat::Order) => leaf.n = 0,
        Some(Cheat::Slot) => settlement.first_slot = settlement.first_slot.next().unwrap(),
        Some(Cheat::Opening) => settlement.opening = Digest::ZERO,
        Some(Cheat::Voucher) => settlement.vouchers = List::new(),
        None => {}
    }
    leaf.seats = List::from_vec(panel).unwrap();
    let mut leaves = settlement.leaves.to_vec();
    leaves[0] = leaf;
    settlement.leaves = List::from_vec(leaves).unwrap();
    if co_sign && cheat.is_none() {
        let provider = settlement.leaves[0].seats[0].provider;
        let node = query::provider(&world.state, provider)
            .unwrap()
            .newest()
            .registration
            .node;
        let number = (0..9)
            .find(|number| public(&format!("node-{number}")) == node)
            .unwrap();
        world.co_sign(&mut settlement, number);
    }
    let spent = query::line(&world.state, line).is_none_or(|record| {
        record.requester != public("alice")
            || record.ends < world.epoch()
            || record.rest() < credits(1)
    });
    let transaction = world.sign("coordinator", settle(settlement));
    let outcome = world.block(&[transaction]).outcomes.remove(0);
    let applied = matches!(outcome, Outcome::Applied { .. });
    assert!(!(applied && cheat.is_some()), "{cheat:?}");
    // The line may end in the very block that settles.
    let poor = query::account(&world.state, &public("coordinator")).balance < credits(1);
    assert!(applied || cheat.is_some() || spent || poor, "{outcome:?}");
}

pub fn cases() -> u32 {
    let cases = std::env::var("LLMNET_CASES").ok();
    cases.and_then(|cases| cases.parse().ok()).unwrap_or(8)
}

proptest! {
    #![proptest_config(Config { cases: cases(), max_shrink_iters: 200, failure_persistence: None, ..Config::default() })]

    #[test]
    fn txn_4_and_lin_2_supply_is_conserved_and_every_lock_ends(
        attempts in prop::collection::vec(attempt(), 1..40)
    ) {
        let mut world = World::with_experts(3);
        world.open_line(credits(20), Epoch(6));
        let mut last = None;
        for attempt in &attempts {
            last = run(&mut world, attempt, &last).or(last);
        }
        let end = world.epoch().0 + 8 + 5;
        world.go_to_epoch(end);
        prop_assert!(invariant::is_settled(&world.state));
        let totals = query::totals(&world.state);
        prop_assert_eq!((totals.lines, totals.held), (Amount::ZERO, Amount::ZERO));
    }

    #[test]
    fn sel_6_an_order_names_nobody_twice(seed in any::<[u8; 32]>(), height in 6..9_u64) {
        let world = World::with_experts(6);
        let choice = llmnet_types::selection::DomainChoice {
            domain: llmnet_types::domain::Domain::new("physics").unwrap(),
            id: world.domain("physics"),
            confidence: Score::ONE,
        };
        let height = llmnet_types::units::Height(height.min(world.height.0));
        let inputs = llmnet_ledger::selection::inputs(
            &world.state, height, &[choice], Digest::ZERO,
        ).unwrap();
        let mut order = llmnet_ledger::selection::order(
            &inputs, &Digest(seed), &llmnet_ledger::selection::Rule::of(&world.params), &Default::default(),
        );
        prop_assert_eq!(order.len(), 6);
        order.sort_unstable();
        order.dedup();
        prop_assert_eq!(order.len(), 6);
    }
}
