//! Every kind of value that travels, in families: how one is made, and what its decoders make of it.

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    audit::AuditOpening,
    block::Header,
    bond::Enlistment,
    certificate::{EngineVote, FinalityCertificate},
    codec::{DecodeError, List, Text, decode, encode},
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
    reputation::{Prior, Reputation},
    request::Request,
    selection::SelectionInputs,
    settlement::{CoSignature, Leaf, Settlement, SettlementHead},
    signature::Signed,
    succession::{HandOver, Succession, SuccessionDocument},
    transaction::{Instruction, Outcome, Transaction},
    units::Score,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::any::{Any, Source};

/// A kind of value, without its type: what checks it is compiled once.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The bytes of any value, which are read back as that value.
    pub(crate) make: fn(&mut Source) -> Vec<u8>,
    /// The bytes of the value that these spell, of so many at most.
    pub(crate) read: fn(&[u8], usize) -> Result<Vec<u8>, DecodeError>,
    /// The bytes of the value that these spell, by way of JSON.
    pub(crate) by_json: fn(&[u8]) -> Vec<u8>,
}

fn make<T: Any + BorshSerialize + BorshDeserialize + PartialEq>(source: &mut Source) -> Vec<u8> {
    let value = T::any(source);
    let bytes = encode(&value);
    assert!(decode(&bytes, bytes.len()) == Ok(value), "not read back");
    bytes
}

fn read<T: BorshSerialize + BorshDeserialize>(
    bytes: &[u8],
    limit: usize,
) -> Result<Vec<u8>, DecodeError> {
    decode::<T>(bytes, limit).map(|value| encode(&value))
}

fn by_json<T>(bytes: &[u8]) -> Vec<u8>
where
    T: BorshSerialize + BorshDeserialize + Serialize + DeserializeOwned,
{
    let value: T = decode(bytes, bytes.len()).expect("a value");
    let text = serde_json::to_string(&value).expect("values have JSON");
    encode(&serde_json::from_str::<T>(&text).expect("JSON is read back"))
}

macro_rules! families {
    ($($family:ident: $($type:ty),* $(,)?;)*) => {$(
        pub(crate) const $family: &[Kind] = &[$(Kind {
            name: stringify!($type),
            make: make::<$type>,
            read: read::<$type>,
            by_json: by_json::<$type>,
        }),*];
    )*};
}

families! {
    TRANSACTIONS: Transaction, Instruction;
    MESSAGES:
        Signed<Voucher>, Signed<Assign>, Signed<Reply>, Signed<Commit>, Signed<Close>, Signed<Part>,
        Signed<LineOk>, Signed<ReceiptRoot>, Opening, Request, Terms, Evidence, Path;
    RECEIPTS:
        Receipt, SeatReceipt, Skip, SelectionInputs, PhaseTranscript, ReceiptDocument, Disclosure;
    SETTLEMENTS: Settlement, SettlementHead, Leaf, SettledLeaf, CoSignature;
    PROOFS:
        Header, FinalityCertificate, ReceiptProof, HandOver, Succession, SuccessionDocument,
        Committee, Electorate, NetworkRoot, EngineVote;
    DISPUTES: FaultProof, Filing, Challenge, Answer, AuditOpening;
    ENTRIES:
        Signed<Registration>, Signed<Enlistment>, Rotated, Announcement, Params, Outcome, Rejection;
    CONTAINERS:
        List<u8, 3>, List<List<Text<5>, 2>, 4>, Text<3>, Text<64>, Option<Score>, Box<Domain>,
        (Option<Digest>, bool), (Reputation, Prior), [u8; 32];
}

/// All families.
pub(crate) const ALL: [&[Kind]; 8] = [
    TRANSACTIONS,
    MESSAGES,
    RECEIPTS,
    SETTLEMENTS,
    PROOFS,
    DISPUTES,
    ENTRIES,
    CONTAINERS,
];
