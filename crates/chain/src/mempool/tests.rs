use std::time::Duration;

use commonware_cryptography::Signer as _;
use llmnet_types::{
    block::Header,
    id::Digest,
    signature::PrivateKey,
    transaction::Instruction,
    units::{Amount, Height, Term},
};

use super::*;
use crate::block::transactions_root;

const NETWORK: NetworkId = NetworkId([3; 32]);
const NOW: SystemTime = SystemTime::UNIX_EPOCH;
const PACING: Pacing = Pacing {
    block_interval: Duration::ZERO,
    idle_interval: Duration::from_secs(3600),
};

fn transaction(signer: u8, nonce: u64) -> Transaction {
    let key = PrivateKey::from_seed([signer; 32]);
    let instruction = Instruction::Transfer {
        to: key.public_key(),
        amount: Amount(nonce + 1),
    };
    Transaction::sign(NETWORK, &key, nonce, instruction)
}

fn peer(seed: u8) -> ed25519::PublicKey {
    crate::setup::engine_seed([seed; 32]).public_key()
}

fn block(height: u64, transactions: Vec<Transaction>) -> Block {
    let header = Header {
        network: NETWORK,
        term: Term(0),
        view: height,
        leader: PrivateKey::from_seed([1; 32]).public_key(),
        parent_view: height.saturating_sub(1),
        parent: Digest::ZERO,
        height: Height(height),
        timestamp_ms: 0,
        transactions: transactions_root(&transactions),
        state: Digest::ZERO,
        operations: Digest::ZERO,
        operations_start: 0,
        operations_end: 1,
        settlements: Digest::ZERO,
        reveal: None,
        next_committee: None,
    };
    Block::new(header, transactions).unwrap()
}

fn mempool() -> (Mempool, mpsc::Receiver<Bytes>) {
    let (outbox, handed_on) = mpsc::channel(4);
    (Mempool::new(NETWORK, outbox, NOW), handed_on)
}

fn is_due(mempool: &Mempool) -> bool {
    mempool.until_due(PACING, NOW) == Duration::ZERO
}

#[test]
fn candidates_come_by_arrival_and_by_nonce() {
    let (mempool, _outbox) = mempool();
    for (signer, nonce) in [(1, 1), (2, 0), (1, 0), (2, 1)] {
        mempool.submit(transaction(signer, nonce), NOW).unwrap();
    }
    let order = [(1, 0), (2, 0), (1, 1), (2, 1)];
    assert_eq!(
        mempool.candidates().transactions(),
        order.map(|(signer, nonce)| transaction(signer, nonce))
    );
}

#[test]
fn what_is_submitted_is_handed_on_once_and_received_silently() {
    let (mempool, mut outbox) = mempool();
    mempool.submit(transaction(1, 0), NOW).unwrap();
    mempool.submit(transaction(1, 0), NOW).unwrap();
    let bytes = outbox.try_recv().unwrap();
    assert!(outbox.try_recv().is_err());
    let (other, mut others_outbox) = self::mempool();
    let found = other.unknown(&bytes).unwrap();
    other.receive(&peer(1), found, NOW);
    assert_eq!(other.candidates().transactions(), [transaction(1, 0)]);
    assert!(others_outbox.try_recv().is_err());
    // Neither garbage gets in, nor what is known, nor what is another network's.
    assert_eq!(other.unknown(&bytes[1..]), None);
    assert_eq!(other.unknown(&bytes), None);
    let mut foreign = transaction(2, 0);
    foreign.body.network = NetworkId([4; 32]);
    assert_eq!(other.unknown(&foreign.encode()), None);
}

#[test]
fn what_is_in_no_block_for_long_is_handed_on_again_by_who_took_it_in() {
    let (mempool, mut outbox) = mempool();
    mempool.submit(transaction(1, 0), NOW).unwrap();
    mempool.submit(transaction(2, 0), NOW).unwrap();
    mempool.receive(&peer(1), transaction(3, 0), NOW);
    while outbox.try_recv().is_ok() {}
    let later = NOW + RESEND_AFTER;
    mempool.saw(&block(2, vec![transaction(1, 0)]), NOW);
    mempool.finalize(&block(1, vec![]), later - Duration::from_millis(1));
    assert!(outbox.try_recv().is_err(), "not yet");
    mempool.finalize(&block(1, vec![]), later);
    let bytes = outbox.try_recv().unwrap();
    assert_eq!(bytes, transaction(2, 0).encode());
    assert!(
        outbox.try_recv().is_err(),
        "one is in a block, one another's"
    );
    mempool.finalize(&block(1, vec![]), later);
    assert!(outbox.try_recv().is_err(), "once at a time");
}

#[test]
fn what_a_client_submits_again_is_brought_about_here() {
    let (mempool, mut outbox) = mempool();
    let id = transaction(1, 0).id();
    assert!(!mempool.adopt(&id, NOW), "not known");
    mempool.receive(&peer(1), transaction(1, 0), NOW);
    assert!(mempool.adopt(&id, NOW));
    assert_eq!(outbox.try_recv().unwrap(), transaction(1, 0).encode());
    assert!(mempool.adopt(&id, NOW));
    assert!(outbox.try_recv().is_err(), "asking often hands on once");
    mempool.finalize(&block(1, vec![]), NOW + RESEND_AFTER);
    assert!(outbox.try_recv().is_ok(), "and again when it is late");
    assert!(mempool.lock().handed_on.is_empty());
}

