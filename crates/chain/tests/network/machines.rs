//! Four validators on four machines: processes in network namespaces of their own, cut off, healed, killed.
//!
//! What any of them ever called final must be final, and the same, everywhere and for ever.
//! `LLMNET_KILLS` says how often one is killed at random, `LLMNET_SEED` names the run.

#![expect(
    clippy::print_stdout,
    reason = "machines talk by lines, and people must see what kind of links there are"
)]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use llmnet_chain::{ChainClient, start};
use llmnet_types::{id::NetworkId, units::Height};
use tokio::sync::mpsc;

use crate::testnet::{Testnet, account, fresh_directory, key, transfer};
use links::Links;

mod links;

pub(super) const MACHINES: usize = 4;
/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long nothing may happen where nothing must.
const STANDSTILL: Duration = Duration::from_secs(4);

const MACHINE: &str = "LLMNET_MACHINE";
const DIRECTORY: &str = "LLMNET_MACHINE_DIRECTORY";
const ADDRESSES: &str = "LLMNET_MACHINE_ADDRESSES";

/// A validator in a process of its own, told what to do line by line. Without that word there is nothing
/// to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_machine() {
    let Ok(machine) = std::env::var(MACHINE) else {
        return;
    };
    let machine: usize = machine.parse().unwrap();
    let addresses = std::env::var(ADDRESSES).unwrap();
    let mut addresses = addresses.split(' ').map(|address| address.parse().unwrap());
    let testnet = Testnet::new();
    let mut config = testnet.config(machine);
    config.directory = PathBuf::from(std::env::var_os(DIRECTORY).unwrap());
    config.listen = addresses.next().unwrap();
    config.peers = (0..MACHINES).map(key).zip(addresses).collect();
    let validator = start(config).unwrap();
    let client = validator.client();
    let watching = client.clone();
    tokio::spawn(async move {
        let mut tip = watching.tip();
        while tip.changed().await.is_ok() {
            let tip = tip.borrow_and_update().clone();
            println!("block {} {}", tip.height().0, tip.digest);
        }
    });
    let (sender, mut lines) = mpsc::unbounded_channel();
    thread::spawn(move || {
        let lines = std::io::stdin().lines().map_while(Result::ok);
        for line in lines {
            let _ = sender.send(line);
        }
    });
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["pay", nonce] => {
                let nonce = nonce.parse().unwrap();
                let (client, network) = (client.clone(), testnet.network);
                tokio::spawn(async move { pay(&*client, network, nonce).await });
            }
            ["blocks", first, last] => {
                let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
                for height in first..=last {
                    if let Ok(Some(block)) = client.block(Height(height)).await {
                        println!("block {height} {}", block.header.digest());
                    }
                }
                println!("told {last}");
            }
            _ => panic!("what is {line:?}?"),
        }
    }
    validator.stop();
}

/// Submits a payment, the same one on every machine, and says when it is final.
async fn pay(client: &dyn ChainClient, network: NetworkId, nonce: u64) {
    let transaction = transfer(network, 0, nonce, account(7).public_key());
    let Ok(id) = client.submit(transaction).await else {
        return;
    };
    if let Ok(Some(inclusion)) = client.outcome(id, PATIENCE).await {
        println!("paid {nonce} {}", inclusion.height.0);
    }
}

/// What the machines said.
#[derive(Default)]
struct Heard {
    /// The newest final height of each machine.
    tips: [u64; MACHINES],
    /// The digest of each final block.
    blocks: BTreeMap<u64, String>,
    /// At which height each payment is final, and which machines said so.
    paid: BTreeMap<u64, (u64, [bool; MACHINES])>,
    /// Up to which height each machine told its blocks again.
    told: [u64; MACHINES],
    /// What contradicts something said before.
    contradictions: Vec<String>,
}

impl Heard {
    fn line(&mut self, machine: usize, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["block", height, digest] => {
                let height = height.parse().unwrap();
                self.tips[machine] = self.tips[machine].max(height);
                let known = self
                    .blocks
                    .entry(height)
                    .or_insert_with(|| digest.to_owned());
                if known != digest {
                    let word = format!("{machine} has {digest} at {height}, another has {known}");
                    self.contradictions.push(word);
                }
            }
            ["paid", nonce, height] => {
                let (nonce, height) = (nonce.parse().unwrap(), height.parse().unwrap());
                let paid = self
                    .paid
                    .entry(nonce)
                    .or_insert((height, [false; MACHINES]));
                if paid.0 != height {
                    let word = format!("{machine} has payment {nonce} at {height} not {}", paid.0);
                    self.contradictions.push(word);
                }
                paid.1[machine] = true;
            }
            ["told", height] => self.told[machine] = height.parse().unwrap(),
            // The test harness speaks too.
            _ => {}
        }
    }
}

