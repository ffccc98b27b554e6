use llmnet_protocol::message::{ToCoordinator, ToSeat, opening_commitment};
use llmnet_types::{
    codec::Text,
    id::Digest,
    message::{Answer, Commit, Opening, Payload, Phase, Revision},
    signature::Signed,
    units::Timestamp,
};

use crate::{
    respondent::{Honest, Respondent},
    world::salt,
};

/// In a round puts another text in place of its answer, whatever it was asked for, and says that it was
/// convinced.
pub struct Ghostwriter {
    pub honest: Honest,
    pub wrote: Answer,
    /// What it bound in place of its honest revision.
    pub forged: Option<(Digest, Opening)>,
}

impl Ghostwriter {
    fn forge(&mut self, message: ToCoordinator) -> ToCoordinator {
        let ToCoordinator::Commit(commit) = message else {
            return message;
        };
        if !matches!(commit.body.phase, Phase::Round(_)) {
            return ToCoordinator::Commit(commit);
        }
        let opening = Opening {
            salt: salt("ghost"),
            payload: Payload::Revision(Revision {
                answer: self.wrote.clone(),
                convinced_by: Some(0),
                reason: Text::truncated("Everybody says so."),
            }),
        };
        let shown = self.honest.shown.expect("a round follows a Close");
        let commitment = opening_commitment(&opening, &shown);
        self.forged = Some((commitment, opening));
        let body = Commit {
            commitment,
            ..commit.body
        };
        let network = self.honest.account.network;
        ToCoordinator::Commit(Signed::new(body, &network, &self.honest.key))
    }
}

impl Respondent for Ghostwriter {
    fn receive(&mut self, now: Timestamp, message: ToSeat) -> Vec<ToCoordinator> {
        let forged = match (&message, &self.forged) {
            (ToSeat::Close(close), Some((commitment, opening)))
                if close.body.commitments.contains(commitment) =>
            {
                Some(ToCoordinator::Open(Box::new(opening.clone())))
            }
            _ => None,
        };
        let messages = self.honest.receive(now, message);
        let messages = messages.into_iter().map(|message| self.forge(message));
        messages
            .collect::<Vec<_>>()
            .into_iter()
            .chain(forged)
            .collect()
    }

    fn wake(&mut self, now: Timestamp) -> Vec<ToCoordinator> {
        let messages = self.honest.wake(now);
        let messages = messages.into_iter().map(|message| self.forge(message));
        messages.collect()
    }

    fn wake_at(&self) -> Option<Timestamp> {
        self.honest.wake_at()
    }
}
