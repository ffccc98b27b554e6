//! REP: how evidence is gathered, cut, closed and forgotten, and what attacks on it are worth.

use llmnet_ledger::{EventKind, Key, State, query, record};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::{List, Text, encode},
    contract::{Assign, contract_id},
    dispute::FaultProof,
    id::{Digest, ProviderId},
    message::Phase,
    params::Params,
    registration::{Announcement, Corpus, Novelty},
    reputation::Reputation,
    signature::Signed,
    transaction::{Instruction, Outcome},
    units::{Amount, Epoch, Height, Score, Slot},
};

use crate::{
    contract::durations,
    market::{Asked, Market},
    world::{credits, key, params, public, registration},
};

const FRIEND: ProviderId = ProviderId(0);
const OTHER: ProviderId = ProviderId(1);
const COORDINATORS: [&str; 3] = ["coordinator", "rival", "bob"];

fn market() -> Market {
    // Wide epochs, so that a test stays in one as long as it likes.
    let params = Params {
        epoch_blocks: 64,
        checkpoint_blocks: 8,
        line_epochs_max: 64,
        ..params()
    };
    Market::new(params, 3, &COORDINATORS)
}

/// REP-4: a contract gives no more evidence than its fee pays for, shared by its seats and domains.
#[test]
fn rep_4_evidence_is_what_the_fee_pays_for() {
    let weighed = |evidence_fee: u64, seats: usize, confidence: &[u64]| {
        let mut market = Market::new(
            Params {
                evidence_fee: Amount(evidence_fee),
                ..params()
            },
            3,
            &["coordinator"],
        );
        let law = market.world.register(registration(4, &["law"]));
        assert!(matches!(law, Outcome::Applied { .. }), "{law:?}");
        let seats: Vec<_> = (0..3)
            .map(|id| (ProviderId(id), 6_000))
            .take(seats)
            .collect();
        let mut leaf = market.leaf("coordinator", "alice", &seats);
        let domains = ["physics", "law"]
            .map(|name| market.world.domain(name))
            .into_iter();
        let domains = domains.zip(confidence.iter().map(|part| Score::clamped(*part)));
        leaf.domains = List::truncated(domains);
        market.settle_leaves("coordinator", ["alice"].into(), vec![leaf]);
        ["physics", "law"].map(|name| {
            let domain = market.world.domain(name);
            let found = query::reputation(&market.world.state, FRIEND, domain);
            assert_eq!(found.samples, u32::from(found != Reputation::default()));
            (found.positive, found.negative)
        })
    };
    // A seat's contract pays a fee of 75, one of two seats 125: at most one unit for each seat.
    assert_eq!(weighed(20, 1, &[10_000]), [(600_000, 400_000), (0, 0)]);
    assert_eq!(weighed(75, 1, &[10_000]), [(600_000, 400_000), (0, 0)]);
    assert_eq!(weighed(150, 1, &[10_000]), [(300_000, 200_000), (0, 0)]);
    assert_eq!(weighed(250, 2, &[10_000]), [(150_000, 100_000), (0, 0)]);
    // What the classifier is not sure of counts for no domain.
    assert_eq!(
        weighed(150, 1, &[6_000, 3_000]),
        [(180_000, 120_000), (90_000, 60_000)]
    );
    assert_eq!(weighed(1_000_000_000, 1, &[10_000]), [(0, 0), (0, 0)]);
}

#[test]
fn rep_4_nobody_rates_itself_under_any_of_its_names() {
    let rated = |coordinator: &str, requester: &str, operator: &str| {
        let mut market = Market::new(params(), 2, &[coordinator]);
        if operator != coordinator {
            let enlistment = Enlistment {
                node: public(coordinator),
                operator: public(operator),
                role: Role::Coordinator,
                address: Text::empty(),
                bond: credits(2),
                until: Epoch(9),
            };
            let signed = Signed::new(enlistment, &market.world.network, &key(coordinator));
            let enlist = Instruction::Enlist(Box::new(signed));
            let outcome = market.world.run(operator, enlist);
            assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        }
        // A node's key may ask as well.
        let fund = Instruction::Transfer {
            to: public("node-0"),
            amount: credits(6),
        };
        market.world.apply("carol", fund);
        let seats = vec![(FRIEND, 9_000), (OTHER, 9_000)];
        market.settle(coordinator, &[(requester, seats)], 0);
        [FRIEND, OTHER].map(|provider| market.reputation(provider).samples)
    };
    assert_eq!(rated("coordinator", "alice", "coordinator"), [1, 1]);
    // As operator: it asks, it coordinates, or it stands behind who coordinates.
    assert_eq!(rated("coordinator", "operator-0", "coordinator"), [0, 1]);
    assert_eq!(rated("operator-0", "alice", "operator-0"), [0, 1]);
    assert_eq!(rated("coordinator", "alice", "operator-0"), [0, 1]);
    // As a coordinator that another stands behind, and as the node that answers.
    assert_eq!(rated("operator-0", "alice", "operator-5"), [0, 1]);
    assert_eq!(rated("coordinator", "node-0", "coordinator"), [0, 1]);
}

