//! One block: what begins with it, then its transactions, in order.

use llmnet_types::{
    id::Digest,
    signature::PublicKey,
    transaction::{Outcome, Transaction},
};

use crate::{Mismatch, Oracle, Proposal, chain::chain_step, office::Office};

/// A block as it is executed.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its height.
    pub height: u64,
    /// Who proposed it.
    pub leader: PublicKey,
    /// What its leader revealed.
    pub reveal: Option<Digest>,
}

impl Oracle {
    /// Plays a block. Of each transaction it is told what the ledger made of it; it computes by itself
    /// what that does, and whether the rules allow it.
    ///
    /// # Errors
    /// The ledger applied what the rules refuse, refused what they allow, or took another fee.
    ///
    /// # Panics
    /// Where the oracle itself breaks: a sum is negative.
    pub fn block(
        &mut self,
        block: &Block,
        transactions: &[Transaction],
        outcomes: &[Outcome],
    ) -> Result<(), Mismatch> {
        assert_eq!(block.height, self.height + 1, "blocks come in order");
        let before = self.epoch();
        self.height = block.height;
        if self.epoch() > before {
            self.begin_epoch();
            self.keep_promises();
        }
        self.reveal(block)?;
        self.led.push(block.leader);
        for (transaction, outcome) in transactions.iter().zip(outcomes) {
            self.transaction(transaction, outcome)?;
        }
        // COM-2: the state of a term's last block holds the next committee.
        if (self.height + 1).is_multiple_of(self.params.term_length()) {
            self.office = Office {
                term: self.office.term + 1,
                committee: self.elect(),
            };
        }
        Ok(())
    }

    /// EPO-2, VOT-1, COM-1, POL-1
    fn begin_epoch(&mut self) {
        let epoch = self.epoch();
        let last = self.beacons.last().copied().unwrap_or(Digest::ZERO);
        let beacon = Digest::tagged(
            "llmnet/beacon/1",
            &[&last.0, &self.mix.0, &epoch.to_le_bytes()],
        );
        self.beacons.push(beacon);
        self.mix = Digest::ZERO;
        if let Some(params) = self.decided.take() {
            self.params = params;
        }
        self.params_ever.push(self.params.clone());
        let term_begins = epoch.is_multiple_of(u64::from(self.params.term_epochs));
        let open = |proposal: &Proposal| !term_begins && proposal.until >= epoch;
        self.proposals.retain(open);
        self.pay_out();
    }

    /// EPO-2: the leader reveals its next element, where it has a chain in force.
    fn reveal(&mut self, block: &Block) -> Result<(), Mismatch> {
        let epoch = self.epoch();
        let chain = self
            .beacon_chains
            .get(&block.leader)
            .and_then(|chains| chains.of(epoch))
            .filter(|chain| chain.left > 0);
        let holds = match (chain, &block.reveal) {
            (Some(chain), Some(element)) => chain_step(element) == chain.position,
            (None, None) => true,
            _ => false,
        };
        if !holds {
            return Err(Mismatch {
                height: self.height,
                rule: "EPO-2",
                what: format!("the reveal of {}", block.leader.short()),
                ledger: format!("{:?}", block.reveal),
                oracle: format!("{chain:?}"),
            });
        }
        if let Some(element) = block.reveal {
            let chains = self.beacon_chains.get_mut(&block.leader);
            let opened = chains.is_some_and(|chains| chains.open(epoch, 1, element));
            assert!(opened, "it was checked above");
            self.mix = Digest::tagged("llmnet/mix/1", &[&self.mix.0, &element.0]);
        }
        Ok(())
    }
}
