//! A respondent on a link, whose mind the test has in hand.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use llmnet::{
    respondent::{
        Respondent,
        backing::Backing,
        bookkeeping::Bookkeeping,
        registering::{BOND, Registered, register},
        running::{self, Running},
    },
    transport::dialing::Coordinators,
};
use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_model::answer::{AnswerError, Answerer, Limits};
use llmnet_types::{
    class::text_class,
    codec::{List, Text},
    domain::Domain,
    id::{ContractId, Digest},
    message::{Answer, Revision},
    rating::Ballot,
    registration::{Assurance, Model, Price},
    request::Request,
    signature::{PrivateKey, PublicKey},
    transaction::{Instruction, Outcome, Transaction},
    units::Amount,
};
use tokio::{sync::watch, time::timeout};

use crate::support::{DEADLINE, Local, until};

/// What only these know.
pub(crate) const DOMAIN: &str = "gardening";
const FAMILIES: [&str; 3] = ["rose", "fern", "moss"];

/// Where respondents link to the local coordinator.
pub(crate) fn link(local: &Local) -> String {
    local.network.link().expect("it listens").to_string()
}

/// Says its own word, and thinks over the others' until it may go on.
#[derive(Clone)]
pub(crate) struct Mind {
    word: &'static str,
    may_go_on: Arc<watch::Sender<bool>>,
    revisions: Arc<watch::Sender<u32>>,
}

impl Mind {
    fn new(number: usize) -> Self {
        Self {
            word: FAMILIES[number],
            may_go_on: Arc::new(watch::Sender::new(false)),
            revisions: Arc::new(watch::Sender::new(0)),
        }
    }

    pub(crate) fn go_on(&self) {
        self.may_go_on.send_replace(true);
    }

    pub(crate) fn wait_again(&self) {
        self.may_go_on.send_replace(false);
        self.revisions.send_replace(0);
    }

    /// Waits until it thinks over its peers' answers.
    pub(crate) async fn revising(&self) {
        let mut revisions = self.revisions.subscribe();
        let begun = timeout(DEADLINE, revisions.wait_for(|count| *count > 0)).await;
        drop(begun.expect("there is a debate").unwrap());
    }

    fn says(&self, contract: &ContractId, request: &Request) -> Answer {
        let text = format!("They want {} and nothing else.", self.word);
        Answer {
            class: text_class(contract, request, &text),
            text: Text::truncated(&text),
            evidence: List::new(),
        }
    }
}

#[async_trait]
impl Answerer for Mind {
    fn version(&self) -> String {
        format!("mind/{}", self.word)
    }

    async fn answer(
        &self,
        contract: &ContractId,
        request: &Request,
        _: &Limits,
    ) -> Result<Answer, AnswerError> {
        Ok(self.says(contract, request))
    }

    async fn revise(
        &self,
        contract: &ContractId,
        request: &Request,
        _: usize,
        _: &[Answer],
        _: &Limits,
    ) -> Result<Revision, AnswerError> {
        self.revisions.send_modify(|count| *count += 1);
        let mut may_go_on = self.may_go_on.subscribe();
        drop(may_go_on.wait_for(|may| *may).await);
        Ok(Revision {
            answer: self.says(contract, request),
            convinced_by: None,
            reason: Text::default(),
        })
    }

    async fn judge(
        &self,
        _: &ContractId,
        _: &Request,
        _: usize,
        _: &[Answer],
        _: &Limits,
    ) -> Result<Ballot, AnswerError> {
        Ok(Ballot::default())
    }
}

/// One that is registered and not linked yet.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) key: PrivateKey,
    mind: Mind,
    backing: Backing,
    standing: Registered,
    /// The file of its books, if they are to outlive it.
    books: Option<PathBuf>,
}

/// One that dials.
pub(crate) struct Far {
    pub(crate) mind: Mind,
    pub(crate) running: Running,
    key: PrivateKey,
}

impl Far {
    /// Pays for its bond and registers it.
    pub(crate) async fn register(local: &Local, number: usize) -> Known {
        Self::register_in(local, number, DOMAIN).await
    }

