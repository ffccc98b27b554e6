//! The operator of all validators: lets them join those who may be elected, and leave.

use std::sync::{Arc, Mutex};

use llmnet_types::{
    bond::{Enlistment, Role},
    codec::Text,
    id::NetworkId,
    signature::{PrivateKey, Signed},
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{customer::Customer, place::seed, plan::Plan, stage::lock};

/// The operator's account.
pub(crate) const OPERATOR: usize = 7;

/// The operator.
pub(crate) struct Operator {
    pub(crate) customer: Arc<Customer>,
    network: NetworkId,
    /// The fewest enlisted: those who are not honest must be borne.
    least: usize,
    /// Who will be enlisted once all that was ordered is done.
    enlisted: Mutex<Vec<bool>>,
}

impl Operator {
    pub(crate) fn new(plan: &Plan, network: NetworkId, customer: Arc<Customer>) -> Self {
        let enlisted = (0..plan.validators).map(|index| plan.is_first(index));
        Self {
            customer,
            network,
            least: plan.committee_min(),
            enlisted: Mutex::new(enlisted.collect()),
        }
    }

    /// Lets a validator leave if it is enlisted and the others are enough without it, else join.
    pub(crate) fn turn(&self, index: usize) {
        let mut enlisted = lock(&self.enlisted);
        let count = enlisted.iter().filter(|enlisted| **enlisted).count();
        let key = PrivateKey::from_seed(seed(index));
        let (node, role) = (key.public_key(), Role::Validator);
        let instruction = match (enlisted[index], count > self.least) {
            (true, false) => return,
            (true, true) => Instruction::Delist { node, role },
            (false, _) => {
                let enlistment = Enlistment {
                    node,
                    operator: self.customer.key().public_key(),
                    role,
                    address: Text::empty(),
                    bond: Amount(Amount::CREDIT.0 + index as u64),
                    until: Epoch(u64::MAX),
                };
                Instruction::Enlist(Box::new(Signed::new(enlistment, &self.network, &key)))
            }
        };
        enlisted[index] = !enlisted[index];
        self.customer.order(instruction);
    }
}
