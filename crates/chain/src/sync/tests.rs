//! State from two peers of whom one lies.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering as Atomic},
    },
};

use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::Signer as _;
use commonware_glue::stateful::db::Shared;
use commonware_runtime::{Runner as _, Spawner as _, Supervisor as _, deterministic};
use commonware_storage::qmdb::sync::{self as qmdb_sync, Target};
use commonware_utils::non_empty_range;
use llmnet_ledger::Key as StateKey;
use llmnet_types::signature::PublicKey;

use super::*;
use crate::{
    any::Any as _,
    engine::page_cache,
    fuzz::{fuzz, mutate},
    runtime::Steady,
    setup::engine_seed,
    simulation::{
        links::{Links, Mesh},
        machine::{Hardware, Machine},
    },
    store,
};

/// Enough keys for several answers.
const KEYS: u32 = 2_000;

type Machinery = Steady<Machine>;

fn machine(context: &deterministic::Context, disk: &str) -> Machinery {
    let hardware = Hardware::new(disk.to_owned());
    Steady::new(Machine::new(context.child("machine"), hardware))
}

/// A database with some state, and what a header would say of it.
async fn filled(machine: &Machinery) -> (Qmdb<Machinery>, store::Roots) {
    let writes: BTreeMap<_, _> = (0..KEYS)
        .map(|number| {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&number.to_be_bytes());
            (StateKey::Account(PublicKey(key)), Some(vec![7; 40]))
        })
        .collect();
    let roots = store::write_genesis(machine, page_cache(), writes).await;
    let database = Qmdb::init(machine.child("state"), store::config(page_cache()), None);
    (database.await.expect("opens"), roots.expect("writes"))
}

/// Answers with what is there, but for one value; or with bytes that are nothing.
struct Liar {
    requests: mpsc::UnboundedSender<(Key, oneshot::Sender<Bytes>)>,
}

impl Clone for Liar {
    fn clone(&self) -> Self {
        Self {
            requests: self.requests.clone(),
        }
    }
}

impl Producer for Liar {
    type Key = Key;

    fn produce(&mut self, key: Key) -> oneshot::Receiver<Bytes> {
        let (reply, answer) = oneshot::channel();
        let _ = self.requests.send((key, reply));
        answer
    }
}

impl Consumer for Liar {
    type Key = Key;
    type Value = Bytes;
    type Subscriber = Asker;
    type Outcome = bool;

    fn deliver(&mut self, _: Delivery<Key, Asker>, _: Bytes) -> oneshot::Receiver<bool> {
        unreachable!("it asks for nothing")
    }
}

fn changed(key: Key, bytes: Bytes) -> Bytes {
    let mut answer = decode(key, bytes).expect("an answer");
    if let Response::Operations { operations, .. } = &mut answer
        && let Some(Op::Update(update)) = operations.first_mut()
    {
        update.1 = Bytes::from_static(b"a million more");
    }
    answer.encode()
}

