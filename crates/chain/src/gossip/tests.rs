//! What is handed on arrives, whatever else is in the message.

use std::time::SystemTime;

use llmnet_types::{signature::PrivateKey, transaction::Instruction, units::Amount};

use super::*;
use crate::{
    any::Any as _,
    fuzz::{fuzz, mutate},
};
use llmnet_types::transaction::Transaction;

const NETWORK: NetworkId = NetworkId([3; 32]);

fn transfer(nonce: u64) -> Bytes {
    let key = PrivateKey::from_seed([1; 32]);
    let instruction = Instruction::Transfer {
        to: key.public_key(),
        amount: Amount(1),
    };
    Transaction::sign(NETWORK, &key, nonce, instruction)
        .encode()
        .into()
}

fn message(sent: &[Bytes]) -> Vec<u8> {
    let (outbox, mut waiting) = mpsc::channel(sent.len().max(1));
    for bytes in &sent[1..] {
        outbox.try_send(bytes.clone()).expect("room");
    }
    gather(sent[0].clone(), &mut waiting)
}

#[test]
fn what_is_gathered_is_read_again() {
    let sent: Vec<Bytes> = (0..5).map(transfer).collect();
    let message = message(&sent);
    assert!(transactions(&message).eq(sent.iter().map(|bytes| &bytes[..])));
    // Cut anywhere, those that are whole are read.
    for end in 0..message.len() {
        let read = transactions(&message[..end]);
        assert!(read.zip(&sent).all(|(read, sent)| read == &sent[..]));
    }
}

#[test]
fn fuzz_gossip() {
    // ENC-1
    let (outbox, _handed_on) = mpsc::channel(4);
    let mempool = Mempool::new(NETWORK, outbox, SystemTime::UNIX_EPOCH);
    let honest: Vec<Bytes> = (0..4).map(transfer).collect();
    fuzz("gossip", |source| {
        let sent: Vec<Bytes> = (0..=source.below(4))
            .map(|place| match source.below(4) {
                0 => Transaction::any(source).encode().into(),
                _ => honest[place % honest.len()].clone(),
            })
            .collect();
        let mut message = message(&sent);
        mutate(source, &mut message, &honest[0]);
        let length: usize = transactions(&message).map(|bytes| bytes.len() + 4).sum();
        assert!(length <= message.len());
        for bytes in transactions(&message) {
            if let Some(arrival) = mempool.unknown(bytes) {
                assert_eq!(arrival.transaction.encode(), bytes, "a second spelling");
                assert_eq!(arrival.transaction.id(), arrival.id);
            }
        }
    });
}
