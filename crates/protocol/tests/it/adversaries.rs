//! Respondents that do not keep the rules, each in its own way. All of them hold a real key and seat.

mod babbler;
mod copier;
mod cut_off;
mod equivocator;
mod ghostwriter;
mod injector;
mod no_show;
mod quitter;
mod stuffer;
mod withholder;

pub use babbler::Babbler;
pub use copier::{Copier, Leaker};
pub use cut_off::CutOff;
pub use equivocator::Equivocator;
pub use ghostwriter::Ghostwriter;
pub use injector::Injector;
pub use no_show::NoShow;
pub use quitter::Quitter;
pub use stuffer::Stuffer;
pub use withholder::Withholder;

use llmnet_protocol::message::{ToCoordinator, ToSeat};
use llmnet_types::units::Timestamp;

use crate::respondent::{Honest, Respondent};

/// Plays by the rules up to what it sends.
pub trait Twist {
    /// The respondent within.
    fn inner(&mut self) -> &mut Honest;
    /// The same, to look at.
    fn inner_ref(&self) -> &Honest;
    /// What it sends instead.
    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator>;
    /// Whether its link still stands.
    fn stands(&self) -> bool {
        true
    }
}

impl<T: Twist> Respondent for T {
    fn receive(&mut self, now: Timestamp, message: ToSeat) -> Vec<ToCoordinator> {
        let messages = self.inner().receive(now, message);
        messages
            .into_iter()
            .flat_map(|message| self.twist(message))
            .collect()
    }

    fn wake(&mut self, now: Timestamp) -> Vec<ToCoordinator> {
        let messages = self.inner().wake(now);
        messages
            .into_iter()
            .flat_map(|message| self.twist(message))
            .collect()
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.inner_ref().wake_at()
    }

    fn is_linked(&self) -> bool {
        self.stands()
    }
}
