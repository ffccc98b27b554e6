//! A respondent: takes offers from its inbox, performs the effects of
//! [`Seat`](llmnet_protocol::seat::Seat), keeps its books.
//!
//! One task reads the inbox; each contract has a task of its own, so that a slow model holds up nobody
//! else. All decisions are `protocol`'s.

pub mod backing;
pub mod registering;
pub mod running;
pub mod settings;

mod contract;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{query as ledger, record::Line};
use llmnet_model::answer::Answerer;
use llmnet_protocol::{
    books::Books,
    message::{Offer, ToCoordinator, ToSeat},
    seat::Account,
};
use llmnet_types::{
    id::{ContractId, LineId, NetworkId, ProviderId},
    message::{Reply as Word, Response},
    registration::Price,
    settlement::Settlement,
    signature::{Message, PrivateKey, PublicKey, Signed},
    units::Amount,
};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};

use crate::{
    recent::Recent,
    transport::{Parcel, Reply},
};

/// How many contracts one respondent works on at a time; more are answered with Busy.
const CONTRACTS_MAX: usize = 64;
/// How many messages may wait for one contract.
const MESSAGES_MAX: usize = 32;
/// How many receipts are waited for at the end; of more, the oldest contracts' are not.
const AWAITED_MAX: usize = 4_096;
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
    /// Its registered price.
    pub price: Price,
    /// What answers.
    pub answerer: Arc<dyn Answerer>,
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
    books: Mutex<BTreeMap<PublicKey, Books>>,
    tally: Mutex<Tally>,
    places: Arc<Semaphore>,
    /// Contracts that were served, and whose receipts did not come yet.
    awaited: Mutex<BTreeSet<ContractId>>,
    /// Called when a receipt came, and when a settlement was agreed to.
    changed: Notify,
    /// Lines that work was wanted on.
    lines: Recent<LineId, Option<Line>>,
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
    /// What is owed for contracts that are not settled yet, or were settled without its word: then the ledger pays
    /// when the windows close.
    pub owed: Amount,
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
    /// A respondent that nobody can reach yet.
    pub fn new(respondent: Respondent) -> Arc<Self> {
        Arc::new(Self {
            respondent,
            contracts: Mutex::default(),
            books: Mutex::default(),
            tally: Mutex::default(),
            places: Arc::new(Semaphore::new(CONTRACTS_MAX)),
            awaited: Mutex::default(),
            changed: Notify::new(),
            lines: Recent::default(),
        })
    }

    /// Serves until the inbox closes.
    pub async fn serve(self: Arc<Self>, mut inbox: mpsc::Receiver<Parcel>) {
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
        let open = lock(&self.contracts).len();
        let owed = self.owed();
        Tally {
            open,
            owed,
            ..*lock(&self.tally)
        }
    }

    /// What all coordinators owe.
    fn owed(&self) -> Amount {
        let books = lock(&self.books);
        Amount::sum(books.values().map(Books::total)).unwrap_or(Amount(u64::MAX))
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
        let agreed = async {
            loop {
                let more = self.changed.notified();
                if lock(&self.awaited).is_empty() && self.owed() == Amount::ZERO {
                    return;
                }
                more.await;
            }
        };
        let _ = timeout(settlements, agreed).await;
        true
    }

    fn receive(self: &Arc<Self>, from: PublicKey, message: ToSeat, reply: Reply) {
        match message {
            ToSeat::Offer(offer) => self.offered(from, *offer, reply),
            ToSeat::CoSign(settlement) => self.asked_to_agree(from, &settlement, &reply),
            ToSeat::Receipt(statement) => {
                let respondent = &self.respondent;
                let contract = statement.receipt.contract();
                let mut books = lock(&self.books);
                books.entry(from).or_default().note(
                    &respondent.network,
                    &from,
                    respondent.provider,
                    &statement,
                    reply.is_near(),
                );
                drop(books);
                lock(&self.awaited).remove(&contract);
                self.changed.notify_waiters();
            }
            message => {
                let contract = message.contract();
                let contracts = lock(&self.contracts);
                if let Some(task) = contract.and_then(|contract| contracts.get(&contract)) {
                    let _ = task.try_send(message);
                }
            }
        }
    }

    fn count(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut lock(&self.tally));
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
        let contract = offer.assign.body.contract;
        if let Some(account) = self.account(from, &offer, reply.is_near()).await
            && contract::conduct(&self.respondent, &account, offer, &reply, messages).await
        {
            self.count(|tally| tally.contracts += 1);
            let mut awaited = lock(&self.awaited);
            awaited.insert(contract);
            if awaited.len() > AWAITED_MAX {
                awaited.pop_first();
            }
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
        let owed = lock(&self.books)
            .get(&coordinator)
            .map_or(Amount::ZERO, Books::total);
        Some(Account {
            network: self.respondent.network,
            coordinator,
            requester: line.requester,
            line: id,
            deposit: line.locked,
            seat: self.respondent.key.public_key(),
            nonce: self.respondent.nonce,
            price: self.respondent.price,
            owed,
            credit_limit: CREDIT_LIMIT,
            own,
        })
    }

    fn asked_to_agree(&self, from: PublicKey, settlement: &Settlement, reply: &Reply) {
        let respondent = &self.respondent;
        let agreed = lock(&self.books).entry(from).or_default().agree(
            &respondent.network,
            &respondent.key,
            respondent.provider,
            settlement,
        );
        if let Some(agreed) = agreed {
            let total = agreed.body.total;
            self.count(|tally| tally.earned = Amount(tally.earned.0.saturating_add(total.0)));
            self.changed.notify_waiters();
            reply.send(ToCoordinator::LineOk(Box::new(agreed)).to_bytes());
        }
    }
}
