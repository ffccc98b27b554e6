//! ENC-1, ENC-2: no bytes make a decoder panic, and what it reads has these bytes and no others.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    audit::AuditOpening,
    block::Header,
    bond::Enlistment,
    certificate::{EngineVote, FinalityCertificate},
    codec::{List, Text, decode, encode},
    contract::{Assign, Terms, Voucher},
    disclosure::Disclosure,
    dispute::{Answer, Challenge, FaultProof, Filing, SettledLeaf},
    document::{PhaseTranscript, ReceiptDocument},
    domain::Domain,
    id::{Digest, ReceiptRoot},
    merkle::Path,
    message::{Close, Commit, LineOk, Opening, Part, Reply},
    network::{Committee, Electorate, NetworkRoot},
    params::Params,
    passage::Evidence,
    proof::ReceiptProof,
    receipt::{Receipt, SeatReceipt, Skip},
    registration::{Announcement, Registration, Rotated},
    rejection::Rejection,
    request::Request,
    selection::SelectionInputs,
    settlement::{CoSignature, Leaf, Settlement, SettlementHead},
    signature::Signed,
    succession::{HandOver, Succession, SuccessionDocument},
    transaction::{Instruction, Outcome, Transaction},
    units::Score,
};

use super::{mutation::mutate, run::fuzz};
use crate::any::{Any, Source};

/// A kind of value: how one is made, and what its decoder makes of bytes.
struct Decoder {
    name: &'static str,
    make: fn(&mut Source) -> Vec<u8>,
    read: fn(&[u8]) -> Option<Vec<u8>>,
}

fn make<T: Any + BorshSerialize>(source: &mut Source) -> Vec<u8> {
    encode(&T::any(source))
}

fn read<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Option<Vec<u8>> {
    let value = decode::<T>(bytes, usize::MAX).ok()?;
    Some(encode(&value))
}

macro_rules! decoders {
    ($($target:ident: $($type:ty),* $(,)?;)*) => {$(
        #[test]
        fn $target() {
            // ENC-1, ENC-2
            run(stringify!($target), &[$(Decoder {
                name: stringify!($type),
                make: make::<$type>,
                read: read::<$type>,
            }),*]);
        }
    )*};
}

fn run(target: &'static str, decoders: &[Decoder]) {
    fuzz(target, |source| {
        let found = second_spelling(source, decoders);
        assert!(found.is_none(), "{found:?}");
    });
}

/// Bytes that a decoder reads as a value which is written otherwise, if it meets any.
fn second_spelling(source: &mut Source, decoders: &[Decoder]) -> Option<(&'static str, Vec<u8>)> {
    let decoder = &decoders[source.below(decoders.len())];
    let mut bytes = (decoder.make)(source);
    let same = (decoder.read)(&bytes);
    assert_eq!(same.as_ref(), Some(&bytes), "{} is read back", decoder.name);
    let other = (decoder.make)(source);
    mutate(source, &mut bytes, &other);
    // Whoever expects another kind of value gets these bytes as well.
    let another = &decoders[source.below(decoders.len())];
    let careless = [decoder, another].into_iter().find(|decoder| {
        let written = (decoder.read)(&bytes);
        written.is_some_and(|written| written != bytes)
    })?;
    Some((careless.name, bytes))
}

decoders! {
    transactions: Transaction, Instruction;
    messages:
        Signed<Voucher>, Signed<Assign>, Signed<Reply>, Signed<Commit>, Signed<Close>, Signed<Part>,
        Signed<LineOk>, Signed<ReceiptRoot>, Opening, Request, Terms, Evidence, Path;
    receipts:
        Receipt, SeatReceipt, Skip, SelectionInputs, PhaseTranscript, ReceiptDocument, Disclosure;
    settlements: Settlement, SettlementHead, Leaf, SettledLeaf, CoSignature;
    proofs:
        Header, FinalityCertificate, ReceiptProof, HandOver, Succession, SuccessionDocument,
        Committee, Electorate, NetworkRoot, EngineVote;
    disputes: FaultProof, Filing, Challenge, Answer, AuditOpening;
    entries:
        Signed<Registration>, Signed<Enlistment>, Rotated, Announcement, Params, Outcome, Rejection;
    containers:
        List<u8, 3>, List<List<Text<5>, 2>, 4>, Text<3>, Text<64>, Option<Score>, Box<Domain>,
        (Option<Digest>, bool), [u8; 32];
}

/// What these targets are worth: each of these mistakes of a decoder is found in few cases.
#[test]
fn careless_decoders_are_found() {
    // ENC-1
    type Read = fn(&[u8]) -> Option<Vec<u8>>;
    let careless: [(&'static str, Read); 4] = [
        ("takes what is left over", |bytes| {
            let mut rest = bytes;
            let value = Signed::<Reply>::deserialize(&mut rest).ok()?;
            Some(encode(&value))
        }),
        ("takes any variant for the last", |bytes| {
            let mut bytes = bytes.to_vec();
            let kind = bytes.get_mut(32)?;
            *kind = (*kind).min(2);
            read::<Signed<Reply>>(&bytes)
        }),
        ("fills up what is missing", |bytes| {
            let mut bytes = bytes.to_vec();
            bytes.resize(bytes.len().max(97), 0);
            read::<Signed<Reply>>(&bytes)
        }),
        ("does not look at a bit", |bytes| {
            let mut bytes = bytes.to_vec();
            *bytes.last_mut()? &= 0x7f;
            let value = decode::<Signed<Reply>>(&bytes, usize::MAX).ok()?;
            Some(encode(&value))
        }),
    ];
    for (name, read) in careless {
        let make = |source: &mut Source| {
            // Its own values it reads back.
            let mut value = Signed::<Reply>::any(source);
            value.signature.0[63] &= 0x7f;
            encode(&value)
        };
        let decoders = [Decoder { name, make, read }];
        let found =
            (0..2_000).find(|seed| second_spelling(&mut Source::new(*seed), &decoders).is_some());
        assert!(found.is_some(), "a decoder that {name} passes");
    }
}
