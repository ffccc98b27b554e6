//! SEL: the same panel from the same numbers, then and later.

use llmnet_ledger::selection::{Place, RANKS_MAX, Reason, Rule, explain, inputs, order};
use llmnet_types::{
    codec::{List, Text},
    contract::Filters,
    domain::Domain,
    id::{Digest, DomainId, ProviderId},
    params::ANSWER_EPOCHS,
    registration::Price,
    rejection::LeafFault,
    reputation::Audited,
    selection::{Candidate, DomainChoice, SelectionInputs},
    transaction::Outcome,
    units::{Amount, Epoch, Height, Score},
};

use crate::world::{World, credits, public, settle};

fn candidate(number: u32) -> Candidate {
    Candidate {
        provider: ProviderId(number),
        node: public(&format!("node-{number}")),
        nonce: 0,
        operator: public(&format!("operator-{number}")),
        family: Text::new(format!("family-{number}")).unwrap(),
        twin: Digest::of(&number.to_le_bytes()),
        corpus: Digest::ZERO,
        corpus_as_of_day: 0,
        price: Price::default(),
        mean: Score::HALF,
        deviation: Score::ZERO,
        ceiling: Score::ONE,
        audited: Audited::default(),
        lower_bound: Score::HALF,
        samples: 100,
        latency_ms: 0,
        bond: Amount::CREDIT,
    }
}

fn with(candidates: Vec<Candidate>) -> SelectionInputs {
    SelectionInputs {
        height: Height(1),
        epoch: Epoch(0),
        beacon: Digest::ZERO,
        domains: List::new(),
        classifier: Digest::ZERO,
        candidates: List::from_vec(candidates).unwrap(),
    }
}

fn ids(inputs: &SelectionInputs, seed: &[u8], rule: &Rule, filters: &Filters) -> Vec<u32> {
    order(inputs, &Digest::of(seed), rule, filters)
        .into_iter()
        .map(|provider| provider.0)
        .collect()
}

fn never_newcomers() -> Rule {
    Rule {
        newcomers_min: Score::ZERO,
        newcomers_max: Score::ZERO,
        ..Rule::default()
    }
}

#[test]
fn sel_4_better_cheaper_faster_come_first() {
    let (mut good, mut dear, mut slow) = (candidate(0), candidate(1), candidate(2));
    good.mean = Score::clamped(9_000);
    dear.mean = Score::clamped(9_000);
    dear.price.call = credits(1);
    slow.mean = Score::clamped(9_000);
    slow.latency_ms = 4_000;
    let inputs = with(vec![good, dear, slow, candidate(3)]);
    let no_filters = Filters::default();
    assert_eq!(
        ids(&inputs, b"1", &never_newcomers(), &no_filters),
        [0, 2, 1, 3]
    );
}

#[test]
fn sel_4_doubt_gives_a_chance() {
    let mut doubtful = candidate(0);
    doubtful.mean = Score::clamped(4_500);
    doubtful.deviation = Score::clamped(1_000);
    let inputs = with(vec![doubtful, candidate(1)]);
    let first = |seed: u32| {
        ids(
            &inputs,
            &seed.to_le_bytes(),
            &never_newcomers(),
            &Filters::default(),
        )[0]
    };
    let wins = (0..1_000).filter(|seed| first(*seed) == 0).count();
    // P(N(0,1) > 1/2) = 0.309.
    assert!((250..370).contains(&wins), "{wins}");
}

/// Chance lifts nobody over what audits found: praised, doubtful and lucky is still no better than that.
#[test]
fn sel_9_luck_does_not_lift_over_the_ceiling() {
    let mut capped = candidate(0);
    capped.mean = Score::clamped(4_900);
    capped.deviation = Score::clamped(2_000);
    capped.ceiling = Score::clamped(4_950);
    let wins = |capped: Candidate| {
        let inputs = with(vec![capped, candidate(1)]);
        let first = |seed: &u32| {
            ids(
                &inputs,
                &seed.to_le_bytes(),
                &never_newcomers(),
                &Filters::default(),
            )[0]
        };
        (0..300_u32).filter(|seed| first(seed) == 0).count()
    };
    assert_eq!(wins(capped.clone()), 0);
    capped.ceiling = Score::ONE;
    assert!(wins(capped) > 100);
}

#[test]
fn sel_5_one_rank_for_operator_and_twins_a_cap_for_families() {
    let mut candidates: Vec<_> = (0..6).map(candidate).collect();
    candidates[1].operator = candidates[0].operator;
    candidates[3].twin = candidates[2].twin;
    candidates[5].family = candidates[4].family.clone();
    let rule = Rule {
        family_max: 1,
        ..never_newcomers()
    };
    let chosen = ids(&with(candidates), b"1", &rule, &Filters::default());
    assert_eq!(chosen.len(), 3);
    for pair in [[0, 1], [2, 3], [4, 5]] {
        assert_eq!(pair.iter().filter(|id| chosen.contains(id)).count(), 1);
    }
    let many = with((0..30).map(candidate).collect());
    assert_eq!(
        ids(&many, b"1", &rule, &Filters::default()).len(),
        RANKS_MAX
    );
}

