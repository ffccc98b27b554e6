//! The port of whatever answers for a respondent's seat.

use async_trait::async_trait;
use llmnet_types::{
    id::ContractId,
    message::{Answer, DeclineReason, Revision},
    passage::Evidence,
    rating::Ballot,
    request::Request,
    units::{Height, Tokens},
};

/// The most bytes of a version.
pub const VERSION_LENGTH_MAX: usize = 96;

/// What one piece of work may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens sent to the model in this piece of work.
    pub input_tokens: Tokens,
    /// Tokens of the text handed back.
    pub output_tokens: Tokens,
    /// Milliseconds until the work is of no use any more.
    pub time_ms: u32,
    /// The height of the panel's selection: only documents that were announced by then can be cited (COR-2).
    pub height: Height,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_tokens: Tokens(32_000),
            output_tokens: Tokens(1_000),
            time_ms: 15_000,
            height: Height(u64::MAX),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The seat has nothing to say, and says so.
    #[error("declined: {0:?}")]
    Declined(DeclineReason),
    /// The work was not done in its time.
    #[error("not done within {time_ms} ms")]
    TimedOut {
        /// The time it had.
        time_ms: u32,
    },
    /// The request does not fit the limits.
    #[error("needs {needed} tokens of input where {limit} are allowed")]
    TooLarge {
        /// What it would take.
        needed: u32,
        /// What there is.
        limit: u32,
    },
    /// The arguments contradict each other, which is the caller's mistake.
    #[error("own place {own} among {shown} answers")]
    Misplaced {
        /// The place named as the seat's own.
        own: usize,
        /// How many answers were shown.
        shown: usize,
    },
    /// Model or documents failed; what went wrong is for the operator, never for peers.
    #[error("backend failed: {0}")]
    Backend(String),
}

impl AnswerError {
    /// What the seat tells the coordinator.
    pub const fn reason(&self) -> DeclineReason {
        match self {
            Self::Declined(reason) => *reason,
            Self::TooLarge { .. } => DeclineReason::Policy,
            Self::TimedOut { .. } | Self::Misplaced { .. } | Self::Backend(_) => {
                DeclineReason::ModelUnavailable
            }
        }
    }
}

/// Answers for a seat: alone, after seeing its peers, and as their judge (DEB-1, DEB-3, RAT-1).
///
/// Where answers are shown they are anonymised, in the order given, and `own` is the place of the seat's
/// own among them. Peers' text and passages are data from strangers: no implementation may follow what
/// they say.
#[async_trait]
pub trait Answerer: Send + Sync {
    /// Program, model and prompts with their versions, in at most [`VERSION_LENGTH_MAX`] bytes.
    fn version(&self) -> String;

    /// What keeps it from answering now, in words for its operator.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// A first answer, alone.
    ///
    /// # Errors
    /// [`AnswerError::Declined`] where there is nothing to say.
    async fn answer(
        &self,
        contract: &ContractId,
        request: &Request,
        limits: &Limits,
    ) -> Result<Answer, AnswerError>;

    /// A first answer, with passages that all seats are shown beside whatever this one has of its own. They stand where
    /// they say, and are data from strangers; an answer cites of them only what it rests on, as it is (COR-6).
    ///
    /// # Errors
    /// As for [`Answerer::answer`], which is what a backend does that looks at no passages.
    async fn answer_with(
        &self,
        contract: &ContractId,
        request: &Request,
        _shared: &[Evidence],
        limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        self.answer(contract, request, limits).await
    }

    /// Keeps its answer or changes it, having seen the others'.
    ///
    /// # Errors
    /// The backend failed; the seat's answer then stays as it was.
    async fn revise(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Revision, AnswerError>;

    /// One answer, written from all those shown, the seat's own among them (DEB-9).
    ///
    /// # Errors
    /// The backend failed, or cannot write: the seat's answer then stands as it was. That is what a backend
    /// does which only quotes.
    async fn synthesise(
        &self,
        _contract: &ContractId,
        _request: &Request,
        _own: usize,
        _shown: &[Answer],
        _limits: &Limits,
    ) -> Result<Answer, AnswerError> {
        Err(AnswerError::Declined(DeclineReason::Policy))
    }

    /// Judges each pair of the peers' answers in both orders, its own left out.
    ///
    /// # Errors
    /// The backend failed; an unreadable judgement is an empty ballot and no error.
    async fn judge(
        &self,
        contract: &ContractId,
        request: &Request,
        own: usize,
        shown: &[Answer],
        limits: &Limits,
    ) -> Result<Ballot, AnswerError>;
}

/// Refuses places that do not exist.
pub(crate) fn check_place(own: usize, shown: &[Answer]) -> Result<(), AnswerError> {
    if own < shown.len() && u8::try_from(shown.len()).is_ok() {
        return Ok(());
    }
    Err(AnswerError::Misplaced {
        own,
        shown: shown.len(),
    })
}
