//! What the chain says happened, read block by block.

use std::{collections::BTreeMap, time::Duration};

use llmnet_chain::client::ChainClient;
use llmnet_types::{
    settlement::Leaf,
    signature::PublicKey,
    transaction::{Instruction, Outcome},
    units::{Amount, Height, Slot},
};

/// All that a chain was told and did.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    /// Every leaf of a coordinator, by slot: as often as it was applied.
    pub(crate) leaves: BTreeMap<(PublicKey, Slot), Vec<Leaf>>,
    /// What each signer paid for its transactions' bytes.
    pub(crate) fees: BTreeMap<PublicKey, Amount>,
    /// Refused transactions that were charged.
    pub(crate) refused: Vec<String>,
    pub(crate) height: Height,
}

/// Reads all blocks.
pub(crate) async fn settled(chain: &dyn ChainClient) -> Settled {
    let mut settled = Settled {
        height: chain.tip().borrow().height(),
        ..Settled::default()
    };
    for height in 1..=settled.height.0 {
        let block = chain.block(Height(height)).await.unwrap();
        let block = block.unwrap_or_else(|| panic!("block {height} is there"));
        for transaction in block.transactions {
            let inclusion = chain.outcome(transaction.id(), Duration::ZERO).await;
            let inclusion = inclusion.unwrap().expect("it is in a block");
            if inclusion.height != Height(height) {
                // A copy that changed nothing.
                continue;
            }
            let signer = transaction.body.signer;
            let fee = match inclusion.outcome {
                Outcome::Applied { fee } => {
                    if let Instruction::Settle(settlement) = transaction.body.instruction {
                        let slots = settlement.first_slot.0..;
                        for (slot, leaf) in slots.zip(settlement.leaves.iter()) {
                            let place = settled.leaves.entry((signer, Slot(slot)));
                            place.or_default().push(leaf.clone());
                        }
                    }
                    fee
                }
                Outcome::Rejected { fee, reason } => {
                    settled.refused.push(format!("{height}: {reason}"));
                    fee
                }
            };
            let paid = settled.fees.entry(signer).or_default();
            *paid = paid.checked_add(fee).unwrap();
        }
    }
    settled
}
