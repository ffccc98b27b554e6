//! The runs.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    adversary::Adversary,
    links::Quality,
    machine::describe,
    plan::{Event, Life, Plan, all},
    scene::Story,
    world::{self, Report},
};
use crate::config::Keep;

/// Seeds run when nobody says how many.
const SEEDS: u64 = 20;

fn from_environment(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("a number"))
}

fn seeds() -> Range<u64> {
    match from_environment("LLMNET_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..from_environment("LLMNET_SEEDS").unwrap_or(SEEDS),
    }
}

/// Four validators mostly, seven in every fourth run.
fn plan(seed: u64) -> Plan {
    Plan::of(seed, if seed % 4 == 3 { 7 } else { 4 })
}

/// Runs a plan; says which promise was broken.
fn run(plan: &Plan, story: &Story) -> Result<Report, String> {
    catch_unwind(AssertUnwindSafe(|| world::run(plan, story)))
        .map_err(|panic| describe(panic.as_ref()))
}

#[test]
fn a_committee_keeps_its_promises_whatever_happens() {
    let seeds = seeds();
    let is_alone = seeds.end - seeds.start == 1;
    if is_alone {
        // Whoever looks at one seed wants to know what validators complain of.
        let complaints = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN);
        complaints.with_ansi(false).init();
    }
    let next = AtomicU64::new(seeds.start);
    let changes = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let failed: Vec<u64> = thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    return failed;
                }
                let plan = plan(seed);
                if is_alone {
                    println!("{plan:#?}");
                }
                let (began, story) = (Instant::now(), Story::default());
                let result = run(&plan, &story);
                if result.is_err() || is_alone {
                    println!("{}", story.text());
                }
                match result {
                    Ok(report) => {
                        changes.fetch_add(report.terms.1, Ordering::Relaxed);
                        println!("seed {seed}: {report:?} in {:?}", began.elapsed());
                    }
                    Err(reason) => {
                        eprintln!(
                            "seed {seed} failed: {reason}\nrun it alone with LLMNET_SEED={seed} cargo test \
                             --release -p llmnet-chain simulation -- --nocapture",
                        );
                        failed.push(seed);
                    }
                }
            }
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let failed = workers.into_iter().flat_map(|worker| {
            let failed = worker.join();
            failed.expect("a worker catches what fails")
        });
        failed.collect()
    });
    let changes = changes.into_inner();
    println!(
        "{} seeds in {:?}, {changes} changes of a committee",
        seeds.end - seeds.start,
        began.elapsed()
    );
    assert!(failed.is_empty(), "seeds that failed: {failed:?}");
    assert!(is_alone || changes > 0, "committees come and go");
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let seed = from_environment("LLMNET_SEED").unwrap_or(5);
    let run = |seed| run(&plan(seed), &Story::default()).unwrap();
    let first = run(seed);
    assert_eq!(first, run(seed));
    assert_ne!(first.trace, run(seed + 1).trace);
}

/// A life of four, of whom two are not honest: more than a committee bears. The other two do not hear
/// each other.
fn overcome(adversary: Adversary) -> Plan {
    let apart = |from, to| (from > 1 || to > 1).then_some(Quality::GOOD);
    Plan {
        adversaries: vec![adversary; 2],
        cut_off: false,
        keep: Keep::Everything,
        forgetful: None,
        validators: 4,
        candidates: 0,
        lives: vec![Life {
            length: Duration::from_secs(20),
            events: vec![(Duration::ZERO, Event::Links(all(4, apart)))],
        }],
        ..Plan::of(0, 4)
    }
}

#[test]
fn a_fork_is_seen_where_too_many_equivocate() {
    let reason = run(&overcome(Adversary::Splitter), &Story::default()).unwrap_err();
    assert!(reason.contains("finalized"), "{reason}");
}

#[test]
fn a_standstill_is_seen_where_too_many_say_nothing() {
    let reason = run(&overcome(Adversary::Garbler), &Story::default()).unwrap_err();
    assert!(reason.contains("not settled in time"), "{reason}");
}
