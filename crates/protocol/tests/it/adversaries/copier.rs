use std::{cell::RefCell, rc::Rc};

use llmnet_protocol::message::ToCoordinator;
use llmnet_types::{
    id::Digest,
    message::{Commit, Opening},
    signature::Signed,
};

use super::Twist;
use crate::respondent::Honest;

/// What one seat gives away to another behind the coordinator's back.
#[derive(Default)]
pub struct Leak {
    commitment: Option<Digest>,
    opening: Option<Opening>,
}

/// Keeps the rules, and tells a [`Copier`] all it does.
pub struct Leaker {
    pub honest: Honest,
    pub leak: Rc<RefCell<Leak>>,
}

impl Twist for Leaker {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        match &message {
            ToCoordinator::Commit(commit) => {
                self.leak.borrow_mut().commitment = Some(commit.body.commitment);
            }
            ToCoordinator::Open(opening) => {
                self.leak.borrow_mut().opening = Some((**opening).clone());
            }
            _ => {}
        }
        vec![message]
    }
}

/// Binds itself to the very bytes that another did, and opens them: one answer, paid twice.
pub struct Copier {
    pub honest: Honest,
    pub leak: Rc<RefCell<Leak>>,
}

impl Twist for Copier {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        let leak = self.leak.borrow();
        match message {
            ToCoordinator::Commit(commit) => {
                let commitment = leak.commitment.unwrap_or(commit.body.commitment);
                let body = Commit {
                    commitment,
                    ..commit.body
                };
                let network = self.honest.account.network;
                vec![ToCoordinator::Commit(Signed::new(
                    body,
                    &network,
                    &self.honest.key,
                ))]
            }
            ToCoordinator::Open(opening) => {
                let opening = leak.opening.clone().unwrap_or(*opening);
                vec![ToCoordinator::Open(Box::new(opening))]
            }
            other => vec![other],
        }
    }
}
