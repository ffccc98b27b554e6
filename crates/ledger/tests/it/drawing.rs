//! LIN, SET, SEL-1, ANC-3, BND-4: settlements over several lines, epochs and providers, and who may settle.

use llmnet_ledger::{chain_element, query};
use llmnet_types::{
    bond::{ChainUse, Enlistment, Role},
    codec::{List, Text, encode},
    id::{Digest, LineId, ProviderId},
    merkle,
    message::LineOk,
    params::Params,
    receipt::ContractStatus,
    registration::Registration,
    rejection::{Field, LeafFault, Rejection},
    settlement::{Leaf, SettlementHead},
    signature::Signed,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height},
};

use crate::{
    contract::line_between,
    world::{World, credits, key, params, public, registration, served, settle},
};

/// A contract of slot 0 or later, at this height, with seats of these providers.
fn leaf(world: &World, line: LineId, n: u32, height: Height, seats: &[u32]) -> Leaf {
    let seats = (0_u8..)
        .zip(seats)
        .map(|(rank, id)| served(ProviderId(*id), rank));
    let seats = List::truncated(seats);
    let pay = Amount(1_000 * seats.len() as u64);
    let charges = llmnet_ledger::charges(&world.params, pay, Amount(500)).unwrap();
    Leaf {
        height,
        charge: charges.total,
        fee: charges.fee,
        seats,
        ..world.leaf(line, n, 0, world.height, 1)
    }
}

fn applied(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

/// LIN-3: for each line that is drawn on there is one voucher, in the order of lines, of its own owner and
/// order, and there is no other.
#[test]
fn lin_3_each_line_has_its_voucher_and_no_other_has_one() {
    let mut world = World::with_experts(3);
    let lines = ["alice", "bob", "carol"].map(|requester| {
        let line = line_between(&mut world, requester, "coordinator", credits(5), Epoch(8));
        (requester, line)
    });
    let [(_, first), (_, second), (_, third)] = lines;
    let height = world.height;
    // Interleaved, with gaps: the highest order of each line counts.
    let leaves: Vec<_> = [(second, 2), (first, 1), (second, 7), (first, 3)]
        .map(|(line, n)| leaf(&world, line, n, height, &[0, 1]))
        .to_vec();
    let charge = leaves[0].charge;
    let voucher = |requester: &str, line, n, orders: u64| {
        world.voucher(requester, line, n, Amount(orders * charge.0))
    };
    let good = vec![voucher("alice", first, 3, 2), voucher("bob", second, 7, 2)];
    let with = |vouchers: &[_]| {
        let mut settlement = world.settlement(leaves.clone());
        settlement.vouchers = List::from_vec(vouchers.to_vec()).unwrap();
        settle(settlement)
    };
    let cases = [
        // None for the second line, one too many, out of order, of another's key, order or amount.
        (with(&good[..1]), second),
        (
            with(&[
                good[0].clone(),
                good[1].clone(),
                voucher("carol", third, 1, 1),
            ]),
            third,
        ),
        (with(&[good[1].clone(), good[0].clone()]), first),
        (
            with(&[good[0].clone(), voucher("alice", second, 7, 2)]),
            second,
        ),
        (
            with(&[voucher("alice", first, 1, 2), good[1].clone()]),
            first,
        ),
        (
            with(&[voucher("alice", first, 4, 2), good[1].clone()]),
            first,
        ),
        (
            with(&[good[0].clone(), voucher("bob", second, 7, 1)]),
            second,
        ),
        (
            with(&[good[0].clone(), good[0].clone(), good[1].clone()]),
            second,
        ),
    ];
    let good = with(&good);
    for (number, (settlement, line)) in cases.into_iter().enumerate() {
        let reason = world.rejection("coordinator", settlement);
        assert_eq!(reason, Rejection::Voucher { line }, "case {number}");
    }
    applied(&world.run("coordinator", good));
    for (line, n) in [(first, 3), (second, 7)] {
        let line = query::line(&world.state, line).unwrap();
        assert_eq!((line.n, line.drawn), (n, Amount(2 * charge.0)));
    }
}

/// SET-9
#[test]
fn set_9_contracts_of_a_settlement_are_of_one_epoch() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let old = world.height;
    world.go_to_epoch(1);
    let new = world.height;
    world.block(&[]);
    let leaves = vec![
        leaf(&world, line, 1, old, &[0]),
        leaf(&world, line, 2, new, &[0]),
    ];
    let both = settle(world.settlement(leaves.clone()));
    assert_eq!(world.rejection("coordinator", both), Rejection::Epochs);
    for leaf in leaves {
        let settlement = world.settlement(vec![leaf]);
        applied(&world.run("coordinator", settle(settlement)));
    }
}

