//! Committees of known seeds, what they vote on, and how they hand over.

use llmnet_types::{
    block::Header,
    certificate::{FinalityCertificate, namespace},
    codec::List,
    id::{Digest, NetworkId},
    network::{Committee, Electorate, NetworkRoot},
    signature::PrivateKey,
    succession::{HandOver, Succession},
    units::{Height, Term},
};

use super::key;

/// Four validators of known seeds.
pub(crate) fn validators() -> Vec<PrivateKey> {
    validators_of(0)
}

/// Those in office in a term: in each, the longest serving one has left and another has come.
pub(crate) fn validators_of(term: u8) -> Vec<PrivateKey> {
    let mut validators: Vec<_> = (41 + term..45 + term).map(key).collect();
    validators.sort_by_key(PrivateKey::public_key);
    validators
}

pub(crate) fn electorate(network: NetworkId, term: u8) -> Electorate {
    let keys = validators_of(term)
        .iter()
        .map(PrivateKey::public_key)
        .collect();
    Electorate {
        network,
        term: Term(term.into()),
        committee: Committee::new(keys).expect("different keys"),
    }
}

/// The end of a term: the next validators take over.
pub(crate) fn hand_over(network: NetworkId, term: u8) -> HandOver {
    let next = electorate(network, term + 1).committee;
    let header = Header {
        term: Term(term.into()),
        next_committee: Some(next.digest()),
        ..header(network)
    };
    HandOver {
        certificate: votes(&header, &validators_of(term), &[0, 1, 3]),
        header,
        next,
    }
}

pub(crate) fn succession(network: NetworkId, terms: std::ops::Range<u8>) -> Succession {
    Succession::new(terms.map(|term| hand_over(network, term)).collect()).expect("without a gap")
}

pub(crate) fn network_root() -> NetworkRoot {
    let keys = validators().iter().map(PrivateKey::public_key).collect();
    NetworkRoot {
        committee: Committee::new(keys).expect("different keys"),
        genesis: Digest([51; 32]),
    }
}

pub(crate) fn header(network: NetworkId) -> Header {
    Header {
        network,
        term: Term(0),
        view: 300,
        leader: validators()[0].public_key(),
        parent_view: 299,
        parent: Digest([52; 32]),
        height: Height(301),
        timestamp_ms: 1_700_000_000_000,
        transactions: Digest([53; 32]),
        state: Digest([54; 32]),
        operations: Digest([55; 32]),
        operations_start: 10,
        operations_end: 2_000,
        settlements: Digest([56; 32]),
        reveal: Some(Digest([57; 32])),
        next_committee: None,
    }
}

/// What simplex signs for finality, put together here from its description and not from our code: a
/// namespace with its length, three variable-length integers below 2^14, the digest.
pub(crate) fn vote_bytes(header: &Header) -> Vec<u8> {
    let varint = |number: u64| -> Vec<u8> {
        let (low, high) = ((number & 0x7f) as u8, (number >> 7) as u8);
        if high == 0 {
            vec![low]
        } else {
            vec![low | 0x80, high]
        }
    };
    let namespace = [namespace(&header.network).as_slice(), b"_FINALIZE"].concat();
    [
        varint(namespace.len() as u64),
        namespace,
        varint(header.term.0),
        varint(header.view),
        varint(header.parent_view),
        header.digest().0.to_vec(),
    ]
    .concat()
}

/// The votes of the first validators, by number.
pub(crate) fn certificate(header: &Header, signers: &[u8]) -> FinalityCertificate {
    votes(header, &validators(), signers)
}

/// The votes of these validators, by number.
pub(crate) fn votes(
    header: &Header,
    validators: &[PrivateKey],
    signers: &[u8],
) -> FinalityCertificate {
    let bytes = vote_bytes(header);
    FinalityCertificate {
        signers: List::truncated(signers.iter().copied()),
        signatures: List::truncated(
            signers
                .iter()
                .map(|signer| validators[usize::from(*signer)].sign(&bytes)),
        ),
        again: None,
    }
}
