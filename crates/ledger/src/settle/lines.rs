//! What a settlement draws, line by line, and that its owners agreed (LIN-2, LIN-3, LIN-4).

use std::collections::BTreeMap;

use llmnet_types::{
    id::{LineId, NetworkId},
    params::SETTLE_EPOCHS,
    rejection::{LeafFault, Rejection},
    settlement::{Leaf, Settlement},
    signature::PublicKey,
    units::Slot,
};

use super::conduct;
use crate::{record::Line, state::Key, work::Work};

/// The lines a settlement draws on, as they will be.
#[derive(Default)]
pub(super) struct Lines(BTreeMap<LineId, Line>);

impl Lines {
    /// Draws a leaf's charge, at most what is left. Gives whose money it is.
    pub(super) fn draw(
        &mut self,
        work: &Work<'_>,
        signer: &PublicKey,
        slot: Slot,
        leaf: &Leaf,
    ) -> Result<PublicKey, Rejection> {
        let id = leaf.line;
        let line = match self.0.entry(id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let line: Option<Line> = work.read(&Key::Line(id));
                let line = line.filter(|line| line.coordinator == *signer);
                new.insert(line.ok_or(Rejection::Line { line: id })?)
            }
        };
        // Nothing selected after the line's end is paid by it, and no more is settled an epoch later
        // (LIN-2).
        let epoch = leaf.height.epoch(work.params.epoch_length());
        let last = line.ends.0.saturating_add(SETTLE_EPOCHS);
        if epoch > line.ends || work.clock.epoch.0 > last {
            return Err(Rejection::LineClosed { line: id });
        }
        // Order numbers go up; none is settled twice (LIN-4).
        if leaf.n <= line.n {
            return Err(Rejection::Leaf {
                slot,
                reason: LeafFault::Order,
            });
        }
        line.n = leaf.n;
        line.drawn = line
            .drawn
            .checked_add(leaf.charge)
            .filter(|drawn| *drawn <= line.locked)
            .ok_or(Rejection::Voucher { line: id })?;
        Ok(line.requester)
    }

    /// Each line has the voucher of its highest order and no other, and all that was ever drawn stays within
    /// it, as it does within the line (LIN-3).
    pub(super) fn cover(&self, settlement: &Settlement) -> Result<(), Rejection> {
        let mut vouchers = settlement.vouchers.iter().map(|voucher| &voucher.body);
        for (id, line) in &self.0 {
            let covered = vouchers.next().is_some_and(|voucher| {
                voucher.line == *id && voucher.n == line.n && line.drawn <= voucher.limit
            });
            if !covered {
                return Err(Rejection::Voucher { line: *id });
            }
        }
        match vouchers.next() {
            Some(unused) => Err(Rejection::Voucher { line: unused.line }),
            None => Ok(()),
        }
    }

    /// Each voucher is signed by its line's owner (LIN-3). They stand in the order of lines, as checked before.
    pub(super) fn signed(
        &self,
        work: &Work<'_>,
        network: &NetworkId,
        settlement: &Settlement,
    ) -> Result<(), Rejection> {
        for (voucher, (id, line)) in settlement.vouchers.iter().zip(&self.0) {
            if !work.signed(voucher, network, &line.requester) {
                return Err(Rejection::Voucher { line: *id });
            }
        }
        Ok(())
    }

    pub(super) fn keep(self, work: &mut Work<'_>) {
        let epoch = Some(work.clock.epoch);
        for (id, mut line) in self.0 {
            if line.active != epoch {
                line.active = epoch;
                conduct::asked(work, &line.requester);
            }
            work.write(Key::Line(id), &line);
        }
    }
}
