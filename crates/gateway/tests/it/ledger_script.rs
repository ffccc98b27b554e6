//! A ledger of made-up blocks, shared with the example `scripted`.
//!
//! Block `h` has `h % 3` events, and a transaction where it has two.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use llmnet_gateway::port::ledger::{
    Account, Audits, Block, Bond, Coordinator, Event, Finality, Included, Ledger, LedgerError,
    Line, LineFilter, Listed, ListedCoordinator, Page, Profile, Provider, ProviderRef, Remembered,
    ReputationQuery, ReputationRow, Reputations, Status, Totals,
};
use llmnet_types::{
    block::Header,
    bond::Role,
    certificate::FinalityCertificate,
    codec::{List, Text},
    contract::Strategy,
    domain::Domain,
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot, TransactionId},
    merkle::Path,
    network::{Committee, NetworkRoot},
    params::Params,
    proof::ReceiptProof,
    receipt::{ContractStatus, SeatOutcome},
    registration::{Adapter, Assurance, Corpus, Model, Price, Registration, Tokenizer},
    rejection::Rejection,
    reputation::Reputation,
    settlement::{Leaf, LeafSeat, SettlementHead},
    signature::{PrivateKey, PublicKey, Signature},
    succession::HandOver,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Term, Tokens},
};
use serde_json::json;
use tokio::sync::watch;

/// The network of all of it.
pub(crate) const NETWORK: NetworkId = NetworkId([7; 32]);
/// The newest block where nobody says otherwise.
pub(crate) const NEWEST: u64 = 8;
/// The genesis file, with spaces no serialiser would write.
pub(crate) const GENESIS: &str = "{ \"name\" :  \"scripted\", \"validators\": [], \"params\": {}, \
    \"beacon\": \"0000000000000000000000000000000000000000000000000000000000000000\", \
    \"timestamp_ms\": 0, \"accounts\": [], \"anchors\": [] }\n";

/// The ledger, and what was seen of it.
pub(crate) struct LedgerScript {
    newest: watch::Sender<Height>,
    /// The oldest block that is kept.
    pub(crate) kept_from: AtomicU64,
    /// A block of which there is no record; 0 for none.
    pub(crate) unrecorded: AtomicU64,
    /// What is said to the next transaction.
    pub(crate) refusal: Mutex<Option<LedgerError>>,
    /// What was handed in.
    pub(crate) submitted: Mutex<Vec<Transaction>>,
}

impl Default for LedgerScript {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(Height(NEWEST)),
            kept_from: AtomicU64::new(0),
            unrecorded: AtomicU64::new(0),
            refusal: Mutex::default(),
            submitted: Mutex::default(),
        }
    }
}

/// Somebody's key.
pub(crate) fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed([seed; 32])
}

/// A transaction, as anybody may sign one.
pub(crate) fn transaction(nonce: u64) -> Transaction {
    let to = PublicKey([9; 32]);
    let amount = Amount(1_500_000);
    Transaction::sign(
        NETWORK,
        &key(1),
        nonce,
        Instruction::Transfer { to, amount },
    )
}

fn score(basis_points: u16) -> Score {
    Score::new(basis_points).expect("a score")
}

fn domain() -> Domain {
    Domain::new("medicine").expect("a domain")
}

fn header(height: u64) -> Header {
    Header {
        network: NETWORK,
        term: Term(0),
        view: height,
        leader: PublicKey([4; 32]),
        parent_view: height.saturating_sub(1),
        parent: Digest([5; 32]),
        height: Height(height),
        timestamp_ms: 1_000 * height,
        transactions: Digest([6; 32]),
        state: Digest([7; 32]),
        operations: Digest([8; 32]),
        operations_start: 0,
        operations_end: height + 1,
        settlements: Digest([9; 32]),
        reveal: (height % 2 == 1).then_some(Digest([1; 32])),
        next_committee: None,
    }
}

fn certificate() -> FinalityCertificate {
    FinalityCertificate {
        signers: List::truncated([0]),
        signatures: List::truncated([Signature([3; 64])]),
        again: None,
    }
}

/// The events of a block, as they stand under `kind`.
pub(crate) fn events(height: u64) -> Vec<Event> {
    let event = |index: u64| Event {
        transaction: (index > 0).then_some(0),
        kind: json!({ "event": "fee_paid", "fee": 10 * height + index }),
    };
    (0..height % 3).map(event).collect()
}

