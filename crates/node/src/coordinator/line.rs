//! The line that the gateway orders from: found at the start, opened anew when its money or time runs out.

use std::time::Duration;

use llmnet_chain::query;
use llmnet_ledger::query as ledger;
use llmnet_protocol::quote::Purse;
use llmnet_types::{
    id::LineId,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Slot},
};

use super::desk::Desk;

/// What a line is opened with.
const DEPOSIT: Amount = Amount(10_000 * Amount::CREDIT.0);
/// For how many epochs.
const LINE_EPOCHS: u64 = 10_000;
/// How long opening a line may take.
const OPENING: Duration = Duration::from_secs(10);
impl Desk {
    /// Finds the line to order from, opening one where none has money and time left.
    pub(super) async fn take_up_line(&self) -> anyhow::Result<()> {
        let owner = self.requester.public_key();
        let coordinator = self.key.public_key();
        let read = || async {
            query(&*self.chain, move |state| {
                (
                    ledger::line_of(state, &owner, &coordinator),
                    ledger::account(state, &owner),
                    ledger::clock(state).epoch,
                )
            })
            .await
        };
        let (_, (mut line, account, epoch)) = read().await?;
        let usable = line.as_ref().is_some_and(|(_, line)| {
            !line.closed
                && line.ends.0 > epoch.0.saturating_add(8)
                && line.rest() > Amount(DEPOSIT.0 / 100)
        });
        if !usable {
            let instruction = Instruction::OpenLine {
                coordinator,
                amount: DEPOSIT,
                expires: Epoch(epoch.0.saturating_add(LINE_EPOCHS)),
            };
            let transaction =
                Transaction::sign(self.id, &self.requester, account.nonce, instruction);
            let id = self.chain.submit(transaction).await?;
            match self
                .chain
                .outcome(id, OPENING)
                .await?
                .map(|found| found.outcome)
            {
                Some(Outcome::Applied { .. }) => {}
                Some(Outcome::Rejected { reason, .. }) => anyhow::bail!("no line: {reason}"),
                None => anyhow::bail!("the line was not opened within {OPENING:?}"),
            }
            line = read().await?.1.0;
        }
        let Some((id, line)) = line else {
            anyhow::bail!("the line that was opened cannot be found");
        };
        let (last, unsettled) = self.unsettled(id).await?;
        let charged = line.drawn.checked_add(unsettled).unwrap_or(line.locked);
        let last = last.max(line.n);
        self.accounts.lock().await.purse = Purse::new(id, line.locked, last, charged);
        Ok(())
    }

    /// The last order on a line, and what ended orders will still draw from it.
    async fn unsettled(&self, line: LineId) -> anyhow::Result<(u32, Amount)> {
        let coordinator = self.key.public_key();
        let (_, record) = query(&*self.chain, move |state| {
            ledger::coordinator(state, &coordinator)
        })
        .await?;
        let settled = record.map_or(Slot(0), |record| record.next_slot);
        let entries = self.journal.entries(Slot(0)).await?;
        let ours = entries
            .iter()
            .filter(|entry| entry.voucher.body.line == line);
        let last = ours
            .clone()
            .map(|entry| entry.voucher.body.n)
            .max()
            .unwrap_or(0);
        let charges = ours
            .filter(|entry| entry.slot >= settled)
            .filter_map(|entry| entry.leaf.as_ref())
            .map(|leaf| leaf.charge);
        Ok((last, Amount::sum(charges).unwrap_or(Amount::ZERO)))
    }
}
