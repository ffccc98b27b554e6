//! Case after case, until the time is over.

#![allow(
    clippy::print_stdout,
    reason = "tests print their seeds; within a library's own tests it is allowed anyway"
)]

use std::{
    str::FromStr,
    time::{Duration, Instant, SystemTime},
};

use crate::any::Source;

/// How many cases there are at least, on however slow a machine.
const CASES_MIN: u64 = 20;

/// Says which case failed: with this seed it is the first.
struct Case {
    target: &'static str,
    seed: u64,
}

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { target, seed } = self;
            println!("fuzz {target}: LLMNET_FUZZ_SEED={seed} fails at once");
        }
    }
}

fn from_environment<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    let value = text.parse().ok();
    assert!(value.is_some(), "{name} is not a number: {text}");
    value
}

/// Runs cases until the time is over. Equal seeds are equal cases, whatever came before.
pub(crate) fn fuzz(target: &'static str, mut case: impl FnMut(&mut Source)) {
    let seconds = from_environment("LLMNET_FUZZ_SECONDS").unwrap_or(0.5);
    let first = from_environment("LLMNET_FUZZ_SEED").unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Source::new(since.expect("after 1970").as_nanos() as u64).next()
    });
    println!("fuzz {target}: seed {first}");
    let start = Instant::now();
    let time = Duration::from_secs_f64(seconds);
    let (mut seed, mut cases) = (first, 0_u64);
    while cases < CASES_MIN || start.elapsed() < time {
        let running = Case { target, seed };
        case(&mut Source::new(seed));
        drop(running);
        cases += 1;
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    }
    println!("fuzz {target}: {cases} cases in {:.1?}", start.elapsed());
}
