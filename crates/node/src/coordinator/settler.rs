//! Settling: leaves in slot order become one transaction; once it is final, receipts get their proofs.
//!
//! Everything here can be repeated: after a crash the ledger says which slot is next, the journal what
//! was decided about it, and a settlement that was submitted before is found by its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use llmnet_chain::{
    client::{ChainError, Finality, FinalizedBlock, SubmitError},
    query,
};
use llmnet_ledger::query as ledger;
use llmnet_protocol::{
    message::ToSeat,
    settle::{Unsettled, settlement, void_leaf},
};
use llmnet_types::{
    codec::List,
    document::ReceiptDocument,
    id::ProviderId,
    params::SETTLE_EPOCHS,
    receipt::ContractStatus,
    rejection::{LeafFault, Rejection},
    settlement::Settlement,
    signature::PublicKey,
    succession::Succession,
    transaction::{Instruction, Outcome, Transaction},
    units::{Height, Slot, Term},
};
use tokio::time::{Instant, sleep};

use super::{chains::Walk, conduct::collect_agreements, desk::Desk};
use crate::proof::Settlements;

/// Contracts of one settlement: with a voucher and co-signatures they fit one transaction.
const LEAVES: usize = 128;
/// Settlements that are submitted together: a busy coordinator's requests must not come faster than they are settled.
const SETTLEMENTS: usize = 16;
/// How long seats have to co-sign.
const AGREEMENT: Duration = Duration::from_millis(300);
/// How long a settlement may take before it is looked into again.
const INCLUSION: Duration = Duration::from_secs(10);
/// How often there is a look without being called.
const INTERVAL: Duration = Duration::from_secs(1);

/// Settles for as long as the chain runs.
pub(super) async fn run(desk: Arc<Desk>) {
    while desk.chain.tip().has_changed().is_ok() {
        tokio::select! {
            () = desk.work.notified() => {}
            () = sleep(INTERVAL) => {}
        }
        match desk.settle_all().await {
            Ok(()) => desk.settled_well(),
            // The program ends, and so does the loop; or one validator of many stopped, and others answer.
            Err(error) if stopped(&error) => {}
            Err(error) => desk.trouble(&error),
        }
    }
}

/// Whether a validator that was asked is not there any more.
fn stopped(error: &anyhow::Error) -> bool {
    let chain = match error.downcast_ref::<SubmitError>() {
        Some(SubmitError::Chain(chain)) => Some(chain),
        _ => error.downcast_ref::<ChainError>(),
    };
    matches!(chain, Some(ChainError::Stopped { .. }))
}

/// A settlement that is final.
struct Included {
    height: Height,
    settled: Box<Settlement>,
}

/// The oldest height that contracts may have which are settled after this one (WIN-1).
fn oldest(height: Height, epoch_length: u64) -> Height {
    let epoch = height.epoch(epoch_length).0.saturating_sub(SETTLE_EPOCHS);
    Height(epoch.saturating_mul(epoch_length))
}

impl Desk {
    /// Settles until nothing waits, then proves what was settled and is not proven yet. While some is settled, what was
    /// before is proven.
    async fn settle_all(&self) -> anyhow::Result<()> {
        let mut settled = Vec::new();
        loop {
            if let Err(error) = self.keep_anchored().await {
                // What is anchored goes on to serve.
                self.trouble(&error);
            }
            let (more, proven) = tokio::join!(self.settle_once(), self.prove_all(settled));
            proven?;
            match more? {
                Some(more) => settled = more,
                None => break,
            }
        }
        self.prove_settled().await
    }