fn block(height: u64) -> Block {
    let transactions: Vec<Transaction> = match height % 3 {
        2 => vec![transaction(height)],
        _ => Vec::new(),
    };
    let outcome = |_| {
        if height == 5 {
            let reason = Rejection::Nonce {
                expected: 1,
                found: height,
            };
            return Outcome::Rejected {
                fee: Amount(216),
                reason,
            };
        }
        Outcome::Applied { fee: Amount(216) }
    };
    Block {
        header: header(height),
        outcomes: Some(transactions.iter().map(outcome).collect()),
        transactions,
        events: Some(events(height)),
    }
}

fn profile() -> Profile {
    let evidence = Reputation {
        positive: 5_000_000,
        negative: 1_000_000,
        samples: 12,
        latency_ms: 340,
    };
    Profile {
        evidence,
        mean: score(6_666),
        deviation: score(1_491),
        lower_bound: score(3_684),
        ceiling: score(9_000),
    }
}

fn line(id: u32) -> Line {
    Line {
        id: LineId(id),
        requester: PublicKey([1; 32]),
        coordinator: PublicKey([2; 32]),
        locked: Amount(10_000_000),
        drawn: Amount(3_904),
        n: 1,
        ends: Epoch(100),
        closed: false,
    }
}

fn provider(id: u32) -> Provider {
    Provider {
        id: ProviderId(id),
        name: "medicine expert".to_owned(),
        registration: Registration {
            node: PublicKey([0x1a; 32]),
            operator: PublicKey([0x0f; 32]),
            nonce: 0,
            domains: List::truncated([domain()]),
            model: Model {
                family: Text::truncated("llama"),
                name: Text::truncated("Llama-3.2-1B"),
                digest: Digest([3; 32]),
                assurance: Assurance::Declared,
            },
            corpus: (id == 0).then_some(Corpus {
                root: Digest([2; 32]),
                as_of_day: 20_500,
                passages: 12,
            }),
            price: Price::default(),
            tokenizer: Tokenizer::Bytes4,
            bond: Amount(5_000_000),
        },
        from: Height(1),
        adapter: (id == 0).then_some(Adapter {
            adapter: Digest([1; 32]),
            base: Digest([2; 32]),
            data: Digest([3; 32]),
            before: score(5_000),
            after: score(6_000),
        }),
        registered_at: Height(1),
        retired_at: (id > 0).then_some(Height(6)),
        domains: vec![(DomainId(0), domain(), profile())],
    }
}

impl LedgerScript {
    /// Makes so many more blocks.
    pub(crate) fn advance(&self, blocks: u64) {
        self.newest.send_modify(|height| height.0 += blocks);
    }

    fn tip(&self) -> Height {
        *self.newest.borrow()
    }

    fn there(&self, height: Height) -> Result<(), LedgerError> {
        let newest = self.tip();
        if height > newest {
            return Err(LedgerError::NotReached { newest });
        }
        let kept_from = Height(self.kept_from.load(Ordering::SeqCst));
        if height < kept_from {
            return Err(LedgerError::Pruned { kept_from });
        }
        Ok(())
    }

    fn listed<T>(&self, items: Vec<T>, next: Option<u64>) -> Listed<T> {
        Listed {
            height: self.tip(),
            items,
            next,
        }
    }
}

/// The numbers from a page's cursor on, of so many there are.
fn page_of(page: Page, count: u32) -> (Vec<u32>, Option<u64>) {
    let first = u32::try_from(page.cursor).unwrap_or(u32::MAX).min(count);
    let ids: Vec<u32> = (first..count).take(page.limit).collect();
    let end = first + u32::try_from(ids.len()).expect("few");
    (ids, (end < count).then_some(u64::from(end)))
}

#[async_trait]
impl Ledger for LedgerScript {
    fn network(&self) -> NetworkId {
        NETWORK
    }

    async fn status(&self) -> Result<Status, LedgerError> {
        let committee = Committee::new(vec![PublicKey([4; 32])]).expect("a committee");
        Ok(Status {
            network: NETWORK,
            name: "scripted".to_owned(),
            header: header(self.tip().0),
            kept_from: Height(self.kept_from.load(Ordering::SeqCst)),
            epoch: Epoch(0),
            beacon: Digest([1; 32]),
            term: Term(0),
            root: NetworkRoot {
                committee: committee.clone(),
                genesis: Digest([2; 32]),
            },
            committee,
            totals: Totals {
                supply: Amount(1_000_000_000_000),
                accounts: Amount(999_989_996_096),
                lines: Amount(9_996_096),
                burnt: Amount(7_808),
                ..Totals::default()
            },
            providers: 2,
            lines: 3,
            domains: 1,
        })
    }

