//! What makes a block, and what is none.

use commonware_codec::{Copying, DecodeExt as _, Encode as _};
use llmnet_types::{
    id::NetworkId,
    signature::PrivateKey,
    transaction::Instruction,
    units::{Amount, Height, Term},
};

use super::*;
use crate::{
    any::Any as _,
    fuzz::{fuzz, mutate},
};

fn transfer(nonce: u64) -> Transaction {
    let key = PrivateKey::from_seed([1; 32]);
    let to = key.public_key();
    let instruction = Instruction::Transfer {
        to,
        amount: Amount(1),
    };
    Transaction::sign(NetworkId([5; 32]), &key, nonce, instruction)
}

fn header(transactions: &[Transaction]) -> Header {
    Header {
        network: NetworkId([5; 32]),
        term: Term(0),
        view: 2,
        leader: PrivateKey::from_seed([1; 32]).public_key(),
        parent_view: 1,
        parent: Digest::ZERO,
        height: Height(1),
        timestamp_ms: 1,
        transactions: transactions_root(transactions),
        state: Digest::ZERO,
        operations: Digest::ZERO,
        operations_start: 0,
        operations_end: 1,
        settlements: Digest::ZERO,
        reveal: None,
        next_committee: None,
    }
}

#[test]
fn only_the_transactions_of_its_header_make_a_block() {
    // BLK-1
    let right = vec![transfer(0), transfer(1)];
    let header = header(&right);
    let block = Block::new(header.clone(), right.clone()).expect("well formed");
    let read = Block::decode(block.encode()).expect("what was written");
    assert_eq!(read.transactions(), right);
    for wrong in [
        vec![],
        vec![transfer(0)],
        vec![transfer(1), transfer(0)],
        vec![transfer(0), transfer(1), transfer(1)],
        vec![transfer(0), transfer(2)],
    ] {
        let forged = Block::new(header.clone(), wrong).expect("well formed");
        assert_eq!(
            forged.digest(),
            block.digest(),
            "so it would be taken for it"
        );
        assert!(Block::decode(forged.encode()).is_err());
    }
}

/// Blocks whose header and body fit, then changed: most of what a peer could send that comes near one.
#[test]
fn fuzz_blocks() {
    // BLK-1, ENC-1
    let honest: Vec<Transaction> = (0..4).map(transfer).collect();
    fuzz("blocks", |source| {
        let body: Vec<Transaction> = match source.below(3) {
            0 => (0..source.below(4))
                .map(|_| Transaction::any(source))
                .collect(),
            _ => honest[..source.below(5)].to_vec(),
        };
        let mut header = match source.below(3) {
            0 => Header::any(source),
            _ => header(&body),
        };
        header.transactions = transactions_root(&body);
        let Some(block) = Block::new(header, body) else {
            return;
        };
        let mut bytes = block.encode().to_vec();
        assert_eq!(
            Block::decode(Copying(&bytes[..])).ok().as_ref(),
            Some(&block)
        );
        let other = header_of_nothing().encode();
        mutate(source, &mut bytes, &other);
        if let Ok(read) = Block::decode(Copying(&bytes[..])) {
            assert!(read.is_consistent());
            assert_eq!(read.encode(), bytes, "a second spelling");
        }
    });
}

fn header_of_nothing() -> Block {
    Block::new(header(&[]), Vec::new()).expect("well formed")
}
