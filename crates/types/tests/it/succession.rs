//! COM-2, PRF-3: a receipt holds after its validators left.

use llmnet_types::{
    certificate::CertificateError,
    codec::{List, decode, encode},
    document::{DocumentError, Finality, ReceiptDocument},
    file::FileError,
    id::{Digest, NetworkId},
    network::{Electorate, NetworkRoot},
    proof::{ProofError, ReceiptProof},
    signature::Signed,
    succession::{
        HAND_OVERS_MAX, HandOver, HandOverError, InvalidSuccession, Succession, SuccessionDocument,
        SuccessionError, SuccessionFormat,
    },
    units::{Height, Term},
};

use crate::{
    any::Source,
    samples::{
        NETWORK, certificate, electorate, hand_over, header, key, later_document, network_root,
        proof, receipt, salt, succession, validators_of, votes,
    },
};

const UNSIGNED: CertificateError = CertificateError::Signature { validator: 0 };

#[test]
fn committees_are_followed_from_any_known_one_to_any_later_one() {
    // COM-2
    let succession = succession(NETWORK, 0..5);
    for known in 0..6 {
        for wanted in 0..6 {
            let found = succession.follow(&electorate(NETWORK, known), Term(wanted.into()));
            if wanted >= known {
                assert_eq!(found, Ok(electorate(NETWORK, wanted)));
            } else {
                let reached = Term(known.into());
                let wanted = Term(wanted.into());
                assert_eq!(found, Err(SuccessionError::Short { reached, wanted }));
            }
        }
    }
    for (links, known, reached) in [
        (succession.clone(), 0, 5),
        (crate::samples::succession(NETWORK, 2..5), 0, 0),
        (crate::samples::succession(NETWORK, 0..2), 4, 4),
        (Succession::default(), 3, 3),
    ] {
        assert_eq!(
            links.follow(&electorate(NETWORK, known), Term(9)),
            Err(SuccessionError::Short {
                reached: Term(reached),
                wanted: Term(9)
            })
        );
    }
}

#[test]
fn terms_follow_one_another_without_a_gap() {
    // COM-1, COM-2
    let link = |term| hand_over(NETWORK, term);
    for terms in [&[0, 2][..], &[1, 0], &[0, 0], &[0, 1, 3]] {
        let links: Vec<HandOver> = terms.iter().map(|term| link(*term)).collect();
        assert_eq!(Succession::new(links.clone()), Err(InvalidSuccession));
        // ENC-1: nor off the wire, nor out of a file.
        let list = List::<HandOver, 4>::truncated(links);
        assert!(decode::<Succession>(&encode(&list), usize::MAX).is_err());
        let json = serde_json::to_string(&list).expect("links have JSON");
        assert!(serde_json::from_str::<Succession>(&json).is_err());
    }
    let last = HandOver {
        header: llmnet_types::block::Header {
            term: Term(u64::MAX),
            ..link(0).header
        },
        ..link(0)
    };
    assert_eq!(
        Succession::new(vec![last.clone(), link(0)]),
        Err(InvalidSuccession)
    );
    let known = Electorate {
        term: Term(u64::MAX),
        ..electorate(NETWORK, 0)
    };
    assert_eq!(last.follow(&known), Err(HandOverError::Terms));
}

#[test]
fn there_are_so_many_hand_overs_at_most() {
    // ENC-2
    let mut links = vec![hand_over(NETWORK, 0); HAND_OVERS_MAX + 1];
    for (term, link) in links.iter_mut().enumerate() {
        link.header.term = Term(term as u64);
    }
    assert_eq!(Succession::new(links.clone()), Err(InvalidSuccession));
    links.pop();
    assert!(Succession::new(links).is_ok());
}

/// Which link of five does not hold, and why, once the second was changed.
fn broken(change: impl FnOnce(&mut HandOver)) -> (Term, HandOverError) {
    let mut links = succession(NETWORK, 0..5).hand_overs().to_vec();
    change(&mut links[1]);
    let links = Succession::new(links).expect("without a gap");
    match links.follow(&electorate(NETWORK, 0), Term(5)) {
        Err(SuccessionError::Link { term, error }) => (term, error),
        other => panic!("no link is found broken: {other:?}"),
    }
}

