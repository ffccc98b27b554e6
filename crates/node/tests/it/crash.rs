//! The whole program is killed at any moment while requests run, again and again: nothing that was final
//! is lost, nobody is paid twice, and no money stays held.

mod books;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use llmnet::coordinator::journal::Journal;
use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::{Finality, ReceiptDocument},
    id::Digest,
    receipt::ContractStatus,
    units::Slot,
};
use tokio::{task::JoinSet, time::sleep};

use crate::support::{Gateway, Local, Question, Room, Up, place, questions, settled, until_block};

/// Epochs of about three seconds, so that windows close while we watch.
const CONFIG: &str = "[chain]\nepoch_blocks = 64\nidle_interval_ms = 50\n";
/// Requesters that ask without a pause.
const REQUESTERS: usize = 4;
/// Crashes where `LLMNET_CRASHES` does not say how many.
const CRASHES: usize = 20;

/// Numbers that look random and follow from one.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 += 1;
        let digest = Digest::tagged("llmnet/test-dice/1", &[&self.0.to_le_bytes()]);
        u64::from_le_bytes(digest.0[..8].try_into().unwrap()) % below
    }
}

/// What requesters were given.
#[derive(Debug, Default)]
struct Seen {
    /// Receipts that came with an answer.
    delivered: Vec<String>,
    /// Receipts that were said to be final.
    finals: BTreeMap<String, Vec<u8>>,
}

/// Asks until the connection breaks, and looks what became of the receipts.
async fn ask_on(gateway: Gateway, set: Arc<Vec<Question>>, from: usize, seen: Arc<Mutex<Seen>>) {
    for question in set.iter().cycle().skip(from) {
        let Ok(answer) = gateway.try_ask("llmnet/auto", &question.question).await else {
            return;
        };
        assert_eq!(answer.status, 200, "{}", answer.body);
        let Some(id) = answer.receipt() else { continue };
        seen.lock().unwrap().delivered.push(id.clone());
        let wait = Duration::from_millis(500);
        let Ok(found) = gateway.receipt(&id, wait).await else {
            return;
        };
        let (state, bytes) = found.expect("a receipt is there before its answer");
        if state == "final" {
            seen.lock().unwrap().finals.insert(id, bytes);
        }
    }
}

/// All receipts that were final are the same, byte for byte.
async fn check_finals(gateway: &Gateway, finals: &BTreeMap<String, Vec<u8>>) {
    for (id, bytes) in finals {
        let found = gateway.receipt(id, Duration::ZERO).await.unwrap();
        let (state, found) = found.unwrap_or_else(|| panic!("{id} was final and is gone"));
        assert_eq!((state.as_str(), &found), ("final", bytes), "{id}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crash_loses_or_pays_twice_or_holds_for_ever() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let crashes = number("LLMNET_CRASHES").unwrap_or(CRASHES as u64);
    let seed = number("LLMNET_CRASH_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        u64::try_from(now.unwrap().as_millis()).unwrap()
    });
    println!("{crashes} crashes (LLMNET_CRASHES), LLMNET_CRASH_SEED={seed}");
    let mut dice = Dice(seed);
    let set = questions("tune.jsonl").into_iter();
    let set: Arc<Vec<Question>> =
        Arc::new(set.filter(|question| question.domain.is_some()).collect());
    let (room, place) = (Room::with(CONFIG), place().await);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut checked = BTreeMap::new();
    for crash in 0..crashes {
        let up = Up::start(&room, &["--no-models"]).await;
        // What became final in the last round; all of them at the end.
        let mut finals = seen.lock().unwrap().finals.clone();
        let all = finals.clone();
        finals.retain(|id, _| !checked.contains_key(id));
        check_finals(&up.gateway, &finals).await;
        checked = all;
        let mut asking = JoinSet::new();
        for _ in 0..REQUESTERS {
            let from = usize::try_from(dice.roll(set.len() as u64)).unwrap();
            let (set, seen) = (Arc::clone(&set), Arc::clone(&seen));
            asking.spawn(ask_on(up.gateway.clone(), set, from, seen));
        }
        // The moment of the crash, before and after the first blocks: nothing is waited for.
        let moment = Duration::from_millis(200 + dice.roll(3_300));
        sleep(moment).await;
        up.kill().await;
        while let Some(ended) = asking.join_next().await {
            ended.unwrap();
        }
        let seen = seen.lock().unwrap();
        println!(
            "crash {crash} after {moment:?}: {} delivered, {} final",
            seen.delivered.len(),
            seen.finals.len()
        );
    }

    let local = Local::begin(room, place).await;
    let chain = local.chain();
    let journal = Journal::open(&local.room.network().join("coordinator.db")).unwrap();
    let used = journal.entries(Slot(0), usize::MAX).await.unwrap().len() as u64;
    let coordinator = local.keys().coordinator().public_key();
    until_block(&*chain, 8 * 64, "every slot is settled", || async {
        let read = query(&*chain, |state| ledger::coordinator(state, &coordinator));
        let next = read.await.unwrap().1.unwrap_or_default().next_slot;
        (next == Slot(used)).then_some(())
    })
    .await;
    let held = query(&*chain, |state| ledger::totals(state).held)
        .await
        .unwrap()
        .1;
    books::nothing_stays_held(&local).await;

    let told = settled(&*chain).await;
    assert_eq!(told.leaves.len() as u64, used);
    for ((_, slot), leaves) in &told.leaves {
        assert_eq!(leaves.len(), 1, "slot {slot} was settled once");
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    check_finals(&local.gateway, &seen.finals).await;
    let (mut settled, mut void) = (0, 0);
    for id in &seen.delivered {
        let found = local.gateway.receipt(id, Duration::from_secs(5)).await;
        let (state, bytes) = found.unwrap().expect("what was delivered is still there");
        let document = ReceiptDocument::from_bytes(&bytes).unwrap();
        let verified = document.verify(Some(&local.network.id)).unwrap();
        replay(&document).unwrap();
        let leaf = &told.leaves[&(coordinator, document.receipt.slot)][0];
        if leaf.receipt == document.signed.body {
            assert_eq!(state, "final", "{id} is settled");
            assert!(matches!(verified.finality, Finality::Final { .. }));
            settled += 1;
        } else {
            // Too old to be settled: nobody was paid, nobody was charged.
            assert_eq!(leaf.status, ContractStatus::Void, "{id}");
            assert!(!seen.finals.contains_key(id), "{id} was final");
            void += 1;
        }
    }
    println!(
        "{used} slots; of {} delivered answers {settled} are settled and {void} void; {} credits \
         were held at the end; refused and charged: {:?}",
        seen.delivered.len(),
        held.credits(),
        told.refused,
    );
    assert!(settled > 0 && !seen.finals.is_empty());
    books::balance(&local, &told).await;
    local.stop().await;
}
