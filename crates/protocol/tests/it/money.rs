//! What is promised, owed and settled (LIN, SET).

use std::{collections::BTreeMap, sync::LazyLock};

use llmnet_ledger::chain_step;
use llmnet_protocol::{
    books::{Books, OWED_MAX, Settled},
    message::Statement,
    quote::{Purse, worst_case},
    settle::{Unsettled, charges, pay, settlement, void_leaf},
};
use llmnet_types::{
    codec::List,
    contract::Voucher,
    id::{Digest, LineId, ReceiptRoot},
    receipt::ContractStatus,
    settlement::{LEAVES_MAX, Leaf, Settlement, VOUCHERS_MAX},
    signature::Signed,
    units::{Amount, Height, Score, Slot, Tokens},
};
use proptest::prelude::*;

use crate::{
    network::{Run, honest, play},
    properties::config,
    respondent::Script,
    world::{FEE, World, key, price},
};

fn purse(deposit: u64) -> Purse {
    Purse::new(LineId(5), Amount(deposit), 0, Amount::ZERO)
}

/// LIN-3, LIN-4: orders count up, and each voucher covers its own worst case and all that is open.
#[test]
fn open_orders_are_covered_together() {
    let world = World::new();
    let (network, terms) = (world.setup.network, &world.setup.terms);
    let mut purse = purse(100);
    let order =
        |purse: &mut Purse, worst| purse.order(terms, Amount(worst), &network, &key("requester"));
    let first = order(&mut purse, 40).unwrap();
    let second = order(&mut purse, 40).unwrap();
    first.verify(&network, &world.setup.requester).unwrap();
    assert_eq!((first.body.n, first.body.limit), (1, Amount(40)));
    assert_eq!((second.body.n, second.body.limit), (2, Amount(80)));
    assert_eq!(first.body.terms, terms.digest());
    let refused = order(&mut purse, 40).unwrap_err();
    assert_eq!((refused.needed, refused.free), (Amount(40), Amount(20)));
    // The first came to less: what it did not draw is free again, and its number is not used twice.
    purse.charge(1, Amount(10));
    let third = order(&mut purse, 40).unwrap();
    assert_eq!((third.body.n, third.body.limit), (3, Amount(90)));
    purse.charge(1, Amount(10));
    assert_eq!(purse.free(), Amount(10), "an order is charged once");
}

proptest! {
    #![proptest_config(config(64))]

    /// LIN-3: whatever is ordered and charged, vouchers stay within the deposit, cover all charges of
    /// the orders up to theirs, and open orders never come to more than the line.
    #[test]
    fn vouchers_stay_within_the_deposit(
        deposit in 0..10_000_u64,
        steps in prop::collection::vec((any::<bool>(), 0..3_000_u64, 0..=10_000_u64), 0..40),
    ) {
        let world = World::new();
        let mut purse = purse(deposit);
        let mut open: Vec<(u32, u64)> = Vec::new();
        let (mut drawn, mut highest, mut last) = (0, 0, 0);
        for (orders, worst, share) in steps {
            if orders || open.is_empty() {
                let order = purse.order(
                    &world.setup.terms, Amount(worst), &world.setup.network, &key("requester"),
                );
                let Ok(voucher) = order else {
                    prop_assert!(purse.free() < Amount(worst));
                    continue;
                };
                prop_assert!(voucher.body.n > last);
                prop_assert!(voucher.body.limit <= Amount(deposit));
                (last, highest) = (voucher.body.n, voucher.body.limit.0);
                open.push((last, worst));
                let reserved: u64 = open.iter().map(|(_, worst)| worst).sum();
                prop_assert!(drawn + reserved <= highest);
            } else {
                let (n, worst) = open.remove(usize::try_from(share).unwrap() % open.len());
                let charge = worst * share / 10_000;
                purse.charge(n, Amount(charge));
                drawn += charge;
            }
            prop_assert!(drawn <= highest);
        }
    }
}

/// CON-2: the worst case does not overflow into a small one, and knows how many seats there can be.
#[test]
fn the_worst_case_is_a_bound() {
    let limit = |seats, cap| {
        let world = World::new();
        let mut terms = world.setup.terms;
        (terms.seats, terms.caps.seat_charge) = (seats, Amount(cap));
        worst_case(&terms, FEE)
    };
    assert_eq!(limit(3, u64::MAX / 2), None);
    assert_eq!(
        limit(7, 1_000),
        limit(255, 1_000),
        "a panel has seven seats at most"
    );
    assert_eq!(limit(0, 1_000), limit(1, 1_000), "and one at least");
}

