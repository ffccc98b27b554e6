//! The check in `types` and the engine's own give one verdict.

use std::time::{SystemTime, UNIX_EPOCH};

use commonware_consensus::{
    simplex::types::{Finalize, Proposal},
    types::{Epoch, Round, View},
};
use commonware_cryptography::ed25519;
use commonware_parallel::Sequential;
use commonware_utils::{iter::NonEmpty, ordered::Set};
use llmnet_types::{
    certificate::{CertificateError, namespace},
    id::{Digest, NetworkId},
    network::{Committee, Electorate},
    signature::PrivateKey,
    units::{Height, Term},
};

use super::*;
use crate::{block::engine_key, setup::engine_seed};

const NETWORK: NetworkId = NetworkId([5; 32]);

/// A small generator, so that a failing seed can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Numbers of all lengths, for the integers are encoded by length.
    fn number(&mut self) -> u64 {
        let bits = self.next() % 64;
        self.next() >> bits
    }
}

fn scheme(seeds: &[[u8; 32]], validator: usize) -> Scheme {
    let keys = seeds
        .iter()
        .map(|seed| engine_key(&PrivateKey::from_seed(*seed).public_key()).expect("a key"));
    let committee: Set<ed25519::PublicKey> = keys.collect::<Vec<_>>().try_into().expect("distinct");
    Scheme::signer(
        &namespace(&NETWORK),
        committee,
        engine_seed(seeds[validator]),
    )
    .expect("member")
}

fn header(random: &mut Random) -> Header {
    let digest = Digest::of(&random.next().to_le_bytes());
    Header {
        network: NETWORK,
        term: Term(random.number()),
        view: random.number(),
        leader: PrivateKey::from_seed([1; 32]).public_key(),
        parent_view: random.number(),
        parent: digest,
        height: Height(random.number()),
        timestamp_ms: random.number(),
        transactions: digest,
        state: digest,
        operations: digest,
        operations_start: 0,
        operations_end: 1,
        settlements: digest,
        reveal: random.next().is_multiple_of(2).then_some(digest),
        next_committee: None,
    }
}

fn proposal(header: &Header) -> Proposal<sha256::Digest> {
    let round = Round::new(Epoch::new(header.term.0), View::new(header.view));
    Proposal::new(
        round,
        View::new(header.parent_view),
        sha256::Digest(header.digest().0),
    )
}

fn sign(schemes: &[Scheme], header: &Header) -> Option<Finalization<Scheme, sha256::Digest>> {
    let mut votes = schemes
        .iter()
        .map(|scheme| Finalize::sign(scheme, proposal(header)).expect("a signer"));
    let first = votes.next()?;
    let votes = NonEmpty::new(first, votes);
    Finalization::from_owned_finalizes(&schemes[0], votes, &Sequential).ok()
}

#[test]
fn both_checks_give_one_verdict() {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970");
    let seed = u64::from(since.subsec_nanos());
    println!("seed {seed}");
    let mut random = Random(seed);
    for validators in [1_u8, 2, 4, 7, 10] {
        let seeds: Vec<[u8; 32]> = (1..=validators).map(|number| [number; 32]).collect();
        let keys = seeds
            .iter()
            .map(|seed| PrivateKey::from_seed(*seed).public_key());
        let committee = Committee::new(keys.collect()).expect("distinct keys");
        let schemes: Vec<Scheme> = (0..seeds.len())
            .map(|validator| scheme(&seeds, validator))
            .collect();
        let header = header(&mut random);
        for signers in 1..=seeds.len() {
            let finalization = sign(&schemes[..signers], &header);
            assert_eq!(
                finalization.is_some(),
                signers >= committee.quorum(),
                "seed {seed}"
            );
            let Some(finalization) = finalization else {
                continue;
            };
            let ours = certificate(&finalization, &header).expect("well formed");
            let electorate = Electorate {
                network: NETWORK,
                term: header.term,
                committee: committee.clone(),
            };
            let check = |ours: &FinalityCertificate, header| ours.verify(&electorate, header);
            assert_eq!(check(&ours, &header), Ok(()), "seed {seed}");
            let theirs = |finalization: &Finalization<Scheme, sha256::Digest>| {
                finalization.verify(&mut commonware_utils::sys_rng(), &schemes[0], &Sequential)
            };
            assert!(theirs(&finalization));

            // Another header, whose proposal the engine is asked about.
            let mut other = header.clone();
            match random.next() % 4 {
                0 => other.view ^= 1,
                1 => other.parent_view ^= 1,
                2 => other.term.0 ^= 1,
                _ => other.state.0[7] ^= 1,
            }
            let mut moved = finalization.clone();
            moved.proposal = proposal(&other);
            assert!(
                !theirs(&moved) && check(&ours, &other).is_err(),
                "seed {seed}"
            );

            // One vote fewer than a quorum, one signature of somebody else, another network.
            let cut = |list: usize| {
                let mut short = ours.clone();
                short.signers = List::truncated(ours.signers.iter().copied().take(list));
                short.signatures = List::truncated(ours.signatures.iter().copied().take(list));
                short
            };
            let needed = committee.quorum();
            let found = needed - 1;
            let error = CertificateError::Quorum { needed, found };
            assert_eq!(check(&cut(found), &header), Err(error), "seed {seed}");
            if signers > 1 {
                let mut swapped = ours.clone();
                let mut signatures = ours.signatures.to_vec();
                signatures.swap(0, 1);
                swapped.signatures = List::truncated(signatures);
                assert!(check(&swapped, &header).is_err(), "seed {seed}");
            }
            let elsewhere = Electorate {
                network: NetworkId([6; 32]),
                ..electorate
            };
            let elsewhere = ours.verify(&elsewhere, &header);
            assert!(matches!(elsewhere, Err(CertificateError::Network { .. })));
        }
    }
}
