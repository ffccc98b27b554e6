//! VOT: how validators change parameters, and what that leaves alone.

use llmnet_ledger::{
    EventKind, query,
    record::{Ballots, Proposal},
    selection::Rule,
    state::VALUE_LENGTH_MAX,
};
use llmnet_types::{
    bond::Role,
    codec::{List, encode},
    id::ProviderId,
    network::COMMITTEE_MAX,
    params::Params,
    rejection::{Field, LeafFault, Rejection},
    reputation::Prior,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Height, Score, Slot, Term},
};

use crate::world::{VALIDATORS, World, credits, params, public, settle};

const FULL: Rejection = Rejection::Full {
    field: Field::Proposals,
};

fn world(params: Params) -> World {
    let mut world = World::with(params);
    fund(&mut world);
    world
}

fn fund(world: &mut World) {
    for name in VALIDATORS {
        let (to, amount) = (public(name), credits(1));
        world.apply("bob", Instruction::Transfer { to, amount });
    }
}

fn dearer(fee: u64) -> Params {
    Params {
        fee_per_byte: Amount(fee),
        ..params()
    }
}

fn vote(params: &Params) -> Instruction {
    Instruction::Vote(Box::new(params.clone()))
}

/// Three of four are a quorum.
fn decide(world: &mut World, params: &Params) {
    for name in &VALIDATORS[..3] {
        world.apply(name, vote(params));
    }
}

#[test]
fn vot_1_a_quorum_puts_parameters_in_force_from_the_next_epoch() {
    let mut world = world(params());
    world.go_to_epoch(1);
    let next = dearer(2);
    for (votes, name) in (1_u32..).zip(&VALIDATORS[..3]) {
        let transaction = world.sign(name, vote(&next));
        let events = world.block(&[transaction]).events;
        let voted = EventKind::Voted {
            validator: public(name),
            params: next.digest(),
            votes,
        };
        assert!(events.iter().any(|event| event.kind == voted));
    }
    let ballots = query::ballots(&world.state);
    assert_eq!(
        (ballots.open.len(), ballots.decided),
        (0, Some(next.clone()))
    );
    world.blocks(15 - world.height.0);
    assert_eq!(query::params(&world.state), params());
    let events = world.block(&[]).events;
    let params_changed = EventKind::ParamsChanged {
        params: next.digest(),
    };
    assert!(events.iter().any(|event| event.kind == params_changed));
    assert_eq!(query::params(&world.state), next);
    assert_eq!(query::ballots(&world.state), Default::default());
    // They are in force in that very block, and bytes cost twice as much.
    let transfer = || Instruction::Transfer {
        to: public("carol"),
        amount: Amount(1),
    };
    let fee = |outcome| match outcome {
        Outcome::Applied { fee } => fee.0,
        Outcome::Rejected { reason, .. } => panic!("{reason}"),
    };
    let mut before = World::new();
    assert_eq!(
        fee(world.run("alice", transfer())),
        2 * fee(before.run("alice", transfer()))
    );
}

