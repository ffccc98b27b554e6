//! What a receipt costs a network of four validators, beside the bare engine moving opaque transactions.
//!
//! `just bench-receipts` runs it: rounds of the bare engine and of ours in turn on the same machine, all
//! validators in one process, then so many receipts that the network is old, then ours again. Contracts are
//! signed before the clock starts. `LLMNET_RECEIPTS` is how many receipts the old network has (0: none),
//! `LLMNET_ROUNDS` how many rounds there are. Arguments name the parts to be run (`bare`, `ours`, `quiet`,
//! `pruned`, `old`); without any, all are. What it prints is its raw output.
#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on should stop"
)]
#![expect(clippy::print_stdout, reason = "it prints what it measures")]
#![expect(clippy::print_stderr, reason = "it shows how far it is")]

mod bare;
mod meter;
mod ours;
#[path = "../../../ledger/benches/support/workload.rs"]
mod workload;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use llmnet_chain::{ChainClient, Keep, Pacing, Validator};
use llmnet_ledger::Genesis;
use llmnet_types::units::Height;
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    meter::{Span, disk, memory, quantile},
    workload::Workload,
};

pub(crate) const VALIDATORS: usize = 4;
/// Coordinators: with more, the hash chains would last for more receipts.
const COORDINATORS: usize = 16;
/// Slots of each one's hash chain.
const SLOTS: u32 = 1 << 20;
/// Receipts of one round.
const ROUND: usize = 200_000;
/// Opaque transactions of one round.
const BARE_ROUND: usize = 120_000;
/// How often blocks are made where finality is measured.
const INTERVAL: Duration = Duration::from_millis(200);
/// Blocks after which nothing of an epoch of the workload's is disputed any more: a validator keeps as many.
const WINDOWS: u64 = 5 * 256;
/// For how long.
const QUIET: Duration = Duration::from_secs(20);

fn count(name: &str, default: usize) -> usize {
    let count = std::env::var(name).ok();
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or(default)
}

/// A directory that goes away at the end.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        let name = format!("llmnet-bench-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Ports below those that the system gives to outgoing connections.
fn addresses(first: u16) -> Vec<SocketAddr> {
    let free = (first..32_000).filter_map(|port| {
        let listener = TcpListener::bind(("127.0.0.1", port)).ok()?;
        listener.local_addr().ok()
    });
    free.take(VALIDATORS).collect()
}

fn say(name: &str, value: f64, unit: &str) {
    println!("{name:<58} {value:>12.3} {unit}");
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, part, directory, name, ..] = arguments.as_slice()
        && part == "serve"
    {
        return serve(&runtime, Path::new(directory), name);
    }
    println!("validators {VALIDATORS}, coordinators {COORDINATORS}, seats 3");
    rounds(&runtime);
    if wanted("quiet") {
        both_quiet(&runtime);
    }
    if wanted("pruned") {
        pruned(&runtime);
    }
    let receipts = count("LLMNET_RECEIPTS", 0);
    if receipts > 0 && wanted("old") {
        println!("-- after {receipts} receipts");
        old(&runtime, receipts);
    }
}

/// Whether this part shall be run.
fn wanted(part: &str) -> bool {
    let named = std::env::args()
        .skip(1)
        .filter(|name| !name.starts_with('-'));
    let named: Vec<_> = named.collect();
    named.is_empty() || named.iter().any(|name| name == part)
}

/// As much as both carry, in turn.
fn rounds(runtime: &Runtime) {
    let mut rates = [Vec::new(), Vec::new()];
    let mut ours = wanted("ours").then(|| Ours::start(runtime, "round", (fast(), Keep::default())));
    for round in 1..=count("LLMNET_ROUNDS", 3) {
        if wanted("bare") {
            rates[0].push(bare_round(runtime, round));
        }
        if let Some(ours) = &mut ours {
            rates[1].push(ours.round(runtime, &format!("round {round}")));
        }
    }
    let names = [("bare engine", "tx/s"), ("ours", "receipts/s")];
    for ((name, unit), rates) in names.into_iter().zip(&mut rates) {
        if !rates.is_empty() {
            say(&format!("{name}, median"), quantile(rates, 500), unit);
        }
    }
}

