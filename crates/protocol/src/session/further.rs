//! Asking the other seats where those asked first settle nothing (DEB-13).

use llmnet_types::{message::Phase, request::Progress, units::Timestamp};

use super::{Effect, Session, Stage, finish::needed};
use crate::debate;

impl Session {
    /// How many seats are wanted so far.
    pub(super) fn wanted(&self) -> usize {
        match self.alone {
            Phase::Answers => self.setup.terms.seats_first(),
            _ => self.setup.terms.seats_max(),
        }
    }

    pub(super) fn selected(&self) -> Effect {
        Effect::Progress(Progress::Selected {
            seats: u8::try_from(self.wanted()).unwrap_or(u8::MAX),
        })
    }

    /// Whether those asked first settled it (DEB-13).
    pub(super) fn is_settled(&self) -> bool {
        let needed = needed(&self.setup.terms, self.wanted());
        debate::is_settled(&self.found(), self.setup.selection.confidence(), needed)
    }

    /// Whether others are asked before anybody is replaced (DEB-13).
    pub(super) fn has_others(&self) -> bool {
        self.alone == Phase::Answers && self.setup.terms.asks_further()
    }

    /// Asks the other seats, as those asked first settled nothing (DEB-13). Whether anybody is left to ask.
    pub(super) fn ask_further(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> bool {
        if self.cancelled || !self.has_others() {
            return false;
        }
        let (asked, vacant) = (self.members.len(), self.vacant);
        (self.alone, self.vacant) = (Phase::Further, 0);
        self.fill_seats(now, effects);
        if self.members.len() == asked {
            (self.alone, self.vacant) = (Phase::Answers, vacant);
            return false;
        }
        effects.push(self.selected());
        self.stage = Stage::Answers;
        self.deadline = now.after(self.setup.answer_deadline_ms());
        true
    }

    /// Nobody is asked any more: what was opened stands, or nothing was.
    pub(super) fn conclude_alone(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if self.closes.is_empty() {
            self.finish(effects);
        } else {
            self.follow(now, Phase::Answers, 0, effects);
        }
    }
}