/// The chance follows the newcomers' part of the bonds, within bounds: who split one bond over more keys has
/// no more of it.
#[test]
fn sel_6_newcomers_come_as_often_as_their_bonds_say() {
    let of_thousand = |established: u32, newcomers: u32, bond: u64| {
        let mut candidates: Vec<_> = (0..established + newcomers).map(candidate).collect();
        for (number, candidate) in (0..).zip(&mut candidates) {
            candidate.bond = credits(4);
            if number >= established {
                candidate.samples = 0;
                candidate.bond = credits(bond);
            }
        }
        let inputs = with(candidates);
        let second = |seed: u32| {
            let seed = seed.to_le_bytes();
            ids(&inputs, &seed, &Rule::default(), &Filters::default())[1]
        };
        (0..1_000)
            .filter(|seed| second(*seed) >= established)
            .count()
    };
    // Half of all at the most, however few are known; by bonds between; one in twenty at the least.
    assert!((450..550).contains(&of_thousand(2, 30, 4)));
    assert!((200..300).contains(&of_thousand(6, 2, 4)));
    assert!((200..300).contains(&of_thousand(6, 8, 1)));
    assert!((30..80).contains(&of_thousand(30, 1, 1)));
}

#[test]
fn sel_6_newcomers_are_drawn_by_bond_and_keys_win_nothing() {
    // Three established; newcomer 3 has one bond of 4, newcomers 4 to 7 one credit each.
    let mut candidates: Vec<_> = (0..8).map(candidate).collect();
    for newcomer in &mut candidates[3..] {
        newcomer.samples = 0;
    }
    candidates[3].bond = credits(4);
    let inputs = with(candidates);
    let rule = Rule {
        newcomers_min: Score::ZERO,
        newcomers_max: Score::clamped(1_000),
        ..Rule::default()
    };
    let (mut any, mut rich) = (0_u32, 0_u32);
    for seed in 0..4_000_u32 {
        let order = ids(&inputs, &seed.to_le_bytes(), &rule, &Filters::default());
        assert!(order[0] < 3, "the first rank is never a newcomer's");
        assert_eq!(
            order.len(),
            8,
            "newcomers take what the established leave open"
        );
        if order[1] >= 3 {
            any += 1;
            rich += u32::from(order[1] == 3);
        }
    }
    assert!((320..480).contains(&any), "{any}");
    assert!(
        (any * 4 / 10..any * 6 / 10).contains(&rich),
        "{rich} of {any}"
    );
}

#[test]
fn sel_3_filters_keep_out() {
    let mut candidates: Vec<_> = (0..4).map(candidate).collect();
    candidates[3].mean = Score::clamped(1_000);
    let inputs = with(candidates);
    let filters = Filters {
        ignore: List::from_vec(vec![public("node-0")]).unwrap(),
        reputation_min: Score::clamped(2_000),
        ..Filters::default()
    };
    let mut chosen = ids(&inputs, b"1", &never_newcomers(), &filters);
    chosen.sort_unstable();
    assert_eq!(chosen, [1, 2]);
    let only = Filters {
        only: List::from_vec(vec![public("node-0")]).unwrap(),
        ..Filters::default()
    };
    assert_eq!(ids(&inputs, b"1", &never_newcomers(), &only), [0]);
}

/// SEL-8: inputs of a height are the same at that height and for the three epochs after its own, whatever
/// is rated and registered in between.
#[test]
fn sel_8_inputs_are_recomputed_from_later_states() {
    let mut world = World::with_experts(5);
    let line = world.open_line(credits(80), Epoch(8));
    let choice = |world: &World| {
        let domain = |name: &str, confidence| DomainChoice {
            domain: Domain::new(name).unwrap(),
            id: world.domain(name),
            confidence: Score::clamped(confidence),
        };
        [domain("physics", 7_000), domain("law", 3_000)]
    };
    let read = |world: &World, height| inputs(&world.state, height, &choice(world), Digest::ZERO);
    let mut seen = Vec::new();
    for slot in 0..40_u32 {
        let height = world.height;
        seen.push((height, read(&world, height).unwrap()));
        let leaf = world.leaf(line, slot + 1, u64::from(slot), height, 3);
        let settlement = world.settlement(vec![leaf]);
        let outcome = world.run("coordinator", settle(settlement));
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        if slot == 11 {
            world.register(crate::world::registration(7, &["physics"]));
        }
        let oldest = world.epoch().0.saturating_sub(ANSWER_EPOCHS) * 8;
        for (height, at_that_height) in &seen {
            if height.0 >= oldest {
                assert_eq!(
                    read(&world, *height).as_ref(),
                    Ok(at_that_height),
                    "{height}"
                );
            } else {
                assert_eq!(read(&world, *height), Err(LeafFault::Height));
            }
        }
    }
    let changed = |candidate: &Candidate| candidate.samples > 5;
    assert!(seen.last().unwrap().1.candidates.iter().any(changed));
    assert_eq!(
        read(&world, world.height.next().unwrap()),
        Err(LeafFault::Height)
    );
    let unknown = DomainChoice {
        id: DomainId(99),
        ..choice(&world)[0].clone()
    };
    let result = inputs(&world.state, world.height, &[unknown], Digest::ZERO);
    assert_eq!(result, Err(LeafFault::Unknown));
}

