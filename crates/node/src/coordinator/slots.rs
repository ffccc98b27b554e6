//! Slots are set aside in the journal before they are used, some at a time, so that no order waits for the disk and
//! none is used twice, whenever the program is cut off (CON-1).

use std::{collections::BTreeMap, sync::Arc};

use llmnet_protocol::settle::void_leaf;
use llmnet_types::{
    contract::contract_id,
    id::{ContractId, LineId, NetworkId},
    signature::PublicKey,
    units::{Height, Slot},
};

use super::{
    desk::Desk,
    journal::{Entry, Journal, JournalError, Reserved},
};

/// How many slots are set aside at a time: as many become void where the program is cut off.
const AHEAD: u32 = 128;
/// With fewer left, more are set aside meanwhile.
const LOW: u64 = 64;

impl Desk {
    /// The contract of a slot.
    pub(super) fn name(&self, slot: Slot) -> ContractId {
        contract_id(&self.id, &self.key.public_key(), slot)
    }

    /// Sets slots aside, if few are left.
    pub(super) async fn set_aside(&self) -> anyhow::Result<()> {
        let _one_at_a_time = self.reserving.lock().await;
        let reserved = {
            let accounts = self.accounts.lock().await;
            if accounts.reserved.0 >= accounts.next_slot.0.saturating_add(LOW) {
                return Ok(());
            }
            anyhow::ensure!(!accounts.closed, "the coordinator is stopping");
            Reserved {
                until: Slot(accounts.next_slot.0.saturating_add(u64::from(AHEAD))),
                line: accounts.purse.line(),
                order: accounts.purse.last().saturating_add(AHEAD),
            }
        };
        self.journal.reserve(reserved).await?;
        let mut accounts = self.accounts.lock().await;
        // Whoever changed to another line meanwhile sets slots aside for that one.
        if accounts.purse.line() == reserved.line && !accounts.closed {
            accounts.reserved = accounts.reserved.max(reserved.until);
        }
        Ok(())
    }

    /// Sets slots aside meanwhile, where an order leaves just as few that it is time to.
    pub(super) fn set_aside_in_time(self: &Arc<Self>, slot: Slot, reserved: Slot) {
        if slot.0.saturating_add(LOW) == reserved.0 {
            let desk = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = desk.set_aside().await {
                    desk.trouble(&error);
                }
            });
        }
    }

    /// Takes no more orders and gives back the slots that were not used.
    ///
    /// # Errors
    /// The journal fails: then those slots become void.
    pub async fn close(&self) -> anyhow::Result<()> {
        let _one_at_a_time = self.reserving.lock().await;
        let reserved = {
            let mut accounts = self.accounts.lock().await;
            accounts.closed = true;
            accounts.reserved = accounts.next_slot;
            Reserved {
                until: accounts.next_slot,
                line: accounts.purse.line(),
                order: accounts.purse.last(),
            }
        };
        Ok(self.journal.reserve(reserved).await?)
    }
}

/// Where a coordinator goes on: at the first slot that it cannot have used, at no earlier height than before. Slots
/// before it that have no end were lost when the program was cut off, and end as void: nobody is owed anything for them.
pub(super) async fn go_on(
    journal: &Journal,
    network: &NetworkId,
    coordinator: &PublicKey,
    (settled, settled_height): (Slot, Height),
) -> Result<(Slot, Height), JournalError> {
    let entries = journal.entries(settled, usize::MAX).await?;
    let mut ended: BTreeMap<Slot, Entry> = entries
        .into_iter()
        .map(|entry| (entry.slot, entry))
        .collect();
    let reserved = journal.reserved().await?.until;
    let after = ended.last_key_value().and_then(|(slot, _)| slot.next());
    let end = reserved.max(settled).max(after.unwrap_or(settled));
    let (mut slot, mut height) = (settled, settled_height);
    while slot < end {
        match ended.remove(&slot) {
            Some(entry) => height = height.max(entry.height),
            None => {
                let leaf = void_leaf(height, LineId::default());
                let contract = contract_id(network, coordinator, slot);
                journal.void(contract, slot, leaf).await?;
            }
        }
        let Some(next) = slot.next() else { break };
        slot = next;
    }
    Ok((slot, height))
}
