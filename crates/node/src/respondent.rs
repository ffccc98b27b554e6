//! A respondent: takes offers from its inbox, performs the effects of
//! [`Seat`](llmnet_protocol::seat::Seat), keeps its books.
//!
//! One task reads the inbox; each contract has a task of its own, so that a slow model holds up nobody
//! else. All decisions are `protocol`'s.

pub mod backing;
pub mod bookkeeping;
pub mod coordinators;
pub mod documents;
pub mod lookups;
pub mod registering;
pub mod running;
pub mod settings;
pub mod updating;

mod contract;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{query as ledger, record::Line};
use llmnet_model::answer::Answerer;
use llmnet_protocol::{
    message::{Offer, ToCoordinator, ToSeat},
    seat::Account,
};
use llmnet_types::{
    contract::Assign,
    id::{ContractId, LineId, NetworkId, ProviderId},
    message::{Reply as Word, Response},
    settlement::Settlement,
    signature::{Message, PrivateKey, PublicKey, Signed},
    units::Amount,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
    time::timeout,
};

use self::{
    bookkeeping::{Bookkeeping, Sums},
    lookups::{Counter, Lookups},
    registering::Prices,
};
use crate::{
    recent::Recent,
    transport::{Parcel, Reply},
};

/// How many contracts one respondent works on at a time; more are answered with Busy.
const CONTRACTS_MAX: usize = 64;
/// How many messages may wait for one contract.
const MESSAGES_MAX: usize = 32;
/// What a coordinator may owe before no more work is done for it.
const CREDIT_LIMIT: Amount = Amount(100 * Amount::CREDIT.0);

/// What a respondent is.
#[derive(Clone)]
pub struct Respondent {
    /// The network.
    pub network: NetworkId,
    /// Its key.
    pub key: PrivateKey,
    /// Its registration.
    pub provider: ProviderId,
    /// That registration's nonce.
    pub nonce: u32,
    /// Its registered price, and those before and after it.
    pub prices: Prices,
    /// What answers.
    pub answerer: Arc<dyn Answerer>,
    /// What others may look things up in, if anything.
    pub lookups: Option<Arc<dyn Lookups>>,
    /// The ledger.
    pub chain: Arc<dyn ChainClient>,
}

impl std::fmt::Debug for Respondent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Respondent")
            .field("provider", &self.provider)
            .field("version", &self.answerer.version())
            .finish_non_exhaustive()
    }
}

/// A respondent at work: what its tasks share.
#[derive(Debug)]
pub struct Desk {
    respondent: Respondent,
    contracts: Mutex<HashMap<ContractId, mpsc::Sender<ToSeat>>>,
    books: Bookkeeping,
    /// Contracts that it served to their end.
    served: AtomicU64,
    places: Arc<Semaphore>,
    /// Lines that work was wanted on.
    lines: Recent<LineId, Option<Line>>,
    counter: Counter,
}

/// A task that ends with whoever holds it.
struct Held(AbortHandle);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a respondent has done since it began to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Contracts that it served to their end.
    pub contracts: u64,
    /// Contracts it works on now.
    pub open: usize,
    /// What settlements paid that it agreed to. Such pay is free at once.
    pub earned: Amount,
    /// What was settled without its word: the ledger pays it when the windows close.
    pub later: Amount,
    /// What is owed for contracts that are not settled yet.
    pub owed: Amount,
    /// Contracts that it served, in this run or before, and whose receipts did not come.
    pub awaited: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every critical section leaves its value whole, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves until the inbox closes.
pub async fn serve(respondent: Respondent, inbox: mpsc::Receiver<Parcel>) {
    Desk::new(respondent).serve(inbox).await;
}

impl Desk {
    /// A respondent that nobody can reach yet, and that remembers nothing of another run.
    pub fn new(respondent: Respondent) -> Arc<Self> {
        let books = Bookkeeping::in_memory(respondent.network, respondent.provider);
        Self::with(respondent, books)
    }

    /// A respondent that nobody can reach yet.
    pub fn with(respondent: Respondent, books: Bookkeeping) -> Arc<Self> {
        Arc::new(Self {
            counter: Counter::new(respondent.lookups.clone()),
            respondent,
            contracts: Mutex::default(),
            books,
            served: AtomicU64::new(0),
            places: Arc::new(Semaphore::new(CONTRACTS_MAX)),
            lines: Recent::default(),
        })
    }

    /// Serves until the inbox closes.
    pub async fn serve(self: Arc<Self>, mut inbox: mpsc::Receiver<Parcel>) {
        let desk = Arc::clone(&self);
        let follow = async move { desk.books.follow(&*desk.respondent.chain).await };
        let _following = Held(tokio::spawn(follow).abort_handle());
        while let Some(parcel) = inbox.recv().await {
            // What cannot be read is dropped: its sender learns nothing by it.
            let Ok(message) = ToSeat::from_bytes(&parcel.bytes) else {
                continue;
            };
            self.receive(parcel.from, message, parcel.reply);
        }
    }

