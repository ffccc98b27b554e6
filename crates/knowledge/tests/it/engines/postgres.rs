//! PostgreSQL with pgvector, the real one: `just test-postgres` starts it and says where it is.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use llmnet_knowledge::store::{
    Store, StoreError,
    engine::EngineError,
    postgres::{Postgres, Settings},
};
use llmnet_types::id::Salt;
use postgres::{Client, Config, NoTls};

use super::{Known, Random, change, check, live};

const SERVER: &str = "LLMNET_TEST_POSTGRES";
const PASSWORD: &str = "LLMNET_TEST_POSTGRES_PASSWORD";
const LIMITS: [usize; 2] = [5, 50];

/// A database of a test's own.
struct Database {
    url: String,
    password: String,
    config: Config,
}

impl Database {
    fn new(name: &str) -> Self {
        let server =
            std::env::var(SERVER).expect("there is a server: `just test-postgres` starts one");
        let password = std::env::var(PASSWORD).expect("the server's password is given");
        let mut config: Config = server.parse().unwrap();
        config.password(&password);
        let mut client = config.connect(NoTls).unwrap();
        client
            .batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
            .unwrap();
        client
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .unwrap();
        config.dbname(name);
        let (before, _) = server.rsplit_once('/').unwrap();
        Self {
            url: format!("{before}/{name}"),
            password,
            config,
        }
    }

    fn settings(&self) -> Settings {
        Settings::new(&self.url, Some(&self.password)).unwrap()
    }

    fn searches(&self, store: Store) -> Store {
        let engine = Postgres::open(&self.settings(), &store.identity()).unwrap();
        store.searched_by(Box::new(engine))
    }

    fn client(&self) -> Client {
        self.config.connect(NoTls).unwrap()
    }