/// How long blocks take to be final where there is nothing to do.
fn both_quiet(runtime: &Runtime) {
    let mut bare = Vec::new();
    println!("-- finality at blocks of 200 ms");
    bare.extend(bare_quiet(runtime));
    let mut quiet = Ours::start(runtime, "quiet", (slow(), Keep::default()));
    quiet.finality(runtime, "ours, new");
    quiet.memory("idle");
    for (name, per_mille) in [("p50", 500), ("p95", 950)] {
        say(
            &format!("bare engine, {name}"),
            quantile(&mut bare, per_mille),
            "ms",
        );
    }
}

/// As fast as they come, as the bare engine's.
const fn fast() -> Pacing {
    Pacing {
        block_interval: Duration::ZERO,
        idle_interval: INTERVAL,
    }
}

const fn slow() -> Pacing {
    Pacing {
        block_interval: INTERVAL,
        idle_interval: INTERVAL,
    }
}

/// Opaque transactions through the bare engine: how many a second.
fn bare_round(runtime: &Runtime, round: usize) -> f64 {
    let room = Room::new("bare");
    let addresses = addresses(21_000);
    let each = BARE_ROUND / VALIDATORS;
    let signed: Vec<Vec<_>> = (0..VALIDATORS)
        .map(|validator| {
            let numbers = 0..u64::try_from(each).unwrap();
            numbers
                .map(|number| bare::sign(validator, number))
                .collect()
        })
        .collect();
    let validators: Vec<_> = (0..VALIDATORS)
        .map(|number| {
            let directory = room.0.join(number.to_string());
            bare::start(number, &addresses, directory, Duration::ZERO, Vec::new())
        })
        .collect();
    // The clock starts when they agree on blocks.
    runtime.block_on(async {
        while validators[0].shared.delays.lock().unwrap().len() < 5 {
            sleep(Duration::from_millis(10)).await;
        }
    });
    let span = Span::start();
    for (validator, transactions) in validators.iter().zip(signed) {
        *validator.shared.waiting.lock().unwrap() = transactions;
    }
    let total = u64::try_from(each * VALIDATORS).unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    runtime.block_on(async {
        for validator in &validators {
            while validator.shared.finalized.load(Ordering::Relaxed) < total {
                assert!(
                    Instant::now() < deadline,
                    "the bare engine lost transactions"
                );
                sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let (seconds, computed) = span.end();
    let rate = total as f64 / seconds;
    say(&format!("round {round}: bare engine"), rate, "tx/s");
    say(
        &format!("round {round}: bare engine, processor time"),
        computed * 1e6 / total as f64,
        "us/tx of all four",
    );
    rate
}

/// How long the bare engine's blocks take to be final.
fn bare_quiet(runtime: &Runtime) -> Vec<f64> {
    let room = Room::new("bare-quiet");
    let addresses = addresses(22_000);
    let validators: Vec<_> = (0..VALIDATORS)
        .map(|number| {
            let directory = room.0.join(number.to_string());
            bare::start(number, &addresses, directory, INTERVAL, Vec::new())
        })
        .collect();
    let taken = |validators: &[bare::Validator]| {
        let delays = validators
            .iter()
            .map(|validator| std::mem::take(&mut *validator.shared.delays.lock().unwrap()));
        delays.collect::<Vec<_>>().concat()
    };
    runtime.block_on(async {
        sleep(Duration::from_secs(3)).await;
        taken(&validators);
        sleep(QUIET).await;
    });
    taken(&validators)
}

/// Our network, and the work it is given.
struct Ours {
    validators: Vec<Validator>,
    clients: Vec<Arc<dyn ChainClient>>,
    addresses: Vec<SocketAddr>,
    genesis: Genesis,
    manner: (Pacing, Keep),
    workload: Workload,
    room: Room,
    settled: usize,
}

impl Ours {
    fn start(runtime: &Runtime, name: &str, manner: (Pacing, Keep)) -> Self {
        let room = Room::new(name);
        let (workload, genesis) = Workload::new(COORDINATORS, SLOTS, ours::members());
        let addresses = addresses(23_000);
        let validators = all(&genesis, &addresses, &room.0, manner);
        let mut ours = Self {
            clients: ours::clients(&validators),
            validators,
            addresses,
            genesis,
            manner,
            workload,
            room,
            settled: 0,
        };
        runtime.block_on(ours::begin(&mut ours.workload, &ours.clients));
        ours
    }

    fn directory(&self) -> &Path {
        &self.room.0
    }

    /// Settles so many contracts, nothing measured.
    fn settle(&mut self, runtime: &Runtime, receipts: usize) {
        let started = Instant::now();
        while self.settled < receipts {
            let prepared = ours::prepare(&mut self.workload, &*self.clients[0], ROUND);
            self.settled += prepared.receipts;
            runtime.block_on(ours::settle(prepared, &self.clients));
            if self.settled % 1_000_000 < ROUND {
                let seconds = started.elapsed().as_secs();
                eprintln!("{} receipts settled after {seconds} s", self.settled);
            }
        }
    }

    /// Bytes on disk of one validator for each receipt.
    fn disk(&self, name: &str) {
        let bytes = disk(&self.directory().join("0")) as f64 / self.settled as f64;
        say(
            &format!("disk of one validator, {name}"),
            bytes,
            "bytes/receipt",
        );
    }

    /// Takes one validator's disk away and waits until it is where the others are.
    fn join(&mut self, runtime: &Runtime) {
        let last = VALIDATORS - 1;
        drop(self.validators.pop());
        std::fs::remove_dir_all(self.directory().join(last.to_string())).unwrap();
        let since = Instant::now();
        let (genesis, addresses) = (&self.genesis, &self.addresses);
        let again = ours::start(last, genesis, addresses, &self.room.0, self.manner);
        let mut tip = again.client().tip();
        let goal = self.clients[0].tip().borrow().height();
        runtime.block_on(async {
            while tip.borrow_and_update().height() < goal {
                tip.changed().await.unwrap();
            }
        });
        say(
            "an empty disk, until it has the newest state",
            since.elapsed().as_secs_f64(),
            "s",
        );
        let oldest = runtime.block_on(again.client().block(Height(1))).unwrap();
        assert!(oldest.is_none(), "it executed all blocks again");
        self.validators.push(again);
    }

    /// Stops all and starts them again in a process of their own, whose memory is measured.
    fn memory(self, name: &str) {
        let Self {
            validators, room, ..
        } = self;
        drop(validators);
        let program = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new(program);
        let ran = command
            .arg("serve")
            .arg(&room.0)
            .arg(name)
            .status()
            .unwrap();
        assert!(ran.success());
    }

    /// Settles contracts that were signed before the clock starts.
    fn round(&mut self, runtime: &Runtime, name: &str) -> f64 {
        let receipts = count("LLMNET_ROUND", ROUND);
        let prepared = ours::prepare(&mut self.workload, &*self.clients[0], receipts);
        let (receipts, length) = (prepared.receipts, prepared.length);
        let disk_before = disk(&self.directory().join("0"));
        let tip = || self.clients[0].tip().borrow().height().0;
        let height = tip();
        let span = Span::start();
        runtime.block_on(ours::settle(prepared, &self.clients));
        let (seconds, computed) = span.end();
        let blocks = tip() - height;
        self.settled += receipts;
        let receipts = receipts as f64;
        say(&format!("{name}: ours"), receipts / seconds, "receipts/s");
        say(
            &format!("{name}: ours, time from block to block"),
            seconds * 1e3 / blocks as f64,
            "ms",
        );
        say(
            &format!("{name}: ours, processor time"),
            computed * 1e6 / receipts,
            "us/receipt of all four",
        );
        say(
            &format!("{name}: ours, processor time of one validator"),
            computed * 1e6 / receipts / VALIDATORS as f64,
            "us/receipt",
        );
        say(
            &format!("{name}: ours, transactions"),
            length as f64 / receipts,
            "bytes/receipt",
        );
        let written = disk(&self.directory().join("0")).saturating_sub(disk_before);
        say(
            &format!("{name}: ours, disk of one validator grew by"),
            written as f64 / receipts,
            "bytes/receipt",
        );
        receipts / seconds
    }

    fn finality(&mut self, runtime: &Runtime, name: &str) {
        let mut delays = runtime.block_on(async {
            sleep(Duration::from_secs(3)).await;
            ours::delays(&self.clients, QUIET).await
        });
        for (quantile_name, per_mille) in [("p50", 500), ("p95", 950)] {
            say(
                &format!("{name}, {quantile_name}"),
                quantile(&mut delays, per_mille),
                "ms",
            );
        }
    }
}

/// What is left of receipts on disk once the blocks they came in are pruned: sections of blocks go when all of
/// them are older than what is still disputed.
fn pruned(runtime: &Runtime) {
    const RECEIPTS: usize = 1_000_000;
    const SECTION: u64 = 4096;
    println!("-- pruned");
    let pacing = Pacing {
        block_interval: Duration::ZERO,
        idle_interval: Duration::ZERO,
    };
    let mut ours = Ours::start(runtime, "pruned", (pacing, Keep::Blocks(1)));
    ours.settle(runtime, RECEIPTS);
    ours.disk("just settled");
    let mut tip = ours.clients[0].tip();
    let last = tip.borrow().height().0 + WINDOWS + 2 * SECTION;
    runtime.block_on(async {
        while tip.borrow_and_update().height().0 < last {
            tip.changed().await.unwrap();
        }
    });
    ours.disk("pruned");
}

/// The same figures of a network that has settled many receipts, in turn with the bare engine and with a network that
/// is new: a machine that works for long is not as fast as it was.
fn old(runtime: &Runtime, receipts: usize) {
    let mut ours = Ours::start(runtime, "old", (fast(), Keep::Blocks(1)));
    ours.settle(runtime, receipts);
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for round in 1..=count("LLMNET_ROUNDS", 3) {
        rates[0].push(bare_round(runtime, round));
        let mut new = Ours::start(runtime, "new", (fast(), Keep::Blocks(1)));
        rates[1].push(new.round(runtime, &format!("round {round}, new")));
        drop(new);
        rates[2].push(ours.round(runtime, &format!("round {round}, old")));
    }
    let [bare, new, old] = rates.map(|mut rates| quantile(&mut rates, 500));
    say("bare engine beside it, median", bare, "tx/s");
    say("ours, new beside it, median", new, "receipts/s");
    say("ours, old, median", old, "receipts/s");
    say("ours, old, of new", old / new, "");
    ours.disk("old");
    ours.finality(runtime, "ours, old");
    let height = ours.clients[0].tip().borrow().height().0;
    if height > WINDOWS {
        ours.join(runtime);
    } else {
        println!("with {height} blocks, a new validator would execute them all");
    }
    ours.memory("old");
}

/// The memory of four validators on a directory: of this whole process, less what it had before.
fn serve(runtime: &Runtime, directory: &Path, name: &str) {
    let (workload, genesis) = Workload::new(COORDINATORS, SLOTS, ours::members());
    drop(workload);
    let before = memory();
    let validators = all(
        &genesis,
        &addresses(24_000),
        directory,
        (slow(), Keep::Blocks(1)),
    );
    runtime.block_on(async { sleep(QUIET).await });
    let height = validators[0].client().tip().borrow().height().0;
    assert!(height > 0, "they did not start");
    let each = memory().saturating_sub(before) as f64 / VALIDATORS as f64;
    say(
        &format!("memory of one validator, {name}"),
        each / 1e6,
        "MB",
    );
}

fn all(
    genesis: &Genesis,
    addresses: &[SocketAddr],
    directory: &Path,
    manner: (Pacing, Keep),
) -> Vec<Validator> {
    let numbers = 0..VALIDATORS;
    let validators =
        numbers.map(|number| ours::start(number, genesis, addresses, directory, manner));
    validators.collect()
}
