//! Policies: whom to ask next, when to stop, what to conclude, whom to believe (SEL, DEB, REP as they are, and
//! better ones).
//!
//! A policy is told what a coordinator sees: a request's domain, what seats answered and how long it took, and
//! of audits, once they are opened, who was right. It is told nothing else, so that the same functions can be
//! played against recordings (crate `sim`) and used in production.
//!
//! ```text
//! chance, domain -> open -> next -> seat answers -> next -> ... -> conclude -> learn
//!                                                                      audit -> audited
//! ```
//!
//! All of it is a function of what it was told, in its order: no clock, no entropy, and of floating point
//! only what IEEE 754 fixes to the bit ([`number`]). What a receipt must hold so that others can compute a
//! decision again stands in `docs/POLICIES.md`.

pub mod number;

mod book;
mod cascade;
mod posterior;

#[cfg(test)]
mod tests;

pub use cascade::{Cascade, Settings};
pub use posterior::{Posterior, Skills, Voice};

/// What a seat gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Its class: equal for answers that say the same, within one contract.
    pub class: u32,
    /// Whether it is one of few options: peers are then wrong alike more often.
    pub choice: bool,
}

/// A seat that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heard {
    /// Who, by its number in the pool.
    pub provider: usize,
    /// What it gave; `None` where no answer could be read.
    pub answer: Option<Answer>,
    /// How long it took, in milliseconds; 0 where that was not measured.
    pub latency_ms: u32,
}

/// A seat of a contract that was audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// What was heard of it.
    pub heard: Heard,
    /// Whether it was right.
    pub right: bool,
}

/// Decides, contract by contract. Calls come in the order of the methods.
pub trait Policy {
    /// A contract begins, in a domain by its number; `chance` is its seed, which nobody chose.
    fn open(&mut self, domain: usize, chance: u64);

    /// Who is asked next, `None` to conclude. Nobody is asked twice in a contract.
    fn next(&mut self, heard: &[Heard]) -> Option<usize>;

    /// The class that is taken, `None` where nobody answered.
    fn conclude(&mut self, heard: &[Heard]) -> Option<u32>;

    /// The contract is over; `calls` were made for it, audits of the contract before included.
    fn learn(&mut self, heard: &[Heard], calls: usize);

    /// Whom else an auditor asks the question of the contract that was just concluded, `None` to keep the
    /// audit for later.
    fn audit(&mut self, heard: &[Heard]) -> Option<Vec<usize>>;

    /// What an audit found: the seats of the contract first, then who else was asked.
    fn audited(&mut self, found: &[Found]);

    /// How good a provider is held to be, in any unit: larger is better.
    fn reputation(&self, provider: usize) -> f64;
}
