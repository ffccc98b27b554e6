//! A respondent: takes offers from its inbox, performs the effects of
//! [`Seat`](llmnet_protocol::seat::Seat), keeps its books.
//!
//! One task reads the inbox; each contract has a task of its own, so that a slow model holds up nobody
//! else. All decisions are `protocol`'s.

mod contract;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_model::answer::Answerer;
use llmnet_protocol::{
    books::Books,
    message::{Offer, ToCoordinator, ToSeat},
    seat::Account,
};
use llmnet_types::{
    id::{ContractId, NetworkId, ProviderId},
    message::{Reply as Word, Response},
    registration::Price,
    settlement::Settlement,
    signature::{Message, PrivateKey, PublicKey, Signed},
    units::Amount,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::transport::{Parcel, Reply};

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

/// What its tasks share.
#[derive(Debug)]
struct Desk {
    respondent: Respondent,
    contracts: Mutex<HashMap<ContractId, mpsc::Sender<ToSeat>>>,
    books: Mutex<BTreeMap<PublicKey, Books>>,
    places: Arc<Semaphore>,
}

/// Serves until the inbox closes.
pub async fn serve(respondent: Respondent, mut inbox: mpsc::Receiver<Parcel>) {
    let desk = Arc::new(Desk {
        respondent,
        contracts: Mutex::default(),
        books: Mutex::default(),
        places: Arc::new(Semaphore::new(CONTRACTS_MAX)),
    });
    while let Some(parcel) = inbox.recv().await {
        // What cannot be read is dropped: its sender learns nothing by it.
        let Ok(message) = ToSeat::from_bytes(&parcel.bytes) else {
            continue;
        };
        desk.receive(parcel.from, message, parcel.reply);
    }
}

impl Desk {
    fn receive(self: &Arc<Self>, from: PublicKey, message: ToSeat, reply: Reply) {
        match message {
            ToSeat::Offer(offer) => self.offered(from, *offer, reply),
            ToSeat::CoSign(settlement) => self.asked_to_agree(from, &settlement, &reply),
            ToSeat::Receipt(statement) => {
                let respondent = &self.respondent;
                let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
                books.entry(from).or_default().note(
                    &respondent.network,
                    &from,
                    respondent.provider,
                    &statement,
                );
            }
            message => {
                let contract = message.contract();
                let contracts = self
                    .contracts
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
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
            let mut contracts = self
                .contracts
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
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
        if let Some(account) = self.account(from, &offer).await {
            contract::conduct(&self.respondent, &account, offer, &reply, messages).await;
        }
        self.contracts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&contract);
    }

    /// What the ledger and the books say about who wants work done.
    async fn account(&self, coordinator: PublicKey, offer: &Offer) -> Option<Account> {
        let id = offer.voucher.body.line;
        let (_, line) = query(&*self.respondent.chain, move |state| {
            ledger::line(state, id)
        })
        .await
        .ok()?;
        let line = line.filter(|line| line.coordinator == coordinator && !line.closed)?;
        let owed = self
            .books
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        })
    }

    fn asked_to_agree(&self, from: PublicKey, settlement: &Settlement, reply: &Reply) {
        let respondent = &self.respondent;
        let agreed = self
            .books
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(from)
            .or_default()
            .agree(
                &respondent.network,
                &respondent.key,
                respondent.provider,
                settlement,
            );
        if let Some(agreed) = agreed {
            reply.send(ToCoordinator::LineOk(Box::new(agreed)).to_bytes());
        }
    }
}
