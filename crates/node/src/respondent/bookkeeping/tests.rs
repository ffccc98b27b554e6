use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use llmnet_protocol::books::Owed;
use llmnet_types::id::ReceiptRoot;

use super::*;

const NETWORK: NetworkId = NetworkId([7; 32]);
const PROVIDER: ProviderId = ProviderId(3);
const COORDINATOR: PublicKey = PublicKey([1; 32]);

/// A file that is removed with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("llmnet-books-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn open(&self, network: NetworkId, provider: ProviderId) -> Result<Bookkeeping, DiskError> {
        Bookkeeping::open(&self.0.join(FILE), network, provider)
    }

    fn again(&self) -> Bookkeeping {
        self.open(NETWORK, PROVIDER).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn owed(height: u64, pay: u64) -> Owed {
    Owed {
        receipt: ReceiptRoot([9; 32]),
        height: Height(height),
        pay: Amount(pay),
        agreed: false,
    }
}

impl Bookkeeping {
    /// As if its coordinator had signed for it.
    fn owes(&self, slot: u64, owed: Owed) {
        let mut books = lock(&self.books);
        let own = books.entry(COORDINATOR).or_default();
        let noted = own.restore(Slot(slot), owed).unwrap();
        self.keep(Change::Owed {
            coordinator: COORDINATOR,
            slot: noted.slot,
            owed,
        });
    }

    fn debts(&self) -> u64 {
        self.sums().owed.0
    }
}

#[test]
fn what_is_owed_is_known_in_the_next_run() {
    let place = Place::new();
    let books = place.again();
    assert_eq!(books.sums(), Sums::default());
    books.owes(4, owed(10, 100));
    books.owes(5, owed(11, u64::MAX - 500));
    books.owes(6, owed(12, 30));
    let contracts = [ContractId([1; 32]), ContractId([2; 32])];
    books.served(contracts[0], Height(10));
    books.served(contracts[1], Height(12));
    let before = books.sums();
    assert_eq!((before.owed.0, before.awaited), (u64::MAX - 370, 2));
    assert!(!books.is_complete());
    drop(books);

    let books = place.again();
    assert_eq!(books.sums(), before);
    // Slots are settled as the ledger says, and what is over is forgotten: on disk as in memory.
    books.settled(vec![(COORDINATOR, Slot(5))], Height(11));
    assert_eq!(books.sums().paid.later, Amount(100));
    assert_eq!(books.sums().awaited, 1);
    drop(books);
    let books = place.again();
    assert_eq!(books.debts(), u64::MAX - 470);
    assert_eq!(books.sums().awaited, 1);
    books.settled(vec![(COORDINATOR, Slot(0))], Height(12));
    assert_eq!(books.debts(), 30);
    assert_eq!(books.sums().paid, Settled::default());
    books.settled(vec![(COORDINATOR, Slot(7))], Height(13));
    assert_eq!(books.sums().paid.later, Amount(30));
    drop(books);
    let books = place.again();
    assert_eq!(books.sums(), Sums::default());
    assert!(books.is_complete());
}

#[test]
fn receipts_of_another_run_are_not_waited_for_at_the_end() {
    let place = Place::new();
    place.again().served(ContractId([1; 32]), Height(10));
    let books = place.again();
    assert_eq!(books.sums().awaited, 1);
    assert!(books.is_complete());
    books.served(ContractId([2; 32]), Height(10));
    assert!(!books.is_complete());
}

#[test]
fn a_receipt_that_comes_before_its_contract_is_known_to_be_served_is_not_waited_for() {
    let books = Bookkeeping::in_memory(NETWORK, PROVIDER);
    let [early, late] = [ContractId([1; 32]), ContractId([2; 32])];
    books.came(early, Height(10));
    books.served(late, Height(10));
    books.served(early, Height(10));
    assert_eq!(books.sums().awaited, 1);
    books.came(late, Height(10));
    assert!(books.is_complete());
    assert!(lock(&books.early).is_empty());
}

#[test]
fn of_too_many_receipts_the_oldest_are_not_waited_for() {
    let place = Place::new();
    let books = place.again();
    let many = u64::try_from(AWAITED_MAX).unwrap() + 3;
    for number in 0..many {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_be_bytes());
        books.served(ContractId(id), Height(many - number));
    }
    let oldest = |books: &Bookkeeping| lock(&books.awaited).keys().next().unwrap().0;
    assert_eq!(books.sums().awaited, AWAITED_MAX);
    drop(books);
    let books = place.again();
    assert_eq!(books.sums().awaited, AWAITED_MAX);
    assert_eq!(oldest(&books), Height(4));
}

#[test]
fn books_are_of_one_registration_on_one_network() {
    let place = Place::new();
    place.again().owes(4, owed(10, 100));
    let other = place.open(NetworkId([8; 32]), PROVIDER).unwrap_err();
    assert!(other.to_string().contains("of network 0707"), "{other}");
    assert_eq!(place.again().debts(), 100);
    // Who registered anew cannot agree for what it was before.
    assert_eq!(place.open(NETWORK, ProviderId(4)).unwrap().debts(), 0);
    fs::write(
        place.0.join(FILE),
        "no database, and long enough to look like one",
    )
    .unwrap();
    let damaged = place.open(NETWORK, PROVIDER).unwrap_err();
    assert!(damaged.to_string().contains("cannot be used"), "{damaged}");
}
