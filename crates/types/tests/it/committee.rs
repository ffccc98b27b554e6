//! Who may finalize, and what a network is called.

use llmnet_types::{
    codec::{decode, encode},
    id::Digest,
    network::{COMMITTEE_MAX, Committee, InvalidCommittee, NetworkRoot},
    signature::PublicKey,
};

use crate::samples::key;

fn keys(count: usize) -> Vec<PublicKey> {
    (0..count)
        .map(|index| {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&u16::try_from(index).expect("small").to_be_bytes());
            PublicKey(bytes)
        })
        .collect()
}

#[test]
fn a_quorum_is_all_but_the_faulty() {
    // FIN-1
    for (size, quorum) in [
        (1, 1),
        (2, 2),
        (3, 3),
        (4, 3),
        (5, 4),
        (6, 5),
        (7, 5),
        (10, 7),
        (100, 67),
        (COMMITTEE_MAX, 86),
    ] {
        let committee = Committee::new(keys(size)).expect("different keys");
        assert_eq!(committee.quorum(), quorum, "of {size}");
        // Two quorums share more members than may be faulty.
        assert!(2 * quorum > size + (size - 1) / 3);
    }
}

#[test]
fn a_committee_is_sorted_and_names_nobody_twice() {
    let mut shuffled = keys(4);
    shuffled.reverse();
    let committee = Committee::new(shuffled).expect("different keys");
    assert_eq!(committee.keys(), keys(4));

    assert_eq!(Committee::new(Vec::new()), Err(InvalidCommittee));
    assert_eq!(Committee::new(vec![keys(1)[0]; 2]), Err(InvalidCommittee));
    assert_eq!(
        Committee::new(keys(COMMITTEE_MAX + 1)),
        Err(InvalidCommittee)
    );

    // ENC-1: off the wire the order must be there already.
    let bytes = encode(&committee);
    assert_eq!(decode(&bytes, 1_000), Ok(committee.clone()));
    let unsorted = [&bytes[..2], &bytes[34..66], &bytes[2..34], &bytes[66..]].concat();
    assert!(decode::<Committee>(&unsorted, 1_000).is_err());
    assert!(decode::<Committee>(&[0, 0], 1_000).is_err());
    let json = serde_json::to_string(&committee).expect("keys");
    assert!(serde_json::from_str::<Committee>(&json).is_ok());
    assert!(serde_json::from_str::<Committee>("[]").is_err());
}

#[test]
fn who_changes_a_validator_or_the_genesis_makes_another_network() {
    // NET-1
    let committee = |seeds: [u8; 2]| {
        Committee::new(seeds.map(|seed| key(seed).public_key()).to_vec()).expect("different keys")
    };
    let root = NetworkRoot {
        committee: committee([1, 2]),
        genesis: Digest([3; 32]),
    };
    let other_validators = NetworkRoot {
        committee: committee([1, 3]),
        ..root.clone()
    };
    let other_genesis = NetworkRoot {
        genesis: Digest([4; 32]),
        ..root.clone()
    };
    assert_eq!(root.id(), root.clone().id());
    assert_ne!(root.id(), other_validators.id());
    assert_ne!(root.id(), other_genesis.id());
}
