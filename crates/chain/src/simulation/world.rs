//! One run: a committee, its customers, and what befalls them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use commonware_runtime::{Clock as _, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::Probability;
use llmnet_ledger::{Genesis, GenesisValidator};
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
    signature::PrivateKey,
    units::{Amount, Height},
};
use tokio::sync::mpsc;

use super::{
    chance::Chance,
    customer::{Customer, Waiting, account, anchor},
    judge::Judge,
    links::{Key, Mesh, Quality},
    place::{End, Place, Running, Terms, seed},
    plan::{Event, Life, Plan, Torn},
    stage::{Stage, Start, lock},
};
use crate::{beacon_anchor, client::ChainClient as _, config::Pacing, local_client::LocalClient};

/// Customers of a run.
const CUSTOMERS: usize = 3;
/// How long after the last fault customers go on making transactions.
const LATE_ORDERS: Duration = Duration::from_secs(3);
/// How long after that everything has to be final everywhere.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long after its disk began to fail a validator may fall over for that reason, once it is well again.
const DISK_GRACE: Duration = Duration::from_secs(2);

/// A run's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Differs if anything at all went another way.
    pub(crate) trace: String,
    pub(crate) height: u64,
    pub(crate) transactions: usize,
    pub(crate) starts: u32,
    /// How long it took in the end until all was settled.
    pub(crate) settled: Duration,
}

/// What lasts from one life to the next.
struct World<'a> {
    plan: &'a Plan,
    terms: Terms,
    keys: Vec<Key>,
    judge: Arc<Mutex<Judge>>,
    places: Vec<Place>,
    customers: Vec<Arc<Customer>>,
    settled: Duration,
    story: Story,
}

/// What happened, line by line, for whoever has to understand a failure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story(Arc<Mutex<Vec<String>>>);

impl Story {
    fn tell(&self, line: String) {
        lock(&self.0).push(line);
    }

    pub(crate) fn text(&self) -> String {
        lock(&self.0).join("\n")
    }
}

