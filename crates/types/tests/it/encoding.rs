//! ENC-1: one encoding for each value. ENC-2: bounds in types.

use std::fmt::Debug;

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    audit::AuditOpening,
    block::Header,
    bond::Enlistment,
    certificate::{EngineVote, FinalityCertificate},
    codec::{DecodeError, List, Text, TooMany, decode, encode},
    contract::{Assign, Terms, Voucher},
    disclosure::{Disclosure, ReceiptField},
    dispute::{Answer, Challenge, FaultProof, Filing, SettledLeaf},
    document::{PhaseTranscript, ReceiptDocument},
    id::{Digest, HexError, ReceiptRoot, Salt},
    merkle::Path,
    message::{Close, Commit, LineOk, Opening, Part, Reply},
    network::{Electorate, NetworkRoot},
    params::Params,
    passage::Evidence,
    proof::ReceiptProof,
    receipt::Receipt,
    registration::{Announcement, Registration, Rotated},
    rejection::Rejection,
    reputation::{Prior, Reputation},
    request::Request,
    selection::SelectionInputs,
    settlement::{CoSignature, Leaf, Settlement, SettlementHead},
    signature::{PublicKey, Signature, Signed},
    succession::{HandOver, Succession, SuccessionDocument},
    transaction::{Instruction, Outcome, Transaction},
    units::Score,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::any::{Any, Source};

const NO_LIMIT: usize = usize::MAX;

/// A value keeps through both spellings; bytes that are not exactly its own are refused, or are exactly
/// another value's own (ENC-1).
fn has_one_encoding<T>(seed: u64)
where
    T: Any + BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let mut source = Source::new(seed);
    let value = T::any(&mut source);
    let bytes = encode(&value);
    assert_eq!(decode::<T>(&bytes, bytes.len()).as_ref(), Ok(&value));

    let text = serde_json::to_string(&value).expect("values have JSON");
    let read: T = serde_json::from_str(&text).expect("JSON is read back");
    assert_eq!(read, value);

    let too_long = DecodeError::TooLong {
        found: bytes.len(),
        limit: bytes.len() - 1,
    };
    assert_eq!(decode::<T>(&bytes, bytes.len() - 1), Err(too_long));

    let trailing = [bytes.as_slice(), &[0]].concat();
    assert!(matches!(
        decode::<T>(&trailing, NO_LIMIT),
        Err(DecodeError::Malformed(_))
    ));
    let short = &bytes[..source.below(bytes.len())];
    assert!(decode::<T>(short, NO_LIMIT).is_err());

    for _ in 0..8 {
        let mut other = bytes.clone();
        let at = source.below(other.len());
        other[at] ^= 1 << source.below(8);
        if let Ok(read) = decode::<T>(&other, NO_LIMIT) {
            assert_ne!(read, value);
            assert_eq!(encode(&read), other, "two spellings of {read:?}");
        }
    }
}

macro_rules! one_encoding {
    ($($test:ident: $type:ty;)*) => {
        proptest! {
            $(
                #[test]
                fn $test(seed: u64) {
                    has_one_encoding::<$type>(seed);
                }
            )*
        }
    };
}

one_encoding! {
    request: Request;
    terms: Terms;
    voucher: Signed<Voucher>;
    assign: Signed<Assign>;
    reply: Signed<Reply>;
    commit: Signed<Commit>;
    close: Signed<Close>;
    opening: Opening;
    part: Signed<Part>;
    line_ok: Signed<LineOk>;
    evidence: Evidence;
    registration: Signed<Registration>;
    selection_inputs: SelectionInputs;
    receipt: Receipt;
    receipt_root: Signed<ReceiptRoot>;
    phase_transcript: PhaseTranscript;
    instruction: Instruction;
    transaction: Transaction;
    settlement: Settlement;
    settlement_head: SettlementHead;
    outcome: Outcome;
    reputation: (Reputation, Prior);
    header: Header;
    network_root: NetworkRoot;
    receipt_proof: ReceiptProof;
    document: ReceiptDocument;
    electorate: Electorate;
    hand_over: HandOver;
    succession: Succession;
    succession_document: SuccessionDocument;
    certificate: FinalityCertificate;
    engine_votes: (EngineVote, EngineVote);
    params: Params;
    enlistment: Signed<Enlistment>;
    rotated: Rotated;
    announcement: Announcement;
    co_signature: CoSignature;
    path: Path;
    leaf: Leaf;
    settled_leaf: SettledLeaf;
    disclosure: (ReceiptField, Disclosure);
    fault_proof: FaultProof;
    filing: Filing;
    challenge: Challenge;
    answer: Answer;
    audit_opening: AuditOpening;
    rejection: Rejection;
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

proptest! {
    #[test]
    fn decoders_take_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        // ENC-1, ENC-2: a value or an error, never a panic; a value has these bytes.
        if let Ok(transaction) = decode::<Transaction>(&bytes, NO_LIMIT) {
            prop_assert_eq!(encode(&transaction), bytes.clone());
        }
        if let Ok(opening) = decode::<Opening>(&bytes, NO_LIMIT) {
            prop_assert_eq!(encode(&opening), bytes.clone());
        }
        let _ = decode::<Receipt>(&bytes, NO_LIMIT);
        let _ = decode::<ReceiptProof>(&bytes, NO_LIMIT);
    }
}
