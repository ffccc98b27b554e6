//! ENC-4: a signature holds for one kind of message on one network.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    id::NetworkId,
    signature::{BadSignature, Batch, Known, Message, PublicKey, Signature, Signed},
};

use crate::samples::{NETWORK, key};

#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
struct Cat(u8);

impl Message for Cat {
    const KIND: &'static str = "test/cat/1";
}

#[derive(Debug, Clone, PartialEq, BorshSerialize, BorshDeserialize)]
struct Dog(u8);

impl Message for Dog {
    const KIND: &'static str = "test/dog/1";
}

#[test]
fn a_signature_holds_for_its_signer_body_kind_and_network() {
    // ENC-4
    let signer = key(1).public_key();
    let signed = Signed::new(Cat(9), &NETWORK, &key(1));
    assert_eq!(signed.verify(&NETWORK, &signer), Ok(()));

    let refused = BadSignature {
        kind: Cat::KIND,
        signer,
    };
    let elsewhere = NetworkId([12; 32]);
    assert_eq!(signed.verify(&elsewhere, &signer), Err(refused));

    let other_body = Signed {
        body: Cat(8),
        ..signed.clone()
    };
    assert_eq!(other_body.verify(&NETWORK, &signer), Err(refused));

    let other_kind = Signed {
        body: Dog(9),
        signature: signed.signature,
    };
    assert!(other_kind.verify(&NETWORK, &signer).is_err());
    assert!(signed.verify(&NETWORK, &key(2).public_key()).is_err());

    for bit in [0, 255, 256, 511] {
        let mut other = signed.clone();
        other.signature.0[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(other.verify(&NETWORK, &signer), Err(refused));
    }
}

#[test]
fn kinds_do_not_share_digests_either() {
    // ENC-3
    assert_ne!(Cat(9).digest(), Dog(9).digest());
    assert_ne!(Cat(9).digest(), Cat(8).digest());
}

#[test]
fn bytes_that_are_no_key_verify_nothing() {
    // ENC-4
    let signature = Signature([0; 64]);
    for byte in [2, 0xff] {
        assert!(!PublicKey([byte; 32]).verify(b"anything", &signature));
    }
}

#[test]
fn signatures_are_judged_by_zip_215() {
    // ENC-4. Key and R are the identity, written non-canonically (y = p + 1), and s is 0: ZIP 215 takes it,
    // with or without a batch, for any message; RFC 8032 would not even read it.
    let mut point = [0xff; 32];
    point[0] = 0xee;
    point[31] = 0x7f;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&point);
    assert!(PublicKey(point).verify(b"anything", &Signature(signature)));
    // s must be reduced: s + l is another spelling of s, and refused.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    signature[32..].copy_from_slice(&order);
    assert!(!PublicKey(point).verify(b"anything", &Signature(signature)));
}

#[test]
fn a_secret_key_prints_as_its_public_half() {
    let secret = key(1);
    let text = format!("{secret:?}");
    assert_eq!(text, format!("PrivateKey(of {})", secret.public_key()));
    assert_ne!(secret.derive("a", 0), secret.derive("b", 0));
    assert_ne!(secret.derive("a", 0), secret.derive("a", 1));
    assert_ne!(secret.derive("a", 0), secret.to_seed());
}

/// A batch of cats, each signed by its own of three keys.
fn cats(count: u8) -> Vec<(Signed<Cat>, PublicKey)> {
    (0..count)
        .map(|number| {
            let key = key(number % 3);
            (Signed::new(Cat(number), &NETWORK, &key), key.public_key())
        })
        .collect()
}

fn batch(cats: &[(Signed<Cat>, PublicKey)]) -> Batch {
    let mut batch = Batch::new();
    for (cat, signer) in cats {
        batch.push(cat, &NETWORK, signer);
    }
    batch
}

#[test]
fn a_batch_holds_exactly_if_each_signature_does() {
    // ENC-4
    assert!(Batch::new().holds() && Batch::new().is_empty());
    for count in [1, 2, 3, 40] {
        let good = cats(count);
        assert_eq!(batch(&good).len(), good.len());
        assert!(batch(&good).holds());
        let places = [0, good.len() / 2, good.len() - 1];
        for place in places {
            let mut bad = good.clone();
            bad[place].0.body.0 += 1;
            assert!(!batch(&bad).holds(), "another body, {place} of {count}");
            let mut bad = good.clone();
            bad[place].0.signature.0[3] ^= 1;
            assert!(
                !batch(&bad).holds(),
                "another signature, {place} of {count}"
            );
            let mut bad = good.clone();
            bad[place].1 = key(9).public_key();
            assert!(!batch(&bad).holds(), "another signer, {place} of {count}");
        }
    }
}

#[test]
fn wrong_signatures_of_a_batch_do_not_cancel_out() {
    // ENC-4: one s is too large by what the other is too small, which fools a plain sum.
    let mut cats = cats(6);
    cats[0].0.signature.0[32] ^= 1;
    let one = 1_i16 - 2 * i16::from(cats[0].0.signature.0[32] & 1);
    let other = i16::from(cats[3].0.signature.0[32]) + one;
    cats[3].0.signature.0[32] = u8::try_from(other.rem_euclid(256)).expect("a byte");
    assert!(!batch(&cats).holds());
    // Nor do two signatures that were swapped.
    let mut swapped = self::cats(6);
    let first = swapped[0].0.signature;
    swapped[0].0.signature = swapped[3].0.signature;
    swapped[3].0.signature = first;
    assert!(!batch(&swapped).holds());
}

#[test]
fn batches_are_judged_by_zip_215() {
    // ENC-4: what a single check takes, a batch takes as well: here a key and R of small order.
    let mut point = [0xff; 32];
    point[0] = 0xee;
    point[31] = 0x7f;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&point);
    let odd = Signed {
        body: Cat(1),
        signature: Signature(signature),
    };
    assert!(odd.verify(&NETWORK, &PublicKey(point)).is_ok());
    let mut all = cats(5);
    all.push((odd, PublicKey(point)));
    assert!(batch(&all).holds());
    // And what it refuses, a batch refuses: bytes that are no key.
    all[5].1 = PublicKey([2; 32]);
    assert!(!batch(&all).holds());
}

#[test]
fn what_is_known_is_not_checked_again() {
    let cats = cats(4);
    let mut known = Known::new(3);
    assert_eq!(known.unknown(batch(&cats)), batch(&cats));
    known.learn(&batch(&cats[..2]));
    assert_eq!(known.unknown(batch(&cats)), batch(&cats[2..]));
    // Another signature of a known body is another signature.
    let mut forged = cats.clone();
    forged[0].0.signature.0[3] ^= 1;
    assert_eq!(
        known.unknown(batch(&forged)),
        batch(&[&forged[..1], &forged[2..]].concat())
    );
    // The oldest are forgotten.
    known.learn(&batch(&cats[2..]));
    assert!(known.unknown(batch(&cats)).is_empty());
    let others: Vec<_> = self::cats(20).split_off(4);
    known.learn(&batch(&others));
    assert_eq!(known.unknown(batch(&cats)), batch(&cats));
    assert!(known.unknown(batch(&others[13..])).is_empty());
}
