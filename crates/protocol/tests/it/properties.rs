//! What holds whatever seats, network and chance do. `LLMNET_CASES` sets how many contracts are played.

use llmnet_protocol::{message::ToCoordinator, quote::worst_case};
use llmnet_types::{
    contract::Strategy,
    message::{DeclineReason, Phase},
    units::{Amount, Score},
};
use proptest::prelude::*;

use crate::{
    adversaries::{Babbler, Equivocator, Injector, NoShow, Quitter, Withholder},
    network::{Chance, HangUp, Panel, Weather, honest, play_in},
    respondent::{Honest, Respondent, Script},
    world::{CANDIDATES, FEE, World, salt},
};

/// So many cases, unless the environment says otherwise. A failure prints the seed it fails with.
pub fn config(cases_default: u32) -> ProptestConfig {
    let cases = std::env::var("LLMNET_CASES").ok();
    ProptestConfig {
        cases: cases
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(cases_default),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

const TEXTS: [&str; 3] = ["Titan.", "Rhea.", "Iapetus."];

fn strategy(drawn: u64) -> Strategy {
    [
        Strategy::Auto,
        Strategy::Vote,
        Strategy::Debate,
        Strategy::Single,
        Strategy::Mixture,
    ][usize::try_from(drawn % 5).unwrap()]
}

fn script(world: &World, rank: usize, chance: &mut Chance) -> Script {
    let text = |chance: &mut Chance| TEXTS[usize::try_from(chance.below(3)).unwrap()];
    let mut script = match chance.below(8) {
        0 => Script::declines(world, DeclineReason::NothingFound),
        1 => Script::busy(world),
        _ => Script::says(world.cited(rank, text(chance))),
    };
    if chance.percent(50) {
        script.convinced_by = Some(text(chance));
    }
    script.prefers = Some(text(chance));
    if chance.percent(70) {
        script.writes = Some(
            ["Titan, then Rhea.", "Titan.", "Rhea."][usize::try_from(chance.below(3)).unwrap()],
        );
    }
    script
}

/// Honest and not, at random; every kind that has a name.
fn somebody(world: &World, rank: usize, chance: &mut Chance) -> Option<Box<dyn Respondent>> {
    let mut script = script(world, rank, chance);
    if chance.percent(20) {
        script.think_ms = [0; 3].map(|_| u32::try_from(chance.below(8_000)).unwrap());
    }
    // Who has accepted before it finds nothing gives up.
    script.eager |= chance.percent(30);
    let honest = Honest::new(world, rank, script);
    let phases = [Phase::Answers, Phase::Round(1), Phase::Ballots];
    Some(match chance.below(10) {
        0 => return None,
        1 => Box::new(NoShow(honest)),
        2 => Box::new(Withholder {
            honest,
            phase: phases
                .get(usize::try_from(chance.below(4)).unwrap())
                .copied(),
        }),
        3 => Box::new(Injector {
            honest,
            victim: world.key((rank + 1) % world.ranks.len()),
            sent: Vec::new(),
        }),
        4 => Box::new(Equivocator {
            honest,
            shown: world.setup.terms.request,
            other: llmnet_types::message::Opening {
                salt: salt("other"),
                payload: llmnet_types::message::Payload::Answer(world.answer("Mimas.")),
            },
        }),
        5 => Box::new(Quitter(honest)),
        6 => Box::new(Babbler {
            honest,
            chance: Chance::new(chance.next()),
            held: Vec::new(),
        }),
        _ => Box::new(honest),
    })
}

proptest! {
    #![proptest_config(config(12))]

    /// CON-4, CON-7, CON-8, CON-9, DEB-6, LIN-3: whatever seats and network do, a session ends within
    /// the sum of its durations, in a receipt that plays again, and costs what was promised at most.
    #[test]
    fn a_session_ends_well_whatever_seats_do(
        seed in any::<u64>(),
        seats in 0..=8_u8,
        first in 0..=8_u8,
        quorum in 0..=4_u8,
        rounds in 0..=5_u8,
        mean in 5_000..9_000_u64,
        lost_percent in 0..30_u64,
    ) {
        let mut chance = Chance::new(seed);
        let mut world = World::reputed(&[mean; CANDIDATES], |terms| {
            (terms.seats, terms.first) = (seats, first);
            (terms.quorum, terms.rounds) = (quorum, rounds);
            terms.durations.grace_ms = [0, 500][usize::from(chance.percent(50))];
            terms.strategy = strategy(chance.next());
        });
        world.audited(mean);
        let panel: Panel = (0..world.ranks.len()).map(|rank| somebody(&world, rank, &mut chance)).collect();
        let hang_up = match chance.below(8) {
            0 => HangUp::After(|_| true),
            1 => HangUp::Seeing(|message| matches!(message, llmnet_protocol::message::ToSeat::Relay(_))),
            2 => HangUp::After(|message| matches!(message, ToCoordinator::Commit(commit) if commit.body.phase == Phase::Further)),
            _ => HangUp::Never,
        };
        let latency_ms_max = 1 + chance.below(400);
        // All else is checked by the audit at the end of each run.
        play_in(&world, panel, Weather { seed, latency_ms_max, lost_percent, hang_up });
    }

    /// CON-2, LIN-3, SET-3, SET-4: no outcome costs more than the worst case that the voucher reserves.
    #[test]
    fn no_outcome_exceeds_the_worst_case(
        seats in 0..=7_u8,
        cap in 0..=u64::MAX / 64,
        [base, coordinator, fee] in prop::array::uniform3(0..=10_000_u64),
        served in prop::collection::vec((any::<u32>(), any::<u32>(), 0..=10_000_u64), 0..=7),
        call in 0..=u64::MAX / 64,
    ) {
        use llmnet_protocol::settle::{charges, pay};
        use llmnet_types::{receipt::ContractStatus, registration::Price, units::Tokens};
        let world = World::with(|terms| {
            terms.seats = seats;
            terms.caps.seat_charge = Amount(cap);
            terms.split.base = Score::clamped(base);
            terms.split.coordinator = Score::clamped(coordinator);
        });
        let (terms, fee) = (&world.setup.terms, Score::clamped(fee));
        let limit = worst_case(terms, fee).unwrap();
        let price = Price { call: Amount(call), ..crate::world::price() };
        for status in [ContractStatus::Concluded, ContractStatus::Failed, ContractStatus::Void] {
            let pays = served.iter().take(usize::from(seats.max(1))).map(|(input, output, score)| {
                let score = Score::clamped(*score);
                pay(status, terms, &price, Tokens(*input), Tokens(*output), score)
            });
            let charges = charges(status, terms, Amount::sum(pays).unwrap(), fee).unwrap();
            prop_assert!(charges.total <= limit, "{:?} of {:?}", charges, limit);
        }
        prop_assert!(worst_case(terms, FEE).is_some());
    }
}

proptest! {
    #![proptest_config(config(4))]

    /// DEB-6: among those who keep the rules, the verdict does not hang on the order of messages.
    #[test]
    fn the_verdict_is_independent_of_the_order_of_messages(
        seed in any::<u64>(),
        weather in prop::array::uniform2(any::<u64>()),
    ) {
        let chance = Chance::new(seed);
        let world = World::with(|terms| (terms.seats, terms.quorum) = (4, 4));
        let verdicts = weather.map(|seed| {
            let mut chance = chance.clone();
            let scripts = (0..8).map(|rank| script(&world, rank, &mut chance));
            let panel = honest(&world, scripts.collect());
            let weather = Weather { seed, latency_ms_max: 40, ..Weather::default() };
            let finished = play_in(&world, panel, weather).finished;
            let receipt = finished.receipt;
            let ranks: Vec<_> = receipt.seats.iter().map(|seat| seat.assign.body.rank).collect();
            (ranks, receipt.verdict, receipt.charges, finished.answer)
        });
        prop_assert_eq!(&verdicts[0], &verdicts[1]);
    }
}
