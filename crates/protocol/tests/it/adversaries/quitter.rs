use llmnet_protocol::message::ToCoordinator;
use llmnet_types::{
    message::{DeclineReason, GiveUp},
    signature::Signed,
};

use super::Twist;
use crate::respondent::Honest;

/// Binds its answer, and says that it gives up: too late for both of them.
pub struct Quitter(pub Honest);

impl Twist for Quitter {
    fn inner(&mut self) -> &mut Honest {
        &mut self.0
    }

    fn inner_ref(&self) -> &Honest {
        &self.0
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        let ToCoordinator::Commit(commit) = &message else {
            return vec![message];
        };
        let word = GiveUp {
            contract: commit.body.contract,
            reason: DeclineReason::Policy,
        };
        let word = Signed::new(word, &self.0.account.network, &self.0.key);
        vec![message, ToCoordinator::GiveUp(word)]
    }
}