    /// Settles what can be settled now, in transactions that are submitted together. What it settled; `None` where there
    /// was nothing to settle.
    async fn settle_once(&self) -> anyhow::Result<Option<Vec<Included>>> {
        let coordinator = self.key.public_key();
        let (height, (record, account, epoch_length)) = query(&*self.chain, move |state| {
            (
                ledger::coordinator(state, &coordinator),
                ledger::account(state, &coordinator),
                ledger::params(state).epoch_length(),
            )
        })
        .await?;
        let record = record.unwrap_or_default();
        let mut next = record.next_slot;
        let walk = Walk::new(record.chains, self.anchors.length(), epoch_length);
        let oldest = record.height.max(oldest(height, epoch_length));
        let waiting = self.waiting(next, oldest, walk).await?;
        let age = waiting
            .values()
            .next()
            .map_or(0, |first| height.0.saturating_sub(first.leaf.height.0));
        let ordered = self.accounts.lock().await.next_slot;
        let (behind, at_once) = (ordered.0.saturating_sub(next.0), LEAVES * SETTLEMENTS);
        self.backlog
            .note(behind, u64::try_from(at_once)?, age, epoch_length);
        let mut settlements = Vec::new();
        while settlements.len() < SETTLEMENTS
            && let Some(settled) = settlement(next, &waiting, LEAVES, epoch_length)?
        {
            let leaves = u64::try_from(settled.leaves.len())?;
            next = Slot(next.0.saturating_add(leaves));
            settlements.push(settled);
        }
        if settlements.is_empty() {
            return Ok(None);
        }
        let agreed = join_all(settlements.iter().map(|settled| self.agreements(settled))).await;
        let mut submitted = Vec::new();
        for (place, (mut settled, line_oks)) in settlements.into_iter().zip(agreed).enumerate() {
            settled.line_oks = line_oks?;
            let (first, leaves) = (settled.first_slot, settled.leaves.len());
            let nonce = account.nonce.saturating_add(u64::try_from(place)?);
            let instruction = Instruction::Settle(Box::new(settled));
            let transaction = Transaction::sign(self.network.id(), &self.key, nonce, instruction);
            let noted = self.journal.submit(first, leaves, transaction.clone());
            submitted.push((transaction, noted.await?));
        }
        for (transaction, noted) in &mut submitted {
            // On disk before anybody else has it.
            noted.synced().await?;
            self.chain.submit(transaction.clone()).await?;
        }
        let mut all = Vec::new();
        for (transaction, _) in submitted {
            let Some(included) = self.included(transaction, &waiting).await? else {
                // Those after it are refused for its slots, which come again.
                break;
            };
            all.push(included);
        }
        Ok(Some(all))
    }

    /// Waits until a settlement is final; `None` where it settles nothing.
    async fn included(
        &self,
        transaction: Transaction,
        waiting: &BTreeMap<Slot, Unsettled>,
    ) -> anyhow::Result<Option<Included>> {
        let id = transaction.id();
        let Instruction::Settle(settled) = transaction.body.instruction else {
            return Ok(None);
        };
        let Some(inclusion) = self.chain.outcome(id, INCLUSION).await? else {
            let slot = settled.first_slot;
            anyhow::bail!("settlement {id} of slot {slot} is not final after {INCLUSION:?}");
        };
        match inclusion.outcome {
            Outcome::Applied { .. } => Ok(Some(Included {
                height: inclusion.height,
                settled,
            })),
            Outcome::Rejected { reason, .. } => {
                self.refused(waiting, reason).await?;
                Ok(None)
            }
        }
    }

    /// Proves what settlements settled, all of a block with that block at hand.
    async fn prove_all(&self, included: Vec<Included>) -> anyhow::Result<()> {
        let mut last: Option<FinalizedBlock> = None;
        for Included { height, settled } in included {
            let is_at_hand = last
                .as_ref()
                .is_some_and(|block| block.header.height == height);
            if !is_at_hand {
                last = self.chain.block(height).await?;
            }
            if let Some(block) = &last {
                self.prove(block, &settled).await?;
            }
        }
        Ok(())
    }

    /// What waits from a slot on, up to the first contract that is still worked on. What is older than the ledger looks
    /// back to becomes void here, so that what comes after it goes on.
    async fn waiting(
        &self,
        next: Slot,
        oldest: Height,
        mut walk: Walk,
    ) -> anyhow::Result<BTreeMap<Slot, Unsettled>> {
        let mut waiting = BTreeMap::new();
        let mut slot = next;
        for mut entry in self.journal.entries(next, LEAVES * SETTLEMENTS).await? {
            if entry.slot != slot {
                break;
            }
            if entry.leaf.height < oldest {
                entry.leaf = void_leaf(oldest, entry.leaf.line);
                let leaf = entry.leaf.clone();
                self.journal.void(self.name(slot), slot, leaf).await?;
                self.trouble(&anyhow::anyhow!(
                    "slot {slot} is void: it was not settled in time"
                ));
            }
            let Some(opening) = self.opening(slot, entry.leaf.height, &mut walk).await else {
                anyhow::bail!(
                    "slot {slot} cannot be settled: no hash chain of this coordinator opens it"
                );
            };
            if !opening.certain && !self.ordered_with(&entry, opening.element).await? {
                entry.leaf = void_leaf(entry.leaf.height, entry.leaf.line);
                let leaf = entry.leaf.clone();
                self.journal.void(self.name(slot), slot, leaf).await?;
                self.trouble(&anyhow::anyhow!(
                    "slot {slot} is void: slots before it became void too late for its hash chain"
                ));
            }
            let void = entry.leaf.status == ContractStatus::Void;
            let unsettled = Unsettled {
                slot,
                slot_secret: opening.element,
                leaf: entry.leaf,
                voucher: entry.voucher.filter(|_| !void),
            };
            waiting.insert(slot, unsettled);
            slot = slot.next().unwrap_or(slot);
        }
        Ok(waiting)
    }

