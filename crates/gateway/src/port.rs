//! What the gateway needs from a node: a [`Coordinator`], and what passes between the two.
//!
//! Plain values without a word of HTTP or OpenAI's JSON: whoever implements this port can be asked
//! over any protocol. The JSON shapes are `openai/` and `llmnet/`'s own. What a node tells of the ledger
//! has a port of its own, [`Ledger`].

pub mod embedder;
pub mod keys;
pub mod ledger;

pub use crate::access::{Allowance, Hold};
pub use embedder::Embedder;
pub use keys::KeyStore;
pub use ledger::Ledger;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use llmnet_types::{
    contract::Strategy,
    domain::Domain,
    id::{ContractId, Digest, NetworkId},
    message::{DeclineReason, Response},
    receipt::{Charges, Conclusion, ContractStatus, SeatOutcome},
    registration::{Corpus, Model, Price},
    request::{Progress, Request},
    signature::PublicKey,
    tool::ToolCall,
    units::{Amount, Height, Score, Tokens},
};
use tokio::sync::mpsc;

use crate::access::Access;

/// What a gateway stands in front of.
#[derive(Clone)]
pub struct Ports {
    /// Answers questions.
    pub coordinator: Arc<dyn Coordinator>,
    /// Tells of the network.
    pub ledger: Arc<dyn Ledger>,
    /// Whom it lets in.
    pub access: Access,
    /// Makes vectors, if anything does.
    pub embedder: Option<Arc<dyn Embedder>>,
}

/// A node that conducts requests.
///
/// Calls may be dropped at any await point: that is how a client that hangs up cancels its request.
/// What must happen nevertheless (closing a contract, releasing a hold) belongs in a task of the node.
#[async_trait]
pub trait Coordinator: Send + Sync {
    /// Answers a request.
    ///
    /// Progress may be told with `try_send` or `send`: the gateway always reads, and what a slow
    /// client cannot take in time is dropped. Nobody may be listening at all.
    ///
    /// What the request may cost at most is reserved from the allowance before work is ordered, and charged with
    /// what it came to, also where nobody waits for the answer any more.
    ///
    /// A question nobody knows anything about is no error but an [`Answered`] with `declined` set, an
    /// honest sentence as its text and nothing charged.
    ///
    /// A size that the strategy cannot have, as a quorum above the seats there are by default, is
    /// [`AnswerError::InvalidRequest`].
    async fn answer(
        &self,
        request: Request,
        size: PanelSize,
        allowance: Allowance,
        progress: mpsc::Sender<Progress>,
    ) -> Result<Answered, AnswerError>;

    /// The domains that can be asked now, by name. An expert model of any other domain is refused
    /// before [`answer`](Self::answer) is called, so this must be quick.
    async fn models(&self) -> Vec<Offer>;

    /// The registered respondents.
    async fn experts(&self) -> Vec<Expert>;

    /// A receipt and how far it has come, after waiting at most so long for it to be final.
    async fn receipt(
        &self,
        id: &ContractId,
        wait: Duration,
    ) -> Result<Option<ReceiptDocument>, AnswerError>;

    /// Whether a question would be answered now. Must be quick.
    async fn health(&self) -> Health;

    /// The key of the coordinator: a request that came through it already is refused. `None` where nobody
    /// conducts requests.
    fn node(&self) -> Option<PublicKey> {
        None
    }
}

/// How large a panel the requester wants, each from 1 to [`SEATS_MAX`](llmnet_types::contract::SEATS_MAX), and
/// neither quorum nor first seats above all seats; and how patient. What it leaves open is the coordinator's to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PanelSize {
    /// Seats wanted.
    pub seats: Option<u8>,
    /// Seats asked first, the others only where these settle nothing.
    pub first: Option<u8>,
    /// Answers needed, of the seats that are asked.
    pub quorum: Option<u8>,
    /// Milliseconds for the others once a quorum has answered, up to [`GRACE_MS_MAX`](Self::GRACE_MS_MAX).
    pub grace_ms: Option<u32>,
}

impl PanelSize {
    /// The most patience there is: as long as a first answer may take.
    pub const GRACE_MS_MAX: u32 = 60_000;
}

/// An answer with the account of how it came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The contract, by which the receipt is found; absent where it never came to one.
    pub receipt: Option<ContractId>,
    /// The words of the answer. Where no tools were offered, exactly as the receipt's digest of the response has them;
    /// else that is of words and calls together, as [`Said`](llmnet_types::tool::Said) spells them.
    pub text: String,
    /// Tools that the answer calls, of those that the request offered.
    pub calls: Vec<ToolCall>,
    /// Whether a cap on tokens cut the answer off.
    pub truncated: bool,
    /// Nobody knew: the text says so, and nothing is charged.
    pub declined: bool,
    /// How the contract ended.
    pub status: ContractStatus,
    /// How the panel was asked to work.
    pub strategy: Strategy,
    /// By which rule it concluded.
    pub conclusion: Conclusion,
    /// What the question was found to be about, best first.
    pub domains: Vec<Domain>,
    /// Rounds of debate held.
    pub rounds: u8,
    /// The share of all weight behind the answer.
    pub agreement: Score,
    /// The finalized height at which the panel was selected.
    pub height: Height,
    /// Who served, by rank.
    pub panel: Vec<PanelSeat>,
    /// Better ranks that did not serve, with their reasons.
    pub skipped: Vec<Skipped>,
    /// What the answer rests on, in the order of its marks.
    pub citations: Vec<Citation>,
    /// Opinions that were not taken, those of most weight first.
    pub minority: Vec<Dissent>,
    /// What it costs.
    pub cost: Charges,
    /// What was read and written, all seats together.
    pub usage: Usage,
}