    /// The same, for another domain.
    pub(crate) async fn register_in(local: &Local, number: usize, domain: &str) -> Known {
        let seed = u8::try_from(number).unwrap();
        let [key, operator] =
            [seed + 100, seed + 200].map(|seed| PrivateKey::from_seed([seed; 32]));
        pay(local, operator.public_key()).await;
        let mind = Mind::new(number);
        let backing = Backing {
            domains: vec![Domain::new(domain).unwrap()],
            model: Model {
                family: Text::truncated(FAMILIES[number]),
                name: Text::truncated(FAMILIES[number]),
                digest: Digest::ZERO,
                assurance: Assurance::Declared,
            },
            corpus: None,
            price: Price {
                call: Amount(1_000),
                input_kilo: Amount(100),
                output_kilo: Amount(2_000),
            },
            answerer: Arc::new(mind.clone()),
            documents: None,
            lookups: None,
        };
        let chain = local.chain();
        let keys = (&operator, &key);
        let standing = register(&*chain, local.network.id, keys, &backing, BOND).await;
        Known {
            key,
            mind,
            backing,
            standing: standing.unwrap(),
            books: None,
        }
    }

    pub(crate) async fn start(local: &Local, number: usize, address: String) -> Self {
        Self::register(local, number).await.start(local, address)
    }

    pub(crate) fn node(&self) -> PublicKey {
        self.key.public_key()
    }

    /// Waits until both ends know of the link.
    pub(crate) async fn until_linked(&self, local: &Local) {
        until("it is linked", || async {
            let states = self.running.links().states();
            states
                .values()
                .all(|state| state.since.is_some())
                .then_some(())
        })
        .await;
        until_reached(local, self.node(), true).await;
    }
}

/// Waits until the coordinator reaches a node, or does not.
pub(crate) async fn until_reached(local: &Local, node: PublicKey, wanted: bool) {
    until("the coordinator knows", || async {
        let experts = local.gateway.get("/v1/experts").await;
        let all = experts.body["data"].as_array().unwrap().clone();
        let ours = all.iter().find(|expert| expert["node"] == node.to_string());
        (ours.unwrap()["reachable"] == wanted).then_some(())
    })
    .await;
}

impl Known {
    /// With something else that answers.
    pub(crate) fn answering(mut self, answerer: Arc<dyn Answerer>) -> Self {
        self.backing.answerer = answerer;
        self
    }

    /// With books that outlive it.
    pub(crate) fn keeping(mut self, books: PathBuf) -> Self {
        self.books = Some(books);
        self
    }

    /// What is owed by the books on disk.
    pub(crate) fn kept(&self, local: &Local) -> Amount {
        let file = self.books.as_ref().unwrap();
        let books = Bookkeeping::open(file, local.network.id, self.standing.provider);
        books.unwrap().sums().owed
    }

    /// Links to the local coordinator.
    pub(crate) fn start(self, local: &Local, address: String) -> Far {
        let coordinator = local.keys().coordinator().public_key();
        let wanted = Coordinators::from([(coordinator, address)]);
        self.follow(local, watch::channel(wanted).1)
    }

    /// Links to whom is wanted.
    pub(crate) fn follow(self, local: &Local, wanted: watch::Receiver<Coordinators>) -> Far {
        let Self {
            key,
            mind,
            backing,
            standing,
            books,
        } = self;
        let (network, provider) = (local.network.id, standing.provider);
        let books = match &books {
            Some(file) => Bookkeeping::open(file, network, provider).unwrap(),
            None => Bookkeeping::in_memory(network, provider),
        };
        let respondent = Respondent {
            network: local.network.id,
            key: key.clone(),
            provider: standing.provider,
            nonce: standing.registration.nonce,
            prices: standing.prices,
            answerer: backing.answerer,
            lookups: backing.lookups,
            chain: local.chain(),
        };
        Far {
            mind,
            running: running::start(respondent, books, wanted),
            key,
        }
    }
}

/// Gives an account enough for a bond.
pub(crate) async fn pay(local: &Local, to: PublicKey) {
    let amount = Amount(20 * Amount::CREDIT.0);
    let instruction = Instruction::Transfer { to, amount };
    submit(local, &local.keys().requester(), instruction).await;
}

/// Has the ledger do what a signer wants.
pub(crate) async fn submit(local: &Local, signer: &PrivateKey, instruction: Instruction) {
    let (chain, payer) = (local.chain(), signer.public_key());
    let read = query(&*chain, move |state| ledger::account(state, &payer).nonce);
    let (_, nonce) = read.await.unwrap();
    let transaction = Transaction::sign(local.network.id, signer, nonce, instruction);
    let id = chain.submit(transaction).await.unwrap();
    let found = chain.outcome(id, DEADLINE).await.unwrap().unwrap();
    assert!(
        matches!(found.outcome, Outcome::Applied { .. }),
        "{found:?}"
    );
}