#[test]
fn rep_5_two_coordinators_have_no_majority() {
    let mut market = market();
    market.rate("coordinator", "alice", FRIEND, 5_000, 10);
    market.rate("rival", "bob", FRIEND, 10_000, 1);
    assert_eq!(market.evidence(FRIEND), (6_000, 5_000));
}

#[test]
fn rep_5_blame_by_one_requester_is_cut_by_its_coordinators() {
    let mut market = market();
    market.rate("coordinator", "alice", OTHER, 0, 20);
    market.rate("rival", "alice", OTHER, 9_000, 2);
    market.rate("bob", "alice", OTHER, 9_000, 2);
    assert_eq!(market.evidence(OTHER), (3_600, 4_400));
}

#[test]
fn rep_5_of_three_coordinators_one_gives_at_most_what_all_others_give() {
    let mut market = market();
    market.rate("coordinator", "alice", FRIEND, 10_000, 10);
    // Alone, or with one other, it is all there is.
    assert_eq!(market.evidence(FRIEND), (10_000, 0));
    market.rate("rival", "bob", FRIEND, 5_000, 1);
    assert_eq!(market.evidence(FRIEND), (10_500, 500));
    // With the third, its ten are cut to two, and the share of those to what the others say.
    market.rate("bob", "carol", FRIEND, 5_000, 1);
    assert_eq!(market.evidence(FRIEND), (2_000, 1_000));
    market.rate("rival", "bob", FRIEND, 5_000, 1);
    assert_eq!(market.evidence(FRIEND), (3_000, 1_500));
}

#[test]
fn rep_5_of_three_requesters_one_gives_at_most_what_all_others_give() {
    let mut market = market();
    market.rate("coordinator", "alice", FRIEND, 10_000, 10);
    market.rate("coordinator", "bob", FRIEND, 5_000, 1);
    assert_eq!(market.evidence(FRIEND), (10_500, 500));
    market.rate("coordinator", "carol", FRIEND, 5_000, 1);
    // One coordinator settles for all: only the requesters are told apart.
    assert_eq!(market.evidence(FRIEND), (3_000, 1_000));
}

#[test]
fn rep_5_one_source_gives_a_unit_whatever_the_others_give() {
    let mut market = market();
    market.rate("rival", "bob", OTHER, 5_000, 1);
    market.rate("bob", "carol", OTHER, 5_000, 1);
    market.rate("coordinator", "alice", FRIEND, 8_000, 5);
    assert_eq!(market.evidence(FRIEND), (800, 200));
    assert_eq!(market.reputation(FRIEND).samples, 5);
}

#[test]
fn rep_5_blame_is_cut_as_praise_is() {
    let mut market = market();
    market.rate("coordinator", "alice", OTHER, 0, 20);
    market.rate("rival", "bob", OTHER, 9_000, 2);
    market.rate("bob", "carol", OTHER, 9_000, 2);
    // Four against at most, and what the others say for it is not clipped by it.
    assert_eq!(market.evidence(OTHER), (3_600, 4_400));
}

/// Coordinators with nothing but void slots make nobody active, so that idle keys put nobody under bounds.
#[test]
fn rep_5_void_slots_make_nobody_active() {
    let mut market = market();
    market.settle("rival", &[], 3);
    market.settle("bob", &[], 3);
    market.rate("coordinator", "alice", FRIEND, 10_000, 4);
    assert_eq!(market.evidence(FRIEND), (4_000, 0));
    let active = query::activity(&market.world.state);
    assert_eq!((active.coordinators, active.requesters), (1, 1));
}