    /// What it has done so far.
    pub fn tally(&self) -> Tally {
        let Sums {
            owed,
            paid,
            awaited,
        } = self.books.sums();
        Tally {
            contracts: self.served.load(Ordering::Relaxed),
            open: lock(&self.contracts).len(),
            earned: paid.agreed,
            later: paid.later,
            owed,
            awaited,
        }
    }

    /// Takes no further offers, and waits until the contracts under way are over and their settlements agreed
    /// to. Says whether the contracts were over in time; pay that is not agreed to comes later, not less.
    ///
    /// It must be served meanwhile: what is waited for comes by the inbox.
    pub async fn finish(&self, contracts: Duration, settlements: Duration) -> bool {
        let all = u32::try_from(CONTRACTS_MAX).unwrap_or(u32::MAX);
        // Places are given to who waits longest, so no offer gets one from here on.
        let over = timeout(contracts, self.places.acquire_many(all)).await;
        let Ok(Ok(places)) = over else {
            self.places.close();
            return false;
        };
        places.forget();
        let _ = timeout(settlements, self.books.complete()).await;
        true
    }

    fn receive(self: &Arc<Self>, from: PublicKey, message: ToSeat, reply: Reply) {
        match message {
            ToSeat::Offer(offer) => self.offered(from, *offer, reply),
            ToSeat::CoSign(settlement) => self.asked_to_agree(from, &settlement, &reply),
            ToSeat::Lookup(bytes) => {
                let desk = Arc::clone(self);
                tokio::spawn(async move {
                    let chain = &*desk.respondent.chain;
                    desk.counter.asked(chain, from, &bytes, &reply).await;
                });
            }
            ToSeat::Receipt(statement) => self.books.note(from, &statement, reply.is_near()),
            message => {
                let contract = message.contract();
                let contracts = lock(&self.contracts);
                if let Some(task) = contract.and_then(|contract| contracts.get(&contract)) {
                    let _ = task.try_send(message);
                }
            }
        }
    }

    fn offered(self: &Arc<Self>, from: PublicKey, offer: Offer, reply: Reply) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            self.busy(&offer, &reply);
            return;
        };
        let contract = offer.assign.body.contract;
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        {
            let mut contracts = lock(&self.contracts);
            if contracts.contains_key(&contract) {
                return;
            }
            contracts.insert(contract, sender);
        }
        let desk = Arc::clone(self);
        tokio::spawn(async move { desk.work(from, offer, reply, messages, place).await });
    }

    fn busy(&self, offer: &Offer, reply: &Reply) {
        let body = Word {
            assign: offer.assign.body.digest(),
            response: Response::Busy,
        };
        let word = Signed::new(body, &self.respondent.network, &self.respondent.key);
        reply.send(ToCoordinator::Reply(word).to_bytes());
    }

    /// A contract from offer to end. The place is given back when it is over.
    async fn work(
        self: Arc<Self>,
        from: PublicKey,
        offer: Offer,
        reply: Reply,
        messages: mpsc::Receiver<ToSeat>,
        _place: OwnedSemaphorePermit,
    ) {
        let Assign {
            contract, height, ..
        } = offer.assign.body;
        if let Some(account) = self.account(from, &offer, reply.is_near()).await
            && contract::conduct(&self.respondent, &account, offer, &reply, messages).await
        {
            self.served.fetch_add(1, Ordering::Relaxed);
            self.books.served(contract, height);
        }
        lock(&self.contracts).remove(&contract);
    }

    /// What the ledger and the books say about who wants work done.
    async fn account(&self, coordinator: PublicKey, offer: &Offer, own: bool) -> Option<Account> {
        let id = offer.voucher.body.line;
        let chain = &self.respondent.chain;
        let newest = chain.tip().borrow().height();
        let read = query(&**chain, move |state| ledger::line(state, id));
        let line = self.lines.at(newest, id, read).await.ok()?;
        let line = line.filter(|line| line.coordinator == coordinator && !line.closed)?;
        let owed = self.books.owed_by(&coordinator);
        Some(Account {
            network: self.respondent.network,
            coordinator,
            requester: line.requester,
            line: id,
            deposit: line.locked,
            seat: self.respondent.key.public_key(),
            nonce: self.respondent.nonce,
            price: self.respondent.prices.at(offer.assign.body.height),
            owed,
            credit_limit: CREDIT_LIMIT,
            own,
        })
    }

    fn asked_to_agree(&self, from: PublicKey, settlement: &Settlement, reply: &Reply) {
        let agreed = self.books.agree(from, &self.respondent.key, settlement);
        if let Some(agreed) = agreed {
            reply.send(ToCoordinator::LineOk(Box::new(agreed)).to_bytes());
        }
    }
}
