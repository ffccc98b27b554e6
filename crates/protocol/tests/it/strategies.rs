//! Every strategy twice from one seed, and every strategy with every fault at every rank.

use llmnet_types::{
    contract::Strategy,
    message::{DeclineReason, Phase},
    receipt::{ContractStatus, SeatOutcome},
    units::Amount,
};

use crate::{
    adversaries::{NoShow, Withholder},
    contract::{outcomes, text},
    network::{Panel, Weather, play, play_in},
    respondent::{Honest, Respondent, Script},
    world::World,
};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";
const STRATEGIES: [Strategy; 5] = [
    Strategy::Auto,
    Strategy::Single,
    Strategy::Vote,
    Strategy::Debate,
    Strategy::Mixture,
];

fn world(strategy: Strategy) -> World {
    World::with(|terms| {
        terms.strategy = strategy;
        if strategy == Strategy::Single {
            (terms.seats, terms.quorum) = (1, 1);
        }
    })
}

/// The second rank after the first is wrong and can be told; all others are right.
fn script(world: &World, rank: usize) -> Script {
    match rank {
        2 => Script::says(world.answer(RHEA)).convinced_by(TITAN),
        _ => Script::says(world.cited(rank, TITAN)),
    }
    .prefers(TITAN)
    .writes("Titan, not Rhea.")
}

fn panel(world: &World) -> Panel {
    (0..6)
        .map(|rank| {
            let honest = Honest::new(world, rank, script(world, rank));
            Some(Box::new(honest) as Box<dyn Respondent>)
        })
        .collect()
}

/// DEB-6: whatever the strategy, one seed gives one receipt, signature and transcript included.
#[test]
fn every_strategy_is_the_same_from_one_seed() {
    for strategy in STRATEGIES {
        for seed in 1..=4 {
            let world = world(strategy);
            let weather = Weather {
                seed,
                latency_ms_max: 250,
                lost_percent: 5,
                ..Weather::default()
            };
            let runs = [(); 2].map(|()| play_in(&world, panel(&world), weather));
            assert_eq!(
                runs[0].finished.signed, runs[1].finished.signed,
                "{strategy:?} from {seed}"
            );
            assert_eq!(runs[0].finished.transcript, runs[1].finished.transcript);
            assert_eq!(runs[0].ended_at, runs[1].ended_at);
        }
    }
}

/// CON-6, CON-7, CON-8: whatever the strategy, one seat that fails, at whichever rank and in whichever way,
/// costs its own pay at the most. Who sits alone and withholds what it bound has nobody to stand in for it.
#[test]
fn every_strategy_goes_on_without_one_seat() {
    type Fault = fn(Honest) -> Option<Box<dyn Respondent>>;
    fn withholds(honest: Honest, phase: Option<Phase>) -> Option<Box<dyn Respondent>> {
        Some(Box::new(Withholder { honest, phase }))
    }
    let faults: [(&str, Fault); 8] = [
        ("not there", |_| None),
        ("gives up", |mut honest| {
            honest.script.answer = Err(DeclineReason::ModelUnavailable);
            Some(Box::new(honest))
        }),
        ("silent", |honest| Some(Box::new(NoShow(honest)))),
        ("slow", |mut honest| {
            honest.script.think_ms = [60_000; 3];
            Some(Box::new(honest))
        }),
        ("withholds its answer", |honest| {
            withholds(honest, Some(Phase::Answers))
        }),
        ("withholds its round", |honest| {
            withholds(honest, Some(Phase::Round(1)))
        }),
        ("withholds its ballot", |honest| {
            withholds(honest, Some(Phase::Ballots))
        }),
        ("withholds its account", |honest| withholds(honest, None)),
    ];
    for strategy in STRATEGIES {
        for (fault, make) in faults {
            for rank in 0..3 {
                let world = world(strategy);
                let mut panel = panel(&world);
                let right = Script::says(world.answer(TITAN)).prefers(TITAN);
                panel[rank] = make(Honest::new(&world, rank, right));
                let run = play(&world, panel);
                let name = format!("{strategy:?}: {rank} {fault}");
                let withheld = outcomes(&run) == [SeatOutcome::Withheld];
                if withheld && strategy == Strategy::Single {
                    assert_eq!(
                        run.finished.receipt.status,
                        ContractStatus::Failed,
                        "{name}"
                    );
                    continue;
                }
                assert_eq!(
                    run.finished.receipt.status,
                    ContractStatus::Concluded,
                    "{name}"
                );
                assert!(text(&run).starts_with("Titan"), "{name}: {}", text(&run));
                let seats = run.finished.receipt.seats.iter();
                let mut others = seats.filter(|seat| usize::from(seat.assign.body.rank) != rank);
                let served = others
                    .all(|seat| seat.outcome == SeatOutcome::Served && seat.pay > Amount::ZERO);
                assert!(served, "{name}: {:?}", outcomes(&run));
            }
        }
    }
}
