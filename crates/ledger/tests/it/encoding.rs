//! ENC, SET-1: bytes that leave the process stay what they are.

use expect_test::expect;
use llmnet_ledger::{Key, chain_element, chain_step};
use llmnet_types::{
    codec::{List, encode},
    contract::{SEATS_MAX, Strategy},
    id::{Digest, DomainId, LineId, NetworkId, ProviderId, ReceiptRoot},
    receipt::{ContractStatus, SeatOutcome},
    settlement::{Leaf, LeafSeat},
    transaction::{Instruction, Transaction},
    units::{Amount, Epoch, Height, Score, Slot, Tokens},
};

use crate::world::{genesis, key, params, public};

#[test]
fn set_1_a_full_leaf_has_at_most_256_bytes() {
    let seat = LeafSeat {
        provider: ProviderId(u32::MAX),
        rank: u8::MAX,
        outcome: SeatOutcome::Invalid,
        class: u8::MAX,
        score: Score::ONE,
        output: Tokens(u32::MAX),
        latency_ms: u32::MAX,
        pay: Amount(u64::MAX),
    };
    let leaf = Leaf {
        line: LineId(u32::MAX),
        n: u32::MAX,
        height: Height(u64::MAX),
        domains: List::from_vec(vec![(DomainId(u16::MAX), Score::HALF); 2]).unwrap(),
        strategy: Strategy::Mixture,
        status: ContractStatus::Void,
        filtered: true,
        charge: Amount(u64::MAX),
        fee: Amount(u64::MAX),
        receipt: ReceiptRoot([255; 32]),
        seats: List::from_vec(vec![seat; SEATS_MAX]).unwrap(),
    };
    expect!["254"].assert_eq(&encode(&leaf).len().to_string());
    assert!(encode(&leaf).len() <= 256);
}

#[test]
fn enc_1_golden_encodings() {
    let transaction = Transaction::sign(
        NetworkId([7; 32]),
        &key("alice"),
        3,
        Instruction::OpenLine {
            coordinator: public("coordinator"),
            amount: Amount::CREDIT,
            expires: Epoch(9),
        },
    );
    let seed = llmnet_ledger::selection::seed(
        &NetworkId([7; 32]),
        &Digest::ZERO,
        &public("coordinator"),
        Slot(3),
        &Digest::of(b"element"),
    );
    let tip = chain_element(&Digest::ZERO, 3, 0);
    assert_eq!(tip, chain_step(&chain_step(&chain_step(&Digest::ZERO))));
    let golden = [
        ("transaction", transaction.id().to_string()),
        ("genesis", genesis(params()).id().to_string()),
        (
            "key",
            Digest(Key::Standing(ProviderId(1), DomainId(2)).digest()).to_string(),
        ),
        ("seed", seed.to_string()),
        ("tip", tip.to_string()),
    ];
    expect![[r#"
        [
            (
                "transaction",
                "9cb86912d9affa268f14e5fe6e85a77a25ff7df96a011878eb3e4d224af30f0e",
            ),
            (
                "genesis",
                "852ff5ac3b50ba4a8741261538f3c52daed75b67d7239c8218d7195e43bd7f23",
            ),
            (
                "key",
                "03aa7f7c6d0208c21968321bb0bad7a97045957477c3a06a1189910b35043d97",
            ),
            (
                "seed",
                "c9b291220ff2e0d26ad19cfcb54ae5414592cb2214070a59f9e15b3679deaaa6",
            ),
            (
                "tip",
                "b61d0cc8dd7d5b2329f6204d205c6734022f34e30f3d3575dd8e62430d11f092",
            ),
        ]
    "#]]
    .assert_debug_eq(&golden);
}
