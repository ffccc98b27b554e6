//! REC-2: one spelling of a receipt file. PRF-2, PRF-3: from the receipt to the committee's votes.

use llmnet_types::{
    certificate::CertificateError,
    codec::List,
    document::{DocumentError, Finality, ReceiptDocument},
    id::NetworkId,
    proof::{ProofError, ReceiptProof},
    receipt::Receipt,
    signature::Signed,
    units::{Amount, Height, Score, Slot},
};

use crate::{
    any::Source,
    samples::{certificate, document, header, key, network_root, proof, receipt, salt, shared},
};

#[test]
fn a_file_is_read_as_it_was_written_and_proves_finality() {
    // REC-2, PRF-3
    let document = document();
    let bytes = document.to_bytes();
    let read = ReceiptDocument::from_bytes(&bytes).expect("its own spelling");
    assert_eq!(read, document);
    assert_eq!(read.to_bytes(), bytes);

    let network = document.network.id();
    let verified = read.verify(Some(&network)).expect("all of it holds");
    assert_eq!(verified.network, network);
    assert_eq!(verified.receipt, document.receipt.contract());
    assert_eq!(
        verified.finality,
        Finality::Final {
            height: Height(301)
        }
    );

    let elsewhere = NetworkId([1; 32]);
    assert!(matches!(
        read.verify(Some(&elsewhere)),
        Err(DocumentError::Network { expected, found }) if expected == elsewhere && found == network
    ));
}

#[test]
fn without_a_proof_a_receipt_is_signed_and_no_more() {
    // PRF-3
    let document = ReceiptDocument {
        proof: None,
        ..document()
    };
    let verified = document.verify(None).expect("signed");
    assert_eq!(verified.finality, Finality::Signed);
}

/// COR-5: a passage that was shown is checked without a network; a file without any says nothing of them.
#[test]
fn what_was_shown_must_stand_where_it_says() {
    let bare = document();
    assert!(
        !String::from_utf8(bare.to_bytes())
            .expect("JSON")
            .contains("\"shared\"")
    );
    let shown = ReceiptDocument {
        shared: List::truncated([shared()]),
        ..document()
    };
    let bytes = shown.to_bytes();
    assert_eq!(
        ReceiptDocument::from_bytes(&bytes).expect("its own spelling"),
        shown
    );
    shown.verify(None).expect("it holds");
    let mut forged = shared();
    forged.evidence.citation.salt.0[0] ^= 1;
    let forged = ReceiptDocument {
        shared: List::truncated([forged]),
        ..document()
    };
    assert!(matches!(
        forged.verify(None),
        Err(DocumentError::Contradiction(_))
    ));
}

#[test]
fn other_spellings_of_a_file_are_refused() {
    // REC-2
    let document = document();
    let bytes = document.to_bytes();
    let text = String::from_utf8(bytes.clone()).expect("JSON");
    let compact = serde_json::to_vec(&document).expect("JSON");
    for other in [
        compact,
        text.trim_end().as_bytes().to_vec(),
        format!("{text}\n").into_bytes(),
        format!(" {text}").into_bytes(),
        text.replacen("  ", "\t", 1).into_bytes(),
        text.replacen("The other", "The\\u0020other", 1)
            .into_bytes(),
        text.replacen("{\n", "{\n  \"extra\": 1,\n", 1).into_bytes(),
        text.replacen("llmnet/receipt/2", "llmnet/receipt/3", 1)
            .into_bytes(),
    ] {
        assert_ne!(other, bytes);
        assert!(ReceiptDocument::from_bytes(&other).is_err());
    }
}