/// Runs a plan to its end.
///
/// # Panics
/// A promise was broken.
pub(crate) fn run(plan: &Plan, story: &Story) -> Report {
    let mut world = World::new(plan, story.clone());
    let config = deterministic::Config::new()
        .with_seed(plan.seed)
        .with_start_time(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
        .with_storage_fault_config(disks(0, plan.torn));
    let mut runner = deterministic::Runner::new(config);
    let mut trace = String::new();
    for (number, life) in plan.lives.iter().enumerate() {
        let is_last = number + 1 == plan.lives.len();
        let (audit, checkpoint) =
            runner.start_and_recover(|context| world.live(context, number, life, is_last));
        trace = audit;
        runner = deterministic::Runner::from(checkpoint);
    }
    let judge = lock(&world.judge);
    Report {
        trace: format!("{trace} {}", judge.digest()),
        height: judge.height(),
        transactions: judge.transactions(),
        starts: world.places.iter().map(|place| place.starts).sum(),
        settled: world.settled,
    }
}

/// How much longer all takes to settle, as clocks were set. The engine counts its time-outs on the wall
/// clock: who was waiting when it was set back may wait for as much longer.
fn clock_slack(life: &Life) -> Duration {
    let errors = life.events.iter().filter_map(|(_, event)| match event {
        Event::Clock(_, error_ms) => Some(error_ms.unsigned_abs()),
        _ => None,
    });
    Duration::from_millis(errors.max().unwrap_or_default() * 2)
}

/// What goes wrong with disks, in so many of 100,000 operations.
fn disks(rate: u64, torn: Torn) -> deterministic::FaultConfig {
    let rate = Probability::new(rate, 100_000).expect("a share");
    deterministic::FaultConfig::default()
        .open(rate)
        .read(rate)
        .sync(rate)
        .remove(rate)
        .scan(rate)
        .write(deterministic::WriteConfig {
            failure_rate: rate,
            retention_rate: Probability::new(torn.kept, 100).expect("a share"),
            mode: if torn.scattered {
                deterministic::PartialWriteMode::Subset
            } else {
                deterministic::PartialWriteMode::Prefix
            },
        })
}

fn genesis(validators: usize) -> Genesis {
    let mut members: Vec<_> = (0..validators)
        .map(|index| GenesisValidator {
            beacon: Some(beacon_anchor(seed(index))),
            ..GenesisValidator::plain(
                PrivateKey::from_seed(seed(index)).public_key(),
                Amount::CREDIT,
            )
        })
        .collect();
    members.sort_by_key(|member| member.node);
    let accounts = (0..8).map(|number| (account(number).public_key(), Amount(1_000_000_000_000)));
    Genesis {
        name: Text::truncated("simulated"),
        validators: List::truncated(members),
        params: Params {
            epoch_blocks: 16,
            checkpoint_blocks: 8,
            ..Params::local()
        },
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated(accounts),
        anchors: List::truncated([anchor()]),
    }
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, story: Story) -> Self {
        let genesis = genesis(plan.validators);
        let honest = plan.honest();
        let places: Vec<Place> = (0..plan.validators)
            .map(|index| Place::new(index, format!("v{index}")))
            .collect();
        for (place, error_ms) in places.iter().zip(&plan.clock_errors_ms) {
            place.hardware.set_clock(*error_ms);
        }
        let mut chance = Chance::new(plan.seed ^ 0xc0ff_ee00);
        let network = genesis.id();
        let customers =
            (0..CUSTOMERS).map(|number| Arc::new(Customer::new(number, network, chance.branch())));
        let customers = customers.collect();
        Self {
            plan,
            keys: places.iter().map(|place| place.key.clone()).collect(),
            places: places.into_iter().take(honest).collect(),
            judge: Arc::new(Mutex::new(Judge::new(&genesis))),
            customers,
            terms: Terms {
                genesis,
                pacing: Pacing {
                    block_interval: Duration::from_millis(50),
                    idle_interval: Duration::from_millis(500),
                },
            },
            settled: Duration::ZERO,
            story,
        }
    }

    /// One life; says how the runtime's whole trace reads so far.
    async fn live(
        &mut self,
        context: deterministic::Context,
        number: usize,
        life: &Life,
        is_last: bool,
    ) -> String {
        let honest = self.places.len();
        let stage = Arc::new(Stage::new(self.judge.clone(), honest));
        let mesh = Mesh::start(context.child("links"), self.keys.clone(), self.plan.cut_off).await;
        let mesh = Arc::new(mesh);
        for (index, adversary) in (honest..).zip(&self.plan.adversaries) {
            let chance = Chance::new(self.plan.seed ^ index as u64);
            adversary
                .start(&context, &mesh, &self.terms, (index, number), chance)
                .await;
        }
        let open = Arc::new(AtomicBool::new(true));
        for customer in &self.customers {
            let (customer, stage, open) = (customer.clone(), stage.clone(), open.clone());
            context.child("customer").spawn(|context| async move {
                let wants_more = || open.load(Ordering::Relaxed);
                customer.live(&context, &stage, wants_more).await;
            });
        }
        for index in 0..honest {
            let stage = stage.clone();
            context
                .child("watcher")
                .spawn(move |context| async move { stage.watch(&context, index).await });
        }
        let (fallen_sender, fallen) = mpsc::unbounded_channel();
        let mut scene = Scene {
            context: &context,
            mesh,
            terms: &self.terms,
            torn: self.plan.torn,
            places: &mut self.places,
            stage: stage.clone(),
            running: (0..honest).map(|_| None).collect(),
            fallen_sender,
            fallen,
            due: BTreeMap::new(),
            disks_ill_until: None,
            began: context.current(),
            story: &self.story,
        };
        scene.tell(&"a life begins");
        // The runtime remembers over its restarts how disks were.
        scene.set_disks(0);
        for index in 0..honest {
            scene.start(index).await;
        }
        scene.play(life).await;
        if is_last {
            scene.heal().await;
            scene.wait(LATE_ORDERS).await;
            open.store(false, Ordering::Relaxed);
            self.settled = scene.settle(&self.customers, clock_slack(life)).await;
            scene.compare().await;
        }
        context.auditor().state()
    }
}