/// A respondent's reputation in a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The mean.
    pub mean: Score,
    /// The mean less two deviations: what one can count on.
    pub lower_bound: Score,
    /// How many ratings ever counted.
    pub samples: u32,
}

/// A respondent that served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelSeat {
    /// The short form of its key.
    pub provider: String,
    /// What it calls itself.
    pub name: String,
    /// What it is registered for.
    pub domains: Vec<Domain>,
    /// Its reputation in the request's domain when it was selected.
    pub reputation: Standing,
    /// Its place in the selected order, from 0.
    pub rank: u8,
    /// What became of it.
    pub outcome: SeatOutcome,
    /// Why it gave up, if it did.
    pub reason: Option<DeclineReason>,
    /// Whether it changed its answer in the debate.
    pub changed: bool,
    /// Whether its last answer is of the winner's class.
    pub agrees: bool,
    /// How good its answer was found.
    pub score: Score,
    /// What it earns.
    pub price: Amount,
    /// From offer to bound answer.
    pub latency_ms: u32,
}

/// A respondent of a better rank that did not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The short form of its key.
    pub provider: String,
    /// What it calls itself.
    pub name: String,
    /// Its place in the selected order, from 0.
    pub rank: u8,
    /// Its own word; `None` where it said none: it could not be reached, or was slower than a quorum.
    pub reply: Option<Response>,
}

/// A passage an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The passage's heading.
    pub title: String,
    /// The document it is from.
    pub document: String,
    /// Names the passage.
    pub passage: Digest,
    /// The corpus it stands in, as announced.
    pub corpus: Digest,
    /// The day up to which that corpus is current, as days since 1970-01-01.
    pub as_of_day: u32,
    /// The short form of the key of who cited it.
    pub provider: String,
    /// What the passage says.
    pub quote: String,
}

/// An opinion that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissent {
    /// The short forms of the keys of those that ended with it.
    pub providers: Vec<String>,
    /// Their share of all weight.
    pub share: Score,
    /// What they say, in the words of the first of them.
    pub text: String,
    /// What that rests on, in the order of its marks.
    pub citations: Vec<Citation>,
    /// Why they held to it, as far as they said.
    pub reasons: Vec<String>,
}

/// Tokens as clients count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Sent to the seats.
    pub prompt_tokens: Tokens,
    /// Delivered by the seats.
    pub completion_tokens: Tokens,
}

/// A domain that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub domain: Domain,
    /// How many respondents serve it.
    pub respondents: u32,
    /// The least that any of them asks, part by part.
    pub price_min: Price,
    /// The most that any of them asks, part by part.
    pub price_max: Price,
    /// The best of their reputations, by lower bound.
    pub reputation: Standing,
}

/// A registered respondent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expert {
    /// The short form of its key.
    pub provider: String,
    /// What it calls itself.
    pub name: String,
    /// The key that answers.
    pub node: PublicKey,
    /// The account that is paid.
    pub operator: PublicKey,
    /// What it is registered for, best first, with its reputation there.
    pub domains: Vec<(Domain, Standing)>,
    /// With which model, as declared.
    pub model: Model,
    /// With which documents.
    pub corpus: Option<Corpus>,
    /// For how much.
    pub price: Price,
    /// Locked for each domain.
    pub bond: Amount,
    /// Whether this node can reach it now.
    pub reachable: bool,
}

/// How far a receipt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptState {
    /// Signed by its coordinator, not on the chain yet.
    Issued,
    /// Settled in the block of this height, which is not final yet.
    Settled(Height),
    /// Settled in the block of this height, which is final; the file has the proof.
    Final(Height),
}

/// A receipt as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptDocument {
    /// The JSON of the file, served as it is.
    pub bytes: Vec<u8>,
    /// How far it has come.
    pub state: ReceiptState,
}

/// Whether a question would be answered, and what that hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Why no question would be answered now; `None` once one would.
    pub blocked: Option<String>,
    /// The network, once known.
    pub network: Option<NetworkId>,
    /// The last finalized height, once known.
    pub height: Option<Height>,
    /// Each part of the node.
    pub parts: Vec<Part>,
}

/// A part of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is: `chain`, `classifier`, `transport`.
    pub name: String,
    /// Whether it works.
    pub ready: bool,
    /// How it is, for people.
    pub detail: String,
}

/// Why there is no answer, sorted by who must act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The request must be changed.
    #[error("invalid request: {message}")]
    InvalidRequest {
        /// OpenAI's name of the field at fault.
        param: Option<String>,
        /// What is wrong and what would be right; shown to the requester.
        message: String,
    },
    /// The requester's line does not cover the worst case.
    #[error("unfunded: {message}")]
    Unfunded {
        /// What is there, what is needed, how to fund it; shown to the requester.
        message: String,
    },
    /// Respondents exist, but too few would serve, or none at these terms.
    #[error("no respondent: {message}")]
    NoRespondent {
        /// Shown to the requester.
        message: String,
        /// Who was asked and what each said.
        skipped: Vec<Skipped>,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// The node has as much to do as it takes.
    #[error("overloaded")]
    Overloaded {
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// This requester asks too often.
    #[error("too many requests of this requester")]
    RateLimited {
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// The node cannot answer yet or just now.
    #[error("not ready: {message}")]
    NotReady {
        /// What is missing; shown to the requester.
        message: String,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// A duration of the terms ran out before there was an answer.
    #[error("timed out: {message}")]
    Timeout {
        /// What ran out; shown to the requester.
        message: String,
        /// The contract, if it came to one: work on it may be owed.
        receipt: Option<ContractId>,
    },
    /// Our own fault.
    #[error("internal: {detail}")]
    Internal {
        /// Logged beside the request's id, never shown.
        detail: String,
    },
}
