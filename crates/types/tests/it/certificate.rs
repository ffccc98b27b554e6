//! FIN-1: a quorum of the committee signed the header.

use expect_test::expect;
use llmnet_types::{
    block::Header,
    certificate::{Again, CertificateError, EngineVote, FinalityCertificate, Proposal, Statement},
    codec::List,
    id::{Digest, NetworkId},
    units::{Height, Term},
};

use crate::samples::{
    NETWORK, certificate, electorate, header, validators, validators_of, vote_bytes, votes,
};

fn verify(certificate: &FinalityCertificate) -> Result<(), CertificateError> {
    certificate.verify(&electorate(NETWORK, 0), &header(NETWORK))
}

#[test]
fn a_vote_signs_these_bytes() {
    // FIN-1, BLK-1. 0x31 is the length of the namespace, `ac 02` view 300, `ab 02` its parent's view 299.
    let text: String = vote_bytes(&header(NETWORK))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    expect!["316c6c6d2d6e65742f11111111111111111111111111111111111111111111111111111111111111115f46494e414c495a4500ac02ab0230696ae7af5d323161c99763a2124431394f098d6b6306036055812ebdeed69c"].assert_eq(&text);
}

#[test]
fn a_quorum_of_votes_is_a_certificate() {
    // FIN-1
    let header = header(NETWORK);
    for signers in [
        &[0, 1, 2][..],
        &[0, 1, 3],
        &[0, 2, 3],
        &[1, 2, 3],
        &[0, 1, 2, 3],
    ] {
        assert_eq!(verify(&certificate(&header, signers)), Ok(()));
    }
    for signers in [&[][..], &[0], &[0, 1], &[2, 3]] {
        let found = signers.len();
        assert_eq!(
            verify(&certificate(&header, signers)),
            Err(CertificateError::Quorum { needed: 3, found })
        );
    }
}

#[test]
fn signers_are_counted_once_and_known() {
    // FIN-1
    let good = certificate(&header(NETWORK), &[0, 1, 2]);
    for signers in [[0, 0, 1], [1, 0, 2], [0, 1, 4], [0, 1, 255]] {
        let certificate = FinalityCertificate {
            signers: List::truncated(signers),
            ..good.clone()
        };
        assert_eq!(verify(&certificate), Err(CertificateError::Signers));
    }
    for count in [2, 4] {
        let signature = good.signatures[0];
        let certificate = FinalityCertificate {
            signatures: List::truncated(vec![signature; count]),
            ..good.clone()
        };
        assert_eq!(verify(&certificate), Err(CertificateError::Signers));
    }
    let swapped = FinalityCertificate {
        signers: List::truncated([0, 1, 3]),
        ..good
    };
    let error = CertificateError::Signature { validator: 3 };
    assert_eq!(verify(&swapped), Err(error));
}

#[test]
fn the_last_block_of_a_term_is_voted_on_in_later_rounds() {
    // FIN-1, COM-2
    let last = Header {
        next_committee: Some(Digest::of(b"next")),
        ..header(NETWORK)
    };
    // As the engine names it: the same block in a later round, on itself.
    let voted = |view, parent_view| {
        let statement = Statement::Finalize(Proposal {
            parent_view,
            digest: last.digest(),
        });
        let vote = EngineVote {
            term: last.term,
            view,
            statement,
            signature: certificate(&last, &[0]).signatures[0],
        };
        let bytes = vote.signed_bytes(&NETWORK);
        let signatures = validators().into_iter().take(3);
        FinalityCertificate {
            signers: List::truncated([0, 1, 2]),
            signatures: List::truncated(signatures.map(|validator| validator.sign(&bytes))),
            again: Some(Again { view, parent_view }),
        }
    };
    let check = |certificate: &FinalityCertificate, header| {
        certificate.verify(&electorate(NETWORK, 0), header)
    };
    let view = last.view;
    for (later, before) in [(view + 1, view), (view + 9, view), (view + 9, view + 4)] {
        assert_eq!(check(&voted(later, before), &last), Ok(()));
        // The round is part of what is signed.
        let mut moved = voted(later, before);
        moved.again = Some(Again {
            view: later + 1,
            parent_view: before,
        });
        let error = CertificateError::Signature { validator: 0 };
        assert_eq!(check(&moved, &last), Err(error));
        moved.again = None;
        assert_eq!(check(&moved, &last), Err(error));
    }
    // Not earlier, not on another block, and no other block.
    for (later, before) in [(view, view), (view + 1, view - 1), (view + 3, view + 3)] {
        let error = CertificateError::Round;
        assert_eq!(check(&voted(later, before), &last), Err(error));
    }
    let middle = header(NETWORK);
    let again = certificate(&middle, &[0, 1, 2]);
    let again = FinalityCertificate {
        again: Some(Again {
            view: middle.view + 1,
            parent_view: middle.view,
        }),
        ..again
    };
    assert_eq!(verify(&again), Err(CertificateError::Round));
}

