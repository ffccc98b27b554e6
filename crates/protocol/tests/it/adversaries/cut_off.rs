//! Its link ends in a phase, before it bound anything there.

use llmnet_protocol::message::ToCoordinator;
use llmnet_types::message::Phase;

use super::Twist;
use crate::respondent::Honest;

pub struct CutOff {
    pub honest: Honest,
    /// Where.
    pub phase: Phase,
    /// Whether it is over.
    pub cut: bool,
}

impl Twist for CutOff {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        self.cut |=
            matches!(&message, ToCoordinator::Commit(commit) if commit.body.phase == self.phase);
        if self.cut { Vec::new() } else { vec![message] }
    }

    fn stands(&self) -> bool {
        !self.cut
    }
}