/// Syncs; says how many lies were told.
fn sync_among_liars(seed: u64, garbage: bool) -> u64 {
    let config = deterministic::Config::new().with_seed(seed);
    deterministic::Runner::new(config).start(|context| async move {
        let keys: Vec<_> = (1..=3)
            .map(|seed| engine_seed([seed; 32]).public_key())
            .collect();
        let mesh = Mesh::start(context.child("links"), keys.clone(), true).await;
        let honest = machine(&context, "honest");
        let (database, roots) = filled(&honest).await;
        let network = mesh.connect(&keys[0]).await.engine;
        let source = start::<Machinery, Links>(
            &honest,
            keys[0].clone(),
            network.peers,
            network.blocker,
            network.state,
        );
        source
            .attach_database(Shared::new("honest", database))
            .await;

        let liar = machine(&context, "liar");
        let (database, _) = filled(&liar).await;
        let (requests, mut inbox) = mpsc::unbounded_channel();
        let network = mesh.connect(&keys[1]).await.engine;
        let (engine, _resolver) = p2p::Engine::new(
            liar.child("resolver"),
            p2p::Config {
                peer_provider: network.peers,
                blocker: network.blocker,
                consumer: Liar {
                    requests: requests.clone(),
                },
                producer: Liar { requests },
                mailbox_size: NZUsize!(256),
                me: Some(keys[1].clone()),
                fetch_timeout: NZDuration!(Duration::from_secs(2)),
                fetch_retry_delay: Duration::from_millis(100),
                priority_requests: false,
                priority_responses: false,
            },
        );
        engine.start(network.state);
        let lies = Arc::new(AtomicU64::new(0));
        liar.child("lies").spawn({
            let (lies, database) = (lies.clone(), Shared::new("liar", database));
            move |_| async move {
                while let Some((key, reply)) = inbox.recv().await {
                    let told = match answer_of(&database, key).await {
                        Some((_, bytes)) if !garbage => changed(key, bytes),
                        _ => Bytes::from_static(b"state"),
                    };
                    lies.fetch_add(1, Atomic::Relaxed);
                    let _ = reply.send(told);
                }
            }
        });

        let joiner = machine(&context, "joiner");
        let network = mesh.connect(&keys[2]).await.engine;
        let source = start::<Machinery, Links>(
            &joiner,
            keys[2].clone(),
            network.peers,
            network.blocker,
            network.state,
        );
        let range = non_empty_range!(
            mmr::Location::new(roots.operations_start),
            mmr::Location::new(roots.operations_end)
        );
        let database = qmdb_sync::sync::<Qmdb<Machinery>, _>(qmdb_sync::engine::Config {
            context: joiner.child("state"),
            source,
            target: Target::new(sha256::Digest(roots.operations.0), range),
            max_outstanding_requests: NZUsize!(4),
            fetch_batch_size: OPERATIONS_MAX,
            apply_batch_size: NZU64!(1024),
            db_config: store::config(page_cache()),
            update_rx: None,
            finish_rx: None,
            reached_target_tx: None,
        });
        let database = database.await.expect("state arrives");
        assert_eq!(database.root().0, roots.state.0, "seed {seed}");
        lies.load(Atomic::Relaxed)
    })
}

#[test]
fn state_arrives_whoever_lies_about_it() {
    // BLK-2
    for garbage in [false, true] {
        let lies: u64 = (0..6).map(|seed| sync_among_liars(seed, garbage)).sum();
        assert!(lies > 0, "nobody was asked who lies");
    }
}

/// Answers as they are, then changed; asked for by whoever asked that or something else.
#[test]
fn fuzz_answers() {
    // BLK-2
    let (keys, answers): (Vec<Key>, Vec<Bytes>) =
        deterministic::Runner::default().start(|context| async move {
            let machine = machine(&context, "disk");
            let (database, roots) = filled(&machine).await;
            let size = mmr::Location::new(roots.operations_end);
            let start = mmr::Location::new(roots.operations_start);
            let few = NonZeroU64::new(3).expect("not zero");
            let requests = [
                Request::Boundary { size, start },
                Request::Operations {
                    size,
                    start,
                    max_ops: few,
                },
                Request::Operations {
                    size,
                    start,
                    max_ops: OPERATIONS_MAX,
                },
            ];
            let mut answers = Vec::new();
            for request in requests {
                let (_, bytes) = answer_of(&database, request).await.expect("it is there");
                answers.push((request, bytes));
            }
            answers.into_iter().unzip()
        });
    fuzz("answers of state", |source| {
        let (asked, told) = (source.below(keys.len()), source.below(keys.len()));
        let mut bytes = answers[told].to_vec();
        let other = &answers[source.below(answers.len())];
        mutate(source, &mut bytes, other);
        if let Some(answer) = decode(keys[asked], bytes.clone().into()) {
            assert_eq!(answer.encode(), bytes, "a second spelling");
        }
        // A request comes from a peer as well.
        let mut bytes = keys[asked].encode().to_vec();
        let number = u64::any(source).to_le_bytes();
        mutate(source, &mut bytes, &number);
        if let Ok(key) = Key::decode(Copying(&bytes[..])) {
            assert_eq!(key.encode(), bytes, "a second spelling");
        }
    });
}
