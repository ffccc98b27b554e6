//! Committees come and go while transactions keep coming (COM-1, COM-2, COM-3).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use llmnet_chain::{ChainClient, Finality, SubmitError, query};
use llmnet_ledger::{Genesis, GenesisValidator, query as ledger};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::{List, Text},
    id::TransactionId,
    network::Committee,
    params::Params,
    signature::{PrivateKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Term},
};

use crate::testnet::{
    DEADLINE, Testnet, account, final_outcome, genesis, key, later, reaches, seed, succession,
    transfer,
};

/// Who posts all bonds.
const OPERATOR: u8 = 6;
/// The longest that the chain may stand still while a committee takes over, more than it does without.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Blocks of a short term.
const TERM: u64 = 16;

/// Four validators in office, for terms of a second under load.
pub(crate) fn short_terms() -> Genesis {
    terms_of(TERM)
}

/// Four validators in office, for terms of so many blocks.
fn terms_of(blocks: u64) -> Genesis {
    let genesis = genesis(4);
    let validators = genesis.validators.iter().map(|validator| GenesisValidator {
        operator: account(OPERATOR).public_key(),
        ..validator.clone()
    });
    Genesis {
        validators: List::truncated(validators),
        params: Params {
            epoch_blocks: u32::try_from(blocks / 2).unwrap(),
            term_epochs: 2,
            checkpoint_blocks: 4,
            ..Params::local()
        },
        ..genesis
    }
}

pub(crate) fn enlist(testnet: &Testnet, nonce: u64, validator: usize) -> Transaction {
    let enlistment = Enlistment {
        node: key(validator),
        operator: account(OPERATOR).public_key(),
        role: Role::Validator,
        address: Text::truncated(&testnet.address(validator).to_string()),
        bond: Amount::CREDIT,
        until: Epoch(1_000_000),
    };
    let node = PrivateKey::from_seed(seed(validator));
    let instruction =
        Instruction::Enlist(Box::new(Signed::new(enlistment, &testnet.network, &node)));
    Transaction::sign(testnet.network, &account(OPERATOR), nonce, instruction)
}

pub(crate) fn delist(testnet: &Testnet, nonce: u64, validator: usize) -> Transaction {
    let instruction = Instruction::Delist {
        node: key(validator),
        role: Role::Validator,
    };
    Transaction::sign(testnet.network, &account(OPERATOR), nonce, instruction)
}

pub(crate) async fn applied(client: &dyn ChainClient, transaction: Transaction) {
    let id = client.submit(transaction).await.unwrap();
    let outcome = final_outcome(client, id).await.outcome;
    assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
}

async fn committee(client: &dyn ChainClient) -> (Term, Committee) {
    let office = query(client, |state| ledger::office(state))
        .await
        .unwrap()
        .1;
    let office = office.expect("there is always one");
    (office.term, office.committee)
}