#[test]
fn vot_1_only_who_is_in_office_votes_once_for_each_of_many() {
    let mut world = world(params());
    assert_eq!(
        world.rejection("alice", vote(&dearer(2))),
        Rejection::NoVote
    );
    // A bond alone is no office.
    world.apply(
        "bob",
        world.enlist("carol", "bob", Role::Validator, credits(20)),
    );
    assert_eq!(
        world.rejection("carol", vote(&dearer(2))),
        Rejection::NoVote
    );
    world.go_to_epoch(2);
    world.apply("validator-0", vote(&dearer(2)));
    assert_eq!(
        world.rejection("validator-0", vote(&dearer(2))),
        Rejection::Already
    );
    world.apply("validator-1", vote(&dearer(3)));
    world.apply("validator-0", vote(&dearer(3)));
    let votes = |world: &World| {
        let open = query::ballots(&world.state).open;
        open.iter()
            .map(|proposal| (proposal.params.fee_per_byte.0, proposal.voters.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(votes(&world), [(2, 1), (3, 2)]);
}

#[test]
fn vot_1_votes_lapse_with_the_epoch_after_that_of_the_first() {
    let mut world = world(params());
    world.go_to_epoch(2);
    world.apply("validator-0", vote(&dearer(2)));
    world.go_to_epoch(3);
    world.apply("validator-1", vote(&dearer(2)));
    world.go_to_epoch(4);
    assert_eq!(query::ballots(&world.state), Default::default());
    world.apply("validator-2", vote(&dearer(2)));
    let ballots = query::ballots(&world.state);
    assert_eq!(ballots.open[0].voters.len(), 1);
    assert_eq!((ballots.open[0].until, ballots.decided), (Epoch(5), None));
}

/// Nobody keeps others from proposing, and nobody takes back what others want.
#[test]
fn vot_1_one_open_proposal_of_ones_own_is_all() {
    let mut world = world(params());
    world.go_to_epoch(2);
    for fee in 2..6 {
        world.apply("validator-0", vote(&dearer(fee)));
    }
    let open = query::ballots(&world.state).open;
    let fees: Vec<_> = open
        .iter()
        .map(|proposal| proposal.params.fee_per_byte)
        .collect();
    assert_eq!(fees, [Amount(5)]);
    world.apply("validator-1", vote(&dearer(5)));
    assert_eq!(world.rejection("validator-0", vote(&dearer(6))), FULL);
    world.apply("validator-1", vote(&dearer(6)));
    world.apply("validator-0", vote(&dearer(6)));
    assert_eq!(query::ballots(&world.state).open.len(), 2);
}

#[test]
fn vot_1_of_several_decided_in_an_epoch_the_last_and_so_a_decision_can_be_taken_back() {
    let mut world = world(params());
    world.go_to_epoch(2);
    decide(&mut world, &dearer(2));
    decide(&mut world, &params());
    world.go_to_epoch(3);
    assert_eq!(query::params(&world.state), params());
    assert_eq!(query::params_of(&world.state, Epoch(2)), params());
    assert_eq!(query::ballots(&world.state), Default::default());
}

/// COM-1: who votes is in office at the time, and votes are counted in one committee.
#[test]
fn vot_1_votes_lapse_with_the_term() {
    let mut world = world(Params {
        term_epochs: 1,
        ..params()
    });
    let next = Params {
        term_epochs: 1,
        ..dearer(2)
    };
    world.go_to_epoch(1);
    world.apply("validator-0", vote(&next));
    world.apply("validator-1", vote(&next));
    world.go_to_epoch(2);
    world.apply("validator-2", vote(&next));
    let ballots = query::ballots(&world.state);
    assert_eq!((ballots.term.0, ballots.decided), (2, None));
    assert_eq!(ballots.open[0].voters.len(), 1);
    // What was decided in a term's last epoch is in force in the next term.
    world.apply("validator-0", vote(&next));
    world.apply("validator-1", vote(&next));
    world.go_to_epoch(3);
    assert_eq!(query::params(&world.state), next);
}

#[test]
fn vot_2_parameters_stay_within_their_bounds_and_lengths_never_change() {
    let mut world = world(params());
    let cases = [
        Params {
            network_fee: Score::ONE,
            ..params()
        },
        Params {
            bond_min: Amount::ZERO,
            ..params()
        },
        Params {
            epoch_blocks: 16,
            ..params()
        },
        Params {
            term_epochs: 7,
            ..params()
        },
        Params {
            checkpoint_blocks: 8,
            ..params()
        },
        Params {
            policy: 7,
            ..params()
        },
    ];
    for case in cases {
        assert_eq!(
            world.rejection("validator-0", vote(&case)),
            Rejection::Params
        );
    }
}

#[test]
fn vot_3_contracts_are_settled_by_the_parameters_of_their_epoch() {
    let mut world = World::with_experts(6);
    fund(&mut world);
    let line = world.open_line(credits(50), Epoch(9));
    world.go_to_epoch(2);
    let next = Params {
        network_fee: Score::clamped(1_000),
        policy: Rule::OPEN,
        prior: Prior {
            positive: 9_000_000,
            negative: 1_000_000,
        },
        ..params()
    };
    decide(&mut world, &next);
    world.go_to_epoch(3);
    let then = Height(world.height.0 - 1);
    let order = world.order("coordinator", 0, then);
    world.blocks(1);
    assert_eq!(query::params(&world.state), next);
    // Agreed, selected and signed before: nothing of it is another's by a vote.
    assert_eq!(world.order("coordinator", 0, then), order);
    let before = world.leaf(line, 1, 0, then, 3);
    world.apply("coordinator", settle(world.settlement(vec![before])));

    let now = Height(then.0 + 1);
    let cheap = world.leaf(line, 2, 1, now, 3);
    let (slot, reason) = (Slot(1), LeafFault::Sums);
    assert_eq!(
        world.rejection("coordinator", settle(world.settlement(vec![cheap]))),
        Rejection::Leaf { slot, reason }
    );
    world.params = next.clone();
    let dear = world.leaf(line, 2, 1, now, 3);
    world.apply("coordinator", settle(world.settlement(vec![dear])));
}

#[test]
fn vot_3_parameters_are_remembered_as_far_back_as_panels_are_recomputed() {
    let mut world = world(params());
    world.go_to_epoch(1);
    for fee in 2..10_u64 {
        let epoch = world.epoch();
        decide(&mut world, &dearer(fee));
        world.go_to_epoch(epoch.0 + 1);
        let paid = |epoch| query::params_of(&world.state, Epoch(epoch)).fee_per_byte.0;
        // In force from `fee` on, as the epoch is called then.
        let now = world.epoch().0;
        assert_eq!(now, fee);
        for back in 0..4.min(now) {
            assert_eq!(paid(now - back), (fee - back).max(1), "{now} - {back}");
        }
        assert_eq!(paid(now + 1), fee);
    }
    // Later epochs without a vote change nothing of that.
    world.go_to_epoch(20);
    assert_eq!(query::params_of(&world.state, Epoch(17)), dearer(9));
    assert_eq!(query::provider(&world.state, ProviderId(0)), None);
}

/// As many proposals as validators, each with all their votes.
#[test]
fn vot_1_ballots_have_a_bound() {
    let places = 0..u8::try_from(COMMITTEE_MAX).unwrap();
    let proposal = |proposer| Proposal {
        params: params(),
        until: Epoch(u64::MAX),
        proposer,
        voters: List::truncated(places.clone()),
    };
    let ballots = Ballots {
        term: Term(u64::MAX),
        open: places.clone().map(proposal).collect(),
        decided: Some(params()),
    };
    assert!(encode(&ballots).len() < VALUE_LENGTH_MAX);
}
