//! ENC-1, ENC-2: no bytes make a decoder panic, and what it reads has these bytes and no others.

use borsh::BorshDeserialize;
use llmnet_types::{
    codec::{DecodeError, decode, encode},
    message::Reply,
    signature::Signed,
};

use super::{mutation::mutate, run::fuzz};
use crate::{
    any::{Any, Source},
    kinds::{self, Kind},
};

macro_rules! targets {
    ($($target:ident: $family:ident;)*) => {$(
        #[test]
        fn $target() {
            // ENC-1, ENC-2
            fuzz(stringify!($target), |source| {
                let found = second_spelling(source, kinds::$family);
                assert!(found.is_none(), "{found:?}");
            });
        }
    )*};
}

targets! {
    transactions: TRANSACTIONS;
    messages: MESSAGES;
    receipts: RECEIPTS;
    settlements: SETTLEMENTS;
    proofs: PROOFS;
    disputes: DISPUTES;
    entries: ENTRIES;
    containers: CONTAINERS;
}

/// Bytes that a decoder reads as a value which is written otherwise, if it meets any.
fn second_spelling(source: &mut Source, kinds: &[Kind]) -> Option<(&'static str, Vec<u8>)> {
    let kind = &kinds[source.below(kinds.len())];
    let mut bytes = (kind.make)(source);
    let other = (kind.make)(source);
    mutate(source, &mut bytes, &other);
    // Whoever expects another kind of value gets these bytes as well.
    let another = &kinds[source.below(kinds.len())];
    let careless = [kind, another].into_iter().find(|kind| {
        let written = (kind.read)(&bytes, usize::MAX);
        written.is_ok_and(|written| written != bytes)
    })?;
    Some((careless.name, bytes))
}

/// What these targets are worth: each of these mistakes of a decoder is found in few cases.
#[test]
fn careless_decoders_are_found() {
    // ENC-1
    type Read = fn(&[u8], usize) -> Result<Vec<u8>, DecodeError>;
    fn read(bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        decode::<Signed<Reply>>(bytes, usize::MAX).map(|reply| encode(&reply))
    }
    let careless: [(&'static str, Read); 4] = [
        ("takes what is left over", |bytes, _| {
            let mut rest = bytes;
            let value = Signed::<Reply>::deserialize(&mut rest);
            value.map_or_else(|_| read(bytes), |value| Ok(encode(&value)))
        }),
        ("takes any variant for the last", |bytes, _| {
            let mut bytes = bytes.to_vec();
            if let Some(variant) = bytes.get_mut(32) {
                *variant = (*variant).min(2);
            }
            read(&bytes)
        }),
        ("fills up what is missing", |bytes, _| {
            let mut bytes = bytes.to_vec();
            bytes.resize(bytes.len().max(97), 0);
            read(&bytes)
        }),
        ("does not look at a bit", |bytes, _| {
            let mut bytes = bytes.to_vec();
            if let Some(last) = bytes.last_mut() {
                *last &= 0x7f;
            }
            read(&bytes)
        }),
    ];
    for (name, read) in careless {
        let make = |source: &mut Source| {
            // Its own values it reads back.
            let mut value = Signed::<Reply>::any(source);
            value.signature.0[63] &= 0x7f;
            encode(&value)
        };
        let kinds = [Kind {
            name,
            make,
            read,
            by_json: <[u8]>::to_vec,
        }];
        let found =
            (0..2_000).find(|seed| second_spelling(&mut Source::new(*seed), &kinds).is_some());
        assert!(found.is_some(), "a decoder that {name} passes");
    }
}
