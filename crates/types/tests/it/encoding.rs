//! ENC-1: one encoding for each value. ENC-2: bounds in types.

use borsh::BorshDeserialize;
use llmnet_types::{
    codec::{DecodeError, List, Text, TooMany, decode, encode},
    contract::Voucher,
    id::{Digest, HexError, Salt},
    request::Request,
    signature::{PublicKey, Signature},
    units::Score,
};

use crate::{
    any::{Any, Source},
    kinds::{self, Kind},
};

const NO_LIMIT: usize = usize::MAX;

/// A value keeps through both spellings; bytes that are not exactly its own are refused, or are exactly
/// another value's own (ENC-1).
fn has_one_encoding(kind: &Kind, seed: u64) {
    let name = kind.name;
    let mut source = Source::new(seed);
    let bytes = (kind.make)(&mut source);
    let length = bytes.len();
    assert_eq!((kind.read)(&bytes, length).as_ref(), Ok(&bytes));
    assert_eq!((kind.by_json)(&bytes), bytes, "JSON of a {name}");

    let too_long = DecodeError::TooLong {
        found: length,
        limit: length - 1,
    };
    assert_eq!((kind.read)(&bytes, length - 1), Err(too_long));

    let trailing = [bytes.as_slice(), &[0]].concat();
    let read = (kind.read)(&trailing, NO_LIMIT);
    assert!(matches!(read, Err(DecodeError::Malformed(_))), "{name}");
    let short = &bytes[..source.below(length)];
    assert!((kind.read)(short, NO_LIMIT).is_err(), "a short {name}");

    for _ in 0..8 {
        let mut other = bytes.clone();
        let at = source.below(other.len());
        other[at] ^= 1 << source.below(8);
        if let Ok(written) = (kind.read)(&other, NO_LIMIT) {
            assert_eq!(written, other, "two spellings of a {name}");
        }
    }
}

#[test]
fn every_value_has_one_encoding() {
    // ENC-1, ENC-2
    for kind in kinds::ALL.into_iter().flatten() {
        for seed in 0..cases() {
            has_one_encoding(kind, seed);
        }
    }
}

/// How many values of each kind are tried.
fn cases() -> u64 {
    let cases = std::env::var("LLMNET_CASES").ok();
    cases.map_or(64, |cases| cases.parse().expect("a number"))
}

#[test]
fn integers_are_little_endian_and_lists_have_two_byte_counts() {
    // ENC-1
    let list = List::<u32, 3>::from_vec(vec![1, 0x0203]).expect("short enough");
    assert_eq!(encode(&list), [2, 0, 1, 0, 0, 0, 3, 2, 0, 0]);
    let text = Text::<8>::new("né").expect("short enough");
    assert_eq!(encode(&text), [3, 0, b'n', 0xc3, 0xa9]);
}

#[test]
fn lists_and_texts_keep_their_bounds() {
    // ENC-2
    let too_many = TooMany { found: 4, limit: 3 };
    assert_eq!(List::<u8, 3>::from_vec(vec![0; 4]), Err(too_many));
    assert_eq!(Text::<3>::new("four"), Err(too_many));
    assert_eq!(Text::<3>::truncated("né").as_str(), "né");
    assert_eq!(Text::<2>::truncated("né").as_str(), "n");

    let mut list = List::<u8, 3>::truncated(0..9);
    assert_eq!(&*list, [0, 1, 2]);
    assert!(!list.push(3));

    let four_items = [4, 0, 1, 2, 3, 4];
    assert!(decode::<List<u8, 4>>(&four_items, NO_LIMIT).is_ok());
    assert!(decode::<List<u8, 3>>(&four_items, NO_LIMIT).is_err());
    assert!(decode::<Text<4>>(&four_items, NO_LIMIT).is_ok());
    assert!(decode::<Text<3>>(&four_items, NO_LIMIT).is_err());
    assert!(serde_json::from_str::<List<u8, 3>>("[1,2,3,4]").is_err());
    assert!(serde_json::from_str::<Text<3>>("\"four\"").is_err());
}

