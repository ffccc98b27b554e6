//! A life while it goes on: what happens when, who runs, and whether all is well in the end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use commonware_runtime::{Clock as _, deterministic};
use commonware_utils::Probability;
use llmnet_types::units::{Height, Term};
use tokio::sync::mpsc;

use super::{
    customer::{Customer, Waiting},
    links::{Mesh, Quality},
    operator::Operator,
    place::{End, Place, Running, Terms},
    plan::{Event, Life, Torn},
    stage::{Stage, Start, lock},
};
use crate::{client::ChainClient as _, local_client::LocalClient};

/// How long after that everything has to be final everywhere.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// How long after its disk began to fail a validator may fall over for that reason, once it is well again.
const DISK_GRACE: Duration = Duration::from_secs(2);
/// What the runtime says of a failure that it made up.
const INJECTED: &str = "injected storage fault";

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

/// What is to happen at some time.
#[derive(Debug)]
enum Due {
    Event(Event),
    Start(usize),
}

/// What a life is played with.
pub(crate) struct Parts<'a> {
    pub(crate) context: &'a deterministic::Context,
    pub(crate) mesh: Arc<Mesh>,
    pub(crate) terms: &'a Terms,
    pub(crate) torn: Torn,
    /// The honest validators.
    pub(crate) places: &'a mut Vec<Place>,
    pub(crate) stage: Arc<Stage>,
    pub(crate) operator: &'a Operator,
    pub(crate) story: &'a Story,
}

/// A life while it goes on.
pub(crate) struct Scene<'a> {
    parts: Parts<'a>,
    running: Vec<Option<Running>>,
    fallen_sender: mpsc::UnboundedSender<(Start, End)>,
    fallen: mpsc::UnboundedReceiver<(Start, End)>,
    /// By time since the beginning, and by number where that is the same.
    due: BTreeMap<(Duration, usize), Due>,
    /// Since the beginning.
    disks_ill_until: Option<Duration>,
    began: SystemTime,
}

impl<'a> Scene<'a> {
    /// Starts all honest validators.
    pub(crate) async fn begin(parts: Parts<'a>) -> Self {
        let (fallen_sender, fallen) = mpsc::unbounded_channel();
        let honest = parts.places.len();
        let mut scene = Self {
            running: (0..honest).map(|_| None).collect(),
            fallen_sender,
            fallen,
            due: BTreeMap::new(),
            disks_ill_until: None,
            began: parts.context.current(),
            parts,
        };
        scene.tell(&"a life begins");
        // The runtime remembers over its restarts how disks were.
        scene.set_disks(0);
        for index in 0..honest {
            scene.start(index).await;
        }
        scene
    }

    fn tell(&self, what: &dyn std::fmt::Debug) {
        let heard = self.parts.stage.heard();
        let line = format!(
            "{:>8.3} s, final {heard:?}: {what:?}",
            self.now().as_secs_f64()
        );
        self.parts.story.tell(line);
    }

    fn now(&self) -> Duration {
        let now = self.parts.context.current();
        now.duration_since(self.began).expect("time goes on")
    }

    fn schedule(&mut self, at: Duration, due: Due) {
        let number = self.due.len();
        let number = (number..).find(|number| !self.due.contains_key(&(at, *number)));
        let number = number.expect("numbers do not end");
        self.due.insert((at, number), due);
    }

    /// Plays a life's events until its end.
    pub(crate) async fn play(&mut self, life: &Life) {
        for (at, event) in &life.events {
            self.schedule(*at, Due::Event(event.clone()));
        }
        self.wait_until(life.length).await;
    }