#[test]
fn the_link_that_does_not_hold_is_named() {
    // COM-2
    let first = |error| (Term(1), error);
    assert_eq!(
        broken(|it| it.header.next_committee = None),
        first(HandOverError::NotLast)
    );
    assert_eq!(
        broken(|it| it.header.next_committee = Some(Digest::ZERO)),
        first(HandOverError::Committee)
    );
    assert_eq!(
        broken(|it| it.next = electorate(NETWORK, 3).committee),
        first(HandOverError::Committee)
    );
    // Whoever names other successors needs the votes of those in office.
    assert_eq!(
        broken(|it| {
            it.next = electorate(NETWORK, 9).committee;
            it.header.next_committee = Some(it.next.digest());
        }),
        first(HandOverError::Certificate(UNSIGNED))
    );
    assert_eq!(
        broken(|it| it.certificate = votes(&it.header, &validators_of(2), &[0, 1, 2])),
        first(HandOverError::Certificate(UNSIGNED))
    );
    assert_eq!(
        broken(|it| it.certificate = votes(&it.header, &validators_of(1), &[0, 1])),
        first(HandOverError::Certificate(CertificateError::Quorum {
            needed: 3,
            found: 2
        }))
    );
    let elsewhere = NetworkId([0x12; 32]);
    assert_eq!(
        broken(|it| *it = hand_over(elsewhere, 1)),
        first(HandOverError::Certificate(CertificateError::Network {
            expected: NETWORK,
            found: elsewhere
        }))
    );
    // The committee of the first link as well: what is known must be the committee in office.
    assert_eq!(
        succession(NETWORK, 0..5).follow(
            &Electorate {
                term: Term(0),
                ..electorate(NETWORK, 9)
            },
            Term(5)
        ),
        Err(SuccessionError::Link {
            term: Term(0),
            error: HandOverError::Certificate(UNSIGNED)
        })
    );
}

#[test]
fn a_receipt_of_a_later_term_holds_by_genesis_and_by_any_committee_between() {
    // PRF-3, COM-2, REC-2
    let document = later_document();
    let network = document.network.id();
    let bytes = document.to_bytes();
    let read = ReceiptDocument::from_bytes(&bytes).expect("its own spelling");
    assert_eq!(read, document);
    assert_eq!(read.to_bytes(), bytes);
    let last = Finality::Final {
        height: Height(301),
    };
    assert_eq!(
        read.verify(Some(&network))
            .expect("all of it holds")
            .finality,
        last
    );
    for term in 0..3 {
        let verified = read.verify_from(&electorate(network, term));
        assert_eq!(verified.expect("all of it holds").finality, last);
    }

    // Who knows the committee needs no hand-overs, who does not cannot do without.
    let bare = ReceiptDocument {
        succession: Succession::default(),
        ..document
    };
    assert!(bare.verify_from(&electorate(network, 2)).is_ok());
    assert!(matches!(
        bare.verify(None),
        Err(DocumentError::Succession(SuccessionError::Short {
            reached: Term(0),
            wanted: Term(2)
        }))
    ));
    assert!(matches!(
        bare.verify_from(&electorate(network, 3)),
        Err(DocumentError::Succession(SuccessionError::Short {
            reached: Term(3),
            wanted: Term(2)
        }))
    ));
    // Another committee is not believed, nor one of another network.
    let other = Electorate {
        term: Term(2),
        ..electorate(network, 5)
    };
    assert!(matches!(
        bare.verify_from(&other),
        Err(DocumentError::Proof(ProofError::Certificate(
            CertificateError::Signature { .. }
        )))
    ));
    assert!(matches!(
        bare.verify_from(&electorate(NETWORK, 2)),
        Err(DocumentError::Network { .. })
    ));
}

