//! Where ledger and oracle part.

use std::fmt;

/// Why the rules refuse an instruction: the rule's number and what it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// Refuses unless something holds.
pub(crate) fn require(holds: bool, rule: &str) -> Result<(), Refusal> {
    if holds {
        Ok(())
    } else {
        Err(Refusal(rule.to_owned()))
    }
}

/// What the ledger did and what the rules say, as read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// After, or in, which block.
    pub height: u64,
    /// By which rules.
    pub rule: &'static str,
    /// What is compared: whose balance, which reputation.
    pub what: String,
    /// As the ledger has it.
    pub ledger: String,
    /// As it is here.
    pub oracle: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "block {}, {}: {}\n  ledger: {}\n  oracle: {}",
            self.height, self.rule, self.what, self.ledger, self.oracle
        )
    }
}

impl std::error::Error for Mismatch {}
