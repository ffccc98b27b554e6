use llmnet_chain::{Solo, query};
use llmnet_ledger::{GenesisValidator, query as ledger};
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
    rejection::Rejection,
    signature::{PrivateKey, PublicKey, Signature},
    transaction::{Instruction, Outcome},
    units::Amount,
};
use tokio::{net::TcpListener, sync::oneshot};

use super::{
    answers::{Block as Told, Finality as Why, Placed},
    *,
};
use crate::{serving, validator::running::Bystander};

const PATIENCE: Duration = Duration::from_secs(30);
const SEED: [u8; 32] = [1; 32];

fn rich() -> PrivateKey {
    PrivateKey::from_seed([2; 32])
}

fn genesis(name: &str) -> Genesis {
    let node = PrivateKey::from_seed(SEED).public_key();
    let validator = GenesisValidator::plain(node, Amount::CREDIT);
    Genesis {
        name: Text::truncated(name),
        validators: List::truncated([validator]),
        params: Params {
            epoch_blocks: 4,
            checkpoint_blocks: 4,
            term_epochs: 2,
            ..Params::local()
        },
        beacon: Digest::ZERO,
        timestamp_ms: 0,
        accounts: List::truncated([(rich().public_key(), Amount::CREDIT)]),
        anchors: List::new(),
    }
}

fn pay(network: NetworkId, nonce: u64) -> Transaction {
    let instruction = Instruction::Transfer {
        to: PublicKey([9; 32]),
        amount: Amount(10),
    };
    Transaction::sign(network, &rich(), nonce, instruction)
}

/// A chain behind HTTP, until it is dropped.
struct Elsewhere {
    chain: Arc<Solo>,
    genesis: Genesis,
    url: String,
    _closing: oneshot::Sender<()>,
}