    async fn agreements(
        &self,
        settled: &Settlement,
    ) -> anyhow::Result<
        List<
            (
                ProviderId,
                llmnet_types::signature::Signed<llmnet_types::message::LineOk>,
            ),
            { llmnet_types::settlement::LINE_OKS_MAX },
        >,
    > {
        let named: BTreeSet<ProviderId> = settled
            .leaves
            .iter()
            .flat_map(|leaf| leaf.seats.iter().map(|seat| seat.provider))
            .collect();
        let providers: Vec<ProviderId> = named.into_iter().collect();
        let (_, nodes) = query(&*self.chain, move |state| {
            providers
                .iter()
                .filter_map(|id| {
                    let found = ledger::provider(state, *id)?;
                    Some((found.newest().registration.node, *id))
                })
                .collect::<BTreeMap<PublicKey, ProviderId>>()
        })
        .await?;
        let seats: Vec<PublicKey> = nodes.keys().copied().collect();
        let message = ToSeat::CoSign(Box::new(settled.clone()));
        let agreed = collect_agreements(
            &self.hub,
            self.key.public_key(),
            &seats,
            &message,
            AGREEMENT,
        )
        .await;
        let network = self.network.id();
        let mut line_oks: Vec<_> = agreed
            .into_iter()
            .filter_map(|(node, line_ok)| {
                let provider = *nodes.get(&node)?;
                let holds = line_ok.verify(&network, &node).is_ok()
                    && settled.line_ok(provider).as_ref() == Some(&line_ok.body);
                holds.then_some((provider, line_ok))
            })
            .collect();
        line_oks.sort_by_key(|(provider, _)| *provider);
        line_oks.dedup_by_key(|(provider, _)| *provider);
        Ok(List::truncated(line_oks))
    }

    /// A settlement that the ledger refuses: what cannot be settled any more becomes void, so that later
    /// slots do not wait for it.
    async fn refused(
        &self,
        waiting: &BTreeMap<Slot, Unsettled>,
        reason: Rejection,
    ) -> anyhow::Result<()> {
        match reason {
            // Somebody was quicker: an earlier submission of ours. The ledger is read anew.
            Rejection::Slot { .. } | Rejection::Nonce { .. } => Ok(()),
            Rejection::Leaf { slot, reason } if waiting.contains_key(&slot) => {
                self.void(&waiting[&slot], reason).await
            }
            Rejection::Voucher { line }
            | Rejection::LineClosed { line }
            | Rejection::Line { line } => {
                self.trouble(&anyhow::anyhow!("line {line} does not pay any more"));
                for unsettled in waiting
                    .values()
                    .filter(|unsettled| unsettled.leaf.line == line)
                {
                    self.void(unsettled, LeafFault::Order).await?;
                }
                Ok(())
            }
            reason => anyhow::bail!("the ledger refuses a settlement: {reason}"),
        }
    }

    /// Replaces a leaf by a void one. Where the slot has become too old, it takes the oldest height that
    /// the ledger still looks back to, so that the slots after it keep theirs (SEL-8).
    async fn void(&self, unsettled: &Unsettled, reason: LeafFault) -> anyhow::Result<()> {
        let coordinator = self.key.public_key();
        let (_, oldest) = query(&*self.chain, move |state| {
            let last = ledger::coordinator(state, &coordinator).map(|record| record.height);
            let length = ledger::params(state).epoch_length();
            last.unwrap_or_default()
                .max(oldest(ledger::clock(state).height, length))
        })
        .await?;
        let leaf = void_leaf(unsettled.leaf.height.max(oldest), unsettled.leaf.line);
        anyhow::ensure!(
            leaf != unsettled.leaf,
            "slot {} is void and refused: {reason}",
            unsettled.slot
        );
        self.trouble(&anyhow::anyhow!(
            "slot {} is void: {reason}",
            unsettled.slot
        ));
        let contract = self.name(unsettled.slot);
        Ok(self.journal.void(contract, unsettled.slot, leaf).await?)
    }

