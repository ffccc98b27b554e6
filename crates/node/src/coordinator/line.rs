//! The line that the gateway orders from: found at the start, opened anew when its money or time runs out.

use std::time::Duration;

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{query as ledger, record::Line};
use llmnet_protocol::quote::Purse;
use llmnet_types::{
    id::LineId,
    signature::PublicKey,
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Slot},
};

use super::{accounts::LINE_EPOCHS_MIN, desk::Desk};

/// What a line is opened with, where its owner has as much.
const DEPOSIT: Amount = Amount(10_000 * Amount::CREDIT.0);
/// For how many epochs.
const LINE_EPOCHS: u64 = 50_000;
/// How long opening a line may take.
const OPENING: Duration = Duration::from_secs(10);

/// The newest line, who pays, and the time.
struct Found {
    line: Option<(LineId, Line)>,
    nonce: u64,
    balance: Amount,
    epoch: Epoch,
}

impl Found {
    /// Whether the line has money and time left.
    fn is_usable(&self) -> bool {
        self.line.as_ref().is_some_and(|(_, line)| {
            !line.closed
                && line.ends.0 >= self.epoch.0.saturating_add(LINE_EPOCHS_MIN)
                && line.rest() > Amount(line.locked.0 / 100)
        })
    }
}

impl Desk {
    /// At the start: finds the line to order from, opening one where none can be used.
    pub(super) async fn take_up_line(&self) -> anyhow::Result<()> {
        let mut found = self.newest_line().await?;
        if !found.is_usable() {
            self.open_line(&found).await?;
            found = self.newest_line().await?;
        }
        self.order_from(found).await
    }

    /// While orders are open: changes to a new line, if the one in use has run out on the ledger too. Says
    /// whether it has.
    pub(super) async fn renew_line(&self) -> anyhow::Result<bool> {
        let _one_at_a_time = self.renewing.lock().await;
        let found = self.newest_line().await?;
        let in_use = self.accounts.lock().await.purse.line();
        let renewed = found.line.as_ref().is_some_and(|(id, _)| *id != in_use);
        if renewed || found.is_usable() {
            // Somebody else has renewed it, or what is missing is only reserved.
            return Ok(renewed);
        }
        self.open_line(&found).await?;
        let found = self.newest_line().await?;
        self.order_from(found).await?;
        Ok(true)
    }

    async fn newest_line(&self) -> anyhow::Result<Found> {
        let owner = self.requester.public_key();
        let coordinator = self.key.public_key();
        let (_, found) = query(&*self.chain, move |state| {
            let account = ledger::account(state, &owner);
            Found {
                line: ledger::line_of(state, &owner, &coordinator),
                nonce: account.nonce,
                balance: account.balance,
                epoch: ledger::clock(state).epoch,
            }
        })
        .await?;
        Ok(found)
    }

    async fn open_line(&self, found: &Found) -> anyhow::Result<()> {
        let instruction = Instruction::OpenLine {
            coordinator: self.key.public_key(),
            // A hundredth stays for the fees of its transactions.
            amount: DEPOSIT.min(Amount(found.balance.0 / 100 * 99)),
            expires: Epoch(found.epoch.0.saturating_add(LINE_EPOCHS)),
        };
        let transaction = Transaction::sign(self.id, &self.requester, found.nonce, instruction);
        let id = self.chain.submit(transaction).await?;
        let inclusion = self.chain.outcome(id, OPENING).await?;
        match inclusion.map(|inclusion| inclusion.outcome) {
            Some(Outcome::Applied { .. }) => Ok(()),
            Some(Outcome::Rejected { reason, .. }) => anyhow::bail!("no line: {reason}"),
            None => anyhow::bail!("the line was not opened within {OPENING:?}"),
        }
    }

    async fn order_from(&self, found: Found) -> anyhow::Result<()> {
        let Some((id, line)) = found.line else {
            anyhow::bail!("the line that was opened cannot be found");
        };
        let (last, unsettled) = self.unsettled(id).await?;
        let charged = line.drawn.checked_add(unsettled).unwrap_or(line.locked);
        {
            let mut accounts = self.accounts.lock().await;
            accounts.purse = Purse::new(id, line.locked, last.max(line.n), charged);
            accounts.line_ends = line.ends;
            // Slots are set aside for orders of one line.
            accounts.reserved = accounts.next_slot;
        }
        self.set_aside().await
    }

    /// The last order on a line that is not settled yet, and what such orders will still draw from it.
    async fn unsettled(&self, line: LineId) -> anyhow::Result<(u32, Amount)> {
        let (settled, _) = settled(&*self.chain, self.key.public_key()).await?;
        let entries = self.journal.entries(settled, usize::MAX).await?;
        let ours = entries.iter().filter_map(|entry| {
            let voucher = &entry.voucher.as_ref()?.body;
            (voucher.line == line).then_some((voucher.n, entry.leaf.charge))
        });
        // Orders that a crash lost may have been signed: their numbers are not used again (LIN-4).
        let reserved = self.journal.reserved().await?;
        let lost = (reserved.line == line).then_some(reserved.order);
        let last = ours.clone().map(|(n, _)| n).chain(lost).max();
        let charges = ours.map(|(_, charge)| charge);
        Ok((last.unwrap_or(0), Amount::sum(charges).unwrap_or_default()))
    }
}

/// The next slot that the ledger settles, and the height of the last one.
pub(super) async fn settled(
    chain: &dyn ChainClient,
    coordinator: PublicKey,
) -> anyhow::Result<(Slot, Height)> {
    let (_, record) = query(chain, move |state| ledger::coordinator(state, &coordinator)).await?;
    Ok(record.map_or((Slot(0), Height(0)), |record| {
        (record.next_slot, record.height)
    }))
}