/// SET-4, CON-9: base for an opened answer and the rest by score; base alone where it failed.
#[test]
fn pay_is_base_and_the_rest_by_score() {
    let world = World::new();
    let pays = |status, output, score| {
        let terms = &world.setup.terms;
        pay(status, terms, &price(), Tokens(0), Tokens(output), score).0
    };
    use ContractStatus::{Concluded, Failed, Void};
    // 1,000 for the call and 8,000 for a thousand tokens; four tenths of it are the base.
    assert_eq!(pays(Concluded, 1_000, Score::ONE), 9_000);
    assert_eq!(pays(Concluded, 1_000, Score::HALF), 3_600 + 2_700);
    assert_eq!(pays(Concluded, 1_000, Score::ZERO), 3_600);
    assert_eq!(pays(Failed, 1_000, Score::ONE), 3_600);
    assert_eq!(pays(Void, 1_000, Score::ONE), 0);
    assert_eq!(pays(Concluded, u32::MAX, Score::ONE), 20_000, "the cap");
}

/// SET-3, SET-5: pay, the coordinator's part, and a fee on both, rounded down; the ledger halves it.
#[test]
fn charges_add_up() {
    let world = World::new();
    let total = |status, seats| {
        let charges = charges(status, &world.setup.terms, Amount(seats), FEE).unwrap();
        (charges.coordinator.0, charges.fee.0, charges.total.0)
    };
    assert_eq!(total(ContractStatus::Concluded, 1_001), (100, 550, 1_651));
    assert_eq!(total(ContractStatus::Failed, 1_001), (0, 500, 1_501));
    assert_eq!(total(ContractStatus::Void, 0), (0, 0, 0));
}

fn run() -> (World, Run) {
    let world = World::new();
    let scripts = (0..3).map(|_| Script::says(world.answer("Titan.")));
    let run = play(&world, honest(&world, scripts.collect()));
    (world, run)
}