#[test]
fn a_file_of_hand_overs_serves_the_receipts_of_all_terms() {
    // COM-2, REC-2
    let network = network_root();
    let file = SuccessionDocument {
        format: SuccessionFormat::Succession1,
        succession: succession(network.id(), 0..5),
    };
    let bytes = file.to_bytes();
    let read = SuccessionDocument::from_bytes(&bytes).expect("its own spelling");
    assert_eq!(read, file);
    let compact = serde_json::to_vec(&file).expect("JSON");
    assert!(matches!(
        SuccessionDocument::from_bytes(&compact),
        Err(FileError::Spelling { at: 1 })
    ));

    let bare = ReceiptDocument {
        succession: Succession::default(),
        ..later_document()
    };
    let known = read
        .succession
        .follow(&network.electorate(), Term(2))
        .expect("all links hold");
    assert!(bare.verify_from(&known).is_ok());
}

#[test]
fn a_file_has_the_hand_overs_that_its_proof_needs_and_no_others() {
    // REC-2, PRF-3
    let document = later_document();
    let network = document.network.id();
    let refused = |document: &ReceiptDocument| {
        matches!(document.verify(None), Err(DocumentError::Contradiction(_)))
    };
    for terms in [0..1, 0..3, 2..3, 5..6] {
        let document = ReceiptDocument {
            succession: succession(network, terms),
            ..document.clone()
        };
        assert!(refused(&document));
    }
    assert!(refused(&ReceiptDocument {
        proof: None,
        ..document.clone()
    }));
    assert!(refused(&ReceiptDocument {
        proof: crate::samples::document().proof,
        ..document.clone()
    }));
    // None are left out, not spelled as none.
    let text = String::from_utf8(crate::samples::document().to_bytes()).expect("JSON");
    assert!(!text.contains("succession"));
    let spelled = text.replacen("\n}\n", ",\n  \"succession\": []\n}\n", 1);
    assert_ne!(spelled, text);
    assert!(matches!(
        ReceiptDocument::from_bytes(spelled.as_bytes()),
        Err(DocumentError::File(FileError::Spelling { .. }))
    ));
}

#[test]
fn all_headers_of_a_proof_are_of_one_term() {
    // PRF-3, FIN-1: a later committee does not vouch for blocks of an earlier one.
    let network = network_root();
    let receipt = receipt(&network.id());
    let mut proof = proof(&network, &receipt);
    let mut child = llmnet_types::block::Header {
        parent: proof.header.digest(),
        ..header(network.id())
    };
    let verify = |proof: &ReceiptProof, term| {
        let electorate = electorate(network.id(), term);
        proof.verify(&electorate, &receipt, &receipt.root(&salt()))
    };
    proof.descendants = List::truncated([child.clone()]);
    proof.certificate = certificate(&child, &[0, 1, 2]);
    assert_eq!(verify(&proof, 0), Ok(()));
    child.term = Term(1);
    proof.certificate = votes(&child, &validators_of(1), &[0, 1, 2]);
    proof.descendants = List::truncated([child]);
    assert_eq!(verify(&proof, 1), Err(ProofError::Headers));
}

/// Any one changed byte of a file with hand-overs is refused.
#[test]
fn a_changed_byte_of_a_hand_over_is_found() {
    // REC-2, COM-2
    let count = std::env::var("LLMNET_TAMPER_CASES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(200);
    let document = later_document();
    let bytes = document.to_bytes();
    let text = String::from_utf8(bytes.clone()).expect("JSON");
    let from = text.find("\"succession\"").expect("it has hand-overs");
    let mut source = Source::new(8);
    for _ in 0..count {
        let mut other = bytes.clone();
        let at = from + source.below(other.len() - from);
        other[at] ^= 1 << source.below(7);
        let accepted =
            ReceiptDocument::from_bytes(&other).is_ok_and(|document| document.verify(None).is_ok());
        assert!(!accepted, "a change of byte {at} passes");
    }
    // A coordinator may sign the receipt anew, yet it cannot make validators.
    let mine = ReceiptDocument {
        signed: Signed::new(
            document.receipt.root(&salt()),
            &document.network.id(),
            &key(2),
        ),
        network: NetworkRoot {
            genesis: Digest::ZERO,
            ..document.network.clone()
        },
        ..document
    };
    assert!(mine.verify(None).is_err());
}
