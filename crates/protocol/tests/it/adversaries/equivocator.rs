use llmnet_protocol::message::{ToCoordinator, opening_commitment};
use llmnet_types::{
    codec::Text,
    id::Digest,
    message::{Commit, Opening, Payload},
    signature::Signed,
};

use super::Twist;
use crate::respondent::Honest;

/// Binds itself to two answers and opens the second.
pub struct Equivocator {
    pub honest: Honest,
    /// What it had been shown, as all had: the request.
    pub shown: Digest,
    pub other: Opening,
}

impl Twist for Equivocator {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        match message {
            ToCoordinator::Commit(first) => {
                let second = Commit {
                    commitment: opening_commitment(&self.other, &self.shown),
                    ..first.body.clone()
                };
                let network = self.honest.account.network;
                let second = Signed::new(second, &network, &self.honest.key);
                vec![ToCoordinator::Commit(first), ToCoordinator::Commit(second)]
            }
            ToCoordinator::Open(opening) => {
                // Under the right salt too: the payload alone differs.
                let mut edited = *opening;
                if let Payload::Answer(answer) = &mut edited.payload {
                    answer.text = Text::truncated("Something else.");
                }
                let other = Box::new(self.other.clone());
                vec![
                    ToCoordinator::Open(Box::new(edited)),
                    ToCoordinator::Open(other),
                ]
            }
            other => vec![other],
        }
    }
}
