//! One run: a committee, its customers, and what befalls them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};

use commonware_runtime::{Spawner as _, Supervisor as _, deterministic};
use llmnet_ledger::{Genesis, GenesisValidator};
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
    signature::PrivateKey,
    units::Amount,
};

use super::{
    chance::Chance,
    customer::{Customer, account, anchor},
    judge::Judge,
    links::{Key, Mesh},
    operator::{OPERATOR, Operator},
    place::{Place, Terms, seed},
    plan::{Life, Plan},
    scene::{Parts, Scene, Story, disks},
    stage::{Stage, lock},
};
use crate::{beacon_anchor, config::Pacing};

/// Customers of a run.
const CUSTOMERS: usize = 3;
/// How long after the last fault customers go on making transactions.
const LATE_ORDERS: Duration = Duration::from_secs(3);

/// A run's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// Differs if anything at all went another way.
    pub(crate) trace: String,
    pub(crate) height: u64,
    pub(crate) transactions: usize,
    /// Terms that began, and how many of them with another committee.
    pub(crate) terms: (usize, usize),
    pub(crate) starts: u32,
    /// How often one validator had cut off another in the end.
    pub(crate) cut_off: usize,
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
    operator: Operator,
    cut_off: usize,
    settled: Duration,
    story: Story,
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
        terms: (judge.terms(), judge.changes()),
        starts: world.places.iter().map(|place| place.starts).sum(),
        cut_off: world.cut_off,
        settled: world.settled,
    }
}

fn genesis(plan: &Plan) -> Genesis {
    let mut members: Vec<_> = (0..plan.validators)
        .filter(|index| plan.is_first(*index))
        .map(|index| GenesisValidator {
            operator: account(OPERATOR).public_key(),
            beacon: Some(beacon_anchor(seed(index))),
            ..GenesisValidator::plain(
                PrivateKey::from_seed(seed(index)).public_key(),
                Amount::CREDIT,
            )
        })
        .collect();
    members.sort_by_key(|member| member.node);
    // Validators pay for the anchors of their hash chains.
    let validators = (0..plan.validators).map(|index| PrivateKey::from_seed(seed(index)));
    let accounts = (0..8).map(account).chain(validators);
    let accounts = accounts.map(|key| (key.public_key(), Amount(1_000_000_000_000)));
    let (epoch_blocks, term_epochs) = plan.term;
    Genesis {
        name: Text::truncated("simulated"),
        validators: List::truncated(members),
        params: Params {
            epoch_blocks,
            term_epochs,
            checkpoint_blocks: epoch_blocks / 2,
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
        let genesis = genesis(plan);
        let honest = plan.honest();
        let places: Vec<Place> = (0..plan.validators)
            .map(|index| Place::new(index, format!("v{index}")))
            .collect();
        for (place, error_ms) in places.iter().zip(&plan.clock_errors_ms) {
            place.hardware.set_clock(*error_ms);
        }
        let mut chance = Chance::new(plan.seed ^ 0xc0ff_ee00);
        let network = genesis.id();
        let mut customer = |number| Arc::new(Customer::new(number, network, chance.branch()));
        let operator = Operator::new(plan, network, customer(OPERATOR));
        let customers: Vec<_> = (0..CUSTOMERS).map(customer).collect();
        Self {
            plan,
            keys: places.iter().map(|place| place.key.clone()).collect(),
            places: places.into_iter().take(honest).collect(),
            judge: Arc::new(Mutex::new(Judge::new(&genesis))),
            customers,
            operator,
            terms: Terms {
                genesis,
                pacing: Pacing {
                    block_interval: Duration::from_millis(50),
                    idle_interval: Duration::from_millis(500),
                },
                keep: plan.keep,
                replayed_max: plan.replayed_max,
            },
            cut_off: 0,
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
            let chance = Chance::new(self.plan.seed ^ (index as u64) << 32 ^ (number as u64) << 40);
            adversary
                .start(
                    &context,
                    &mesh,
                    &self.terms,
                    self.judge.clone(),
                    (index, number),
                    chance,
                )
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
        let (operator, judged) = (self.operator.customer.clone(), stage.clone());
        context.child("operator").spawn(|context| async move {
            operator.live(&context, &judged, || false).await;
        });
        for index in 0..honest {
            let stage = stage.clone();
            context
                .child("watcher")
                .spawn(move |context| async move { stage.watch(&context, index).await });
        }
        let parts = Parts {
            context: &context,
            mesh,
            terms: &self.terms,
            torn: self.plan.torn,
            places: &mut self.places,
            stage,
            operator: &self.operator,
            story: &self.story,
        };
        let mut scene = Scene::begin(parts).await;
        scene.play(life).await;
        if is_last {
            scene.heal().await;
            scene.wait(LATE_ORDERS).await;
            open.store(false, Ordering::Relaxed);
            let mut customers = self.customers.clone();
            customers.push(self.operator.customer.clone());
            self.settled = scene.settle(&customers).await;
            scene.compare().await;
            self.cut_off = scene.cut_off().await;
        }
        context.auditor().state()
    }
}