fn refused_leaf(world: &mut World, leaves: Vec<Leaf>) -> LeafFault {
    let settlement = settle(world.settlement(leaves));
    match world.rejection("coordinator", settlement) {
        Rejection::Leaf { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

/// SEL-1: neither in a settlement nor from one to the next.
#[test]
fn sel_1_heights_never_go_down() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let earlier = world.height;
    world.block(&[]);
    let later = world.height;
    world.block(&[]);
    let first = leaf(&world, line, 1, later, &[0]);
    let second = leaf(&world, line, 2, earlier, &[0]);
    let both = vec![first.clone(), second.clone()];
    assert_eq!(refused_leaf(&mut world, both), LeafFault::Height);
    let settlement = world.settlement(vec![first]);
    applied(&world.run("coordinator", settle(settlement)));
    assert_eq!(refused_leaf(&mut world, vec![second]), LeafFault::Height);
    let again = leaf(&world, line, 2, later, &[0]);
    let settlement = world.settlement(vec![again]);
    applied(&world.run("coordinator", settle(settlement)));
}

/// WIN-1, SEL-8: by the end of e+1. Then its slot is voided, under a height of then.
#[test]
fn win_1_a_contract_is_settled_by_the_end_of_the_next_epoch() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let leaf = leaf(&world, line, 1, world.height, &[0]);
    let mut late = World {
        params: world.params.clone(),
        state: world.state.clone(),
        ..world
    };
    let length = world.params.epoch_length();
    while world.height.0 < 2 * length - 2 {
        world.block(&[]);
    }
    let settlement = world.settlement(vec![leaf.clone()]);
    applied(&world.run("coordinator", settle(settlement)));
    assert_eq!(world.epoch(), Epoch(1));

    late.go_to_epoch(2);
    assert_eq!(
        refused_leaf(&mut late, vec![leaf.clone()]),
        LeafFault::Height
    );
    let void = |height| Leaf {
        height,
        n: 0,
        status: ContractStatus::Void,
        charge: Amount::ZERO,
        fee: Amount::ZERO,
        seats: List::new(),
        ..leaf.clone()
    };
    let stale = vec![void(leaf.height)];
    assert_eq!(refused_leaf(&mut late, stale), LeafFault::Height);
    let settlement = late.settlement(vec![void(late.height)]);
    applied(&late.run("coordinator", settle(settlement)));
}

/// LIN-2: though a line is settled against for an epoch longer, it pays for nothing of that epoch.
#[test]
fn lin_2_a_line_pays_for_nothing_selected_after_its_end() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let before = world.height;
    world.apply("alice", Instruction::CloseLine { line });
    world.go_to_epoch(1);
    let after = world.height;
    world.block(&[]);
    let closed = Rejection::LineClosed { line };
    let late = world.settlement(vec![leaf(&world, line, 1, after, &[0])]);
    assert_eq!(world.rejection("coordinator", settle(late)), closed);
    let settlement = world.settlement(vec![leaf(&world, line, 1, before, &[0])]);
    applied(&world.run("coordinator", settle(settlement)));
}

/// SET-1, SEL-1: who did not stand at its height has no seat in a leaf.
#[test]
fn set_1_a_seat_stood_when_it_was_selected() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let before = world.height;
    applied(&world.register(registration(7, &["physics"])));
    let joined = world.height;
    let provider = ProviderId(0);
    world.apply("operator-0", Instruction::Retire { provider });
    let left = world.height;
    world.block(&[]);
    for (height, provider) in [(before, 3), (left, 0)] {
        let absent = vec![leaf(&world, line, 1, height, &[provider])];
        assert_eq!(refused_leaf(&mut world, absent), LeafFault::Unknown);
    }
    let present = leaf(&world, line, 1, joined, &[0, 3]);
    let settlement = world.settlement(vec![present]);
    applied(&world.run("coordinator", settle(settlement)));
}

