//! What a panel is selected from: enough to select it again.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    codec::{List, Text},
    domain::Domain,
    id::{Digest, DomainId, ProviderId},
    registration::Price,
    reputation::{Audited, Credence},
    signature::PublicKey,
    units::{Amount, Epoch, Height, Score},
};

/// The most candidates of one selection.
pub const CANDIDATES_MAX: usize = 128;
/// The most domains of one request.
pub const REQUEST_DOMAINS_MAX: usize = 2;

/// A domain a request was found to be about.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainChoice {
    /// Its name.
    pub domain: Domain,
    /// Its number on the ledger.
    pub id: DomainId,
    /// The classifier's confidence; the choices of a request add up to one or less.
    pub confidence: Score,
}

/// A provider as the ledger sees it at the height of a selection.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its registration.
    pub provider: ProviderId,
    /// Its key.
    pub node: PublicKey,
    /// Its registration nonce.
    pub nonce: u32,
    /// Who is paid; one seat each.
    pub operator: PublicKey,
    /// Its model's family; capped.
    pub family: Text<32>,
    /// Equal for near-duplicates: same model and corpus; one seat each.
    pub twin: Digest,
    /// The root of its corpus, zeros without one: what its citations must stand under.
    pub corpus: Digest,
    /// The day its corpus is current to, as days since 1970-01-01.
    pub corpus_as_of_day: u32,
    /// What it asks.
    pub price: Price,
    /// Mean reputation over the request's domains, audited answers included, in each at most the ceiling
    /// there, weighted by confidence.
    pub mean: Score,
    /// Deviation of that.
    pub deviation: Score,
    /// What audits allow at most, weighted alike: peers' praise counts no further (AUD-4). One without
    /// audits.
    pub ceiling: Score,
    /// What audits alone say, weighted alike (AUD-6).
    pub audited: Audited,
    /// Mean less two deviations, for people.
    pub lower_bound: Score,
    /// Ratings and audited answers in all its domains: under the rule's minimum it is a newcomer.
    pub samples: u32,
    /// Smoothed latency in the first domain; 0 while unknown.
    pub latency_ms: u32,
    /// Its bond: a newcomer's chance is in proportion.
    pub bond: Amount,
}

impl Candidate {
    /// How far it is believed in a verdict.
    pub const fn credence(&self) -> Credence {
        Credence {
            mean: self.mean,
            audited: self.audited,
        }
    }
}

/// Everything the rule of selection looks at (SEL-1).
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectionInputs {
    /// The finalized height all of it was read at.
    pub height: Height,
    /// That height's epoch.
    pub epoch: Epoch,
    /// That epoch's beacon.
    pub beacon: Digest,
    /// What the request is about, best first.
    pub domains: List<DomainChoice, REQUEST_DOMAINS_MAX>,
    /// The version of the classifier that said so.
    pub classifier: Digest,
    /// Who could be asked, by provider number.
    pub candidates: List<Candidate, CANDIDATES_MAX>,
}

impl SelectionInputs {
    /// How sure the classifier is of the first domain.
    pub fn confidence(&self) -> Score {
        let first = self.domains.first();
        first.map_or(Score::ZERO, |choice| choice.confidence)
    }
}
