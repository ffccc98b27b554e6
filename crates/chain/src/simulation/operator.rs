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
    /// Blocks of a term.
    term_blocks: u64,
    /// Who will be enlisted once all that was ordered is done.
    enlisted: Mutex<Vec<Enlisted>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Enlisted {
    No,
    Ordered,
    /// It was final at this height.
    Since(u64),
}

impl Operator {
    pub(crate) fn new(plan: &Plan, network: NetworkId, customer: Arc<Customer>) -> Self {
        let enlisted = (0..plan.validators).map(|index| match plan.is_first(index) {
            true => Enlisted::Since(0),
            false => Enlisted::No,
        });
        let (epoch_blocks, term_epochs) = plan.term;
        Self {
            customer,
            network,
            least: plan.committee_min(),
            term_blocks: u64::from(epoch_blocks) * u64::from(term_epochs),
            enlisted: Mutex::new(enlisted.collect()),
        }
    }

    /// Lets a validator leave if it is enlisted and the others are enough without it, else join.
    ///
    /// Who enlists in a term's last epoch is not elected for the next one (COM-3), so a newcomer makes up for
    /// nobody until it was enlisted for a whole term.
    pub(crate) fn turn(&self, index: usize, height: u64) {
        let mut enlisted = lock(&self.enlisted);
        if self.customer.waiting().is_empty() {
            for each in enlisted.iter_mut() {
                if *each == Enlisted::Ordered {
                    *each = Enlisted::Since(height);
                }
            }
        }
        let counts = |each: &Enlisted| match each {
            Enlisted::Since(0) => true,
            Enlisted::Since(since) => since + self.term_blocks < height,
            _ => false,
        };
        let others = enlisted.iter().enumerate();
        let others = others.filter(|(other, each)| *other != index && counts(each));
        let is_enlisted = enlisted[index] != Enlisted::No;
        let key = PrivateKey::from_seed(seed(index));
        let (node, role) = (key.public_key(), Role::Validator);
        let instruction = match (is_enlisted, others.count() >= self.least) {
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
        enlisted[index] = match is_enlisted {
            true => Enlisted::No,
            false => Enlisted::Ordered,
        };
        self.customer.order(instruction);
    }
}
