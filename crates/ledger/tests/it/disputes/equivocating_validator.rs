//! A validator that votes for two blocks of a round.

use llmnet_ledger::query;
use llmnet_types::{
    bond::Role,
    certificate::{EngineVote, Proposal, Statement},
    dispute::FaultProof,
    id::{Digest, NetworkId},
    rejection::{ProofPart, Rejection},
    signature::Signature,
    units::{Amount, Term},
};

use super::fault;
use crate::world::{World, credits, key, public};

const VALIDATOR: &str = "validator-1";

fn block(number: u8) -> Proposal {
    Proposal {
        parent_view: 6,
        digest: Digest([number; 32]),
    }
}

fn vote(network: &NetworkId, view: u64, statement: Statement) -> EngineVote {
    let mut vote = EngineVote {
        term: Term(0),
        view,
        statement,
        signature: Signature([0; 64]),
    };
    vote.signature = key(VALIDATOR).sign(&vote.signed_bytes(network));
    vote
}

fn proof(first: EngineVote, second: EngineVote) -> FaultProof {
    FaultProof::Votes {
        validator: public(VALIDATOR),
        first,
        second,
    }
}

fn bond(world: &World) -> Amount {
    query::bond(&world.state, &public(VALIDATOR), Role::Validator)
        .unwrap()
        .total()
}

/// DIS-1, BND-5: each of the three contradictions of a round costs the bond, and a round costs it once.
#[test]
fn dis_1_votes_that_contradict_each_other_cost_the_bond() {
    let contradictions = [
        [Statement::Notarize(block(1)), Statement::Notarize(block(2))],
        [Statement::Finalize(block(1)), Statement::Finalize(block(2))],
        [Statement::Nullify, Statement::Finalize(block(1))],
    ];
    for [first, second] in contradictions {
        let mut world = World::new();
        let network = world.network;
        let votes = [first, second].map(|statement| vote(&network, 7, statement));
        let outcome = world.run("bob", fault(&proof(votes[0], votes[1])));
        assert!(matches!(
            outcome,
            llmnet_types::transaction::Outcome::Applied { .. }
        ));
        assert_eq!(bond(&world), credits(5));
        let again = proof(votes[1], votes[0]);
        assert_eq!(world.rejection("bob", fault(&again)), Rejection::Already);
        let more = [
            vote(&network, 7, Statement::Finalize(block(3))),
            vote(&network, 7, Statement::Finalize(block(4))),
        ];
        let more = proof(more[0], more[1]);
        assert_eq!(world.rejection("bob", fault(&more)), Rejection::Already);
        // Who it was no longer in office: what leaves can still be taken (BND-3).
        let other = [
            vote(&network, 8, Statement::Notarize(block(1))),
            vote(&network, 8, Statement::Notarize(block(2))),
        ];
        world.run("bob", fault(&proof(other[0], other[1])));
        assert_eq!(bond(&world), Amount(2_500_000));
    }
}

/// The innocent twin: notarizing, then finalizing or giving up; the same vote twice; other rounds and terms.
#[test]
fn dis_1_votes_that_consensus_allows_together_are_no_fault() {
    let mut world = World::new();
    let network = world.network;
    let notarize = vote(&network, 7, Statement::Notarize(block(1)));
    let allowed = [
        notarize,
        vote(&network, 7, Statement::Finalize(block(1))),
        vote(&network, 7, Statement::Nullify),
        vote(&network, 8, Statement::Notarize(block(2))),
        EngineVote {
            term: Term(1),
            ..vote(&network, 7, Statement::Notarize(block(2)))
        },
    ];
    for other in allowed {
        let proof = proof(notarize, other);
        assert_eq!(world.rejection("bob", fault(&proof)), Rejection::NoFault);
    }
    let nullify = vote(&network, 9, Statement::Nullify);
    let next = vote(&network, 9, Statement::Notarize(block(1)));
    let early = proof(nullify, next);
    assert_eq!(world.rejection("bob", fault(&early)), Rejection::NoFault);
    assert_eq!(bond(&world), credits(10));
}

/// DIS-1: votes that another network's engine, or nobody, signed.
#[test]
fn dis_1_forged_votes_convict_nobody() {
    let mut world = World::new();
    let network = world.network;
    let real = vote(&network, 7, Statement::Notarize(block(1)));
    let elsewhere = vote(&NetworkId([7; 32]), 7, Statement::Notarize(block(2)));
    let unsigned = EngineVote {
        signature: Signature([0; 64]),
        ..elsewhere
    };
    let moved = EngineVote {
        view: 7,
        ..vote(&network, 8, Statement::Notarize(block(2)))
    };
    for forged in [elsewhere, unsigned, moved] {
        let expected = Rejection::Proof {
            part: ProofPart::Signature,
        };
        assert_eq!(
            world.rejection("bob", fault(&proof(real, forged))),
            expected
        );
        assert_eq!(
            world.rejection("bob", fault(&proof(forged, real))),
            expected
        );
    }
    // Nobody is convicted by another's votes, and who has no bond by none.
    let mut of_another = proof(real, vote(&network, 7, Statement::Notarize(block(2))));
    if let FaultProof::Votes { validator, .. } = &mut of_another {
        *validator = public("validator-2");
    }
    let expected = Rejection::Proof {
        part: ProofPart::Signature,
    };
    assert_eq!(world.rejection("bob", fault(&of_another)), expected);
    if let FaultProof::Votes { validator, .. } = &mut of_another {
        *validator = public("carol");
    }
    let expected = Rejection::NotEnlisted {
        role: Role::Validator,
    };
    assert_eq!(world.rejection("bob", fault(&of_another)), expected);
}