#[test]
fn one_validator_cannot_fill_the_room() {
    let (mempool, _outbox) = mempool();
    let signers = PEER_MAX / SIGNER_MAX + 1;
    for signer in 0..signers {
        let signer = u8::try_from(signer).unwrap();
        for nonce in 0..SIGNER_MAX as u64 {
            mempool.receive(&peer(1), transaction(signer, nonce), NOW);
        }
    }
    let waiting = || mempool.lock().entries.len();
    assert_eq!(waiting(), PEER_MAX);
    mempool.receive(&peer(2), transaction(200, 0), NOW);
    mempool.submit(transaction(201, 0), NOW).unwrap();
    assert_eq!(waiting(), PEER_MAX + 2, "there is room for the others'");
    // What is done makes room.
    let done = (0..SIGNER_MAX as u64).map(|nonce| transaction(0, nonce));
    mempool.finalize(&block(1, done.collect()), NOW);
    mempool.receive(&peer(1), transaction(202, 0), NOW);
    assert!(mempool.contains(&transaction(202, 0).id()));
}

#[test]
fn every_share_of_the_room_is_bounded() {
    let (mempool, _outbox) = mempool();
    let signer = transaction(1, 0).body.signer;
    for nonce in 0..SIGNER_MAX as u64 {
        mempool.submit(transaction(1, nonce), NOW).unwrap();
    }
    assert_eq!(
        mempool.submit(transaction(1, 999), NOW),
        Err(SubmitError::SignerFull {
            signer,
            limit: SIGNER_MAX
        })
    );
    mempool.submit(transaction(2, 0), NOW).unwrap();
    let mut other = transaction(2, 0);
    other.body.instruction = transaction(2, 1).body.instruction;
    let signer = other.body.signer;
    assert_eq!(
        mempool.submit(other, NOW),
        Err(SubmitError::NonceTaken { signer, nonce: 0 })
    );
}

#[test]
fn a_block_is_due_until_its_transactions_are_final() {
    let (mempool, _outbox) = mempool();
    assert!(!is_due(&mempool));
    mempool.submit(transaction(1, 0), NOW).unwrap();
    assert!(is_due(&mempool));
    let first = block(1, vec![transaction(1, 0)]);
    mempool.saw(&first, NOW);
    assert!(mempool.candidates().transactions().is_empty());
    assert!(is_due(&mempool), "its child comes at once");
    mempool.finalize(&first, NOW);
    assert!(!is_due(&mempool));
    assert!(!mempool.contains(&transaction(1, 0).id()));
}

#[test]
fn what_lost_against_another_block_waits_again() {
    let (mempool, _outbox) = mempool();
    mempool.submit(transaction(1, 0), NOW).unwrap();
    mempool.submit(transaction(2, 0), NOW).unwrap();
    mempool.saw(&block(1, vec![transaction(1, 0)]), NOW);
    mempool.finalize(&block(1, vec![transaction(2, 0)]), NOW);
    assert_eq!(mempool.candidates().transactions(), [transaction(1, 0)]);
}

#[test]
fn what_is_unfit_after_a_block_is_so_for_good_once_that_is_final() {
    let (mempool, _outbox) = mempool();
    let parent = block(1, vec![transaction(1, 0)]);
    for nonce in 0..2 {
        mempool.submit(transaction(1, nonce), NOW).unwrap();
    }
    let found = [(transaction(1, 0).id(), Unfit::Never)];
    mempool.unfit(&parent, &found);
    assert_eq!(mempool.candidates().transactions(), [transaction(1, 1)]);
    // The parent loses, and with it what it did.
    mempool.finalize(&block(1, vec![transaction(2, 0)]), NOW);
    assert_eq!(
        mempool.candidates().transactions(),
        [transaction(1, 0), transaction(1, 1)]
    );
    let parent = block(2, Vec::new());
    mempool.unfit(&parent, &found);
    mempool.finalize(&parent, NOW);
    assert_eq!(mempool.candidates().transactions(), [transaction(1, 1)]);
    assert!(!mempool.contains(&transaction(1, 0).id()));
}

#[test]
fn early_ones_wait_for_the_missing_nonce_without_making_blocks_due() {
    let (mempool, _outbox) = mempool();
    mempool.submit(transaction(1, 1), NOW).unwrap();
    mempool.submit(transaction(2, 0), NOW).unwrap();
    let found = [
        (transaction(1, 1).id(), Unfit::Early),
        (transaction(2, 0).id(), Unfit::Never),
    ];
    mempool.unfit(&block(0, Vec::new()), &found);
    assert!(mempool.candidates().transactions().is_empty());
    assert!(!is_due(&mempool));
    assert!(!mempool.contains(&transaction(2, 0).id()));
    mempool.submit(transaction(1, 0), NOW).unwrap();
    assert_eq!(
        mempool.candidates().transactions(),
        [transaction(1, 0), transaction(1, 1)]
    );
}

#[test]
fn a_clock_that_is_set_brings_blocks_forward_and_never_stops_them() {
    let (mempool, _outbox) = mempool();
    let hour = Duration::from_secs(3600);
    let late = NOW + 10 * hour;
    mempool.saw(&block(1, Vec::new()), late);
    assert_eq!(mempool.until_due(PACING, late), hour);
    assert_eq!(mempool.until_due(PACING, late + 2 * hour), Duration::ZERO);
    assert_eq!(mempool.until_due(PACING, NOW), Duration::ZERO);
    mempool.saw(&block(2, Vec::new()), NOW);
    assert_eq!(mempool.until_due(PACING, NOW), hour);
}

#[test]
fn what_found_no_block_for_long_is_forgotten() {
    let (mempool, _outbox) = mempool();
    mempool.submit(transaction(1, 5), NOW).unwrap();
    mempool.finalize(&block(1, Vec::new()), NOW + AGE_MAX);
    assert!(mempool.contains(&transaction(1, 5).id()));
    let after = NOW + AGE_MAX + Duration::from_secs(1);
    mempool.finalize(&block(2, Vec::new()), after);
    assert!(!mempool.contains(&transaction(1, 5).id()));
}