    async fn genesis(&self) -> Result<Vec<u8>, LedgerError> {
        Ok(GENESIS.into())
    }

    async fn params(&self) -> Result<(Height, Params), LedgerError> {
        Ok((self.tip(), Params::local()))
    }

    async fn blocks(&self, from: Option<Height>, limit: usize) -> Result<Vec<Block>, LedgerError> {
        let newest = self.tip().0;
        let limit = u64::try_from(limit).expect("small");
        let from = from.map_or((newest + 1).saturating_sub(limit), |from| from.0);
        if from != newest + 1 {
            self.there(Height(from))?;
        }
        let end = (from + limit).min(newest + 1);
        Ok((from..end).map(block).collect())
    }

    async fn block(&self, height: Height) -> Result<Block, LedgerError> {
        self.there(height)?;
        Ok(block(height.0))
    }

    async fn finality(&self, height: Height) -> Result<Option<Finality>, LedgerError> {
        // The newest block's votes are still under way.
        Ok((height < self.tip()).then(|| Finality {
            descendants: Vec::new(),
            certificate: certificate(),
        }))
    }

    async fn events(&self, height: Height) -> Result<Vec<Event>, LedgerError> {
        self.there(height)?;
        if height.0 == self.unrecorded.load(Ordering::SeqCst) && height.0 > 0 {
            return Err(LedgerError::Unrecorded { height });
        }
        Ok(events(height.0))
    }

    async fn newest(&self) -> Result<Height, LedgerError> {
        Ok(self.tip())
    }

    async fn reached(&self, height: Height) -> Result<(), LedgerError> {
        let mut newest = self.newest.subscribe();
        let reached = newest.wait_for(|newest| *newest >= height).await;
        reached.expect("the sender is ours");
        Ok(())
    }

    async fn transaction(
        &self,
        id: &TransactionId,
        wait: Duration,
    ) -> Result<Option<Included>, LedgerError> {
        if wait == Duration::ZERO && *id != transaction(2).id() {
            return Ok(None);
        }
        let transaction = transaction(2);
        Ok((*id == transaction.id()).then_some(Included {
            height: Height(2),
            index: 0,
            outcome: Outcome::Applied { fee: Amount(216) },
            transaction: Some(transaction),
        }))
    }

    async fn submit(&self, transaction: Transaction) -> Result<TransactionId, LedgerError> {
        let id = transaction.id();
        if let Some(refusal) = self.refusal.lock().expect("no panic").take() {
            return Err(refusal);
        }
        self.submitted.lock().expect("no panic").push(transaction);
        Ok(id)
    }

    async fn state(&self, keys: &[Vec<u8>]) -> Result<(Height, Vec<Option<Vec<u8>>>), LedgerError> {
        let value = |(place, key): (usize, &Vec<u8>)| match key.first() {
            Some(0) => Ok(Some([b"under ", &key[..]].concat())),
            Some(1) => Ok(None),
            _ => Err(LedgerError::NoKey { place }),
        };
        let values = keys.iter().enumerate().map(value);
        Ok((self.tip(), values.collect::<Result<_, _>>()?))
    }

    async fn account(&self, key: &PublicKey) -> Result<Account, LedgerError> {
        Ok(Account {
            key: *key,
            height: self.tip(),
            balance: Amount(12_500_000),
            nonce: 3,
            bonds: vec![Bond {
                role: Role::Coordinator,
                operator: *key,
                standing: Amount(10_000_000),
                leaving: vec![(Epoch(9), Amount(1_000_000))],
                enlisted: true,
                address: String::new(),
            }],
            coordinator: Some(Coordinator {
                next_slot: Slot(5),
                height: Height(4),
            }),
            registrations: 1,
            provider: Some(ProviderId(0)),
            lines: vec![line(0)],
        })
    }

    async fn line(&self, id: LineId) -> Result<Option<Line>, LedgerError> {
        Ok((id.0 < 3).then(|| line(id.0)))
    }

    async fn lines(&self, filter: &LineFilter, page: Page) -> Result<Listed<Line>, LedgerError> {
        let (ids, next) = page_of(page, 3);
        let lines = ids.into_iter().map(line);
        let wanted = |line: &Line| filter.requester.is_none_or(|key| key == line.requester);
        Ok(self.listed(lines.filter(wanted).collect(), next))
    }