/// REP-6, REP-8: when the epoch is over, evidence of who left too many slots void goes.
#[test]
fn rep_6_evidence_of_who_leaves_slots_void_does_not_count() {
    let after = |slots: usize, voids: usize| {
        let mut market = market();
        market.rate("rival", "bob", FRIEND, 5_000, 1);
        let asked: Vec<Asked<'_>> = vec![("alice", vec![(FRIEND, 10_000)]); slots - voids];
        market.settle("coordinator", &asked, 0);
        market.settle("coordinator", &[], voids);
        let before = market.evidence(FRIEND);
        market.next_epoch();
        (before, market.evidence(FRIEND))
    };
    // Two of a hundred are allowed, of at least fifty.
    assert_eq!(after(50, 1), ((49_500, 500), (48_510, 490)));
    assert_eq!(after(50, 2), ((48_500, 500), (490, 490)));
    assert_eq!(after(49, 48), ((1_500, 500), (1_470, 490)));
}

#[test]
fn rep_6_evidence_of_a_slashed_coordinator_does_not_count() {
    let mut market = market();
    market.rate("rival", "bob", FRIEND, 5_000, 1);
    market.rate("coordinator", "alice", FRIEND, 10_000, 4);
    let network = market.world.network;
    let offer = |voucher: &[u8]| {
        let assign = Assign {
            contract: contract_id(&network, &public("coordinator"), Slot(900)),
            slot: Slot(900),
            height: Height(1),
            voucher: Digest::of(voucher),
            seat: public("node-0"),
            nonce: 0,
            rank: 0,
            phase: Phase::Answers,
            price: registration(0, &["physics"]).price,
            durations: durations(),
        };
        Signed::new(assign, &network, &key("coordinator"))
    };
    let fault = Instruction::Fault(Box::new(FaultProof::Assigns {
        coordinator: public("coordinator"),
        first: offer(b"one order"),
        second: offer(b"another"),
    }));
    let outcome = market.world.run("carol", fault);
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    // Selections see it till the epoch is closed (REP-8).
    assert_eq!(market.evidence(FRIEND), (4_500, 500));
    market.next_epoch();
    assert_eq!(market.evidence(FRIEND), (490, 490));
    // In the next epoch it may do better.
    market.rate("coordinator", "alice", FRIEND, 10_000, 1);
    assert_eq!(market.evidence(FRIEND), (1_490, 490));
}

#[test]
fn rep_7_a_new_version_costs_praise_and_not_blame() {
    let mut market = market();
    market.rate("coordinator", "alice", FRIEND, 8_000, 5);
    market.next_epoch();
    assert_eq!(market.evidence(FRIEND), (3_920, 980));
    let corpus = |changed| {
        Instruction::Announce(Box::new(Announcement {
            provider: FRIEND,
            novelty: Novelty::Corpus {
                corpus: Corpus {
                    root: Digest([5; 32]),
                    as_of_day: 20_000,
                    passages: 9,
                },
                changed: Score::clamped(changed),
            },
        }))
    };
    // What this epoch said so far is of the old version too.
    market.rate("coordinator", "alice", FRIEND, 8_000, 5);
    let outcome = market.world.run("operator-0", corpus(2_500));
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    assert_eq!(market.evidence(FRIEND), (5_940, 1_980));
    assert_eq!(market.reputation(FRIEND).samples, 10);
    market.rate("coordinator", "alice", FRIEND, 10_000, 1);
    assert_eq!(market.evidence(FRIEND), (6_940, 1_980));
    // Closing the epoch brings nothing back.
    market.next_epoch();
    assert_eq!(market.evidence(FRIEND), (6_801, 1_940));
    // Who has no standing gets none.
    let mut announcement = corpus(10_000);
    if let Instruction::Announce(announcement) = &mut announcement {
        announcement.provider = OTHER;
    }
    market.world.run("operator-1", announcement);
    assert_eq!(market.evidence(OTHER), (0, 0));
}