/// The four machines.
struct World {
    links: Links,
    directory: PathBuf,
    running: Vec<Option<(Child, ChildStdin)>>,
    heard: Arc<Mutex<Heard>>,
    nonce: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            links: Links::new(),
            directory: fresh_directory(),
            running: (0..MACHINES).map(|_| None).collect(),
            heard: Arc::default(),
            nonce: 0,
        };
        (0..MACHINES).for_each(|machine| world.start(machine));
        world
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&mut self, machine: usize) {
        let program = std::env::current_exe().unwrap();
        let (listen, peers) = self.links.addresses(machine);
        let mut addresses = listen.to_string();
        for peer in peers {
            addresses = format!("{addresses} {peer}");
        }
        let mut child = self
            .links
            .command(machine, program.to_str().unwrap())
            .args(["--exact", "machines::one_machine", "--nocapture"])
            .env(MACHINE, machine.to_string())
            .env(DIRECTORY, self.directory.join(machine.to_string()))
            .env(ADDRESSES, addresses)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard = self.heard.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.line(machine, &line);
            }
        });
        let stdin = child.stdin.take().unwrap();
        self.running[machine] = Some((child, stdin));
    }

    /// SIGKILL: nothing is written or closed any more.
    fn kill(&mut self, machine: usize) {
        let (mut child, _) = self.running[machine].take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn tell(&mut self, machine: usize, line: &str) {
        if let Some((_, stdin)) = &mut self.running[machine] {
            let _ = writeln!(stdin, "{line}");
        }
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Heard) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(&self.heard()) {
            assert!(
                Instant::now() < deadline,
                "{what}: not within {PATIENCE:?}; {:?}",
                self.heard().tips
            );
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(self.heard().contradictions, [""; 0], "{what}");
    }

    /// Hands a payment to the machines.
    fn pay(&mut self) -> u64 {
        let nonce = self.nonce;
        self.nonce += 1;
        (0..MACHINES).for_each(|machine| self.tell(machine, &format!("pay {nonce}")));
        nonce
    }

    fn wait_paid(&self, what: &str, nonce: u64, by: &[usize]) {
        self.wait(what, |heard| {
            let paid = heard.paid.get(&nonce);
            paid.is_some_and(|(_, said)| by.iter().all(|machine| said[*machine]))
        });
    }

    /// Everybody has the same blocks as anybody ever called final.
    fn compare(&mut self) {
        let last = *self.heard().blocks.keys().next_back().unwrap();
        self.wait("all catch up", |heard| {
            heard.tips.iter().all(|tip| *tip >= last)
        });
        for machine in 0..MACHINES {
            self.tell(machine, &format!("blocks 1 {last}"));
        }
        self.wait("all tell their blocks", |heard| {
            heard.told.iter().all(|told| *told == last)
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for machine in 0..MACHINES {
            if self.running[machine].is_some() {
                self.kill(machine);
            }
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// The next of a series of numbers that look random (splitmix64).
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn count(name: &str, default: u64) -> u64 {
    let count = std::env::var(name).ok();
    count
        .and_then(|count| count.parse().ok())
        .unwrap_or(default)
}

#[test]
fn cut_off_healed_and_killed_four_machines_lose_nothing_that_was_final() {
    let mut seed = count("LLMNET_SEED", 1);
    let kills = count("LLMNET_KILLS", 10);
    println!("seed {seed}, {kills} kills");
    let mut world = World::new();
    let nonce = world.pay();
    world.wait_paid("the first payment", nonce, &[0, 1, 2, 3]);

    // One is cut off: the others go on without it.
    world.links.join(3, false);
    for _ in 0..3 {
        let nonce = world.pay();
        world.wait_paid("a payment without the fourth", nonce, &[0, 1, 2]);
        assert!(!world.heard().paid[&nonce].1[3], "it cannot know");
    }
    world.links.join(3, true);
    world.wait_paid("the fourth learns of it", world.nonce - 1, &[3]);

    // Two are cut off: nobody goes on.
    world.links.join(2, false);
    world.links.join(3, false);
    let nonce = world.pay();
    // What was agreed on before the cut may still arrive.
    thread::sleep(STANDSTILL);
    let before = world.heard().tips;
    thread::sleep(STANDSTILL);
    assert_eq!(world.heard().tips, before, "two of four finalize nothing");
    assert!(!world.heard().paid.contains_key(&nonce));
    world.links.join(2, true);
    world.links.join(3, true);
    world.wait_paid("healed", nonce, &[0, 1, 2, 3]);
    world.compare();

    let started = Instant::now();
    let mut killed = 0;
    while killed < kills {
        let nonce = world.pay();
        // The moment of the kill is drawn, too: from the first message to after the block.
        thread::sleep(Duration::from_millis(next(&mut seed) % 300));
        let first = next(&mut seed) as usize % MACHINES;
        // Mostly one, so that the others are in the middle of something.
        let together = [1, 1, 1, 2, MACHINES][next(&mut seed) as usize % 5];
        let victims: Vec<_> = (0..together)
            .map(|more| (first + more) % MACHINES)
            .collect();
        for victim in &victims {
            world.kill(*victim);
            killed += 1;
        }
        for victim in &victims {
            world.start(*victim);
        }
        // A payment that only the killed ones had is lost, as it was not final: it is handed in again.
        (0..MACHINES).for_each(|machine| world.tell(machine, &format!("pay {nonce}")));
        world.wait_paid("after a kill", nonce, &[0, 1, 2, 3]);
    }
    world.compare();
    println!(
        "{killed} kills in {:?}, {} blocks compared on each machine",
        started.elapsed(),
        world.heard().blocks.len()
    );
}
