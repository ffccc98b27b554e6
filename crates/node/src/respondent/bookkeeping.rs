//! A respondent's books, and their keeping: in memory for whoever asks, on disk for the next run.
//!
//! ```text
//! receipts, settlements asked about ──> protocol::books ──> disk: a thread that writes in batches
//! the ledger: slots that are settled ──^
//! ```
//!
//! What is written a moment late is lost by a crash of the machine at worst, and then paid when the windows close: so
//! nothing that a coordinator waits for waits for the disk.

mod disk;

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use llmnet_chain::{
    client::{ChainClient, ChainError},
    query,
};
use llmnet_ledger::query as ledger;
use llmnet_protocol::{
    books::{Books, Settled},
    message::Statement,
};
use llmnet_types::{
    id::{ContractId, NetworkId, ProviderId},
    message::LineOk,
    params::RELEASE_EPOCHS,
    settlement::Settlement,
    signature::{PrivateKey, PublicKey, Signed},
    units::{Amount, Height, Slot},
};
use tokio::{sync::Notify, time::sleep};

use self::disk::{Change, Disk, Kept};
pub use self::disk::{DiskError, FILE};

/// How many receipts are waited for; of more, the oldest contracts' are not.
const AWAITED_MAX: usize = 4_096;
/// How many receipts may be there before their contracts are known to be served.
const EARLY_MAX: usize = 64;
/// The shortest time between two looks at what the ledger has settled.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What coordinators owe a respondent, and which receipts it waits for.
#[derive(Debug)]
pub struct Bookkeeping {
    network: NetworkId,
    provider: ProviderId,
    books: Mutex<BTreeMap<PublicKey, Books>>,
    awaited: Mutex<BTreeMap<(Height, ContractId), Awaited>>,
    /// Contracts whose receipts overtook the word that they were served: another task says that.
    early: Mutex<VecDeque<ContractId>>,
    paid: Mutex<Settled>,
    disk: Option<Disk>,
    /// Called when a receipt came, when a settlement was agreed to, and when one was made.
    changed: Notify,
}

/// A receipt that did not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// Its contract was served by this process, so it may still come.
    Now,
    /// By one before it. Coordinators say it once: it most likely came when nobody was there.
    Before,
}

