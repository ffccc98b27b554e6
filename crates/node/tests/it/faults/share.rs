//! How many of many requests are answered while models' servers fail: seven respondents, a quorum of three, the
//! contract's own deadline, and criteria as always: three answers, opened and paid, or the contract has failed.
//!
//! `LLMNET_REQUESTS` says how many, `LLMNET_SEED` repeats a run.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use llmnet_protocol::replay::replay;
use llmnet_types::document::ReceiptDocument;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    server::Plan,
    world::{QUESTION, World},
};

const REQUESTS: u64 = 150;
/// Requests at a time.
const AT_A_TIME: u64 = 24;
const SEATS: usize = 7;
const QUORUM: usize = 3;
/// Of how many requests one receipt is waited for, verified and played again.
const CHECKED: u64 = 25;
/// What an operator of a model that answers within milliseconds may set: an attempt that hangs is given up before the
/// seat must accept, which is 1.5 seconds after it was asked. All else is as it is by default.
const TIMEOUTS: &str = "{ reply_ms = 1300, attempt_ms = 600 }";

fn number(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok();
    set.map_or(default, |text| text.parse().expect("a whole number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_seven_may_fail_throughout() {
    let mut plans = [Plan::Well; SEATS];
    plans[2] = Plan::Always;
    plans[5] = Plan::Always;
    run("two of seven fail throughout", &plans).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_may_fail_by_a_chance_of_three_in_ten() {
    run(
        "each call fails by a chance of 30%",
        &[Plan::Chance(300); SEATS],
    )
    .await;
}

/// What came of one request.
struct Came {
    well: bool,
    how: String,
    took: Duration,
    served: usize,
}

async fn run(name: &str, plans: &[Plan]) {
    let count = number("LLMNET_REQUESTS", REQUESTS);
    let seed = number("LLMNET_SEED", 1);
    let world = World::start(plans, seed, TIMEOUTS, llmnet_gateway::Config::default()).await;
    let world = Arc::new(world);
    let (next, begin) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut asking = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (world, next) = (Arc::clone(&world), Arc::clone(&next));
        asking.spawn(async move {
            let mut came = Vec::new();
            loop {
                let request = next.fetch_add(1, Ordering::Relaxed);
                if request >= count {
                    return came;
                }
                came.push(ask(&world, request % CHECKED == 0).await);
            }
        });
    }
    let came: Vec<Came> = asking.join_all().await.into_iter().flatten().collect();
    let took = begin.elapsed();

    let well = came.iter().filter(|came| came.well).count();
    let mut times: Vec<Duration> = came.iter().map(|came| came.took).collect();
    times.sort_unstable();
    let quantile = |part: usize| times[(times.len() - 1) * part / 100];
    let served: usize = came.iter().map(|came| came.served).sum();
    let (calls, failed) = world
        .servers
        .iter()
        .fold((0, 0), |(calls, failed), server| {
            let (more_calls, more_failed) = server.calls();
            (calls + more_calls, failed + more_failed)
        });
    let mut others = BTreeMap::<&str, usize>::new();
    for came in came.iter().filter(|came| !came.well) {
        *others.entry(came.how.as_str()).or_default() += 1;
    }
    let (low, high) = wilson(well, came.len());
    println!(
        "{name}: {well} of {} answered ({:.3}%, 95% interval {:.3}% to {:.3}%), seed {seed}, {took:.0?}; \
         {:.2} seats served a request; {failed} of {calls} calls were failed; \
         an answer took {:.0?} (median), {:.0?} (99 of 100); else: {others:?}",
        came.len(),
        100.0 * well as f64 / came.len() as f64,
        100.0 * low,
        100.0 * high,
        served as f64 / came.len() as f64,
        quantile(50),
        quantile(99),
    );
    // Of few requests, one may fail by chance: about one in ten thousand does.
    let may_fail = came.len().div_ceil(1_000);
    assert!(came.len() - well <= may_fail, "{others:?}");
    assert!(failed > 0, "nothing was tried");
}

async fn ask(world: &World, is_checked: bool) -> Came {
    let body = json!({
        "model": "llmnet/auto",
        "messages": [{ "role": "user", "content": QUESTION }],
        "llmnet": { "seats": SEATS, "quorum": QUORUM },
    });
    let begin = Instant::now();
    let answer = match world.gateway.post(&body.to_string()).await {
        Ok(answer) => answer,
        Err(error) => {
            return Came {
                well: false,
                how: error.without_url().to_string(),
                took: begin.elapsed(),
                served: 0,
            };
        }
    };
    let took = begin.elapsed();
    let panel = answer.panel();
    let served = panel.iter().filter(|seat| seat["outcome"] == "served");
    let served = served.count();
    let status = answer.llmnet()["status"].as_str().unwrap_or_default();
    let well = answer.status == 200
        && status == "concluded"
        && served >= QUORUM
        && !answer.declined()
        && answer.text().starts_with("It is (");
    if well && is_checked {
        let bytes = world
            .gateway
            .final_receipt(&answer.receipt().unwrap())
            .await;
        let document = ReceiptDocument::from_bytes(&bytes).unwrap();
        document.verify(Some(&world.genesis.id())).unwrap();
        assert_eq!(replay(&document), Ok(()));
        let terms = &document.receipt.terms;
        let size = (usize::from(terms.seats), usize::from(terms.quorum));
        assert_eq!(size, (SEATS, QUORUM));
    }
    Came {
        well,
        how: format!(
            "{} {status} {}",
            answer.status, answer.body["error"]["code"]
        ),
        took,
        served,
    }
}

/// Wilson's interval of a share, at 95%.
fn wilson(well: usize, all: usize) -> (f64, f64) {
    const Z: f64 = 1.959_964;
    let (all, share) = (all as f64, well as f64 / all as f64);
    let middle = share + Z * Z / (2.0 * all);
    let half = Z * (share * (1.0 - share) / all + Z * Z / (4.0 * all * all)).sqrt();
    let whole = 1.0 + Z * Z / all;
    ((middle - half) / whole, ((middle + half) / whole).min(1.0))
}

#[test]
fn intervals_are_as_published() {
    // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for (well, all, low, high) in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ] {
        let (found_low, found_high) = wilson(well, all);
        assert!((found_low - low).abs() < 1e-4, "{found_low}");
        assert!((found_high - high).abs() < 1e-4, "{found_high}");
    }
}
