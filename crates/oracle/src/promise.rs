//! What an epoch's first block does by itself, in the order in which it was promised (WIN-2).
//!
//! A block releases a bounded number, which no history here comes near to: all of it is done at once.

use llmnet_types::{bond::Role, id::ProviderId, signature::PublicKey};

use crate::Oracle;

/// Something that an epoch's first block does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// The rest of a line returns (LIN-2).
    Line(usize),
    /// A settlement's held pay is free (SET-6).
    Settlement(usize),
    /// What has left a bond is free (BND-3).
    Bond(PublicKey, Role),
    /// A challenge was answered or never will be (DIS-6).
    Challenge(usize),
    /// An audit root counts or is void (AUD-3).
    Audit(usize),
    /// A registration that ended leaves its domains (REG-3).
    Forget(ProviderId),
}

impl Oracle {
    pub(crate) fn promise(&mut self, epoch: u64, promise: Promise) {
        self.promises.push((epoch, promise));
    }

    /// Does all that was promised for the epoch that begins.
    pub(crate) fn keep_promises(&mut self) {
        let epoch = self.epoch();
        let due = self.promises.clone().into_iter();
        for (_, promise) in due.filter(|(at, _)| *at == epoch) {
            match promise {
                Promise::Line(place) => self.release_line(place),
                Promise::Settlement(place) => self.release_settlement(place),
                Promise::Bond(node, role) => self.release_bond(&node, role),
                Promise::Challenge(place) => self.end_challenge(place),
                Promise::Audit(place) => self.close_audit(place),
                Promise::Forget(id) => self.forget(id),
            }
        }
        self.promises.retain(|(at, _)| *at > epoch);
        self.merge_audits();
    }
}
