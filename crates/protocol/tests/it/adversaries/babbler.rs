use llmnet_protocol::message::ToCoordinator;

use super::Twist;
use crate::{network::Chance, respondent::Honest};

/// Drops, repeats, holds back and alters what it sends, as chance will have it.
pub struct Babbler {
    pub honest: Honest,
    pub chance: Chance,
    pub held: Vec<ToCoordinator>,
}

impl Babbler {
    fn alter(&mut self, message: &ToCoordinator) -> Option<ToCoordinator> {
        let mut bytes = message.to_bytes();
        let at = usize::try_from(self.chance.below(bytes.len() as u64)).unwrap();
        bytes[at] ^= 1 << self.chance.below(8);
        ToCoordinator::from_bytes(&bytes).ok()
    }
}

impl Twist for Babbler {
    fn inner(&mut self) -> &mut Honest {
        &mut self.honest
    }

    fn inner_ref(&self) -> &Honest {
        &self.honest
    }

    fn twist(&mut self, message: ToCoordinator) -> Vec<ToCoordinator> {
        let mut messages = Vec::new();
        match self.chance.below(8) {
            0 => {}
            1 => self.held.push(message),
            2 => messages.extend(self.alter(&message)),
            3 => messages.extend([message.clone(), message]),
            4 => {
                messages.extend(self.alter(&message));
                messages.push(message);
            }
            _ => messages.push(message),
        }
        if self.chance.percent(30) {
            messages.append(&mut self.held);
        }
        messages
    }
}
