//! Who may be asked in a contract: this run's respondents, with what the ledger and their books say of its coordinator.

use llmnet_ledger::query;
use llmnet_protocol::{
    message::Offer,
    seat::{Account, Seat},
    session::Setup,
};
use llmnet_types::{
    message::{Answer, Revision},
    rating::Ballot,
    signature::{PrivateKey, PublicKey},
    units::Amount,
};

use super::{
    contract::Panel,
    mind::{Mind, Plan},
    people::People,
    question::Question,
    scenario::Scenario,
    world::World,
};

/// A panel of this run's respondents at a question.
pub(super) struct Asked<'a> {
    pub(super) people: &'a People,
    pub(super) scenario: &'a Scenario,
    pub(super) question: &'a Question,
    pub(super) world: &'a World,
    pub(super) seed: u64,
    pub(super) epoch: u32,
    pub(super) coordinator: usize,
    pub(super) setup: &'a Setup,
}

impl Asked<'_> {
    fn mind(&self, node: &PublicKey) -> Option<Mind<'_>> {
        let number = *self.people.by_node.get(node)?;
        Some(Mind {
            scenario: self.scenario,
            seed: self.seed,
            epoch: self.epoch,
            question: self.question,
            provider: &self.people.all[number],
            number,
        })
    }
}

impl Panel for Asked<'_> {
    fn member(&self, node: &PublicKey, offer: &Offer) -> Option<(PrivateKey, Account)> {
        let provider = &self.people.all[*self.people.by_node.get(node)?];
        let line = query::line(&self.world.state, offer.voucher.body.line)?;
        let books = provider.books.get(&self.coordinator);
        let account = Account {
            network: self.setup.network,
            coordinator: self.setup.key.public_key(),
            requester: line.requester,
            line: offer.voucher.body.line,
            deposit: line.locked,
            seat: *node,
            nonce: 0,
            price: provider.price,
            owed: books.map_or(Amount::ZERO, |books| books.total()),
            // A twentieth of a bond: who owes more than that is not worked for.
            credit_limit: Amount(self.world.params.coordinator_bond_min.0 / 20),
            own: true,
        };
        Some((provider.key.clone(), account))
    }

    fn plan(&self, node: &PublicKey) -> Plan {
        let away = Plan {
            reached: false,
            says: None,
            latency_ms: 0,
        };
        self.mind(node).map_or(away, |mind| mind.plan())
    }

    fn revises(&self, node: &PublicKey, own: usize, shown: &[Answer]) -> Option<Revision> {
        self.mind(node)?.revises(own, shown)
    }

    fn judges(&self, node: &PublicKey, own: usize, shown: &[Answer]) -> Ballot {
        let mind = self.mind(node);
        mind.map_or_else(Ballot::new, |mind| mind.judges(own, shown))
    }

    fn answer(&self, node: &PublicKey, seat: &Seat) -> Option<Answer> {
        let says = self.plan(node).says?;
        Some(says.answer(&seat.contract(), self.question))
    }
}
