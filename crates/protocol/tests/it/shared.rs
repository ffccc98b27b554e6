//! Passages of experts' documents that all seats are shown (COR-5, COR-6).

use llmnet_protocol::replay::{Deviation, replay};
use llmnet_types::{
    codec::List,
    id::ProviderId,
    message::{Answer, Phase},
    passage::{Shared, SharedPassages, shared_tokens},
    receipt::{ContractStatus, SeatOutcome},
};

use crate::{
    network::{honest, play},
    respondent::Script,
    world::World,
};

/// A rank that is not on the panel: its documents are shown, it answers nothing.
const OTHER: usize = 4;

fn shared(world: &World, place: usize) -> Shared {
    Shared {
        provider: ProviderId(world.ranks[OTHER]),
        node: world.node(OTHER),
        as_of_day: 19_000,
        evidence: world.evidence(OTHER, place),
    }
}

/// A panel of three that is shown the first passage of somebody else.
fn world() -> World {
    let mut world = World::new();
    world.setup.shared = List::truncated([shared(&world, 0)]);
    world
}

fn citing(world: &World, rank: usize, place: usize) -> Answer {
    Answer {
        evidence: List::truncated([world.evidence(rank, place)]),
        ..world.answer("Titan.")
    }
}

/// COR-5, COR-6, CON-10: seats cite what all were shown, pay counts what they were sent, and the file says what it was.
#[test]
fn what_all_are_shown_may_be_cited_and_stands_on_the_receipt() {
    let world = world();
    let scripts = vec![
        Script::says(citing(&world, OTHER, 0)),
        Script::says(citing(&world, 1, 1)),
        Script::says(world.answer("Titan.")),
    ];
    let run = play(&world, honest(&world, scripts));
    let finished = &run.finished;
    assert_eq!(finished.receipt.status, ContractStatus::Concluded);
    let outcomes = finished.receipt.seats.iter().map(|seat| seat.outcome);
    assert!(
        outcomes
            .clone()
            .all(|outcome| outcome == SeatOutcome::Served)
    );
    assert_eq!(outcomes.count(), 3);
    let document = world.document(finished);
    assert_eq!(document.shared, world.setup.shared);
    assert_eq!(replay(&document), Ok(()));

    // The same panel without passages reads less, by just as much.
    let mut without = World::new();
    let alone = |rank| Script::says(without.cited(rank, "Titan."));
    let scripts = vec![alone(0), alone(1), Script::says(without.answer("Titan."))];
    let less = play(&without, honest(&without, scripts));
    let input = |run: &crate::network::Run| {
        let seat = &run.finished.receipt.seats[2];
        seat.part.as_ref().unwrap().body.input.0
    };
    let more = shared_tokens(&world.setup.shared).0;
    assert!(more > 0);
    assert_eq!(input(&run), input(&less) + more);
    without.setup.shared = SharedPassages::new();
    assert_eq!(world.document(&less.finished).shared, without.setup.shared);

    // Every seat's own commitment says what it was shown: no other list, and no other word on it, plays again.
    let altered = |shared: Vec<Shared>| {
        let mut other = document.clone();
        other.shared = List::truncated(shared);
        replay(&other)
    };
    let first = shared(&world, 0);
    let changes = [
        vec![],
        vec![first.clone(), first.clone()],
        vec![shared(&world, 1)],
        vec![Shared {
            provider: ProviderId(9_999),
            ..first.clone()
        }],
        vec![Shared {
            node: world.node(0),
            ..first.clone()
        }],
        vec![Shared {
            as_of_day: 20_000,
            ..first.clone()
        }],
    ];
    for change in changes {
        assert_eq!(altered(change), Err(Deviation::Transcript(Phase::Answers)));
    }
    assert_eq!(altered(vec![first]), Ok(()));
}

/// COR-6: another passage of a corpus of which one was shown is not citable for that.
#[test]
fn only_what_was_shown_may_be_cited_of_others() {
    let world = world();
    let scripts = vec![
        Script::says(citing(&world, OTHER, 1)),
        Script::says(citing(&world, OTHER, 0)),
        Script::says(citing(&world, 2, 0)),
    ];
    let run = play(&world, honest(&world, scripts));
    let seats = run.finished.receipt.seats.iter();
    let outcomes: Vec<_> = seats.map(|seat| seat.outcome).collect();
    let served = SeatOutcome::Served;
    assert_eq!(outcomes, [SeatOutcome::Invalid, served, served]);
    assert_eq!(replay(&world.document(&run.finished)), Ok(()));
}

/// COR-5: where nobody opened anything, nothing says what was shown, and a file claims nothing.
#[test]
fn nothing_is_claimed_that_nobody_is_bound_to() {
    let world = world();
    let run = play(&world, vec![None, None, None, None, None, None]);
    let mut document = world.document(&run.finished);
    assert!(document.shared.is_empty());
    assert_eq!(replay(&document), Ok(()));
    document.shared = world.setup.shared.clone();
    assert_eq!(replay(&document), Err(Deviation::Shown));
}