/// SEL-7: everybody is told why; ranks are those of the order, whatever the seed.
#[test]
fn sel_7_every_candidate_has_its_reason() {
    let mut candidates: Vec<_> = (0..10).map(candidate).collect();
    candidates[1].operator = candidates[0].operator;
    candidates[1].mean = Score::ZERO;
    candidates[2].twin = candidates[0].twin;
    candidates[2].mean = Score::ZERO;
    candidates[3].family = candidates[0].family.clone();
    candidates[3].mean = Score::ZERO;
    candidates[4].mean = Score::clamped(100);
    candidates[5].samples = 0;
    candidates[5].bond = credits(3);
    candidates[6].samples = 0;
    let inputs = with(candidates);
    let filters = Filters {
        ignore: List::truncated([public("node-7")]),
        reputation_min: Score::ZERO,
        ..Filters::default()
    };
    let rule = Rule {
        family_max: 1,
        newcomers_min: Score::ONE,
        newcomers_max: Score::ONE,
        ..Rule::default()
    };
    for seed in 0..200_u32 {
        let seed = seed.to_le_bytes();
        let places = explain(&inputs, &Digest::of(&seed), &rule, &filters);
        let ranked: Vec<u32> = places
            .iter()
            .zip(0..)
            .take_while(|(place, rank)| place.reason.rank() == Some(*rank))
            .map(|(place, _)| place.provider.0)
            .collect();
        assert_eq!(ranked, ids(&inputs, &seed, &rule, &filters));
        assert_eq!(places.len(), 10, "everybody, once");
        let reason = |number| {
            let found = places
                .iter()
                .find(|place| place.provider == ProviderId(number));
            found.map(|Place { reason, .. }| *reason).unwrap()
        };
        let first = ranked.iter().position(|provider| *provider == 0).unwrap();
        let rank = u8::try_from(first).unwrap();
        assert_eq!(reason(1), Reason::Operator { rank });
        assert_eq!(reason(2), Reason::Twin { rank });
        assert_eq!(reason(3), Reason::Family { most: 1 });
        assert_eq!(reason(7), Reason::Ignored);
        let Reason::Best { weighed, .. } = reason(4) else {
            panic!("nobody stands in its way: {:?}", reason(4));
        };
        assert_eq!((weighed.theta, weighed.cost), (10_000, 0));
        // Two ranks after the first are newcomers', drawn from four credits, then from what is left of them.
        let drawn = [reason(5), reason(6)].map(|reason| match reason {
            Reason::Drawn { rank, of } => (rank, of),
            other => panic!("{other:?}"),
        });
        let all = u128::from(credits(4).0);
        assert!(drawn.contains(&(1, all)), "{drawn:?}");
    }
    let named = Filters {
        only: List::truncated([public("node-8")]),
        ..Filters::default()
    };
    let places = explain(&inputs, &Digest::ZERO, &rule, &named);
    assert_eq!(places[0].reason.rank(), Some(0));
    assert!(
        places[1..]
            .iter()
            .all(|place| place.reason == Reason::NotNamed)
    );
    let strict = Filters {
        reputation_min: Score::clamped(200),
        ..Filters::default()
    };
    let places = explain(&inputs, &Digest::ZERO, &rule, &strict);
    let poor = places
        .iter()
        .filter(|place| place.reason == Reason::Reputation);
    assert_eq!(poor.count(), 4);
    // More than there are ranks for.
    let mut many: Vec<_> = (0..30).map(candidate).collect();
    many[29].samples = 0;
    many[28].mean = Score::ZERO;
    let places = explain(
        &with(many),
        &Digest::ZERO,
        &never_newcomers(),
        &Filters::default(),
    );
    assert_eq!(places[RANKS_MAX..].len(), 30 - RANKS_MAX);
    let reason = |number| {
        places
            .iter()
            .find(|place| place.provider == ProviderId(number))
    };
    assert_eq!(reason(29).unwrap().reason, Reason::NotDrawn);
    assert!(matches!(reason(28).unwrap().reason, Reason::Behind { .. }));
}

#[test]
fn versions_are_bounded() {
    assert_eq!(Rule::version(Rule::LOCAL), Some(Rule::default()));
    assert!(Rule::version(Rule::OPEN).is_some());
    assert_eq!(Rule::version(0), None);
}