impl Elsewhere {
    async fn new() -> Self {
        let genesis = genesis("elsewhere");
        let chain = Arc::new(Solo::new(&genesis, SEED).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (closing, closed) = oneshot::channel::<()>();
        let ports = serving::ports(chain.clone(), genesis.clone(), Arc::new(Bystander));
        let config = llmnet_gateway::Config::default();
        tokio::spawn(llmnet_gateway::serve(listener, ports, config, async {
            let _ = closed.await;
        }));
        chain.advance(1);
        Self {
            chain,
            genesis,
            url,
            _closing: closing,
        }
    }

    async fn remote(&self) -> Remote {
        let urls = vec![format!("{}/", self.url)];
        Remote::connect(urls, &self.genesis, PATIENCE)
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_elsewhere_is_as_one_at_hand() {
    let elsewhere = Elsewhere::new().await;
    let (solo, network) = (&elsewhere.chain, elsewhere.genesis.id());
    let remote = elsewhere.remote().await;
    let id = remote.submit(pay(network, 0)).await.unwrap();
    let found = remote.outcome(id, PATIENCE).await.unwrap().unwrap();
    assert_eq!(
        Some(found.clone()),
        solo.outcome(id, PATIENCE).await.unwrap()
    );
    assert!(matches!(found.outcome, Outcome::Applied { .. }));

    let mut tip = remote.tip();
    // Over terms: the committee is followed by hand-overs.
    solo.advance(20);
    let newest = solo.tip().borrow().clone();
    let reached = tip.wait_for(|tip| tip.height() == newest.height());
    let reached = timeout(PATIENCE, reached).await.unwrap().unwrap().clone();
    assert_eq!(reached, newest);
    for height in (0..=newest.height().0).map(Height) {
        let (here, there) = (remote.block(height).await, solo.block(height).await);
        let (here, there) = (here.unwrap().unwrap(), there.unwrap().unwrap());
        assert_eq!(here.header, there.header);
        assert_eq!(
            (here.transactions, here.outcomes),
            (there.transactions, there.outcomes)
        );
        let (here, there) = (remote.finality(height).await, solo.finality(height).await);
        let (here, there) = (here.unwrap().unwrap(), there.unwrap().unwrap());
        assert_eq!(
            (here.certificate, here.descendants),
            (there.certificate, there.descendants)
        );
    }
    assert!(remote.block(Height(1_000)).await.unwrap().is_none());
    for term in [Term(0), Term(1), Term(100)] {
        assert_eq!(
            remote.hand_over(term).await.unwrap(),
            solo.hand_over(term).await.unwrap()
        );
    }
    let account =
        |state: &llmnet_chain::StateView<'_>| ledger::account(state, &rich().public_key());
    assert_eq!(
        query(&remote, account).await.unwrap(),
        query(&**solo, account).await.unwrap()
    );
    // More keys than one question may have.
    let keys: Vec<Key> = (0..600_u16)
        .map(|number| {
            let mut key = [0; 32];
            key[..2].copy_from_slice(&number.to_le_bytes());
            Key::Account(PublicKey(key))
        })
        .chain([Key::Clock])
        .collect();
    assert_eq!(
        remote.read(&keys).await.unwrap(),
        solo.read(&keys).await.unwrap()
    );
    assert_eq!(
        remote.read(&[]).await.unwrap(),
        (newest.height(), Vec::new())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_arrive_as_they_were_said() {
    let elsewhere = Elsewhere::new().await;
    let remote = elsewhere.remote().await;
    let network = elsewhere.genesis.id();
    let stranger = pay(NetworkId([3; 32]), 0);
    let refused = remote.submit(stranger).await.unwrap_err();
    assert!(
        matches!(refused, SubmitError::Refused(Rejection::Network)),
        "{refused}"
    );
    remote.submit(pay(network, 0)).await.unwrap();
    let used = remote.submit(pay(network, 0)).await;
    assert!(used.is_ok(), "what is known is fine: {used:?}");
    let poor = Instruction::Transfer {
        to: PublicKey([9; 32]),
        amount: Amount(1),
    };
    let poor = Transaction::sign(network, &PrivateKey::from_seed([7; 32]), 0, poor);
    let here = remote.submit(poor.clone()).await.unwrap_err();
    let there = elsewhere.chain.submit(poor).await.unwrap_err();
    assert_eq!(here, there);
    let never = remote.outcome(TransactionId([5; 32]), Duration::from_millis(50));
    assert_eq!(never.await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_gone_is_passed_over_and_one_of_another_network_is_not_followed() {
    let elsewhere = Elsewhere::new().await;
    // A port that nobody listens on any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let urls = vec![format!("http://{address}"), elsewhere.url.clone()];
    let remote = Remote::connect(urls.clone(), &elsewhere.genesis, PATIENCE)
        .await
        .unwrap();
    assert!(remote.block(Height(1)).await.unwrap().is_some());

    let brief = Duration::from_millis(200);
    let nobody = Remote::connect(urls[..1].to_vec(), &elsewhere.genesis, brief).await;
    let said = format!("{:#}", nobody.unwrap_err());
    assert!(said.contains("cannot be reached"), "{said}");
    // Nobody is told that a validator of its own stands still.
    let unreachable = NodeError::Unreachable {
        url: urls[0].clone(),
        why: "connection refused".to_owned(),
    };
    assert_eq!(
        ChainError::from(unreachable).to_string(),
        format!(
            "no answer from the network's nodes: {} cannot be reached: connection refused",
            urls[0]
        )
    );
    let other = Remote::connect(urls, &genesis("another"), brief).await;
    let said = format!("{:#}", other.unwrap_err());
    assert!(said.contains("network"), "{said}");
    let none = Remote::connect(Vec::new(), &elsewhere.genesis, brief).await;
    assert!(none.unwrap_err().to_string().contains("no node"));
}

/// What an honest node tells of a block.
async fn told(chain: &Solo, height: Height) -> Told {
    let block = chain.block(height).await.unwrap().unwrap();
    let finality = chain.finality(height).await.unwrap().unwrap();
    let outcomes = block.outcomes.unwrap();
    let placed = block.transactions.into_iter().zip(outcomes);
    Told {
        header: block.header,
        transactions: placed
            .map(|(transaction, outcome)| Placed {
                transaction,
                outcome: Some(outcome),
            })
            .collect(),
        finality: Some(Why {
            descendants: finality.descendants,
            certificate: finality.certificate,
        }),
    }
}

/// A lie, what it is called, and how it is told.
type Lie = (&'static str, fn(&mut Told));

#[tokio::test]
async fn no_lie_about_a_block_is_believed() {
    let genesis = genesis("lies");
    let chain = Solo::new(&genesis, SEED).unwrap();
    let network = genesis.id();
    chain.submit(pay(network, 0)).await.unwrap();
    chain.submit(pay(network, 1)).await.unwrap();
    let electorate = genesis.root().electorate();
    let height = Height(1);
    let honest = proven::block(told(&chain, height).await, height, &electorate);
    honest.expect("the truth is believed");
    let lies: [Lie; 9] = [
        ("another time", |told| told.header.timestamp_ms += 1),
        ("another state", |told| told.header.state = Digest::ZERO),
        ("another network", |told| {
            told.header.network = NetworkId([3; 32])
        }),
        ("another term", |told| told.header.term = Term(1)),
        ("no transaction", |told| told.transactions.clear()),
        ("a transaction twice", |told| {
            let first = &told.transactions[0];
            let again = Placed {
                transaction: first.transaction.clone(),
                outcome: first.outcome.clone(),
            };
            told.transactions.push(again);
        }),
        ("no certificate", |told| told.finality = None),
        ("another signature", |told| {
            let finality = told.finality.as_mut().unwrap();
            finality.certificate.signatures = List::truncated([Signature([5; 64])]);
        }),
        ("a descendant that is none", |told| {
            let header = told.header.clone();
            told.finality.as_mut().unwrap().descendants.push(header);
        }),
    ];
    for (name, lie) in lies {
        let mut told = told(&chain, height).await;
        lie(&mut told);
        assert!(proven::block(told, height, &electorate).is_err(), "{name}");
    }
    let other = told(&chain, Height(2)).await;
    assert!(
        proven::block(other, height, &electorate).is_err(),
        "another block"
    );
    let stranger = Solo::new(
        &Genesis {
            validators: List::truncated([GenesisValidator::plain(
                rich().public_key(),
                Amount::CREDIT,
            )]),
            ..genesis
        },
        [2; 32],
    );
    let stranger = stranger.unwrap();
    stranger.advance(1);
    let theirs = told(&stranger, height).await;
    assert!(
        proven::block(theirs, height, &electorate).is_err(),
        "another committee"
    );
}

#[test]
fn committees_are_followed_one_by_one() {
    // COM-2
    let genesis = genesis("terms");
    let chain = Solo::new(&genesis, SEED).unwrap();
    chain.advance(30);
    let mut electorates = Electorates::new(&genesis);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let hand_over = |term| runtime.block_on(chain.hand_over(term)).unwrap().unwrap();
    assert!(
        electorates.follow(&hand_over(Term(1))).is_err(),
        "a term is left out"
    );
    let mut forged = hand_over(Term(0));
    forged.next = genesis.committee();
    forged.header.timestamp_ms += 1;
    assert!(electorates.follow(&forged).is_err());
    for term in [Term(0), Term(1), Term(2)] {
        assert_eq!(electorates.newest(), term);
        electorates.follow(&hand_over(term)).unwrap();
        assert_eq!(
            electorates.of(electorates.newest()).unwrap().committee,
            genesis.committee()
        );
    }
    assert!(electorates.of(Term(9)).is_none());
}