    /// Gives receipts of earlier settlements their proofs: those settled just before a crash.
    async fn prove_settled(&self) -> anyhow::Result<()> {
        let coordinator = self.key.public_key();
        let (_, record) = query(&*self.chain, move |state| {
            ledger::coordinator(state, &coordinator)
        })
        .await?;
        let settled = record.map_or(Slot(0), |record| record.next_slot);
        let mut done = BTreeSet::new();
        for slot in self.journal.unproven(settled).await? {
            for id in self.journal.submitted(slot).await? {
                if !done.insert(id) {
                    continue;
                }
                let Some(inclusion) = self.chain.outcome(id, Duration::ZERO).await? else {
                    continue;
                };
                let Some(block) = self.chain.block(inclusion.height).await? else {
                    continue;
                };
                let index = usize::try_from(inclusion.index)?;
                if let Some(Instruction::Settle(settled)) = block
                    .transactions
                    .get(index)
                    .map(|transaction| transaction.body.instruction.clone())
                    && matches!(inclusion.outcome, Outcome::Applied { .. })
                {
                    self.prove(&block, &settled).await?;
                }
            }
        }
        Ok(())
    }

    /// Proves all receipts of a settlement, once its block is certified.
    async fn prove(&self, block: &FinalizedBlock, settled: &Settlement) -> anyhow::Result<()> {
        let height = block.header.height;
        let Some(finality) = self.finality(height).await? else {
            anyhow::bail!("block {height} has no certificate yet");
        };
        let Some(settlements) = Settlements::of(block) else {
            anyhow::bail!("there is no record of what block {height} did");
        };
        let coordinator = self.key.public_key();
        let succession = self.succession(block.header.term).await?;
        let mut proven = BTreeMap::new();
        let mut slot = settled.first_slot;
        for leaf in &settled.leaves {
            let document = self.journal.document(slot).await?;
            match document.filter(|document| document.signed.body == leaf.receipt) {
                Some(document) => {
                    let Some(proof) = settlements.prove(&finality, &coordinator, slot) else {
                        anyhow::bail!("block {height} does not settle slot {slot}");
                    };
                    proven.insert(
                        slot,
                        ReceiptDocument {
                            proof: Some(proof),
                            succession: succession.clone(),
                            ..document
                        },
                    );
                }
                // A void slot, or one whose receipt was given up: there is nothing to prove.
                None => drop(self.journal.abandon(slot).await?),
            }
            slot = slot.next().unwrap_or(slot);
        }
        // Whoever waits reads what is written; what a power cut takes is proven again.
        drop(self.journal.prove(height, proven).await?);
        self.proven.send_replace(height);
        Ok(())
    }

    /// How a term's committee follows from the network's first: without it nobody who knows the genesis alone
    /// could check a proof of that term (COM-2, PRF-3).
    async fn succession(&self, term: Term) -> anyhow::Result<Succession> {
        let terms = usize::try_from(term.0)?;
        let mut hand_overs = self.hand_overs.lock().await;
        while hand_overs.len() < terms {
            let ended = Term(u64::try_from(hand_overs.len())?);
            let Some(hand_over) = self.chain.hand_over(ended).await? else {
                anyhow::bail!("how term {ended} ended is not known yet");
            };
            hand_overs.push(hand_over);
        }
        let needed = hand_overs.iter().take(terms).cloned();
        Ok(Succession::new(needed.collect())?)
    }

    /// The certificate may come a moment after the block.
    async fn finality(&self, height: Height) -> anyhow::Result<Option<Finality>> {
        let deadline = Instant::now() + INCLUSION;
        let mut tip = self.chain.tip();
        loop {
            if let Some(finality) = self.chain.finality(height).await? {
                return Ok(Some(finality));
            }
            tokio::select! {
                changed = tip.changed() => {
                    if changed.is_err() {
                        // That validator stopped; if all have, the next question says so.
                        tip = self.chain.tip();
                    }
                }
                () = tokio::time::sleep_until(deadline) => return Ok(None),
            }
        }
    }
}
