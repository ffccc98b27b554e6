//! Transfers and lines (TXN, LIN).

use llmnet_ledger::{State, query};
use llmnet_types::{
    id::LineId,
    transaction::Instruction,
    units::{Amount, Epoch},
};

use super::{Act, History};

impl History {
    pub(super) fn transfer(&mut self, _state: &dyn State) -> Option<Act> {
        let (from, to) = (self.somebody(), self.somebody());
        let amount = self.amount();
        Some((from, Instruction::Transfer { to, amount }))
    }

    pub(super) fn open_line(&mut self, state: &dyn State) -> Option<Act> {
        let epoch = query::clock(state).epoch.0;
        let longest = u64::from(query::params(state).line_epochs_max);
        let expires = match self.random.below(12) {
            0 => Epoch(epoch + longest + 1),
            1 => Epoch(epoch.saturating_sub(1)),
            _ => Epoch(epoch + self.random.below(longest + 1)),
        };
        // An operator asks as well: its own seats are not rated then (REP-4).
        let requester = if self.random.chance(10) {
            self.operator()
        } else {
            self.requester()
        };
        let coordinator = self.coordinator();
        let amount = if self.random.chance(15) {
            self.amount()
        } else {
            Amount(self.random.between(50_000, 4_000_000))
        };
        let open = Instruction::OpenLine {
            coordinator,
            amount,
            expires,
        };
        Some((requester, open))
    }

    /// Any line, mostly with its owner.
    fn some_line(
        &mut self,
        state: &dyn State,
    ) -> Option<(LineId, llmnet_types::signature::PublicKey)> {
        let count = u64::from(query::counters(state).line.0);
        let recent = count.saturating_sub(30);
        let line = LineId(u32::try_from(recent + self.random.below(count - recent + 1)).unwrap());
        let owner = query::line(state, line).map(|line| line.requester);
        let stranger = self.random.chance(10);
        Some((
            line,
            owner
                .filter(|_| !stranger)
                .unwrap_or_else(|| self.somebody()),
        ))
    }

    pub(super) fn top_up(&mut self, state: &dyn State) -> Option<Act> {
        let (line, owner) = self.some_line(state)?;
        let amount = self.amount();
        Some((owner, Instruction::TopUp { line, amount }))
    }

    pub(super) fn close_line(&mut self, state: &dyn State) -> Option<Act> {
        let (line, owner) = self.some_line(state)?;
        Some((owner, Instruction::CloseLine { line }))
    }
}