#[test]
fn each_vote_counts_so_each_is_checked() {
    // FIN-1
    let good = certificate(&header(NETWORK), &[0, 1, 2, 3]);
    for place in 0..4 {
        for bit in [0, 100, 255, 256, 511] {
            let mut signatures = good.signatures.clone().into_vec();
            signatures[place].0[bit / 8] ^= 1 << (bit % 8);
            let certificate = FinalityCertificate {
                signatures: List::truncated(signatures),
                ..good.clone()
            };
            let validator = u8::try_from(place).expect("small");
            let error = CertificateError::Signature { validator };
            assert_eq!(verify(&certificate), Err(error));
        }
    }
}

#[test]
fn a_certificate_is_of_one_header() {
    // FIN-1, BLK-1: every field of the header is under the votes.
    let good = header(NETWORK);
    let votes = certificate(&good, &[0, 1, 2]);
    let electorate = electorate(NETWORK, 0);
    let mut others = vec![good.clone(); 16];
    others[0].term = Term(1);
    others[1].view += 1;
    others[2].leader.0[0] ^= 1;
    others[3].parent_view -= 1;
    others[4].parent = Digest::ZERO;
    others[5].height = Height(302);
    others[6].timestamp_ms += 1;
    others[7].transactions = Digest::ZERO;
    others[8].state = Digest::ZERO;
    others[9].operations = Digest::ZERO;
    others[10].operations_start += 1;
    others[11].operations_end += 1;
    others[12].settlements = Digest::ZERO;
    others[13].reveal = None;
    others[14].reveal = Some(Digest::ZERO);
    others[15].next_committee = Some(Digest::ZERO);
    let of_another_term = CertificateError::Term {
        expected: Term(0),
        found: Term(1),
    };
    assert_eq!(votes.verify(&electorate, &others[0]), Err(of_another_term));
    for other in &others[1..] {
        assert_eq!(
            votes.verify(&electorate, other),
            Err(CertificateError::Signature { validator: 0 })
        );
    }
    assert_eq!(votes.verify(&electorate, &good), Ok(()));
}

#[test]
fn a_certificate_is_of_one_network() {
    // FIN-1, ENC-4
    let elsewhere = NetworkId([0x12; 32]);
    let there = electorate(elsewhere, 0);
    let votes = certificate(&header(NETWORK), &[0, 1, 2]);
    assert_eq!(
        votes.verify(&there, &header(NETWORK)),
        Err(CertificateError::Network {
            expected: elsewhere,
            found: NETWORK
        })
    );
    assert_eq!(
        votes.verify(&there, &header(elsewhere)),
        Err(CertificateError::Signature { validator: 0 })
    );
}

#[test]
fn votes_count_in_their_term_alone() {
    // FIN-1, COM-1: who sits in both committees voted for one term.
    let header = header(NETWORK);
    let votes = votes(&header, &validators_of(1), &[0, 1, 2, 3]);
    assert_eq!(
        votes.verify(&electorate(NETWORK, 1), &header),
        Err(CertificateError::Term {
            expected: Term(1),
            found: Term(0)
        })
    );
    assert!(votes.verify(&electorate(NETWORK, 0), &header).is_err());
    let later = llmnet_types::network::Electorate {
        term: Term(1),
        ..electorate(NETWORK, 0)
    };
    assert!(
        certificate(&header, &[0, 1, 2])
            .verify(&later, &header)
            .is_err()
    );
}