#[test]
fn rep_8_an_epoch_is_closed_once_at_the_first_blocks_of_the_next() {
    let mut market = market();
    market.rate("rival", "bob", FRIEND, 5_000, 1);
    market.rate("coordinator", "alice", FRIEND, 10_000, 1);
    market.settle("coordinator", &[], 60);
    let physics = market.world.domain("physics");
    let standing = |market: &Market| query::standing(&market.world.state, FRIEND, physics);
    let epoch = market.world.epoch();
    assert_eq!(standing(&market).gathering.unwrap().epoch, epoch);
    while market.world.epoch() == epoch {
        let closed = market
            .world
            .block(&[])
            .events
            .into_iter()
            .find_map(|event| {
                let EventKind::ReputationChanged { reputation, .. } = event.kind else {
                    return None;
                };
                Some(reputation)
            });
        assert_eq!(closed.is_some(), market.world.epoch() > epoch);
    }
    assert_eq!(standing(&market).gathering, None);
    assert_eq!(market.evidence(FRIEND), (490, 490));
    // Where closing changes nothing, nothing is told.
    market.rate("rival", "bob", FRIEND, 5_000, 1);
    let next = Epoch(market.world.epoch().0 + 1);
    while market.world.epoch() < next {
        let execution = market.world.block(&[]);
        let told = |event: &llmnet_ledger::Event| {
            matches!(event.kind, EventKind::ReputationChanged { .. })
        };
        assert!(!execution.events.iter().any(told));
    }
    assert_eq!(standing(&market).gathering, None);
}

/// SEL-8: what is remembered has a bound, under the widest parameters there can be.
#[test]
fn sel_8_a_standing_stays_below_the_bound_of_values() {
    let mut market = Market::new(
        Params {
            epoch_blocks: 64,
            checkpoint_blocks: 1,
            ..params()
        },
        1,
        &["coordinator"],
    );
    let physics = market.world.domain("physics");
    let mut most = 0;
    for _ in 0..64 * 5 {
        market.rate("coordinator", "alice", FRIEND, 8_000, 1);
        let standing = query::standing(&market.world.state, FRIEND, physics);
        most = most.max(standing.history.len());
    }
    assert!((4 * 64..=4 * 64 + 1).contains(&most), "{most}");
    let mut widest = query::standing(&market.world.state, FRIEND, physics);
    let entry = *widest.history.last().unwrap();
    widest.history.resize(4 * 64 + 2, entry);
    let source = widest.gathering.as_ref().unwrap().requesters[0];
    if let Some(gathering) = &mut widest.gathering {
        gathering.coordinators = vec![source; record::SOURCES_MAX].try_into().unwrap();
        gathering.requesters = gathering.coordinators.clone();
    }
    assert!(encode(&widest).len() < llmnet_ledger::state::VALUE_LENGTH_MAX / 3);
    let kept = market
        .world
        .state
        .get(&Key::Standing(FRIEND, physics))
        .unwrap();
    assert!(kept.len() <= encode(&widest).len());
}

/// Two of five coordinators and their requesters praise a friend, with nearly half of all that is said of
/// it. Those who are honest find it bad, and another good.
#[test]
fn a_ballot_stuffing_ring_does_not_make_its_friend_good() {
    let names = ["coordinator", "rival", "bob", "operator-8", "operator-9"];
    let mut market = Market::new(
        Params {
            epoch_blocks: 64,
            checkpoint_blocks: 8,
            ..params()
        },
        3,
        &names,
    );
    let ring = [("coordinator", "alice"), ("rival", "operator-7")];
    let honest = [
        ("bob", "operator-6"),
        ("operator-8", "operator-5"),
        ("operator-9", "carol"),
    ];
    for _ in 0..4 {
        for (coordinator, requester) in honest {
            market.rate(coordinator, requester, FRIEND, 2_000, 4);
            market.rate(coordinator, requester, OTHER, 8_000, 4);
        }
        for (coordinator, requester) in ring {
            market.rate(coordinator, requester, FRIEND, 10_000, 5);
        }
        market.next_epoch();
    }
    let (friend, other) = (market.mean(FRIEND), market.mean(OTHER));
    assert!(friend < 3_500, "{friend}");
    assert!(other > 7_000, "{other}");
    // Uncut, it would be better than most.
    let prior = market.world.params.prior;
    let uncut = Reputation::default().with(49_600_000, 38_400_000);
    assert!(uncut.mean(&prior).get() > 5_000);
    // One that gives ten times as much alone is worth no more than the others together.
    market.rate("coordinator", "alice", OTHER, 0, 100);
    for (coordinator, requester) in honest {
        market.rate(coordinator, requester, OTHER, 8_000, 4);
    }
    market.next_epoch();
    assert!(market.mean(OTHER) > 6_000, "{}", market.mean(OTHER));
}

