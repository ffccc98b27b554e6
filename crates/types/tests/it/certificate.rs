//! FIN-1: a quorum of the committee signed the header.

use expect_test::expect;
use llmnet_types::{
    certificate::{CertificateError, FinalityCertificate},
    codec::List,
    id::{Digest, NetworkId},
    units::{Height, Term},
};

use crate::samples::{NETWORK, certificate, header, network_root, vote_bytes};

fn verify(certificate: &FinalityCertificate) -> Result<(), CertificateError> {
    certificate.verify(&NETWORK, &network_root().committee, &header(NETWORK))
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
    let committee = network_root().committee;
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
    for other in &others {
        assert_eq!(
            votes.verify(&NETWORK, &committee, other),
            Err(CertificateError::Signature { validator: 0 })
        );
    }
    assert_eq!(votes.verify(&NETWORK, &committee, &good), Ok(()));
}

#[test]
fn a_certificate_is_of_one_network() {
    // FIN-1, ENC-4
    let elsewhere = NetworkId([0x12; 32]);
    let committee = network_root().committee;
    let votes = certificate(&header(NETWORK), &[0, 1, 2]);
    assert_eq!(
        votes.verify(&elsewhere, &committee, &header(NETWORK)),
        Err(CertificateError::Network {
            expected: elsewhere,
            found: NETWORK
        })
    );
    assert_eq!(
        votes.verify(&elsewhere, &committee, &header(elsewhere)),
        Err(CertificateError::Signature { validator: 0 })
    );
}