fn vote(statement: Statement) -> EngineVote {
    EngineVote {
        term: Term(0),
        view: 300,
        statement,
        signature: llmnet_types::signature::Signature([0; 64]),
    }
}

fn block(number: u8) -> Proposal {
    Proposal {
        parent_view: 299,
        digest: Digest([number; 32]),
    }
}

#[test]
fn a_validator_signs_these_bytes_of_each_statement() {
    // FIN-1, DIS-1
    let hex = |vote: EngineVote| -> String {
        vote.signed_bytes(&NETWORK)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    // Namespace and kind with their length, term, view; of a block its parent's view and digest.
    let namespace = format!("6c6c6d2d6e65742f{}", "11".repeat(32));
    let digest = "07".repeat(32);
    assert_eq!(
        hex(vote(Statement::Notarize(block(7)))),
        format!("31{namespace}5f4e4f544152495a4500ac02ab02{digest}")
    );
    assert_eq!(
        hex(vote(Statement::Nullify)),
        format!("30{namespace}5f4e554c4c49465900ac02")
    );
    assert_eq!(
        hex(vote(Statement::Finalize(block(7)))),
        format!("31{namespace}5f46494e414c495a4500ac02ab02{digest}")
    );
    // Numbers of any size: seven bits to a byte, the lowest first.
    let far = EngineVote {
        term: Term(u64::MAX),
        view: 1 << 21,
        ..vote(Statement::Nullify)
    };
    assert_eq!(
        hex(far),
        format!("30{namespace}5f4e554c4c494659ffffffffffffffffff0180808001")
    );

    // What a certificate counts is one such vote.
    let header = header(NETWORK);
    let finalize = vote(Statement::Finalize(Proposal {
        parent_view: header.parent_view,
        digest: header.digest(),
    }));
    assert_eq!(finalize.signed_bytes(&NETWORK), vote_bytes(&header));
    let signature = validators()[0].sign(&finalize.signed_bytes(&NETWORK));
    assert_eq!(certificate(&header, &[0]).signatures[0], signature);
}

#[test]
fn an_honest_validator_never_gives_two_votes_that_contradict() {
    // DIS-1: [notarize a, notarize b, nullify, finalize a, finalize b], against each other.
    let votes = [
        Statement::Notarize(block(1)),
        Statement::Notarize(block(2)),
        Statement::Nullify,
        Statement::Finalize(block(1)),
        Statement::Finalize(block(2)),
    ]
    .map(vote);
    let contradictions = [
        [0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 1, 1],
        [0, 0, 1, 0, 1],
        [0, 0, 1, 1, 0],
    ];
    for (first, row) in votes.iter().zip(contradictions) {
        for (second, expected) in votes.iter().zip(row) {
            assert_eq!(
                first.contradicts(second),
                expected == 1,
                "{:?} and {:?}",
                first.statement,
                second.statement
            );
            // Nothing contradicts what is said of another round or term.
            for elsewhere in [
                EngineVote {
                    view: 301,
                    ..*second
                },
                EngineVote {
                    term: Term(1),
                    ..*second
                },
            ] {
                assert!(!first.contradicts(&elsewhere));
                assert!(!elsewhere.contradicts(first));
            }
        }
    }
    // The same block under another parent is another proposal; another signature is no other vote.
    let other_parent = Proposal {
        parent_view: 298,
        ..block(1)
    };
    assert!(votes[0].contradicts(&vote(Statement::Notarize(other_parent))));
    let signed_again = EngineVote {
        signature: llmnet_types::signature::Signature([1; 64]),
        ..votes[0]
    };
    assert!(!votes[0].contradicts(&signed_again));
}