/// Waits for a committee; says in which term it took office.
pub(crate) async fn takes_office(client: &dyn ChainClient, validators: &[usize]) -> Term {
    let wanted = Committee::new(validators.iter().copied().map(key).collect()).unwrap();
    let elected = async {
        let mut tip = client.tip();
        loop {
            let (term, committee) = committee(client).await;
            if committee == wanted {
                return term;
            }
            tip.changed().await.unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, elected)
        .await
        .expect("in time")
}

/// Keeps sending from one account until told to stop; says what was sent.
async fn load(
    testnet: (llmnet_types::id::NetworkId, u8),
    clients: Vec<Arc<dyn ChainClient>>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> Vec<TransactionId> {
    let (network, from) = testnet;
    let to = account(7).public_key();
    let mut sent = Vec::new();
    while !*stop.borrow_and_update() {
        let nonce = sent.len() as u64;
        let client = &clients[sent.len() % clients.len()];
        match client.submit(transfer(network, from, nonce, to)).await {
            Ok(id) => sent.push(id),
            // As fast as the chain takes them.
            Err(SubmitError::SignerFull { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        let _ = tokio::time::timeout(Duration::from_millis(40), stop.changed()).await;
    }
    sent
}

/// Notes when each block was known to be final.
async fn watch(
    client: Arc<dyn ChainClient>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> Vec<(u64, Instant)> {
    let mut tip = client.tip();
    let mut seen = Vec::new();
    loop {
        seen.push((tip.borrow_and_update().height().0, Instant::now()));
        tokio::select! {
            changed = tip.changed() => changed.unwrap(),
            _ = stop.changed() => return seen,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committee_takes_over_under_load_and_loses_nothing() {
    // Who enlists has an epoch to connect in before it can be elected (COM-3): here 1.2 s at least, and a
    // connection that is refused once is tried again after half a second.
    const TERM: u64 = 48;
    let mut testnet = Testnet::of(terms_of(TERM), 6);
    (0..6).for_each(|validator| testnet.start(validator));
    // Stays in office throughout.
    let client = testnet.client(2);
    reaches(&*client, Height(2)).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let senders: Vec<_> = (0..4)
        .map(|from| {
            // Those who leave take in transactions as well while they are in office.
            let clients = vec![testnet.client(from), client.clone()];
            let from = u8::try_from(from).unwrap();
            let work = load((testnet.network, from), clients, stopped.clone());
            tokio::spawn(work)
        })
        .collect();
    let watcher = tokio::spawn(watch(client.clone(), stopped));
    // Who joins follows as soon as it is enlisted; the others leave once it is there.
    applied(&*client, enlist(&testnet, 0, 4)).await;
    applied(&*client, enlist(&testnet, 1, 5)).await;
    for joining in [4, 5] {
        reaches(&*testnet.client(joining), later(&*client, 1)).await;
    }
    println!("both follow at height {}", later(&*client, 0).0);
    applied(&*client, delist(&testnet, 2, 0)).await;
    applied(&*client, delist(&testnet, 3, 1)).await;
    let changed = takes_office(&*client, &[2, 3, 4, 5]).await;
    println!("in office from term {}", changed.0);
    // Two more changes of term with the new committee.
    let goal = Height((changed.0 + 2) * TERM + 2);
    let mut tip = client.tip();
    let mut progress = tokio::time::interval(Duration::from_secs(1));
    while tip.borrow_and_update().height() < goal {
        tokio::select! {
            changed = tokio::time::timeout(DEADLINE, tip.changed()) => {
                changed.expect("in time").unwrap();
            }
            _ = progress.tick() => {
                let heights = (0..6).map(|at| testnet.client(at).tip().borrow().height().0);
                println!("heights {:?}", heights.collect::<Vec<_>>());
            }
        }
    }
    stop.send(true).unwrap();
    let seen = watcher.await.unwrap();
    let mut pause = Duration::ZERO;
    let mut elsewhere = Duration::ZERO;
    for pair in seen.windows(2) {
        let gap = pair[1].1 - pair[0].1;
        let boundary = pair[0].0 / TERM != pair[1].0 / TERM;
        let most = if boundary { &mut pause } else { &mut elsewhere };
        *most = (*most).max(gap);
    }
    let terms = seen.last().unwrap().0 / TERM;
    println!(
        "{terms} changes of term: pause at most {pause:?}, between other blocks {elsewhere:?}"
    );
    assert!(pause <= PAUSE_MAX + elsewhere, "paused for {pause:?}");
    let mut sent = Vec::new();
    for sender in senders {
        sent.extend(sender.await.unwrap());
    }
    for id in &sent {
        let outcome = final_outcome(&*client, *id).await.outcome;
        assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
    }
    println!("{} transactions, none lost", sent.len());

    // Those who left are not needed any more.
    testnet.stop(0);
    testnet.stop(1);
    let joined = testnet.client(4);
    let id = joined
        .submit(transfer(testnet.network, 5, 0, account(7).public_key()))
        .await
        .unwrap();
    let inclusion = final_outcome(&*joined, id).await;
    for id in &sent {
        let found = joined.outcome(*id, Duration::ZERO).await.unwrap();
        assert!(found.is_some(), "known to who joined");
    }

    // Who knows the first committee follows to any later one (PRF-3), also from who joined.
    let (newest, _) = committee(&*joined).await;
    let known = succession(&*joined, newest).await;
    let first = testnet.genesis.root().electorate();
    reaches(&*joined, later(&*joined, 2)).await;
    for height in [Height(1), Height(TERM - 1), Height(TERM), inclusion.height] {
        let Finality {
            header,
            descendants,
            certificate,
        } = joined.finality(height).await.unwrap().expect("certified");
        let certified = descendants.last().unwrap_or(&header);
        let electorate = known.follow(&first, certified.term).unwrap();
        assert_eq!(certificate.verify(&electorate, certified), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_stopped_at_any_block_of_a_term_go_on_in_the_right_one() {
    let mut testnet = Testnet::of(short_terms(), 4);
    let to = account(7).public_key();
    let mut nonce = 0;
    for blocks in [
        TERM - 2,
        TERM - 1,
        TERM,
        TERM + 1,
        2 * TERM - 1,
        2 * TERM + 3,
    ] {
        (0..4).for_each(|validator| testnet.start(validator));
        let client = testnet.client(0);
        while client.tip().borrow().height() < Height(blocks) {
            applied(&*client, transfer(testnet.network, 0, nonce, to)).await;
            nonce += 1;
        }
        (0..4).for_each(|validator| testnet.stop(validator));
    }
    (0..4).for_each(|validator| testnet.start(validator));
    let client = testnet.client(3);
    applied(&*client, transfer(testnet.network, 0, nonce, to)).await;
    let (term, _) = committee(&*client).await;
    let known = succession(&*client, term).await;
    let first = testnet.genesis.root().electorate();
    assert!(known.follow(&first, term).is_ok());
}
