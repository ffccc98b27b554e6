//! One that has some hand-overs gets the others from one that has all.

use commonware_consensus::{
    simplex::{
        scheme::ed25519::Scheme,
        types::{Finalization, Finalize, Proposal},
    },
    types::{Epoch, Round, View},
};
use commonware_cryptography::sha256;
use commonware_parallel::Sequential;
use commonware_runtime::{Runner as _, Supervisor as _, deterministic};
use commonware_utils::iter::NonEmpty;
use llmnet_types::{
    block::Header,
    certificate::namespace,
    id::{Digest, NetworkId},
    network::Committee,
    signature::PrivateKey,
    units::Height,
};

use super::*;
use crate::{
    electorates::members,
    engine::page_cache,
    finality,
    runtime::Steady,
    setup::engine_seed,
    simulation::machine::{Hardware, Machine},
};

const NETWORK: NetworkId = NetworkId([5; 32]);
const TERMS: u8 = 6;

/// Whoever is alone in office in a term.
fn seed(term: u8) -> [u8; 32] {
    [term + 1; 32]
}

fn committee(term: u8) -> Committee {
    let key = PrivateKey::from_seed(seed(term)).public_key();
    Committee::new(vec![key]).expect("one key")
}

fn first() -> Electorate {
    Electorate {
        network: NETWORK,
        term: Term(0),
        committee: committee(0),
    }
}

/// How a term ended, by the word of whoever has this seed.
fn hand_over(term: u8, signer: u8) -> HandOver {
    let digest = Digest::of(b"anything");
    let header = Header {
        network: NETWORK,
        term: Term(u64::from(term)),
        view: 1,
        leader: PrivateKey::from_seed(seed(term)).public_key(),
        parent_view: 0,
        parent: digest,
        height: Height(u64::from(term) + 1),
        timestamp_ms: 0,
        transactions: digest,
        state: digest,
        operations: digest,
        operations_start: 0,
        operations_end: 1,
        settlements: digest,
        reveal: None,
        next_committee: Some(committee(term + 1).digest()),
    };
    let round = Round::new(Epoch::new(u64::from(term)), View::new(1));
    let proposal = Proposal::new(round, View::zero(), sha256::Digest(header.digest().0));
    let members = members(&committee(signer)).expect("a key");
    let scheme = Scheme::signer(&namespace(&NETWORK), members, engine_seed(seed(signer)));
    let scheme = scheme.expect("a member");
    let vote = Finalize::sign(&scheme, proposal).expect("a signer");
    let votes = NonEmpty::new(vote, std::iter::empty());
    let finalization = Finalization::from_owned_finalizes(&scheme, votes, &Sequential);
    let certificate = finality::certificate(&finalization.expect("a quorum"), &header);
    HandOver {
        header,
        certificate: certificate.expect("well formed"),
        next: committee(term + 1),
    }
}

#[test]
fn what_is_missing_is_asked_for_until_there_is_nothing() {
    // COM-2, PRF-3
    deterministic::Runner::default().start(|context| async move {
        let open = |name: &'static str| {
            let machine = Machine::new(context.child(name), Hardware::new(name.into()));
            async move {
                let hand_overs = HandOvers::open(&Steady::new(machine), page_cache()).await;
                hand_overs.expect("an empty disk")
            }
        };
        let (theirs, ours) = (open("theirs").await, open("ours").await);
        for term in 0..TERMS {
            theirs.keep(&hand_over(term, term)).await;
        }
        // A gap at the beginning, one in the middle, one at the end.
        for term in [1, 3] {
            ours.keep(&hand_over(term, term)).await;
        }
        let ended = u64::from(TERMS);
        let mut missing = Missing::new(first());
        assert_eq!(missing.look(&ours, 0).await, None, "no term has ended");
        let mut asked = Vec::new();
        loop {
            let just_now = missing.look(&ours, ended).await;
            assert_eq!(just_now, None, "it may be about to be kept");
            let Some(term) = missing.look(&ours, ended).await else {
                break;
            };
            asked.push(term.0);
            // Neither one that another committee signed nor one of another term is taken.
            let number = u8::try_from(term.0).expect("few");
            let false_one = hand_over(number, number + 1);
            assert!(missing.take(&ours, &false_one).await.is_err());
            let other = hand_over(number + 1, number + 1);
            assert_eq!(missing.take(&ours, &other).await, Ok(false));
            let right = theirs.get(term).await.expect("they have all");
            assert_eq!(missing.take(&ours, &right).await, Ok(true));
        }
        assert_eq!(asked, [0, 2, 4, 5]);
        for term in 0..ended {
            assert_eq!(ours.get(Term(term)).await, theirs.get(Term(term)).await);
        }
    });
}
