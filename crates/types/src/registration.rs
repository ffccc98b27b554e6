//! What a respondent promises when it joins: domains, model, corpus, price, bond.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text},
    domain::Domain,
    id::{Digest, NetworkId, ProviderId},
    signature::{Message, PrivateKey, PublicKey, Signature},
    units::{Amount, Score, Tokens},
};

/// The most domains one registration names.
pub const DOMAINS_MAX: usize = 8;

/// How far a claim about a model is backed (shown, never assumed).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Assurance {
    /// The respondent says so.
    Declared = 0,
    /// Audits with known answers agree.
    Audited = 1,
    /// Somebody ran the same model and got the same.
    Reexecuted = 2,
    /// Hardware vouches for it.
    Attested = 3,
}

/// How delivered text is counted for billing; anyone can recount (REG-4).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[borsh(use_discriminant = true)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Tokenizer {
    /// A token for every four bytes of UTF-8 begun.
    Bytes4 = 0,
}

impl Tokenizer {
    /// How many tokens this text is billed as.
    pub fn count(self, text: &str) -> Tokens {
        match self {
            Self::Bytes4 => Tokens(u32::try_from(text.len().div_ceil(4)).unwrap_or(u32::MAX)),
        }
    }
}

/// A model as its respondent declares it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Lineage: models of one family share mistakes, so a panel caps them (SEL-5).
    pub family: Text<32>,
    /// Name as its maker spells it.
    pub name: Text<64>,
    /// Digest of weights, or of whatever stands for them; zeros where unknown.
    pub digest: Digest,
    /// How far this is backed.
    pub assurance: Assurance,
}

/// A corpus as announced: its passages are under `root` (COR-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Corpus {
    /// Merkle root over salted passages.
    pub root: Digest,
    /// Day up to which it is current, as days since 1970-01-01.
    pub as_of_day: u32,
    /// How many passages it has.
    pub passages: u32,
}

/// What a respondent asks for its work; changes only take effect in a later epoch.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// For a contract at all; hidden reasoning belongs in here.
    pub call: Amount,
    /// For each thousand tokens sent to it.
    pub input_kilo: Amount,
    /// For each thousand tokens it delivers.
    pub output_kilo: Amount,
}

impl Price {
    /// The price of so much work, each part rounded up; `None` where it does not fit.
    pub fn of(&self, input: Tokens, output: Tokens) -> Option<Amount> {
        let part = |kilo: Amount, tokens: Tokens| {
            let product = u128::from(kilo.0).checked_mul(u128::from(tokens.0))?;
            u64::try_from(product.div_ceil(1_000)).ok().map(Amount)
        };
        self.call
            .checked_add(part(self.input_kilo, input)?)?
            .checked_add(part(self.output_kilo, output)?)
    }
}

/// A respondent's entry, signed by its node and posted by its operator, who signs the transaction (REG-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// The key that answers.
    pub node: PublicKey,
    /// The account that posts the bond and is paid.
    pub operator: PublicKey,
    /// How often this key registered before: standing never carries over to a new registration.
    pub nonce: u32,
    /// What it answers about, best first, none twice.
    pub domains: List<Domain, DOMAINS_MAX>,
    /// With which model.
    pub model: Model,
    /// With which documents, if any.
    pub corpus: Option<Corpus>,
    /// For how much.
    pub price: Price,
    /// By whose count.
    pub tokenizer: Tokenizer,
    /// Locked for each domain until some epochs after retirement.
    pub bond: Amount,
}

impl Message for Registration {
    const KIND: &'static str = "llmnet/registration/1";
}

/// A registration's key is replaced by another (REG-6).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The registration.
    pub provider: ProviderId,
    /// Its key so far.
    pub old: PublicKey,
    /// Its key from now on; never registered before.
    pub new: PublicKey,
}

impl Message for Rotation {
    const KIND: &'static str = "llmnet/rotation/1";
}

/// A rotation with the word of both keys.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// What is said.
    pub rotation: Rotation,
    /// By the key so far.
    pub by_old: Signature,
    /// By the key from now on.
    pub by_new: Signature,
}

impl Rotated {
    /// Signs a rotation by both keys.
    pub fn sign(
        provider: ProviderId,
        network: &NetworkId,
        old: &PrivateKey,
        new: &PrivateKey,
    ) -> Self {
        let rotation = Rotation {
            provider,
            old: old.public_key(),
            new: new.public_key(),
        };
        let bytes = rotation.signing_bytes(network);
        Self {
            rotation,
            by_old: old.sign(&bytes),
            by_new: new.sign(&bytes),
        }
    }

    /// Whether both keys signed it.
    pub fn is_signed(&self, network: &NetworkId) -> bool {
        let bytes = self.rotation.signing_bytes(network);
        self.rotation.old.verify(&bytes, &self.by_old)
            && self.rotation.new.verify(&bytes, &self.by_new)
    }
}

/// A fine-tuned adapter with what its owner measured (REG-8); a claim, until audits bear it out.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields)]
pub struct Adapter {
    /// Digest of the adapter's weights.
    pub adapter: Digest,
    /// Digest of the model it adapts.
    pub base: Digest,
    /// Root over the data it was tuned on.
    pub data: Digest,
    /// Score on held-out data without it.
    pub before: Score,
    /// With it.
    pub after: Score,
}

/// What is new about a provider.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Novelty {
    /// It answers from these documents now.
    Corpus {
        /// The corpus.
        corpus: Corpus,
        /// The share of its passages that changed, by its own account.
        changed: Score,
    },
    /// It answers with this adapter now.
    Adapter(Adapter),
}

/// A provider tells of something new, in force from the next block (REG-8).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    /// Who.
    pub provider: ProviderId,
    /// What.
    pub novelty: Novelty,
}
