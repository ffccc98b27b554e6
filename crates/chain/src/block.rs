//! A block as the engine carries it: the ledger's header, the transactions, and nothing else.

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use commonware_codec::{
    Buf, Copying, EncodeSize, Error as CodecError, RangeCfg, Read, ReadExt as _, Write,
};
use commonware_consensus::{
    BoundedBlock, CertifiableBlock, Heightable,
    simplex::types::Context,
    types::{Epoch, Height, Round, View},
};
use commonware_cryptography::{Digestible, ed25519, sha256};
use llmnet_types::{
    block::Header,
    codec,
    id::{Digest, TransactionId},
    merkle,
    signature::PublicKey,
    transaction::{TRANSACTION_LENGTH_MAX, Transaction},
};

/// The most transactions of one block.
pub(crate) const TRANSACTIONS_MAX: usize = 4096;
/// The most bytes of all transactions of one block.
pub(crate) const TRANSACTIONS_LENGTH_MAX: usize = 1 << 20;
/// The most bytes of a header; it has 280.
const HEADER_LENGTH_MAX: usize = 512;
/// The most entries the log of state changes can have.
const OPERATIONS_MAX: u64 = 1 << 60;
/// The most bytes of a length.
const PREFIX_MAX: usize = 5;

/// What the engine tells about the round a block is proposed in.
pub(crate) type RoundContext = Context<sha256::Digest, ed25519::PublicKey>;

/// A block. Cheap to clone, as the engine does often.
#[derive(Debug, Clone)]
pub(crate) struct Block(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    header: Header,
    digest: sha256::Digest,
    leader: ed25519::PublicKey,
    body: Body,
}

/// The engine's form of a key; none if the bytes are no curve point.
pub(crate) fn engine_key(key: &PublicKey) -> Option<ed25519::PublicKey> {
    ed25519::PublicKey::read(&mut Copying(key.as_bytes().as_slice())).ok()
}

/// The root over a block's transactions.
pub(crate) fn transactions_root(transactions: &[Transaction]) -> Digest {
    merkle::root(transactions.iter().map(Transaction::encode))
}

/// A block's transactions, with their bytes and names.
#[derive(Debug, Default)]
pub(crate) struct Body {
    transactions: Vec<Transaction>,
    ids: Vec<TransactionId>,
    encoded: Vec<Bytes>,
}

impl Body {
    fn push(&mut self, transaction: Transaction, encoded: Bytes) {
        self.ids.push(TransactionId::of(&encoded));
        self.transactions.push(transaction);
        self.encoded.push(encoded);
    }

    pub(crate) fn transactions(&self) -> &[Transaction] {
        &self.transactions
    }

    pub(crate) fn ids(&self) -> &[TransactionId] {
        &self.ids
    }

    /// As [`transactions_root`].
    pub(crate) fn root(&self) -> Digest {
        merkle::root(&self.encoded)
    }

    /// Leaves out all that this says no to.
    pub(crate) fn retain(self, mut keep: impl FnMut(usize) -> bool) -> Self {
        let all = self.transactions.into_iter().zip(self.ids);
        let all = all.zip(self.encoded).enumerate();
        let mut kept = Self::default();
        for (_, ((transaction, id), encoded)) in all.filter(|(place, _)| keep(*place)) {
            kept.transactions.push(transaction);
            kept.ids.push(id);
            kept.encoded.push(encoded);
        }
        kept
    }
}

impl FromIterator<(Transaction, Bytes)> for Body {
    fn from_iter<T: IntoIterator<Item = (Transaction, Bytes)>>(all: T) -> Self {
        let mut body = Self::default();
        for (transaction, encoded) in all {
            body.push(transaction, encoded);
        }
        body
    }
}

impl From<Vec<Transaction>> for Body {
    fn from(transactions: Vec<Transaction>) -> Self {
        let all = transactions.into_iter();
        let all = all.map(|transaction| {
            let encoded = transaction.encode().into();
            (transaction, encoded)
        });
        all.collect()
    }
}

