//! A bystander: nobody's contract is its business, unless chance draws the slot.

use llmnet_types::{id::Digest, params::Params, rejection::Rejection, units::Amount};

use super::{Scene, answer, challenge, enlist, void};
use crate::{
    contract::{Contract, Plan},
    world::{World, credits, params, public},
};

/// Whether the beacon of the present epoch draws a slot, as anybody can tell.
fn drawn(world: &World, slot: u64) -> bool {
    let beacon = llmnet_ledger::query::clock(&world.state).beacon();
    let coordinator = public("coordinator");
    let parts: [&[u8]; 3] = [&beacon.0, &coordinator.0, &slot.to_le_bytes()];
    let digest = Digest::tagged("llmnet/spot-check/1", &parts).0;
    let number = u64::from_le_bytes(digest[..8].try_into().unwrap());
    number.is_multiple_of(u64::from(world.params.spot_check_one_in))
}

/// DIS-4: parties from settlement to e+2; seats by node or operator; nobody else, and no void contract.
#[test]
fn dis_4_parties_challenge_and_bystanders_do_not() {
    let mut scene = Scene::new();
    let contracts: Vec<Contract> = (0..4)
        .map(|slot| Contract::new(&scene.world, scene.plan(slot + 1, u64::from(slot))))
        .collect();
    let all: Vec<&Contract> = contracts.iter().collect();
    let settled = scene.settle_as(&all, |slot, leaf| {
        if slot == 3 {
            void(leaf);
        }
    });
    let outside = scene
        .world
        .order("coordinator", 0, contracts[0].plan.height)[4];
    for stranger in [
        "bob",
        "rival",
        "coordinator",
        &format!("operator-{outside}"),
    ] {
        assert_eq!(
            scene.refused(stranger, challenge(&settled[0])),
            Rejection::NoParty
        );
    }
    let seat = settled[1].leaf.seats[0].provider;
    let fund = llmnet_types::transaction::Instruction::Transfer {
        to: public(&format!("node-{seat}")),
        amount: credits(2),
    };
    scene.applied("bob", fund);
    scene.applied("alice", challenge(&settled[0]));
    scene.applied(&format!("node-{seat}"), challenge(&settled[1]));
    scene.world.go_to_epoch(2);
    scene.world.blocks(6);
    let second = settled[2].leaf.seats[1].provider;
    scene.applied(&format!("operator-{second}"), challenge(&settled[2]));
    assert_eq!(
        scene.refused("alice", challenge(&settled[3])),
        Rejection::NoFault
    );
}

/// DIS-4, WIN-1: not after e+2, and not without the deposit.
#[test]
fn dis_4_a_challenge_comes_in_time_and_with_its_deposit() {
    let mut scene = Scene::new();
    let contract = scene.contract();
    let settled = scene.settle(&[&contract]).remove(0);
    let rest = scene.balance("alice").0 - 500_000;
    let spend = llmnet_types::transaction::Instruction::Transfer {
        to: public("bob"),
        amount: Amount(rest),
    };
    scene.applied("alice", spend);
    assert!(matches!(
        scene.refused("alice", challenge(&settled)),
        Rejection::Balance { .. }
    ));
    scene.world.go_to_epoch(3);
    let seat = format!("operator-{}", settled.leaf.seats[0].provider);
    assert_eq!(scene.refused(&seat, challenge(&settled)), Rejection::Window);
}

/// DIS-4: in e+2 anybody may challenge what the beacon of that epoch draws, and nothing else. An honest
/// coordinator answers, and its challenger pays for the bytes.
#[test]
fn dis_4_chance_opens_slots_to_everybody_in_one_epoch() {
    const SLOTS: u32 = 8;
    let one_in = |spot_check_one_in| Params {
        spot_check_one_in,
        ..params()
    };
    let mut world = World::with(one_in(3));
    for number in 0..3 {
        world.register(crate::world::registration(number, &["physics"]));
    }
    enlist(
        &mut world,
        "coordinator",
        llmnet_types::bond::Role::Coordinator,
    );
    let line = world.open_line(credits(10), llmnet_types::units::Epoch(6));
    let mut scene = Scene { world, line };
    let height = scene.world.height;
    let contracts: Vec<Contract> = (0..SLOTS)
        .map(|slot| Plan::new(scene.line, slot + 1, u64::from(slot), height, 2))
        .map(|plan| Contract::new(&scene.world, plan))
        .collect();
    let all: Vec<&Contract> = contracts.iter().collect();
    let settled = scene.settle(&all);
    // The beacon of an earlier epoch draws nothing, whichever slots it would.
    scene.world.go_to_epoch(1);
    for settled in &settled {
        assert_eq!(scene.refused("bob", challenge(settled)), Rejection::NoParty);
    }
    scene.world.go_to_epoch(2);
    let lucky: Vec<bool> = (0..u64::from(SLOTS))
        .map(|slot| drawn(&scene.world, slot))
        .collect();
    assert!(lucky.contains(&true) && lucky.contains(&false), "{lucky:?}");
    let mut opened = 0;
    for (slot, settled) in settled.iter().enumerate() {
        let challenged = scene.world.sign("bob", challenge(settled));
        let outcome = scene.world.block(&[challenged]).outcomes.remove(0);
        if scene.world.epoch().0 > 2 {
            break;
        }
        let taken = matches!(outcome, llmnet_types::transaction::Outcome::Applied { .. });
        assert_eq!(taken, lucky[slot], "slot {slot}: {outcome:?}");
        opened += u32::from(taken);
    }
    assert!(opened > 0);
    let deposit = scene.world.params.deposit;
    for (slot, settled) in settled.iter().enumerate().filter(|(slot, _)| lucky[*slot]) {
        let answer = answer(&contracts[slot], &settled.leaf);
        let transaction = scene.world.sign("coordinator", answer);
        let outcome = scene.world.block(&[transaction]).outcomes.remove(0);
        let answered = matches!(outcome, llmnet_types::transaction::Outcome::Applied { .. });
        opened -= u32::from(answered);
    }
    assert_eq!((opened, scene.bond()), (0, super::bond()));
    assert!(deposit > Amount::ZERO);
}
