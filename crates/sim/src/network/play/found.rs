//! How a run begins.

use llmnet_ledger::query;
use llmnet_protocol::quote::Purse;
use llmnet_types::{
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{
    super::{market::seat_charge, offices},
    Play,
};

/// Free money of who asks, for its transactions.
const POCKET: Amount = Amount(1_000_000_000);

impl Play<'_> {
    /// The first blocks: everybody is endowed, coordinators enlist, requesters open lines.
    pub(super) fn found(&mut self, block: u64) {
        let pairs = self.market.requesters.len() * self.market.coordinators.len();
        let all = 2 * u64::from(self.scenario.epochs) * u64::from(self.scenario.market.questions);
        // Twice the mean of a pair, and more for chance; what is not drawn returns.
        let orders = 2 * all / pairs.max(1) as u64 + 256;
        let worst = 2 * seat_charge(self.scenario).0 * u64::from(self.scenario.market.seats);
        let deposit = Amount(orders * worst);
        match block {
            1 => {
                let owners: Vec<_> = self
                    .market
                    .coordinators
                    .iter()
                    .map(|one| one.node)
                    .collect();
                let money = offices::money(&self.world);
                for owner in owners {
                    self.world.endow(owner, money);
                }
                let lines = deposit.0 * self.market.coordinators.len() as u64;
                for requester in &self.market.requesters {
                    let owner = requester.key.public_key();
                    self.world.endow(owner, Amount(lines + POCKET.0));
                }
            }
            2 => {
                for coordinator in &self.market.coordinators {
                    offices::enlist(&mut self.world, coordinator);
                }
                let expires = Epoch(u64::from(self.scenario.epochs) + 2);
                for requester in &self.market.requesters {
                    for coordinator in &self.market.coordinators {
                        let open = Instruction::OpenLine {
                            coordinator: coordinator.node,
                            amount: deposit,
                            expires,
                        };
                        self.world.submit(&requester.key, open);
                    }
                }
            }
            3 => {
                for (number, requester) in self.market.requesters.iter().enumerate() {
                    let owner = requester.key.public_key();
                    for coordinator in &mut self.market.coordinators {
                        let state = &self.world.state;
                        let line = query::line_of(state, &owner, &coordinator.node);
                        if let Some((id, line)) = line {
                            let purse = Purse::new(id, line.locked, 0, Amount::ZERO);
                            coordinator.purses.insert(number, purse);
                        }
                    }
                }
            }
            _ => {}
        }
    }
}