/// A key whose owner asks through accounts of its own pays the fee for each unit of evidence, and gets no
/// more of it than others give.
#[test]
fn a_self_dealing_requester_buys_little() {
    let mut market = market();
    // Its operator itself is not listened to at all (REP-4).
    market.rate("coordinator", "operator-0", FRIEND, 10_000, 5);
    assert_eq!(market.reputation(FRIEND), Reputation::default());
    // Through another account, a fee of less than a unit's price buys as much less.
    let burnt = |market: &Market| {
        let totals = query::totals(&market.world.state);
        totals.burnt.0 + totals.pool.0
    };
    let before = burnt(&market);
    market.rate("coordinator", "operator-9", FRIEND, 10_000, 10);
    assert_eq!(market.evidence(FRIEND), (10_000, 0));
    let price = market.world.params.evidence_fee;
    assert!(burnt(&market) - before >= 10 * price.0);
    // Where others ask as well, it gives no more than they do.
    market.rate("rival", "bob", FRIEND, 1_000, 2);
    market.rate("bob", "carol", FRIEND, 1_000, 2);
    assert_eq!(market.evidence(FRIEND), (800, 3_600));
}

/// Who was found bad begins again under another key: that is no better than having been mediocre, it takes
/// another bond, and only the newcomers' chance is left of its places.
#[test]
fn a_whitewasher_gets_a_newcomers_chance_and_no_more() {
    let mut market = market();
    for provider in [FRIEND, OTHER, ProviderId(2)] {
        let score = if provider == FRIEND { 3_500 } else { 8_000 };
        market.rate("coordinator", "alice", provider, score, 10);
    }
    let poor = market.mean(FRIEND);
    let balance =
        |market: &Market| query::account(&market.world.state, &public("operator-0")).balance;
    let before = balance(&market);
    let retire = Instruction::Retire { provider: FRIEND };
    assert!(matches!(
        market.world.run("operator-0", retire),
        Outcome::Applied { .. }
    ));
    let mut again = registration(0, &["physics"]);
    again.nonce = 1;
    assert!(matches!(
        market.world.register(again),
        Outcome::Applied { .. }
    ));
    let new = ProviderId(3);
    assert_eq!(market.reputation(new), Reputation::default());
    assert!(
        market.mean(new) < poor,
        "{} against {poor}",
        market.mean(new)
    );
    // The old bond still leaves, and the new one stands.
    let paid = before.checked_sub(balance(&market)).unwrap();
    assert!(paid >= market.world.params.bond_min);

    market.next_epoch();
    let height = market.world.height;
    let (mut first, mut among_two) = (0, 0);
    for slot in 0..600 {
        let order = market.world.order("coordinator", slot, height);
        first += u32::from(order[0] == new);
        among_two += u32::from(order[..2].contains(&new));
    }
    // Of the second ranks a newcomer has its part of the bonds, one third, until it is rated.
    assert_eq!(first, 0);
    assert!((150..250).contains(&among_two), "{among_two}");
    // Nor does it help to wait: what was good fades first, to a prior that is worse.
    let before = market.mean(OTHER);
    for _ in 0..20 {
        market.next_epoch();
    }
    assert!(market.mean(OTHER) < before);
    assert!(market.mean(new) <= market.mean(FRIEND));
}

/// A sleeper is good for long and then bad: what it is shown with follows what it does.
#[test]
fn a_sleeper_falls_faster_than_it_rose() {
    let mut market = market();
    for _ in 0..8 {
        for (coordinator, requester) in
            [("coordinator", "alice"), ("rival", "bob"), ("bob", "carol")]
        {
            market.rate(coordinator, requester, FRIEND, 9_000, 2);
        }
        market.next_epoch();
    }
    let risen = market.mean(FRIEND);
    assert!(risen > 8_300, "{risen}");
    let mut epochs = 0;
    while market.mean(FRIEND) > 5_000 {
        for (coordinator, requester) in
            [("coordinator", "alice"), ("rival", "bob"), ("bob", "carol")]
        {
            market.rate(coordinator, requester, FRIEND, 0, 2);
        }
        market.next_epoch();
        epochs += 1;
    }
    assert!(epochs <= 6, "{epochs}");
}