/// SET-6: each of a provider that is paid, in order, and about all that it is paid.
#[test]
fn set_6_co_signatures_with_a_settlement_are_in_order_and_about_it() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let mut good = world.settlement(vec![leaf(&world, line, 1, world.height, &[0, 1])]);
    world.co_sign(&mut good, 0);
    world.co_sign(&mut good, 1);
    let with = |line_oks: &[(ProviderId, Signed<LineOk>)]| {
        let mut other = good.clone();
        other.line_oks = List::truncated(line_oks.iter().cloned());
        settle(other)
    };
    let [first, second] = [good.line_oks[0].clone(), good.line_oks[1].clone()];
    let lies: [fn(&mut LineOk); 3] = [
        |said| said.total = Amount(said.total.0 + 1),
        |said| said.leaves = Digest::ZERO,
        |said| said.settlement = Digest::ZERO,
    ];
    for lie in lies {
        let mut said = first.1.body.clone();
        lie(&mut said);
        let lied = Signed::new(said, &world.network, &key("node-0"));
        let provider = ProviderId(0);
        let refused = world.rejection("coordinator", with(&[(provider, lied)]));
        assert_eq!(refused, Rejection::LineOk { provider });
    }
    for (swapped, provider) in [([&second, &first], first.0), ([&first, &first], first.0)] {
        let swapped = swapped.map(Clone::clone);
        let refused = world.rejection("coordinator", with(&swapped));
        assert_eq!(refused, Rejection::LineOk { provider });
    }
    applied(&world.run("coordinator", settle(good)));
    assert_eq!(query::totals(&world.state).held, Amount::ZERO);
}

/// ANC-2, ANC-3: what was selected before the next chain is in force is opened by the one before, though it
/// is settled later.
#[test]
fn anc_3_contracts_of_the_epoch_before_are_opened_by_its_chain() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let anchor = Instruction::Anchor {
        purpose: ChainUse::Slots,
        tip: chain_element(&Digest::ZERO, 10, 0),
        length: 10,
    };
    world.apply("coordinator", anchor);
    let before = leaf(&world, line, 1, world.height, &[0]);
    world.go_to_epoch(1);
    let height = world.height;
    world.block(&[]);
    let settlement = world.settlement(vec![before]);
    applied(&world.run("coordinator", settle(settlement)));
    let mut next = world.settlement(vec![leaf(&world, line, 2, height, &[0])]);
    assert_eq!(
        world.rejection("coordinator", settle(next.clone())),
        Rejection::Opening
    );
    next.opening = chain_element(&Digest::ZERO, 10, 1);
    applied(&world.run("coordinator", settle(next)));
}

/// SET-9
#[test]
fn set_9_a_settlement_names_at_most_256_providers() {
    let mut world = World::new();
    let mut nonces = [0_u64; 10];
    let transactions: Vec<_> = (0..257_u32)
        .map(|number| {
            let node = key(&format!("many-{number}"));
            // A domain takes 256.
            let domain = if number < 200 { "physics" } else { "law" };
            let operator = number as usize % 10;
            let registration = Registration {
                node: node.public_key(),
                operator: public(&format!("operator-{operator}")),
                ..registration(0, &[domain])
            };
            let signed = Signed::new(registration, &world.network, &node);
            let register = Instruction::Register(Box::new(signed));
            let nonce = nonces[operator];
            nonces[operator] += 1;
            let operator = key(&format!("operator-{operator}"));
            Transaction::sign(world.network, &operator, nonce, register)
        })
        .collect();
    world.block(&transactions).outcomes.iter().for_each(applied);
    let line = world.open_line(credits(50), Epoch(8));
    let height = world.height;
    let ids: Vec<u32> = (0..257).collect();
    let leaves: Vec<_> = (1..)
        .zip(ids.chunks(7))
        .map(|(n, seats)| leaf(&world, line, n, height, seats))
        .collect();
    // Whether pay is held or not.
    let mut too_many = world.settlement(leaves.clone());
    let agrees = too_many.line_ok(ProviderId(0)).unwrap();
    let agrees = Signed::new(agrees, &world.network, &key("many-0"));
    too_many.line_oks = List::truncated([(ProviderId(0), agrees)]);
    let too_many = settle(too_many);
    let expected = Rejection::Bounds {
        field: Field::Leaves,
    };
    assert_eq!(world.rejection("coordinator", too_many), expected);
    let mut fewer = leaves;
    fewer.last_mut().unwrap().seats = List::truncated([served(ProviderId(0), 0)]);
    let last = leaf(&world, line, 37, height, &[0]);
    (fewer[36].charge, fewer[36].fee) = (last.charge, last.fee);
    let settlement = world.settlement(fewer);
    applied(&world.run("coordinator", settle(settlement)));
    let first = llmnet_types::units::Slot(0);
    let settled = query::settlement(&world.state, &public("coordinator"), first).unwrap();
    assert!(settled.held.len() > 250);
    world.go_to_epoch(4);
    assert_eq!(query::totals(&world.state).held, Amount::ZERO);
}