impl Block {
    /// Joins a header with its transactions; none if the header is one no honest leader makes.
    pub(crate) fn new(header: Header, body: impl Into<Body>) -> Option<Self> {
        // The engine takes a range that is empty or out of its bounds for our own mistake, and panics.
        if header.operations_start >= header.operations_end
            || header.operations_end > OPERATIONS_MAX
        {
            return None;
        }
        Some(Self(Arc::new(Inner {
            digest: sha256::Digest(header.digest().0),
            leader: engine_key(&header.leader)?,
            header,
            body: body.into(),
        })))
    }

    pub(crate) fn header(&self) -> &Header {
        &self.0.header
    }

    pub(crate) fn transactions(&self) -> &[Transaction] {
        &self.0.body.transactions
    }

    pub(crate) fn ids(&self) -> &[TransactionId] {
        &self.0.body.ids
    }

    /// Whether header and transactions belong together and keep to the bounds. Those of any block that was read do.
    pub(crate) fn is_consistent(&self) -> bool {
        let body = &self.0.body;
        let length: usize = body.encoded.iter().map(Bytes::len).sum();
        length <= TRANSACTIONS_LENGTH_MAX && body.root() == self.0.header.transactions
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Block {}

impl Write for Block {
    fn write(&self, buf: &mut impl BufMut) {
        Bytes::from(codec::encode(&self.0.header)).write(buf);
        self.0.body.encoded.write(buf);
    }
}

impl EncodeSize for Block {
    fn encode_size(&self) -> usize {
        Bytes::from(codec::encode(&self.0.header)).encode_size() + self.0.body.encoded.encode_size()
    }
}

impl Read for Block {
    type Cfg = ();

    fn read_cfg(buf: &mut impl Buf, _: &()) -> Result<Self, CodecError> {
        const NAME: &str = "llmnet_chain::block::Block";
        let header = Bytes::read_cfg(buf, &RangeCfg::from(..=HEADER_LENGTH_MAX))?;
        let header = codec::decode::<Header>(&header, HEADER_LENGTH_MAX)
            .map_err(|_| CodecError::Invalid(NAME, "header"))?;
        let count = usize::read_cfg(buf, &RangeCfg::from(..=TRANSACTIONS_MAX))?;
        let mut body = Body::default();
        let mut length: usize = 0;
        for _ in 0..count {
            let bytes = Bytes::read_cfg(buf, &RangeCfg::from(..=TRANSACTION_LENGTH_MAX))?;
            length += bytes.len();
            if length > TRANSACTIONS_LENGTH_MAX {
                return Err(CodecError::Invalid(NAME, "too many bytes"));
            }
            let transaction = Transaction::decode(&bytes)
                .map_err(|_| CodecError::Invalid(NAME, "transaction"))?;
            body.push(transaction, bytes);
        }
        let block = Self::new(header, body).ok_or(CodecError::Invalid(NAME, "leader"))?;
        // The digest is the header's. With other transactions behind it, it would be taken for the block that a
        // quorum agreed on, and whoever executes it then could not go on (BLK-1).
        if !block.is_consistent() {
            return Err(CodecError::Invalid(NAME, "transactions"));
        }
        Ok(block)
    }
}

impl Digestible for Block {
    type Digest = sha256::Digest;

    fn digest(&self) -> sha256::Digest {
        self.0.digest
    }
}

impl Heightable for Block {
    fn height(&self) -> Height {
        Height::new(self.0.header.height.0)
    }
}

impl commonware_consensus::Block for Block {
    fn parent(&self) -> sha256::Digest {
        sha256::Digest(self.0.header.parent.0)
    }
}

impl CertifiableBlock for Block {
    type Context = RoundContext;

    fn context(&self) -> RoundContext {
        let header = &self.0.header;
        Context {
            round: Round::new(Epoch::new(header.term.0), View::new(header.view)),
            leader: self.0.leader.clone(),
            parent: (
                View::new(header.parent_view),
                sha256::Digest(header.parent.0),
            ),
        }
    }
}

impl BoundedBlock for Block {
    fn max_encode_size(_: &()) -> usize {
        PREFIX_MAX
            + HEADER_LENGTH_MAX
            + PREFIX_MAX
            + TRANSACTIONS_LENGTH_MAX
            + TRANSACTIONS_MAX * PREFIX_MAX
    }
}

#[cfg(test)]
mod tests;