/// SET-1: a leaf says what the receipt says, in numbers.
#[test]
fn a_leaf_stands_for_its_receipt() {
    let (_, run) = run();
    let receipt = &run.finished.receipt;
    let leaf = Leaf::of(receipt, run.finished.signed.body);
    assert_eq!((leaf.line, leaf.n, leaf.height), (LineId(5), 1, Height(40)));
    assert_eq!(
        (leaf.charge, leaf.fee),
        (receipt.charges.total, receipt.charges.fee)
    );
    assert_eq!(
        (leaf.receipt, leaf.filtered),
        (run.finished.signed.body, false)
    );
    let pays = leaf.seats.iter().map(|seat| (seat.provider, seat.pay));
    let receipts = receipt.seats.iter().map(|seat| (seat.provider, seat.pay));
    assert!(pays.eq(receipts));
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

/// The last slot whose secret is of the first chain.
const CHAIN_END: u64 = 4_999;

/// A slot's element of the coordinator's chain; later ones are of the next.
fn element(slot: u64) -> Digest {
    static CHAINS: LazyLock<[Vec<Digest>; 2]> = LazyLock::new(|| {
        [1, 2].map(|chain| {
            let secret = Digest([chain; 32]);
            let next = |element: &Digest| Some(chain_step(element));
            let mut elements: Vec<_> = std::iter::successors(Some(secret), next)
                .take(usize::try_from(CHAIN_END).unwrap() + 1)
                .collect();
            elements.reverse();
            elements
        })
    });
    let (first, second) = (&CHAINS[0], &CHAINS[1]);
    let place = usize::try_from(slot).unwrap();
    first
        .get(place)
        .copied()
        .unwrap_or_else(|| second[place - first.len()])
}

fn unsettled(slot: u64, line: u32, n: u32) -> Unsettled {
    let voucher = Voucher {
        line: LineId(line),
        n,
        ..WORLD.setup.voucher.body.clone()
    };
    let mut leaf = void_leaf(Height(40), LineId(line));
    (leaf.n, leaf.status) = (n, ContractStatus::Failed);
    Unsettled {
        slot: Slot(slot),
        slot_secret: element(slot),
        leaf,
        voucher: Some(Signed {
            body: voucher,
            // Not looked at before the ledger does.
            signature: WORLD.setup.voucher.signature,
        }),
    }
}

fn void(slot: u64) -> Unsettled {
    Unsettled {
        leaf: void_leaf(Height(40), LineId(9)),
        voucher: None,
        ..unsettled(slot, 9, 0)
    }
}

fn settle(first: u64, leaves_max: usize, waiting: Vec<Unsettled>) -> Option<Settlement> {
    let waiting: BTreeMap<_, _> = waiting.into_iter().map(|leaf| (leaf.slot, leaf)).collect();
    settlement(Slot(first), &waiting, leaves_max, 1_000_000).unwrap()
}

/// SET-2, LIN-3, SET-8: consecutive slots only, the last one's opening, each line's highest voucher,
/// none for what is void.
#[test]
fn a_settlement_takes_consecutive_slots() {
    let waiting = || {
        vec![
            unsettled(3, 6, 1),
            unsettled(4, 5, 8),
            void(5),
            unsettled(6, 5, 9),
            unsettled(8, 5, 10),
        ]
    };
    let settled = settle(3, 100, waiting()).unwrap();
    assert_eq!((settled.first_slot, settled.leaves.len()), (Slot(3), 4));
    assert_eq!(settled.opening, element(6));
    let vouchers = settled
        .vouchers
        .iter()
        .map(|voucher| (voucher.body.line.0, voucher.body.n));
    assert_eq!(vouchers.collect::<Vec<_>>(), [(5, 9), (6, 1)]);
    assert!(settle(2, 100, waiting()).is_none(), "a gap is waited for");
    assert!(settle(7, 100, waiting()).is_none());
    assert!(settle(3, 0, waiting()).is_none());
    assert_eq!(settle(3, 2, waiting()).unwrap().leaves.len(), 2);
}

/// SET-2, ANC-3: a settlement ends with its chain, as its one opening hashes down to no other; the next
/// slot's settlement begins there.
#[test]
fn a_settlement_keeps_to_one_chain() {
    let waiting = || (CHAIN_END - 1..CHAIN_END + 3).map(void).collect::<Vec<_>>();
    let settled = settle(CHAIN_END - 1, 100, waiting()).unwrap();
    assert_eq!(settled.leaves.len(), 2);
    assert_eq!(settled.opening, element(CHAIN_END));
    let settled = settle(CHAIN_END + 1, 100, waiting()).unwrap();
    assert_eq!(settled.leaves.len(), 2);
    assert_eq!(settled.opening, element(CHAIN_END + 2));
}

/// SET-2: a settlement has room for so many leaves and lines; the rest goes into the next.
#[test]
fn a_settlement_is_bounded() {
    let voids = (0..LEAVES_MAX as u64 + 1).map(void).collect();
    assert_eq!(
        settle(0, usize::MAX, voids).unwrap().leaves.len(),
        LEAVES_MAX
    );
    let lines = (0..VOUCHERS_MAX as u32 + 1).map(|line| unsettled(line.into(), line, 1));
    let settled = settle(0, usize::MAX, lines.collect()).unwrap();
    assert_eq!(
        (settled.leaves.len(), settled.vouchers.len()),
        (VOUCHERS_MAX, VOUCHERS_MAX)
    );
}

/// SET-6: a respondent agrees to what its coordinator signed to it, and to nothing else; the first
/// receipt of a slot counts.
#[test]
fn a_respondent_co_signs_what_it_was_promised() {
    let (world, run) = run();
    let (network, coordinator) = (world.setup.network, world.setup.key.public_key());
    let provider = world.setup.order[0];
    let receipt = run.finished.receipt.clone();
    let statement = Statement {
        receipt: receipt.clone(),
        salt: run.finished.salt,
        signed: run.finished.signed.clone(),
    };
    let mut books = Books::default();
    let mut forged = statement.clone();
    forged.signed = Signed::new(forged.signed.body, &network, &key("somebody"));
    assert_eq!(
        books.note(&network, &coordinator, provider, &forged, false),
        None
    );
    assert_eq!(books.total(), Amount::ZERO);
    let noted = books.note(&network, &coordinator, provider, &statement, false);
    assert_eq!(books.total(), receipt.seats[0].pay);

    let mut shrunk = statement;
    shrunk.receipt.seats = List::truncated(receipt.seats.iter().cloned().map(|mut seat| {
        seat.pay = Amount::ZERO;
        seat
    }));
    let root = shrunk.receipt.root(&shrunk.salt);
    shrunk.signed = Signed::new(root, &network, &world.setup.key);
    assert_eq!(
        books.note(&network, &coordinator, provider, &shrunk, false),
        None
    );
    assert_eq!(
        books.total(),
        receipt.seats[0].pay,
        "a debt is not shrunk by another receipt"
    );

    let settled = |receipt, root: ReceiptRoot| {
        let unsettled = Unsettled {
            leaf: Leaf::of(receipt, root),
            voucher: Some(world.setup.voucher.clone()),
            ..unsettled(7, 5, 1)
        };
        settle(7, 10, vec![unsettled]).unwrap()
    };
    let (key, agree) = (world.key(0), settled(&receipt, run.finished.signed.body));
    let refused = settled(&shrunk.receipt, root);
    assert!(books.agree(&network, &key, provider, &refused).is_none());
    let agreed = books.agree(&network, &key, provider, &agree).unwrap();
    agreed.line_ok.verify(&network, &world.node(0)).unwrap();
    assert_eq!(agreed.line_ok.body.total, receipt.seats[0].pay);
    assert_eq!(agreed.slots, [Slot(7)]);
    // To agree is not to be paid: the debt stays until the ledger has settled the slot, and the word may be asked for
    // again, also of who was restarted meanwhile.
    assert_eq!(books.total(), receipt.seats[0].pay);
    assert_eq!(books.open(), Amount::ZERO);
    assert_eq!(
        books.agree(&network, &key, provider, &agree),
        Some(agreed.clone())
    );
    let noted = noted.unwrap();
    let mut again = Books::default();
    again.restore(noted.slot, noted.owed);
    assert_eq!(again.open(), receipt.seats[0].pay);
    assert_eq!(again.agree(&network, &key, provider, &agree), Some(agreed));

    assert_eq!(books.settle(Slot(7)), Settled::default());
    let paid = Settled {
        agreed: receipt.seats[0].pay,
        later: Amount::ZERO,
    };
    assert_eq!(books.settle(Slot(8)), paid);
    assert!(books.is_empty());
    assert_eq!(books.total(), Amount::ZERO);
    assert!(books.agree(&network, &key, provider, &agree).is_none());
}

/// SET-6: what is owed is the sum of what is remembered: more than fits is forgotten from the oldest on, what is
/// settled is owed no more, and no sum of debts wraps around.
#[test]
fn what_is_owed_is_what_is_remembered() {
    let (world, run) = run();
    let (network, coordinator) = (world.setup.network, world.setup.key.public_key());
    let provider = world.setup.order[0];
    let statement = |slot: u64, pay: u64| {
        let mut receipt = run.finished.receipt.clone();
        receipt.slot = Slot(slot);
        receipt.seats = List::truncated(receipt.seats.iter().cloned().map(|mut seat| {
            seat.pay = Amount(pay);
            seat
        }));
        let root = receipt.root(&run.finished.salt);
        Statement {
            receipt,
            salt: run.finished.salt,
            signed: Signed::new(root, &network, &world.setup.key),
        }
    };
    let mut books = Books::default();
    let many = OWED_MAX as u64;
    for slot in 0..many + 2 {
        books.note(
            &network,
            &coordinator,
            provider,
            &statement(slot, slot + 1),
            false,
        );
    }
    let sum = |from: u64, to: u64| (from..=to).sum::<u64>();
    assert_eq!(books.total(), Amount(sum(3, many + 2)));
    assert_eq!(books.open(), books.total());

    let last = statement(many + 1, many + 2);
    let unsettled = Unsettled {
        leaf: Leaf::of(&last.receipt, last.signed.body),
        voucher: Some(world.setup.voucher.clone()),
        ..unsettled(many + 1, 5, 1)
    };
    let settled = settle(many + 1, 10, vec![unsettled]).unwrap();
    assert!(
        books
            .agree(&network, &world.key(0), provider, &settled)
            .is_some()
    );
    assert_eq!(books.open(), Amount(sum(3, many + 1)));
    assert_eq!(books.total(), Amount(sum(3, many + 2)));
    let before = books.settle(Slot(10));
    assert_eq!(before.later, Amount(sum(3, 10)));
    let rest = books.settle(Slot(many + 5));
    assert_eq!(
        (rest.agreed, rest.later),
        (Amount(many + 2), Amount(sum(11, many + 1)))
    );
    assert!(books.is_empty());

    for slot in 0..2 {
        let slot = many + 10 + slot;
        books.note(
            &network,
            &coordinator,
            provider,
            &statement(slot, u64::MAX),
            false,
        );
    }
    assert_eq!(books.total(), Amount(u64::MAX));

    // WIN-1: what nobody can be made to pay for any more is forgotten.
    let height = run.finished.receipt.selection.height;
    assert_eq!(books.expire(height), Amount::ZERO);
    assert_eq!(books.expire(Height(height.0 + 1)), Amount(u64::MAX));
    assert_eq!((books.total(), books.open()), (Amount::ZERO, Amount::ZERO));
}