/// SET-7: the header's root is over the heads of what was applied, in order.
#[test]
fn set_7_a_block_seals_the_settlements_that_it_applies() {
    let mut world = World::with_experts(3);
    let line = world.open_line(credits(5), Epoch(8));
    let height = world.height;
    let first = world.settlement(vec![leaf(&world, line, 1, height, &[0, 1])]);
    let second = llmnet_types::settlement::Settlement {
        first_slot: llmnet_types::units::Slot(1),
        opening: crate::world::element("coordinator", 1),
        ..world.settlement(vec![leaf(&world, line, 2, height, &[1, 2])])
    };
    let nonce = query::account(&world.state, &public("coordinator")).nonce;
    let sign = |offset: u64, settlement| {
        let (network, key) = (world.network, key("coordinator"));
        Transaction::sign(network, &key, nonce + offset, settle(settlement))
    };
    // The second comes twice; the repetition is refused and sealed nowhere.
    let transactions = [
        sign(0, first.clone()),
        sign(1, first.clone()),
        sign(2, second.clone()),
    ];
    let execution = world.block(&transactions);
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Rejected { .. });
    let refused: Vec<_> = execution.outcomes.iter().map(refused).collect();
    assert_eq!(refused, [false, true, false]);
    let heads: Vec<_> = [&first, &second]
        .map(|settlement| SettlementHead {
            coordinator: public("coordinator"),
            first_slot: settlement.first_slot,
            root: settlement.root(),
        })
        .to_vec();
    assert_eq!(execution.settlements, heads);
    assert_eq!(
        execution.settlements_root,
        merkle::root(heads.iter().map(encode))
    );
}

/// BND-4
#[test]
fn bnd_4_who_settles_has_the_bond_that_the_parameters_ask_for() {
    let mut world = World::with(Params {
        coordinator_bond_min: credits(5),
        ..params()
    });
    for number in 0..3 {
        applied(&world.register(registration(number, &["physics"])));
    }
    let line = world.open_line(credits(5), Epoch(8));
    let settlement = |world: &World, n| {
        let height = world.height;
        settle(world.settlement(vec![leaf(world, line, n, height, &[0, 1])]))
    };
    let role = Role::Coordinator;
    let attempt = settlement(&world, 1);
    let reason = world.rejection("coordinator", attempt);
    assert_eq!(reason, Rejection::NotEnlisted { role });
    let enlistment = Enlistment {
        node: public("coordinator"),
        operator: public("carol"),
        role,
        address: Text::empty(),
        bond: credits(5),
        until: Epoch(1),
    };
    let signed = Signed::new(enlistment, &world.network, &key("coordinator"));
    applied(&world.run("carol", Instruction::Enlist(Box::new(signed))));
    let attempt = settlement(&world, 1);
    applied(&world.run("coordinator", attempt));
    // A bond that leaves is none, though it can still be slashed.
    let node = public("coordinator");
    applied(&world.run("carol", Instruction::Delist { node, role }));
    let attempt = settlement(&world, 2);
    let reason = world.rejection("coordinator", attempt);
    assert_eq!(reason, Rejection::NotEnlisted { role });
}