    pub(crate) async fn wait(&mut self, time: Duration) {
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
                () = self.parts.context.sleep_until(self.began + until) => {}
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
            Due::Event(Event::LoseDisk(index, downtime)) => {
                if let Some(running) = self.end(index) {
                    running.handle.abort();
                    let _ = running.handle.await;
                }
                self.parts.places[index].lose_disk();
                lock(&self.parts.stage.judge).loses_disk(index);
                self.schedule(self.now() + downtime, Due::Start(index));
            }
            Due::Event(Event::Links(links)) => {
                self.parts.mesh.link(|from, to| links[from][to]).await
            }
            Due::Event(Event::Disks(rate)) => self.set_disks(rate),
            Due::Event(Event::Clock(index, error_ms)) => {
                self.parts.places[index].hardware.set_clock(error_ms);
            }
            Due::Event(Event::Member(index)) => {
                let height = lock(&self.parts.stage.judge).height();
                self.parts.operator.turn(index, height);
            }
        }
    }

    fn set_disks(&mut self, rate: u64) {
        *self.parts.context.storage_fault_config().write() = disks(rate, self.parts.torn);
        self.disks_ill_until = match (rate, self.disks_ill_until) {
            (0, None) => None,
            (0, Some(_)) => Some(self.now() + DISK_GRACE),
            _ => Some(Duration::MAX),
        };
    }

    async fn start(&mut self, index: usize) {
        let place = &mut self.parts.places[index];
        self.parts.mesh.forgive(&place.key).await;
        let network = self.parts.mesh.connect(&place.key).await;
        let fallen = self.fallen_sender.clone();
        let start = (index, place.starts + 1);
        if start.1 > 1 {
            lock(&self.parts.stage.judge).starts_again(index);
        }
        let running = place.start(
            self.parts.context,
            self.parts.terms,
            network,
            move |result| {
                let _ = fallen.send((start, result));
            },
        );
        self.parts.stage.enter(start, running.client.clone());
        self.running[index] = Some(running);
    }

    /// Takes a validator off the stage.
    fn end(&mut self, index: usize) -> Option<Running> {
        self.parts.stage.leave(index);
        self.running[index].take()
    }

    /// A validator ended by itself. That is right if its disk failed, and only then.
    fn fell(&mut self, (index, start): Start, result: End) {
        let Err(reason) = result else {
            return;
        };
        if self.parts.places[index].starts != start || self.running[index].is_none() {
            return;
        }
        // A failure may be remembered until the file is used again.
        let injected = reason.contains(INJECTED) && self.disks_ill_until.is_some();
        let ill = injected
            || self
                .disks_ill_until
                .is_some_and(|until| self.now() <= until);
        self.tell(&format_args!("validator {index} fell over: {reason}"));
        assert!(ill, "validator {index} fell over: {reason}");
        self.end(index);
        self.schedule(self.now() + Duration::from_secs(1), Due::Start(index));
    }

    /// How many validators have cut off how many others by now, all in all.
    pub(crate) async fn cut_off(&self) -> usize {
        self.parts.mesh.who_cut_off().await.len()
    }

    /// Ends all faults.
    pub(crate) async fn heal(&mut self) {
        self.tell(&"all faults end");
        self.due.clear();
        self.set_disks(0);
        self.parts.mesh.link(|_, _| Some(Quality::GOOD)).await;
        for index in 0..self.parts.places.len() {
            let error_ms = i64::try_from(index).expect("small") * 700 - 1_000;
            self.parts.places[index].hardware.set_clock(error_ms);
            if self.running[index].is_none() {
                self.start(index).await;
            }
        }
    }

    /// Waits until all transactions are final and all validators know; says how long that took.
    pub(crate) async fn settle(&mut self, customers: &[Arc<Customer>]) -> Duration {
        let began = self.now();
        let goal = lock(&self.parts.stage.judge).height() + 3;
        loop {
            self.wait(Duration::from_millis(200)).await;
            let heard = self.parts.stage.heard();
            let all_there = heard
                .iter()
                .all(|heard| heard.is_some_and(|heard| heard >= goal));
            let waiting = customers.iter().flat_map(|customer| customer.waiting());
            let waiting: Vec<Waiting> = waiting.collect();
            if all_there && waiting.is_empty() {
                return self.now() - began;
            }
            if self.now() - began >= SETTLED_WITHIN {
                let first = waiting.first().map(|waiting| waiting.id);
                let running = self.parts.stage.running();
                let pools = running.iter().map(|(start, client)| {
                    let place = first.and_then(|id| client.mempool.place(&id));
                    (*start, place)
                });
                let pools: Vec<_> = pools.collect();
                let cut_off = self.parts.mesh.who_cut_off().await;
                panic!(
                    "not settled in time: heard {heard:?} of {goal}, cut off {cut_off:?}, in pools \
                     {pools:?}, not final {waiting:?}"
                );
            }
        }
    }

    /// Compares all that each validator knows with what the judge knows.
    pub(crate) async fn compare(&mut self) {
        for ((index, _), client) in self.parts.stage.running() {
            self.compare_state(index, &client).await;
            self.compare_hand_overs(index, &client).await;
            let (height, known_from) = {
                let judge = lock(&self.parts.stage.judge);
                (judge.height(), judge.known_from(index))
            };
            for height in known_from..=height {
                let finality = client.finality(Height(height)).await;
                let finality = finality.expect("a running validator answers");
                let verdict =
                    lock(&self.parts.stage.judge).hear_proof(index, height, finality.as_ref());
                verdict.unwrap_or_else(|violation| panic!("{violation}"));
            }
            let ids = lock(&self.parts.stage.judge).ids();
            for id in ids {
                let inclusion = client.outcome(id, Duration::ZERO).await;
                let inclusion = inclusion.expect("a running validator answers");
                let verdict = lock(&self.parts.stage.judge).hear_inclusion(index, id, inclusion);
                verdict.unwrap_or_else(|violation| panic!("{violation}"));
            }
        }
    }

    /// Every term that had ended when this is asked for has its hand-over, now or soon.
    async fn compare_hand_overs(&mut self, index: usize, client: &LocalClient) {
        // The next one may begin meanwhile.
        let newest = Term(lock(&self.parts.stage.judge).terms() as u64 - 1);
        let mut hand_overs = Vec::new();
        for term in 0..newest.0 {
            for _ in 0..250 {
                let hand_over = client.hand_over(Term(term)).await;
                if let Some(hand_over) = hand_over.expect("a running validator answers") {
                    hand_overs.push(hand_over);
                    break;
                }
                self.wait(Duration::from_millis(20)).await;
            }
        }
        let verdict = lock(&self.parts.stage.judge).hear_hand_overs(index, hand_overs, newest);
        verdict.unwrap_or_else(|violation| panic!("{violation}"));
    }

    async fn compare_state(&mut self, index: usize, client: &LocalClient) {
        for _ in 0..50 {
            let keys = lock(&self.parts.stage.judge).keys();
            let read = client.read(&keys).await;
            let (height, values) = read.expect("a running validator answers");
            let verdict = lock(&self.parts.stage.judge).hear_state(index, height, &keys, &values);
            if verdict.unwrap_or_else(|violation| panic!("{violation}")) {
                return;
            }
            self.wait(Duration::from_millis(20)).await;
        }
        panic!("validator {index} is never where the others are");
    }
}

/// What goes wrong with disks, in so many of 100,000 operations.
pub(crate) fn disks(rate: u64, torn: Torn) -> deterministic::FaultConfig {
    let rate = Probability::new(rate, 100_000).expect("a share");
    deterministic::FaultConfig::default()
        .open(rate)
        .read(rate)
        .sync(rate)
        .remove(rate)
        .resize(deterministic::ResizeConfig {
            failure_rate: rate,
            partial_rate: Probability::new(1, 2).expect("a share"),
        })
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
