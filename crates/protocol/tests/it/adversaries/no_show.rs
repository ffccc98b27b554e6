use llmnet_protocol::message::ToCoordinator;

use super::Twist;
use crate::respondent::Honest;

/// Accepts and is never heard of again.
pub struct NoShow(pub Honest);

impl Twist for NoShow {
    fn inner(&mut self) -> &mut Honest {
        &mut self.0
    }

    fn inner_ref(&self) -> &Honest {
        &self.0
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        let accepts = matches!(message, ToCoordinator::Reply(_));
        accepts.then_some(message).into_iter().collect()
    }
}
