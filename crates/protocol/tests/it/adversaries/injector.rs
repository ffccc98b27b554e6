use llmnet_protocol::message::ToCoordinator;
use llmnet_types::{
    id::{ContractId, Digest, NetworkId},
    message::{DeclineReason, GiveUp, Response},
    signature::{PrivateKey, Signed},
};

use super::Twist;
use crate::respondent::Honest;

/// Sends, around each thing it should send, all that it should not: forged, of another network, of
/// another contract, and again what it sent before.
pub struct Injector {
    pub honest: Honest,
    /// Whose words it forges.
    pub victim: PrivateKey,
    pub sent: Vec<ToCoordinator>,
}

impl Injector {
    fn contract(&self) -> ContractId {
        let offer = self.honest.offer.as_ref();
        offer.map_or(ContractId([0; 32]), |offer| offer.assign.body.contract)
    }

    fn forge(&self, message: &ToCoordinator) -> Vec<ToCoordinator> {
        let network = self.honest.account.network;
        let elsewhere = NetworkId([9; 32]);
        let other = ContractId([9; 32]);
        let key = &self.honest.key;
        match message {
            ToCoordinator::Reply(reply) => {
                let mut body = reply.body.clone();
                body.assign = Digest::of(b"another offer");
                let mut declines = reply.body.clone();
                declines.response = Response::Busy;
                let give_up = |contract| GiveUp {
                    contract,
                    reason: DeclineReason::Policy,
                };
                let own = give_up(self.contract());
                vec![
                    ToCoordinator::GiveUp(Signed::new(own, &elsewhere, key)),
                    ToCoordinator::GiveUp(Signed::new(own, &network, &self.victim)),
                    ToCoordinator::GiveUp(Signed::new(give_up(other), &network, key)),
                    ToCoordinator::Reply(Signed::new(body, &network, key)),
                    ToCoordinator::Reply(Signed::new(declines.clone(), &elsewhere, key)),
                    ToCoordinator::Reply(Signed::new(declines, &network, &self.victim)),
                ]
            }
            ToCoordinator::Commit(commit) => {
                let mut body = commit.body.clone();
                body.commitment = Digest::of(b"never meant");
                let mut foreign = body.clone();
                foreign.contract = other;
                vec![
                    ToCoordinator::Commit(Signed::new(body.clone(), &elsewhere, key)),
                    ToCoordinator::Commit(Signed::new(body, &network, &self.victim)),
                    ToCoordinator::Commit(Signed::new(foreign, &network, key)),
                ]
            }
            ToCoordinator::Part(part) => {
                let mut foreign = part.body.clone();
                foreign.contract = other;
                let mut inflated = part.body.clone();
                inflated.input.0 += 1;
                let mut reclassed = part.body.clone();
                reclassed.last_class = Digest::of(b"the winner's");
                let mut emptied = part.body.clone();
                emptied.commitments = Default::default();
                [foreign, inflated, reclassed, emptied]
                    .map(|body| ToCoordinator::Part(Box::new(Signed::new(body, &network, key))))
                    .to_vec()
            }
            ToCoordinator::Open(_)
            | ToCoordinator::LineOk(_)
            | ToCoordinator::GiveUp(_)
            | ToCoordinator::Found(_) => Vec::new(),
        }
    }
}

impl Twist for Injector {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        let mut messages = self.forge(&message);
        messages.push(message.clone());
        self.sent.push(message);
        messages.extend(self.sent.iter().cloned());
        messages
    }
}