    async fn coordinators(&self, page: Page) -> Result<Listed<ListedCoordinator>, LedgerError> {
        let (ids, next) = page_of(page, 2);
        let listed = |id: u32| ListedCoordinator {
            key: PublicKey([0x1a + u8::try_from(id).expect("few"); 32]),
            address: format!("node-{id}.example:7373"),
            bond: Amount(2_500_000),
        };
        Ok(self.listed(ids.into_iter().map(listed).collect(), next))
    }

    async fn providers(
        &self,
        domain: Option<&Domain>,
        page: Page,
    ) -> Result<Listed<Provider>, LedgerError> {
        if let Some(domain) = domain
            && domain.as_str() != "medicine"
        {
            return Err(LedgerError::UnknownDomain(domain.clone()));
        }
        let (ids, next) = page_of(page, 2);
        Ok(self.listed(ids.into_iter().map(provider).collect(), next))
    }

    async fn provider(&self, id: &ProviderRef) -> Result<Option<Provider>, LedgerError> {
        Ok(match id {
            ProviderRef::Id(ProviderId(id)) => (*id < 2).then(|| provider(*id)),
            ProviderRef::Key(key) => (*key == PublicKey([0x1a; 32])).then(|| provider(0)),
        })
    }

    async fn reputation(
        &self,
        query: &ReputationQuery,
        page: Page,
    ) -> Result<Reputations, LedgerError> {
        if let Some(at) = query.at {
            self.there(at).map_err(|error| match error {
                LedgerError::Pruned { kept_from } => LedgerError::Forgotten { oldest: kept_from },
                other => other,
            })?;
        }
        if let Some(ProviderRef::Id(ProviderId(2..))) = query.provider {
            return Err(LedgerError::UnknownProvider);
        }
        let (ids, next) = match query.provider {
            Some(_) => (vec![0], None),
            None => page_of(page, 2),
        };
        let remembered = Remembered {
            height: Height(3),
            evidence: profile().evidence,
            audits: Audits {
                long_right: 2_000_000,
                ..Audits::default()
            },
        };
        let row = |id| ReputationRow {
            provider: ProviderId(id),
            node: PublicKey([0x1a; 32]),
            name: "medicine expert".to_owned(),
            domain_id: DomainId(0),
            domain: domain(),
            profile: profile(),
            history: query.provider.is_some().then(|| vec![remembered]),
        };
        Ok(Reputations {
            listed: self.listed(ids.into_iter().map(row).collect(), next),
            params: Params::local(),
        })
    }

    async fn proof(
        &self,
        coordinator: &PublicKey,
        slot: Slot,
    ) -> Result<ReceiptProof, LedgerError> {
        match slot.0 {
            0..3 => Ok(proof(*coordinator)),
            3 => Err(LedgerError::Pruned {
                kept_from: Height(4),
            }),
            4 => Err(LedgerError::NotReady {
                message: "block 8 is not certified yet".to_owned(),
                retry_after: Duration::from_millis(1_500),
            }),
            _ => Err(LedgerError::NotSettled { next: Slot(5) }),
        }
    }

    async fn hand_over(&self, term: Term) -> Result<Option<HandOver>, LedgerError> {
        Ok((term.0 == 0).then(|| HandOver {
            header: header(3),
            certificate: certificate(),
            next: Committee::new(vec![PublicKey([4; 32])]).expect("a committee"),
        }))
    }
}

fn proof(coordinator: PublicKey) -> ReceiptProof {
    let path = Path {
        index: 0,
        size: 2,
        siblings: List::truncated([Digest([8; 32])]),
    };
    let seat = LeafSeat {
        provider: ProviderId(0),
        rank: 0,
        outcome: SeatOutcome::Served,
        class: 1,
        score: Score::ONE,
        output: Tokens(36),
        latency_ms: 340,
        pay: Amount(1_250),
    };
    ReceiptProof {
        leaf: Leaf {
            line: LineId(0),
            n: 1,
            height: Height(4),
            domains: List::truncated([(DomainId(0), Score::ONE)]),
            strategy: Strategy::Auto,
            status: ContractStatus::Concluded,
            filtered: false,
            charge: Amount(1_400),
            fee: Amount(25),
            receipt: ReceiptRoot([1; 32]),
            seats: List::truncated([seat]),
        },
        leaf_path: path.clone(),
        settlement: SettlementHead {
            coordinator,
            first_slot: Slot(0),
            root: Digest([2; 32]),
        },
        settlement_path: path,
        header: header(6),
        descendants: List::truncated([header(7)]),
        certificate: certificate(),
    }
}
