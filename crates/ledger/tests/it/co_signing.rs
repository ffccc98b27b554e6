//! SET-6: seats that agree to a settlement after it, and are paid at once for it.

use llmnet_ledger::query;
use llmnet_types::{
    codec::List,
    id::{Digest, LineId, ProviderId},
    registration::Rotated,
    rejection::{Field, Rejection},
    settlement::{CoSignature, Settlement},
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Slot},
};

use crate::world::{World, credits, key, public, settle};

/// A world in which a contract of three seats was settled and nobody agreed yet.
fn settled() -> (World, Settlement) {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(10), Epoch(8));
    let settlement = world.settlement(vec![world.leaf(line, 1, 0, world.height, 3)]);
    apply(&mut world, "coordinator", settle(settlement.clone()));
    (world, settlement)
}

fn apply(world: &mut World, signer: &str, instruction: Instruction) {
    let outcome = world.run(signer, instruction);
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

/// What a seat says of a settlement, by this key.
fn agreement(
    world: &World,
    settlement: &Settlement,
    provider: ProviderId,
    node: &PrivateKey,
) -> CoSignature {
    let line_ok = settlement.line_ok(provider).unwrap();
    CoSignature {
        coordinator: public("coordinator"),
        first_slot: settlement.first_slot,
        provider,
        line_ok: Signed::new(line_ok, &world.network, node),
    }
}

fn agree(signatures: &[CoSignature]) -> Instruction {
    Instruction::CoSign(List::from_vec(signatures.to_vec()).unwrap())
}

fn node(provider: ProviderId) -> PrivateKey {
    key(&format!("node-{}", provider.0))
}

fn balance(world: &World, provider: ProviderId) -> Amount {
    query::account(&world.state, &public(&format!("operator-{}", provider.0))).balance
}

#[test]
fn set_6_pay_co_signed_later_is_free_at_once_and_once() {
    let (mut world, settlement) = settled();
    let seats = settlement.leaves[0].seats.clone();
    let [first, second] = [seats[0].provider, seats[1].provider];
    let before = balance(&world, first);
    let signature = agreement(&world, &settlement, first, &node(first));
    // Anybody may hand it in, and it is the operator who is paid.
    apply(&mut world, "carol", agree(std::slice::from_ref(&signature)));
    assert_eq!(balance(&world, first), Amount(before.0 + 1_000));
    assert_eq!(query::totals(&world.state).held, Amount(2_000));

    let again = world.rejection("carol", agree(std::slice::from_ref(&signature)));
    assert_eq!(again, Rejection::LineOk { provider: first });
    // One that does not hold refuses them all.
    let other = agreement(&world, &settlement, second, &node(second));
    let both = world.rejection("carol", agree(&[other.clone(), signature]));
    assert_eq!(both, Rejection::LineOk { provider: first });
    assert_eq!(query::totals(&world.state).held, Amount(2_000));
    let nothing = world.rejection("carol", agree(&[]));
    let expected = Rejection::Bounds {
        field: Field::Items,
    };
    assert_eq!(nothing, expected);

    // The rest is free when the windows close, and nothing is paid twice.
    apply(&mut world, "carol", agree(&[other]));
    let paid = [first, second].map(|provider| balance(&world, provider));
    world.go_to_epoch(4);
    assert_eq!(query::totals(&world.state).held, Amount::ZERO);
    assert_eq!(
        [first, second].map(|provider| balance(&world, provider)),
        paid
    );
}

#[test]
fn set_6_a_late_co_signature_is_about_this_settlement_and_all_of_its_pay() {
    let (mut world, settlement) = settled();
    let provider = settlement.leaves[0].seats[0].provider;
    let good = agreement(&world, &settlement, provider, &node(provider));
    let forged = Rejection::LineOk { provider };
    let resigned = |change: &dyn Fn(&mut llmnet_types::message::LineOk)| {
        let mut body = good.line_ok.body.clone();
        change(&mut body);
        CoSignature {
            line_ok: Signed::new(body, &world.network, &node(provider)),
            ..good.clone()
        }
    };
    let cases = [
        (resigned(&|body| body.total = Amount(2_000)), forged.clone()),
        (
            resigned(&|body| body.settlement = Digest::ZERO),
            forged.clone(),
        ),
        (
            agreement(&world, &settlement, provider, &key("coordinator")),
            forged,
        ),
        (
            CoSignature {
                first_slot: Slot(7),
                ..good.clone()
            },
            Rejection::Settlement { slot: Slot(7) },
        ),
        (
            CoSignature {
                coordinator: public("rival"),
                ..good.clone()
            },
            Rejection::Settlement { slot: Slot(0) },
        ),
    ];
    for (signature, expected) in cases {
        assert_eq!(world.rejection("carol", agree(&[signature])), expected);
    }
    // A seat that the leaves do not name has nothing to agree to.
    let stranger = (0..5)
        .map(ProviderId)
        .find(|id| {
            settlement.leaves[0]
                .seats
                .iter()
                .all(|seat| seat.provider != *id)
        })
        .unwrap();
    let reason = world.rejection(
        "carol",
        agree(&[agreement(&world, &settlement, stranger, &node(stranger))]),
    );
    assert_eq!(reason, Rejection::LineOk { provider: stranger });
}

/// SET-6: after a rotation, the key that worked may agree as well as the key that stands.
#[test]
fn set_6_keys_that_the_registration_had_since_the_epoch_began_agree() {
    for (signer, holds) in [("node", true), ("new", true), ("other", false)] {
        let (mut world, settlement) = settled();
        let provider = settlement.leaves[0].seats[0].provider;
        let (old, new) = (node(provider), key("new"));
        let rotated = Rotated::sign(provider, &world.network, &old, &new);
        let operator = format!("operator-{}", provider.0);
        apply(
            &mut world,
            &operator,
            Instruction::Rotate(Box::new(rotated)),
        );
        let signer = match signer {
            "node" => old,
            other => key(other),
        };
        let signature = agreement(&world, &settlement, provider, &signer);
        let outcome = world.run("carol", agree(&[signature]));
        assert_eq!(
            matches!(outcome, Outcome::Applied { .. }),
            holds,
            "{outcome:?}"
        );
    }
}

/// SET-6: the same holds for co-signatures that come with the settlement.
#[test]
fn set_6_a_settlement_takes_co_signatures_of_old_and_new_key() {
    for (signer, holds) in [("node", true), ("new", true), ("other", false)] {
        let mut world = World::with_experts(5);
        let line = world.open_line(credits(10), Epoch(8));
        let leaf = world.leaf(line, 1, 0, world.height, 3);
        let provider = leaf.seats[0].provider;
        let (old, new) = (node(provider), key("new"));
        let rotated = Rotated::sign(provider, &world.network, &old, &new);
        let operator = format!("operator-{}", provider.0);
        apply(
            &mut world,
            &operator,
            Instruction::Rotate(Box::new(rotated)),
        );
        let mut settlement = world.settlement(vec![leaf]);
        let signer = match signer {
            "node" => old,
            other => key(other),
        };
        let line_ok = agreement(&world, &settlement, provider, &signer).line_ok;
        settlement.line_oks = List::from_vec(vec![(provider, line_ok)]).unwrap();
        let outcome = world.run("coordinator", settle(settlement));
        assert_eq!(
            matches!(outcome, Outcome::Applied { .. }),
            holds,
            "{outcome:?}"
        );
    }
}

/// WIN-1, SET-6: as long as a settlement is remembered it can be agreed to, and no longer.
#[test]
fn win_1_a_settlement_is_remembered_until_its_windows_close() {
    let (mut world, settlement) = settled();
    let seats = settlement.leaves[0].seats.clone();
    let sign = |world: &World, seat: usize| {
        let provider = seats[seat].provider;
        agree(&[agreement(world, &settlement, provider, &node(provider))])
    };
    let coordinator = public("coordinator");
    world.go_to_epoch(3);
    world.blocks(6);
    let last = sign(&world, 0);
    apply(&mut world, "carol", last);
    assert_eq!(world.epoch(), Epoch(3));
    assert!(query::settlement(&world.state, &coordinator, Slot(0)).is_some());
    world.blocks(1);
    assert_eq!(world.epoch(), Epoch(4));
    assert!(query::settlement(&world.state, &coordinator, Slot(0)).is_none());
    let late = sign(&world, 1);
    let reason = world.rejection("carol", late);
    assert_eq!(reason, Rejection::Settlement { slot: Slot(0) });
    assert_eq!(query::line(&world.state, LineId(0)).unwrap().n, 1);
}