#[test]
fn other_spellings_are_refused() {
    // ENC-1
    assert!(decode::<bool>(&[2], NO_LIMIT).is_err());
    assert!(decode::<Option<u8>>(&[2, 0], NO_LIMIT).is_err());
    assert!(decode::<Text<4>>(&[2, 0, 0xc3, 0x28], NO_LIMIT).is_err());
    assert!(decode::<Score>(&10_001_u16.to_le_bytes(), NO_LIMIT).is_err());
    assert!(serde_json::from_str::<Score>("10001").is_err());
    assert!(
        serde_json::from_str::<Voucher>(r#"{"line":0,"n":0,"limit":0,"terms":"00","extra":1}"#)
            .is_err()
    );
}

#[test]
fn a_count_alone_makes_nobody_allocate() {
    // ENC-2: the count says 65,535 lists, the bytes end at once.
    type Wide = List<List<Text<60_000>, 60_000>, 60_000>;
    assert!(decode::<Wide>(&60_000_u16.to_le_bytes(), NO_LIMIT).is_err());

    // Nor does a text that ends early; a reader sees how much room is made for it.
    struct Short<'a>(&'a [u8], usize);
    impl std::io::Read for Short<'_> {
        fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
            self.1 = self.1.max(room.len());
            self.0.read(room)
        }
    }
    let bytes = [&60_000_u16.to_le_bytes(), &[b'a'; 100][..]].concat();
    let mut short = Short(&bytes, 0);
    assert!(Text::<60_000>::deserialize_reader(&mut short).is_err());
    assert!(short.1 < 1_000, "room for {} bytes", short.1);
    let long = [&60_000_u16.to_le_bytes(), &[b'a'; 60_000][..]].concat();
    let text = decode::<Text<60_000>>(&long, NO_LIMIT).expect("all of it is there");
    assert_eq!(text.len(), 60_000);
}

#[test]
fn hexadecimal_has_one_spelling() {
    // ENC-1
    let digest = Digest([0xab; 32]);
    let text = "ab".repeat(32);
    assert_eq!(digest.to_string(), text);
    assert_eq!(text.parse(), Ok(digest));
    let error = Err::<Digest, _>(HexError { bytes: 32 });
    for other in [
        text.to_uppercase(),
        text.replacen("ab", "aB", 1),
        format!("0x{}", &text[2..]),
        text[2..].to_owned(),
        format!("{text}ab"),
        format!(" {}", &text[1..]),
        text.replacen("ab", "ag", 1),
        "é".repeat(32),
    ] {
        assert_eq!(other.parse(), error, "{other}");
        assert!(serde_json::from_str::<Digest>(&format!("{other:?}")).is_err());
    }
    assert!("AB".repeat(64).parse::<Signature>().is_err());
    assert!("AB".repeat(32).parse::<PublicKey>().is_err());
}

#[test]
fn a_digest_is_of_one_tag_and_its_parts() {
    // ENC-3
    use sha2::{Digest as _, Sha256};
    let by_hand: [u8; 32] = Sha256::digest(b"\x0ellmnet/terms/1ab").into();
    assert_eq!(
        Digest::tagged("llmnet/terms/1", &[b"a", b"b"]),
        Digest(by_hand)
    );
    assert_ne!(Digest::tagged("ab", &[b"c"]), Digest::tagged("a", &[b"bc"]));
    assert_ne!(Digest::tagged("a", &[b"c"]), Digest::tagged("b", &[b"c"]));
}

#[test]
fn a_salt_hides_short_text_field_by_field() {
    // ENC-5, with the sub-salt computed by hand.
    use hmac::{Hmac, KeyInit, Mac};
    let salt = Salt([7; 32]);
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(&[7; 32]).expect("any length");
    mac.update(b"request");
    let by_hand: [u8; 32] = mac.finalize().into_bytes().into();
    assert_eq!(salt.field("request"), Salt(by_hand));

    assert_ne!(salt.field("request"), salt.field("response"));
    assert_ne!(salt.field("request"), Salt([8; 32]).field("request"));
    assert_ne!(
        salt.field("a").digest(b"yes"),
        salt.field("b").digest(b"yes")
    );
    assert_ne!(
        salt.field("a").digest(b"yes"),
        salt.field("a").digest(b"no")
    );

    let request = Request::any(&mut Source::new(1));
    assert_ne!(
        request.digest(&salt.field("request")),
        request.digest(&Salt([8; 32]).field("request")),
    );
}