    /// Ends every connection but the one that asks.
    fn cut(client: &mut Client) {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        client.query(sql, &[]).unwrap();
    }
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("llmnet-engines-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path) -> Store {
    Store::open(path, &Salt([3; 32])).unwrap()
}

#[test]
fn postgres_finds_what_a_plain_reading_finds() {
    let database = Database::new("plain");
    for round in 0..3 {
        // All in one database: each store has tables of its own.
        let store = Store::in_memory(&Salt([round as u8; 32])).unwrap();
        let store = database.searches(store);
        live(&store, &mut Random::new(round), &LIMITS);
    }
}

#[test]
fn an_index_over_vectors_is_made_and_finds_them() {
    let database = Database::new("near");
    let store = Store::in_memory(&Salt([3; 32])).unwrap();
    let settings = database.settings().approximate_from(0);
    let engine = Postgres::open(&settings, &store.identity()).unwrap();
    let store = store.searched_by(Box::new(engine));
    live(&store, &mut Random::new(20), &LIMITS);
    let sql = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%USING hnsw%'";
    let made: i64 = database.client().query_one(sql, &[]).unwrap().get(0);
    assert_eq!(made, 2, "one for each model");
}

#[test]
fn what_another_process_adds_is_found() {
    let (database, folder) = (Database::new("others"), Folder::new("others"));
    let path = folder.file("s.sqlite");
    let (mut random, mut known) = (Random::new(30), Known::default());
    // One adds and knows of no engine, two others search.
    let writer = open(&path);
    let readers = [
        database.searches(open(&path)),
        database.searches(open(&path)),
    ];
    for _ in 0..4 {
        change(&writer, &mut known, &mut random, 8);
        for reader in &readers {
            check(reader, &known, &mut random, &LIMITS);
        }
    }
    // All at once: one takes over what changed, and the other waits for it.
    change(&writer, &mut known, &mut random, 60);
    thread::scope(|scope| {
        for reader in &readers {
            scope.spawn(|| reader.follow().unwrap());
        }
    });
    for reader in &readers {
        check(reader, &known, &mut random, &LIMITS);
    }
}

#[test]
fn tables_that_are_lost_are_built_again() {
    let database = Database::new("lost");
    let store = Store::in_memory(&Salt([3; 32])).unwrap();
    let engine = Postgres::open(&database.settings(), &store.identity()).unwrap();
    let store = database.searches(store);
    let (mut random, mut known) = (Random::new(40), Known::default());
    change(&store, &mut known, &mut random, 20);
    check(&store, &known, &mut random, &LIMITS);
    engine.forget().unwrap();
    check(&store, &known, &mut random, &LIMITS);
    // Tables of another version are nothing to build on.
    let name = format!("llmnet_{}", &store.identity().to_string()[..32]);
    let mut client = database.client();
    client
        .batch_execute(&format!(
            "UPDATE {name}.state SET version = 0; DELETE FROM {name}.frequencies"
        ))
        .unwrap();
    Database::cut(&mut client);
    // Whoever was connected hears of it once.
    let _ = store.follow();
    check(&store, &known, &mut random, &LIMITS);
}

#[test]
fn a_copy_of_a_store_that_went_its_own_way_is_followed() {
    let (database, folder) = (Database::new("copies"), Folder::new("copies"));
    let (path, copy) = (folder.file("s.sqlite"), folder.file("copy.sqlite"));
    let (mut random, mut known) = (Random::new(50), Known::default());
    let store = database.searches(open(&path));
    change(&store, &mut known, &mut random, 20);
    drop(store);
    std::fs::copy(&path, &copy).unwrap();
    let mut elsewhere = known.clone();
    // The engine follows the first far beyond where the copy is, with numbers that the copy will use for others.
    let store = database.searches(open(&path));
    change(&store, &mut known, &mut random, 30);
    check(&store, &known, &mut random, &LIMITS);
    let store = database.searches(open(&copy));
    check(&store, &elsewhere, &mut random, &LIMITS);
    change(&store, &mut elsewhere, &mut random, 30);
    check(&store, &elsewhere, &mut random, &LIMITS);
}

#[test]
fn connections_that_end_at_any_moment_lose_nothing() {
    let database = Database::new("cut");
    let store = Store::in_memory(&Salt([3; 32])).unwrap();
    let store = database.searches(store);
    let (mut random, mut known) = (Random::new(60), Known::default());
    let mut cut = 0;
    for _ in 0..10 {
        change(&store, &mut known, &mut random, 12);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut client = database.client();
                // A few times, at moments that nobody chose; then it is left in peace.
                for _ in 0..8 {
                    Database::cut(&mut client);
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            loop {
                match store.follow() {
                    Ok(()) => break,
                    Err(StoreError::Engine(
                        EngineError::Away(_) | EngineError::Failed(_) | EngineError::Unusable(_),
                    )) => cut += 1,
                    Err(other) => panic!("{other}"),
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        // The last cut may have come after it was done: it is told once.
        let _ = store.follow();
        check(&store, &known, &mut random, &LIMITS);
    }
    println!("{cut} times in the middle");
    assert!(cut > 0, "nothing was cut");
}

#[test]
fn a_server_that_is_not_there_is_told_without_its_password_and_documents_are_safe() {
    let refused = Settings::new("postgres://u:hidden@127.0.0.1:1/d", None).unwrap();
    let store = Store::in_memory(&Salt([3; 32])).unwrap();
    let error = Postgres::open(&refused, &store.identity()).unwrap_err();
    assert!(matches!(error, EngineError::Away(_)), "{error:?}");
    assert!(error.to_string().contains("documents are safe"), "{error}");
    let database = Database::new("away");
    let wrong = Settings::new(&database.url, Some("hidden")).unwrap();
    let refused = Postgres::open(&wrong, &store.identity()).unwrap_err();
    assert!(matches!(refused, EngineError::Unusable(_)), "{refused:?}");
    for (url, reason) in [
        ("mysql://u:hidden@h/d", "postgres://"),
        ("postgres://u:hidden@h:port/d", "postgres://"),
        ("postgres://u:hidden@h/d?sslmode=require", "TLS"),
    ] {
        let error = Settings::new(url, None).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
    let said = format!("{error:?} {error} {refused:?} {refused} {wrong:?}");
    assert!(!said.contains("hidden"), "{said}");

    let store = database.searches(store);
    let (mut random, mut known) = (Random::new(70), Known::default());
    change(&store, &mut known, &mut random, 10);
    check(&store, &known, &mut random, &LIMITS);
    // The database goes: documents come and are cited nevertheless, and are found when it is back.
    let server = Database::new("away_server");
    server
        .client()
        .batch_execute("DROP DATABASE away WITH (FORCE)")
        .unwrap();
    change(&store, &mut known, &mut random, 10);
    let proofs = store.proofs().unwrap();
    assert!(
        store
            .cite(&proofs, proofs.ids()[0])
            .unwrap()
            .unwrap()
            .holds()
    );
    assert!(matches!(store.follow(), Err(StoreError::Engine(_))));
    server
        .client()
        .batch_execute("CREATE DATABASE away")
        .unwrap();
    check(&store, &known, &mut random, &LIMITS);
}
