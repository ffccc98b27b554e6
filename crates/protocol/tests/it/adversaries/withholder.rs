use llmnet_protocol::message::ToCoordinator;
use llmnet_types::message::{Payload, Phase};

use super::Twist;
use crate::respondent::Honest;

/// Binds itself and does not show what to, in one phase; or never accounts for what it did.
pub struct Withholder {
    pub honest: Honest,
    /// The phase it does not open; `None` where it keeps back its Part.
    pub phase: Option<Phase>,
}

impl Twist for Withholder {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        let withheld = match (&message, self.phase) {
            (ToCoordinator::Part(_), None) => true,
            (ToCoordinator::Open(opening), Some(phase)) => matches!(
                (&opening.payload, phase),
                (Payload::Answer(_), Phase::Answers)
                    | (Payload::Revision(_), Phase::Round(_))
                    | (Payload::Ballot(_), Phase::Ballots)
            ),
            _ => false,
        };
        (!withheld).then_some(message).into_iter().collect()
    }
}