/// Any one changed byte is refused: by the reader, or by a digest, path or signature.
#[test]
fn a_changed_byte_is_found() {
    // REC-2, PRF-3
    let count = std::env::var("LLMNET_TAMPER_CASES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(400);
    let bytes = document().to_bytes();
    let mut source = Source::new(7);
    for _ in 0..count {
        let mut other = bytes.clone();
        let at = source.below(other.len());
        other[at] ^= 1 << source.below(7);
        let accepted =
            ReceiptDocument::from_bytes(&other).is_ok_and(|document| document.verify(None).is_ok());
        assert!(!accepted, "a change of byte {at} passes");
    }
}

fn verify(change: impl FnOnce(&mut ReceiptProof)) -> Result<(), ProofError> {
    let network = network_root();
    let receipt = receipt(&network.id());
    let mut proof = proof(&network, &receipt);
    change(&mut proof);
    proof.verify(&network.electorate(), &receipt, &receipt.root(&salt()))
}

#[test]
fn each_link_of_a_proof_must_hold() {
    // PRF-2, PRF-3
    assert_eq!(verify(|_| ()), Ok(()));
    assert_eq!(
        verify(|it| it.leaf.receipt.0[0] ^= 1),
        Err(ProofError::Receipt)
    );
    assert_eq!(
        verify(|it| it.leaf.charge = Amount(1)),
        Err(ProofError::Disagrees)
    );
    assert_eq!(
        verify(|it| {
            let mut seats = it.leaf.seats.clone().into_vec();
            seats[0].score = Score::HALF;
            it.leaf.seats = List::truncated(seats);
        }),
        Err(ProofError::Disagrees)
    );
    assert_eq!(verify(|it| it.leaf.n += 1), Err(ProofError::Disagrees));
    assert_eq!(
        verify(|it| it.leaf_path.index = 0),
        Err(ProofError::Leaf(Slot(7)))
    );
    assert_eq!(
        verify(|it| it.settlement.first_slot = Slot(7)),
        Err(ProofError::Leaf(Slot(7)))
    );
    assert_eq!(
        verify(|it| it.settlement.first_slot = Slot(u64::MAX)),
        Err(ProofError::Leaf(Slot(7)))
    );
    assert_eq!(
        verify(|it| it.settlement.coordinator = key(9).public_key()),
        Err(ProofError::Leaf(Slot(7)))
    );
    assert_eq!(
        verify(|it| it.settlement_path.index = 1),
        Err(ProofError::Settlement)
    );
    assert_eq!(
        verify(|it| it.header.state.0[0] ^= 1),
        Err(ProofError::Headers)
    );
    assert_eq!(
        verify(|it| it.descendants = List::truncated(it.descendants[1..].to_vec())),
        Err(ProofError::Headers)
    );
    let unsigned = CertificateError::Signature { validator: 0 };
    assert_eq!(
        verify(|it| it.descendants = List::truncated(it.descendants[..1].to_vec())),
        Err(ProofError::Certificate(unsigned))
    );
    let few = CertificateError::Quorum {
        needed: 3,
        found: 2,
    };
    assert_eq!(
        verify(|it| it.certificate = certificate(&it.descendants[1], &[0, 1])),
        Err(ProofError::Certificate(few))
    );
}

#[test]
fn votes_on_a_header_of_another_network_prove_nothing_here() {
    // PRF-3, FIN-1
    let elsewhere = NetworkId([0x12; 32]);
    let result = verify(|it| {
        it.header = llmnet_types::block::Header {
            settlements: it.header.settlements,
            ..header(elsewhere)
        };
        it.descendants = List::new();
        it.certificate = certificate(&it.header, &[0, 1, 2]);
    });
    assert_eq!(
        result,
        Err(ProofError::Certificate(CertificateError::Network {
            expected: network_root().id(),
            found: elsewhere
        }))
    );
}

fn refused(change: impl FnOnce(&mut Receipt)) -> bool {
    let network = network_root();
    let mut receipt = receipt(&network.id());
    change(&mut receipt);
    // Its coordinator signs whatever it likes; the signatures of others it cannot make.
    let document = ReceiptDocument {
        signed: Signed::new(receipt.root(&salt()), &network.id(), &key(2)),
        receipt,
        proof: None,
        ..document()
    };
    document.verify(None).is_err()
}

#[test]
fn a_coordinator_cannot_speak_for_others() {
    // REC-1, CON-4
    assert!(!refused(|_| ()));
    assert!(refused(|it| it.voucher.body.limit = Amount(u64::MAX)));
    assert!(refused(|it| it.requester = key(9).public_key()));
    assert!(refused(|it| it.terms.seats += 1));
    assert!(refused(|it| it.response.0[0] ^= 1));
    assert!(refused(|it| it.network = NetworkId([1; 32])));
    assert!(refused(|it| {
        let mut seats = it.seats.clone().into_vec();
        seats[0].reply.signature.0[9] ^= 1;
        it.seats = List::truncated(seats);
    }));
    assert!(refused(|it| {
        let mut seats = it.seats.clone().into_vec();
        if let Some(part) = &mut seats[0].part {
            part.body.output = llmnet_types::units::Tokens(9_999);
        }
        it.seats = List::truncated(seats);
    }));
}
