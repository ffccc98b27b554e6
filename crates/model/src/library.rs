//! The port of a corpus that an answerer looks things up in; `knowledge` implements it.

use llmnet_types::{passage::Evidence, passage::Passage, units::Score};

/// A passage that was found, ready to be cited.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The passage with its proof.
    pub evidence: Evidence,
    /// How well the index ranks it: larger is better, comparable within one search only.
    pub rank: f64,
    /// How much of the question the passage covers, its search words included.
    pub coverage: Score,
}

/// The lookup failed; the text is for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("lookup failed: {0}")]
pub struct LibraryError(pub String);

/// Documents of one respondent.
///
/// Synchronous: a lookup takes about a millisecond, far less than handing it to another thread is worth.
pub trait Library: Send + Sync {
    /// What stands in it and how it is searched, in a few bytes.
    fn version(&self) -> String;

    /// The best passages for a question, best first. Any text is a valid question.
    ///
    /// # Errors
    /// The index failed.
    fn find(&self, question: &str, limit: usize) -> Result<Vec<Finding>, LibraryError>;

    /// The evidence score: how much of the question each of these passages covers, all measured alike.
    ///
    /// A passage's search words are not part of a citation. They count where they are known of *every*
    /// passage asked about, and for none of them otherwise: a stranger's passage is never at a disadvantage.
    fn compare(&self, question: &str, passages: &[&Passage]) -> Vec<Score>;

    /// How much of the question a piece of text covers by itself.
    fn coverage(&self, question: &str, text: &str) -> Score;
}
