//! EPO: the beacon that validators mix together.

use llmnet_ledger::{BlockFault, BlockInfo, Execution, chain_element, execute, query};
use llmnet_types::{
    bond::ChainUse,
    id::Digest,
    transaction::{Instruction, Transaction},
    units::{Epoch, Height},
};

use crate::world::{CHAIN_LENGTH, VALIDATORS, World, credits, public, secret};

/// A block by any leader, with any reveal.
fn attempt(
    world: &World,
    leader: &str,
    reveal: Option<Digest>,
    transactions: &[Transaction],
) -> Execution {
    let block = BlockInfo {
        network: world.network,
        height: world.height.next().unwrap(),
        leader: public(leader),
        reveal,
    };
    execute(&world.state, &block, transactions)
}

fn lead(world: &mut World, leader: &str, reveal: Option<Digest>) {
    let execution = attempt(world, leader, reveal, &[]);
    assert_eq!(execution.fault, None);
    world.state.apply(&execution.writes);
    world.height = Height(world.height.0 + 1);
}

fn fault(world: &World, leader: &str, reveal: Option<Digest>) -> Option<BlockFault> {
    attempt(world, leader, reveal, &[]).fault
}

/// The element of a genesis chain.
fn element(validator: &str, index: u32) -> Digest {
    chain_element(&secret(validator), CHAIN_LENGTH, index)
}

#[test]
fn epo_2_a_leader_reveals_the_next_element_and_nothing_else() {
    let world = World::new();
    let leader = VALIDATORS[0];
    assert_eq!(fault(&world, leader, Some(element(leader, 1))), None);
    let wrong = Some(BlockFault::Reveal);
    assert_eq!(fault(&world, leader, None), wrong, "withheld");
    assert_eq!(
        fault(&world, leader, Some(element(leader, 0))),
        wrong,
        "again"
    );
    assert_eq!(
        fault(&world, leader, Some(element(leader, 2))),
        wrong,
        "skipped"
    );
    let others = Some(element(VALIDATORS[1], 1));
    assert_eq!(fault(&world, leader, others), wrong, "another's");
    // The last of them has no chain.
    assert_eq!(fault(&world, VALIDATORS[3], None), None);
    assert_eq!(fault(&world, VALIDATORS[3], Some(Digest::ZERO)), wrong);
}

#[test]
fn epo_2_an_invalid_block_says_what_it_would_do_without_the_reveal() {
    let world = World::new();
    let (to, amount) = (public("bob"), credits(1));
    let transfer = world.sign("alice", Instruction::Transfer { to, amount });
    let execution = attempt(&world, VALIDATORS[0], None, &[transfer]);
    assert_eq!(execution.fault, Some(BlockFault::Reveal));
    assert_eq!(execution.outcomes.len(), 1);
    let mut state = world.state.clone();
    state.apply(&execution.writes);
    assert_eq!(query::clock(&state).mix, Digest::ZERO);
    assert_eq!(query::account(&state, &to).balance, credits(101));
}

#[test]
fn epo_2_a_leader_of_several_blocks_reveals_one_element_after_another() {
    let mut world = World::new();
    let leader = VALIDATORS[1];
    for index in 1..20 {
        let wrong = Some(BlockFault::Reveal);
        assert_eq!(
            fault(&world, leader, Some(element(leader, index + 1))),
            wrong
        );
        lead(&mut world, leader, Some(element(leader, index)));
        assert_eq!(fault(&world, leader, Some(element(leader, index))), wrong);
    }
    let chains = query::beacon_chains(&world.state, &public(leader));
    assert_eq!(chains.of(Epoch(0)).unwrap().left, CHAIN_LENGTH - 19);
}

/// The rule written a second time.
#[test]
fn epo_2_the_beacon_mixes_what_an_epoch_revealed_before_its_first_block() {
    let mut world = World::new();
    let mut beacon = query::clock(&world.state).beacon();
    let mut mix = Digest::ZERO;
    let mut next = [1_u32; 3];
    for height in 1..=40_u64 {
        if height % 8 == 0 {
            let epoch = height / 8;
            let parts = [&beacon.0[..], &mix.0, &epoch.to_le_bytes()];
            beacon = Digest::tagged("llmnet/beacon/1", &parts);
            mix = Digest::ZERO;
        }
        // Leaders out of turn, one of them without a chain.
        let number = usize::try_from(height * height % 7 % 4).unwrap();
        let reveal = next.get_mut(number).map(|index| {
            *index += 1;
            element(VALIDATORS[number], *index - 1)
        });
        if let Some(reveal) = reveal {
            mix = Digest::tagged("llmnet/mix/1", &[&mix.0, &reveal.0]);
        }
        lead(&mut world, VALIDATORS[number], reveal);
        let clock = query::clock(&world.state);
        assert_eq!((clock.beacon(), clock.mix), (beacon, mix), "{height}");
    }
}

#[test]
fn epo_2_a_chain_used_up_is_not_in_force_and_needs_a_new_anchor() {
    let mut world = World::new();
    let leader = VALIDATORS[3];
    let (to, amount) = (public(leader), credits(1));
    world.apply("alice", Instruction::Transfer { to, amount });
    let last = Digest::of(b"last");
    let anchor = |length| Instruction::Anchor {
        purpose: ChainUse::Beacon,
        tip: chain_element(&last, length, 0),
        length,
    };
    world.apply(leader, anchor(2));
    // In force from the next epoch.
    assert_eq!(fault(&world, leader, None), None);
    while world.height < Height(7) {
        lead(&mut world, leader, None);
    }
    assert_eq!(fault(&world, leader, None), Some(BlockFault::Reveal));
    lead(&mut world, leader, Some(chain_element(&last, 2, 1)));
    lead(&mut world, leader, Some(last));
    let past = Some(BlockFault::Reveal);
    assert_eq!(fault(&world, leader, Some(last)), past);
    lead(&mut world, leader, None);

    // The next chain takes over though the last has elements left.
    world.apply(leader, anchor(3));
    while world.height < Height(15) {
        lead(&mut world, leader, None);
    }
    lead(&mut world, leader, Some(chain_element(&last, 3, 1)));
    world.apply(leader, anchor(5));
    while world.height < Height(23) {
        let name = VALIDATORS[usize::try_from((world.height.0 + 1) % 3).unwrap()];
        let index = query::beacon_chains(&world.state, &public(name)).chains[0].left;
        lead(
            &mut world,
            name,
            Some(element(name, CHAIN_LENGTH + 1 - index)),
        );
    }
    assert_eq!(
        fault(&world, leader, Some(chain_element(&last, 3, 2))),
        Some(BlockFault::Reveal)
    );
    lead(&mut world, leader, Some(chain_element(&last, 5, 1)));
}

/// What a leader can do is to give up its turn: then another's block counts, and its chain stays where it was.
#[test]
fn epo_2_a_turn_given_up_leaves_the_chain_where_it_was() {
    let mut world = World::new();
    for number in 0..3_u32 {
        let other = VALIDATORS[1];
        lead(&mut world, other, Some(element(other, number + 1)));
    }
    assert_eq!(
        fault(&world, VALIDATORS[0], Some(element(VALIDATORS[0], 1))),
        None
    );
}