/// What is to happen at some time.
#[derive(Debug)]
enum Due {
    Event(Event),
    Start(usize),
}

/// A life while it goes on.
struct Scene<'a> {
    context: &'a deterministic::Context,
    mesh: Arc<Mesh>,
    terms: &'a Terms,
    torn: Torn,
    places: &'a mut Vec<Place>,
    stage: Arc<Stage>,
    running: Vec<Option<Running>>,
    fallen_sender: mpsc::UnboundedSender<(Start, End)>,
    fallen: mpsc::UnboundedReceiver<(Start, End)>,
    /// By time since the beginning, and by number where that is the same.
    due: BTreeMap<(Duration, usize), Due>,
    /// Since the beginning.
    disks_ill_until: Option<Duration>,
    began: SystemTime,
    story: &'a Story,
}

impl Scene<'_> {
    fn tell(&self, what: &dyn std::fmt::Debug) {
        let heard = self.stage.heard();
        let line = format!(
            "{:>8.3} s, final {heard:?}: {what:?}",
            self.now().as_secs_f64()
        );
        self.story.tell(line);
    }

    fn now(&self) -> Duration {
        let now = self.context.current();
        now.duration_since(self.began).expect("time goes on")
    }

    fn schedule(&mut self, at: Duration, due: Due) {
        let number = self.due.len();
        let number = (number..).find(|number| !self.due.contains_key(&(at, *number)));
        let number = number.expect("numbers do not end");
        self.due.insert((at, number), due);
    }

    /// Plays a life's events until its end.
    async fn play(&mut self, life: &Life) {
        for (at, event) in &life.events {
            self.schedule(*at, Due::Event(event.clone()));
        }
        self.wait_until(life.length).await;
    }

    async fn wait(&mut self, time: Duration) {
        self.wait_until(self.now() + time).await;
    }

    /// Lets time pass, and what is due happen.
    async fn wait_until(&mut self, end: Duration) {
        loop {
            let next = self.due.first_key_value().map(|((at, _), _)| *at);
            let until = next.map_or(end, |next| next.min(end));
            tokio::select! {
                biased;
                Some((start, result)) = self.fallen.recv() => {
                    self.fell(start, result);
                    continue;
                }
                () = self.context.sleep_until(self.began + until) => {}
            }
            let now = self.now();
            match self.due.first_entry() {
                Some(entry) if entry.key().0 <= now => {
                    let due = entry.remove();
                    self.happen(due).await;
                }
                _ if now >= end => return,
                _ => {}
            }
        }
    }

    async fn happen(&mut self, due: Due) {
        self.tell(&due);
        match due {
            Due::Start(index) => {
                if self.running[index].is_none() {
                    self.start(index).await;
                }
            }
            Due::Event(Event::Crash(index, downtime)) => {
                if let Some(running) = self.end(index) {
                    running.handle.abort();
                }
                self.schedule(self.now() + downtime, Due::Start(index));
            }
            Due::Event(Event::Stop(index, downtime)) => {
                if let Some(running) = self.end(index) {
                    let _ = running.stop.send(());
                    let _ = running.handle.await;
                }
                self.schedule(self.now() + downtime, Due::Start(index));
            }
            Due::Event(Event::Links(links)) => self.mesh.link(|from, to| links[from][to]).await,
            Due::Event(Event::Disks(rate)) => self.set_disks(rate),
            Due::Event(Event::Clock(index, error_ms)) => {
                self.places[index].hardware.set_clock(error_ms);
            }
        }
    }

    fn set_disks(&mut self, rate: u64) {
        *self.context.storage_fault_config().write() = disks(rate, self.torn);
        self.disks_ill_until = match (rate, self.disks_ill_until) {
            (0, None) => None,
            (0, Some(_)) => Some(self.now() + DISK_GRACE),
            _ => Some(Duration::MAX),
        };
    }

    async fn start(&mut self, index: usize) {
        let place = &mut self.places[index];
        self.mesh.forgive(&place.key).await;
        let network = self.mesh.connect(&place.key).await;
        let fallen = self.fallen_sender.clone();
        let start = (index, place.starts + 1);
        let running = place.start(self.context, self.terms, network, move |result| {
            let _ = fallen.send((start, result));
        });
        self.stage.enter(start, running.client.clone());
        self.running[index] = Some(running);
    }

    /// Takes a validator off the stage.
    fn end(&mut self, index: usize) -> Option<Running> {
        self.stage.leave(index);
        self.running[index].take()
    }

    /// A validator ended by itself. That is right if its disk failed, and only then.
    fn fell(&mut self, (index, start): Start, result: End) {
        let Err(reason) = result else {
            return;
        };
        if self.places[index].starts != start || self.running[index].is_none() {
            return;
        }
        let ill = self
            .disks_ill_until
            .is_some_and(|until| self.now() <= until);
        self.tell(&format_args!("validator {index} fell over: {reason}"));
        assert!(ill, "validator {index} fell over: {reason}");
        self.end(index);
        self.schedule(self.now() + Duration::from_secs(1), Due::Start(index));
    }

    /// Ends all faults.
    async fn heal(&mut self) {
        self.tell(&"all faults end");
        self.due.clear();
        self.set_disks(0);
        self.mesh.link(|_, _| Some(Quality::GOOD)).await;
        for index in 0..self.places.len() {
            let error_ms = i64::try_from(index).expect("small") * 700 - 1_000;
            self.places[index].hardware.set_clock(error_ms);
            if self.running[index].is_none() {
                self.start(index).await;
            }
        }
    }

    /// Waits until all transactions are final and all validators know; says how long that took.
    async fn settle(&mut self, customers: &[Arc<Customer>], slack: Duration) -> Duration {
        let began = self.now();
        let goal = lock(&self.stage.judge).height() + 3;
        loop {
            self.wait(Duration::from_millis(200)).await;
            let heard = self.stage.heard();
            let all_there = heard
                .iter()
                .all(|heard| heard.is_some_and(|heard| heard >= goal));
            let waiting = customers.iter().flat_map(|customer| customer.waiting());
            let waiting: Vec<Waiting> = waiting.collect();
            if all_there && waiting.is_empty() {
                return self.now() - began;
            }
            assert!(
                self.now() - began < SETTLED_WITHIN + slack,
                "not settled in time: heard {heard:?} of {goal}, not final {waiting:?}"
            );
        }
    }

    /// Compares all that each validator knows with what the judge knows.
    async fn compare(&mut self) {
        for ((index, _), client) in self.stage.running() {
            self.compare_state(index, &client).await;
            let height = lock(&self.stage.judge).height();
            for height in 1..=height {
                let finality = client.finality(Height(height)).await;
                let finality = finality.expect("a running validator answers");
                let verdict = lock(&self.stage.judge).hear_proof(index, height, finality.as_ref());
                verdict.unwrap_or_else(|violation| panic!("{violation}"));
            }
            let ids = lock(&self.stage.judge).ids();
            for id in ids {
                let inclusion = client.outcome(id, Duration::ZERO).await;
                let inclusion = inclusion.expect("a running validator answers");
                let verdict = lock(&self.stage.judge).hear_inclusion(index, id, inclusion);
                verdict.unwrap_or_else(|violation| panic!("{violation}"));
            }
        }
    }

    async fn compare_state(&mut self, index: usize, client: &LocalClient) {
        for _ in 0..50 {
            let keys = lock(&self.stage.judge).keys();
            let read = client.read(&keys).await;
            let (height, values) = read.expect("a running validator answers");
            let verdict = lock(&self.stage.judge).hear_state(index, height, &keys, &values);
            if verdict.unwrap_or_else(|violation| panic!("{violation}")) {
                return;
            }
            self.wait(Duration::from_millis(20)).await;
        }
        panic!("validator {index} is never where the others are");
    }
}
