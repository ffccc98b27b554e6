//! The hand-overs that this validator missed, asked of the others until it has every one (COM-2, PRF-3).
//!
//! A term's last block can reach a validator without its certificate, and who is stopped between the two never
//! asks its engine again. Others have it; what they show is held to the committee before.

use llmnet_types::{
    network::{Committee, Electorate},
    succession::{HandOver, HandOverError},
    units::Term,
};

use crate::{hand_overs::HandOvers, runtime::Runtime};

/// Which hand-over is the first that this validator does not have.
pub(super) struct Missing {
    /// Who votes in the term that it ends.
    electorate: Electorate,
    /// That it was missing when that was looked at before.
    noticed: Option<Term>,
}

impl Missing {
    /// Begins with the first committee.
    pub(super) const fn new(first: Electorate) -> Self {
        Self {
            electorate: first,
            noticed: None,
        }
    }

    /// The latest committee to which kept hand-overs lead.
    pub(super) const fn committee(&self) -> &Committee {
        &self.electorate.committee
    }

    /// The first term that is among those that have ended and whose hand-over is not kept, if this is so for
    /// the second time: one that ended just now is about to be kept.
    pub(super) async fn look<E: Runtime>(
        &mut self,
        hand_overs: &HandOvers<E>,
        ended: u64,
    ) -> Option<Term> {
        // What is kept was checked before it was.
        while self.electorate.term.0 < ended
            && let Some(known) = hand_overs.get(self.electorate.term).await
            && let Some(term) = self.electorate.term.next()
        {
            self.electorate.term = term;
            self.electorate.committee = known.next;
        }
        let term = self.electorate.term;
        let missing = (term.0 < ended).then_some(term);
        let before = std::mem::replace(&mut self.noticed, missing);
        missing.filter(|_| before == missing)
    }

    /// Keeps what another validator shows, if it is what is missing. Whether it was.
    pub(super) async fn take<E: Runtime>(
        &mut self,
        hand_overs: &HandOvers<E>,
        hand_over: &HandOver,
    ) -> Result<bool, HandOverError> {
        if self.noticed != Some(hand_over.header.term) {
            return Ok(false);
        }
        let next = hand_over.follow(&self.electorate)?;
        hand_overs.keep(hand_over).await;
        self.electorate = next;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
