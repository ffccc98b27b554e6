//! Keeps a hash chain in force: takes up what the ledger has anchored, and anchors the next chain before one is used up
//! (ANC-2).

use anyhow::Context;
use llmnet_chain::query;
use llmnet_ledger::{query as ledger, record};
use llmnet_types::{
    id::Digest,
    receipt::ContractStatus,
    units::{Epoch, Height, Slot},
};
use tokio::task::spawn_blocking;

use super::{
    chains::{Opening, Walk},
    desk::Desk,
    journal::Entry,
};
use crate::network::submit;

impl Desk {
    /// At the start: takes up the chains where ledger and journal say.
    pub(super) async fn take_up_chains(&self) -> anyhow::Result<()> {
        let coordinator = self.key.public_key();
        let (_, (record, epoch_length)) = query(&*self.chain, move |state| {
            let epoch_length = ledger::params(state).epoch_length();
            (ledger::coordinator(state, &coordinator), epoch_length)
        })
        .await?;
        let record = record.unwrap_or_default();
        self.hold(&record).await?;
        let mut walk = Walk::new(record.chains, self.anchors.length(), epoch_length);
        for entry in self.journal.entries(record.next_slot, usize::MAX).await? {
            let height = entry.leaf.height;
            if self.opening(entry.slot, height, &mut walk).await.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// What a slot opens when it is settled, where the walk has come to it.
    pub(super) async fn opening(
        &self,
        slot: Slot,
        height: Height,
        walk: &mut Walk,
    ) -> Option<Opening> {
        let place = walk.next(height)?;
        let mut accounts = self.accounts.lock().await;
        let next = accounts.next_slot;
        accounts.chains.settle(place, slot, next)
    }

    /// Whether a slot can be settled by this element: nothing was promised in it, or it was ordered with that.
    pub(super) async fn ordered_with(
        &self,
        entry: &Entry,
        element: Digest,
    ) -> anyhow::Result<bool> {
        if entry.leaf.status == ContractStatus::Void {
            return Ok(true);
        }
        let document = self.journal.document(entry.slot).await?;
        Ok(document.is_none_or(|document| document.receipt.slot_secret == element))
    }

    /// Anchors the next chain once half of the last is used, and takes up what was anchored before.
    pub(super) async fn keep_anchored(&self) -> anyhow::Result<()> {
        let coordinator = self.key.public_key();
        let (_, (record, epoch)) = query(&*self.chain, move |state| {
            let epoch = ledger::clock(state).epoch;
            (ledger::coordinator(state, &coordinator), epoch)
        })
        .await?;
        let record = record.unwrap_or_default();
        self.hold(&record).await?;
        let rest = {
            let accounts = self.accounts.lock().await;
            let last = record.chains.chains.last();
            last.map_or(0, |last| {
                accounts.chains.rest(last.from, accounts.next_slot)
            })
        };
        if rest > self.anchors.length() / 2 || record.chains.anchored == Some(epoch) {
            return Ok(());
        }
        let anchors = self.anchors.clone();
        let from = Epoch(epoch.0.saturating_add(1));
        let instruction = spawn_blocking(move || anchors.commit(from)).await?;
        submit(&*self.chain, self.id, &self.key, instruction)
            .await
            .context("the next hash chain cannot be anchored")?;
        tracing::info!(%from, "the next hash chain is anchored");
        Ok(())
    }

    /// Holds the ledger's chains, and no others.
    async fn hold(&self, record: &record::Coordinator) -> anyhow::Result<()> {
        let missing = self.accounts.lock().await.chains.missing(&record.chains);
        for recorded in missing {
            let anchors = self.anchors.clone();
            let Some(chain) = spawn_blocking(move || anchors.find(&recorded)).await? else {
                tracing::warn!(from = %recorded.from, "an anchored hash chain is none of this seed's");
                self.accounts.lock().await.chains.shun(recorded.from);
                continue;
            };
            let mut accounts = self.accounts.lock().await;
            let next = accounts.next_slot;
            accounts
                .chains
                .hold(&recorded, chain, record.next_slot, next);
        }
        self.accounts.lock().await.chains.keep(&record.chains);
        Ok(())
    }
}