/// What the books say in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// What is owed for contracts that are not settled yet.
    pub owed: Amount,
    /// What was settled since the start.
    pub paid: Settled,
    /// Contracts that were served, and whose receipts did not come.
    pub awaited: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Bookkeeping {
    /// Books that end with the process.
    pub fn in_memory(network: NetworkId, provider: ProviderId) -> Self {
        Self {
            network,
            provider,
            books: Mutex::default(),
            awaited: Mutex::default(),
            early: Mutex::default(),
            paid: Mutex::default(),
            disk: None,
            changed: Notify::new(),
        }
    }

    /// Books as the last run of this registration left them, in a file that is made where there is none.
    ///
    /// # Errors
    /// The file cannot be used, or is of another network.
    pub fn open(path: &Path, network: NetworkId, provider: ProviderId) -> Result<Self, DiskError> {
        let (disk, Kept { owed, awaited }) = Disk::open(path, &network, provider)?;
        let mut books: BTreeMap<PublicKey, Books> = BTreeMap::new();
        for (coordinator, slot, owed) in owed {
            books.entry(coordinator).or_default().restore(slot, owed);
        }
        let awaited = awaited.into_iter().map(|place| (place, Awaited::Before));
        Ok(Self {
            books: Mutex::new(books),
            awaited: Mutex::new(awaited.collect()),
            disk: Some(disk),
            ..Self::in_memory(network, provider)
        })
    }

    fn keep(&self, change: Change) {
        if let Some(disk) = &self.disk {
            disk.keep(change);
        }
    }

    /// Notes that a receipt is to come for a contract that was served.
    pub fn served(&self, contract: ContractId, height: Height) {
        let mut awaited = lock(&self.awaited);
        let mut early = lock(&self.early);
        let before = early.len();
        early.retain(|came| *came != contract);
        if early.len() < before {
            return;
        }
        drop(early);
        awaited.insert((height, contract), Awaited::Now);
        self.keep(Change::Awaited { contract, height });
        if awaited.len() > AWAITED_MAX
            && let Some(((_, contract), _)) = awaited.pop_first()
        {
            self.keep(Change::Came { contract });
        }
    }

    /// Notes what a contract came to, if its coordinator signed for it; of one's own program's word that is known.
    pub fn note(&self, from: PublicKey, statement: &Statement, own: bool) {
        let mut books = lock(&self.books);
        let account = books.entry(from).or_default();
        let noted = account.note(&self.network, &from, self.provider, statement, own);
        if account.is_empty() {
            // Whoever says nothing that holds leaves nothing behind.
            books.remove(&from);
        }
        let is_owed = noted.is_some();
        if let Some(noted) = noted {
            let (coordinator, slot, owed) = (from, noted.slot, noted.owed);
            self.keep(Change::Owed {
                coordinator,
                slot,
                owed,
            });
            if let Some(slot) = noted.forgotten {
                self.keep(Change::Forgotten { coordinator, slot });
            }
        }
        drop(books);
        if is_owed {
            let receipt = &statement.receipt;
            self.came(receipt.contract(), receipt.selection.height);
        }
        self.changed.notify_waiters();
    }

    /// A receipt came, whether its contract is known to be served or not yet.
    fn came(&self, contract: ContractId, height: Height) {
        let mut awaited = lock(&self.awaited);
        if awaited.remove(&(height, contract)).is_some() {
            self.keep(Change::Came { contract });
            return;
        }
        let mut early = lock(&self.early);
        early.push_back(contract);
        if early.len() > EARLY_MAX {
            early.pop_front();
        }
    }

    /// The respondent's word on a settlement, if it pays what is owed.
    pub fn agree(
        &self,
        from: PublicKey,
        key: &PrivateKey,
        settlement: &Settlement,
    ) -> Option<Signed<LineOk>> {
        let mut books = lock(&self.books);
        let own = books.get_mut(&from)?;
        let agreed = own.agree(&self.network, key, self.provider, settlement)?;
        self.keep(Change::Agreed {
            coordinator: from,
            slots: agreed.slots,
        });
        drop(books);
        self.changed.notify_waiters();
        Some(agreed.line_ok)
    }

    /// What a coordinator has not settled yet.
    pub fn owed_by(&self, coordinator: &PublicKey) -> Amount {
        let books = lock(&self.books);
        books.get(coordinator).map_or(Amount::ZERO, Books::total)
    }

    /// All of it.
    pub fn sums(&self) -> Sums {
        let books = lock(&self.books);
        let owed = Amount::sum(books.values().map(Books::total));
        drop(books);
        Sums {
            owed: owed.unwrap_or(Amount(u64::MAX)),
            paid: *lock(&self.paid),
            awaited: lock(&self.awaited).len(),
        }
    }

    /// Waits until nothing more is to come of what this process served: each receipt is there, and agreed to.
    pub async fn complete(&self) {
        loop {
            let more = self.changed.notified();
            tokio::pin!(more);
            // Whoever calls between the look and the wait is heard.
            more.as_mut().enable();
            if self.is_complete() {
                return;
            }
            more.await;
        }
    }

    fn is_complete(&self) -> bool {
        let books = lock(&self.books);
        let agreed = books.values().all(|books| books.open() == Amount::ZERO);
        drop(books);
        let mut awaited = lock(&self.awaited).clone().into_values();
        agreed && awaited.all(|awaited| awaited == Awaited::Before)
    }

    /// Takes off what the ledger has settled, for as long as the chain runs.
    pub async fn follow(&self, chain: &dyn ChainClient) {
        let mut tip = chain.tip();
        loop {
            tip.mark_unchanged();
            if let Err(error) = self.look(chain).await {
                tracing::debug!(%error, "asking what is settled");
            }
            sleep(LOOK_EVERY).await;
            if tip.changed().await.is_err() {
                return;
            }
        }
    }

    async fn look(&self, chain: &dyn ChainClient) -> Result<(), ChainError> {
        let coordinators: Vec<PublicKey> = lock(&self.books).keys().copied().collect();
        if coordinators.is_empty() && lock(&self.awaited).is_empty() {
            return Ok(());
        }
        let read = query(chain, |state| {
            let settled = coordinators.iter().map(|coordinator| {
                let record = ledger::coordinator(state, coordinator);
                (
                    *coordinator,
                    record.map_or(Slot(0), |record| record.next_slot),
                )
            });
            let settled: Vec<(PublicKey, Slot)> = settled.collect();
            let length = ledger::params(state).epoch_length();
            (settled, ledger::clock(state).epoch, length)
        });
        let (_, (settled, epoch, length)) = read.await?;
        // All about contracts of earlier epochs is over (WIN-1).
        let first = epoch.0.saturating_sub(RELEASE_EPOCHS - 1);
        self.settled(settled, Height(first.saturating_mul(length)));
        Ok(())
    }

    /// Takes off what is settled, and what nobody can be made to pay for any more.
    fn settled(&self, settled: Vec<(PublicKey, Slot)>, oldest: Height) {
        let mut books = lock(&self.books);
        for (coordinator, next) in settled {
            let Some(own) = books.get_mut(&coordinator) else {
                continue;
            };
            let sums = own.settle(next);
            if sums != Settled::default() {
                self.keep(Change::Settled { coordinator, next });
                let mut paid = lock(&self.paid);
                paid.agreed = Amount(paid.agreed.0.saturating_add(sums.agreed.0));
                paid.later = Amount(paid.later.0.saturating_add(sums.later.0));
            }
            let lost = own.expire(oldest);
            if lost > Amount::ZERO {
                tracing::warn!(%coordinator, lost = lost.credits(), "a coordinator never settled what it owes");
                self.keep(Change::Expired { oldest });
            }
            if own.is_empty() {
                books.remove(&coordinator);
            }
        }
        drop(books);
        let mut awaited = lock(&self.awaited);
        let before = awaited.len();
        awaited.retain(|(height, _), _| *height >= oldest);
        if awaited.len() < before {
            self.keep(Change::Expired { oldest });
        }
        drop(awaited);
        self.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
