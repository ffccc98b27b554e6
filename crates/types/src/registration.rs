//! What a respondent promises when it joins: domains, model, corpus, price, bond.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text},
    domain::Domain,
    id::Digest,
    signature::{Message, PublicKey},
    units::{Amount, Tokens},
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
