//! What a settlement draws, line by line, and that its owners agreed (LIN-2, LIN-3, LIN-4).

use std::collections::{BTreeMap, btree_map::Entry};

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

/// The lines a settlement draws on, and whose they are.
#[derive(Default)]
pub(super) struct Lines {
    /// As they will be, each with its requester's number.
    lines: BTreeMap<LineId, (Line, usize)>,
    /// Their numbers, as they come.
    requesters: BTreeMap<PublicKey, usize>,
}

/// Whose money pays for a contract.
#[derive(Debug, Clone, Copy)]
pub(super) struct Requester {
    pub(super) key: PublicKey,
    /// Its number among the settlement's requesters, as they come.
    pub(super) place: usize,
}

impl Lines {
    /// Draws a leaf's charge, at most what is left. Gives whose money it is.
    pub(super) fn draw(
        &mut self,
        work: &Work<'_>,
        signer: &PublicKey,
        slot: Slot,
        leaf: &Leaf,
    ) -> Result<Requester, Rejection> {
        let id = leaf.line;
        let (line, place) = match self.lines.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let line: Option<Line> = work.read(&Key::Line(id));
                let line = line.filter(|line| line.coordinator == *signer);
                let line = line.ok_or(Rejection::Line { line: id })?;
                let next = self.requesters.len();
                let place = *self.requesters.entry(line.requester).or_insert(next);
                new.insert((line, place))
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
        Ok(Requester {
            key: line.requester,
            place: *place,
        })
    }

    /// Whose lines these are, in the order of keys.
    pub(super) fn requesters(&self) -> impl Iterator<Item = Requester> {
        let requesters = self.requesters.iter();
        requesters.map(|(key, place)| Requester {
            key: *key,
            place: *place,
        })
    }

    /// Each line has the voucher of its highest order and no other, and all that was ever drawn stays within
    /// it, as it does within the line (LIN-3).
    pub(super) fn cover(&self, settlement: &Settlement) -> Result<(), Rejection> {
        let mut vouchers = settlement.vouchers.iter().map(|voucher| &voucher.body);
        for (id, (line, _)) in &self.lines {
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
        for (voucher, (id, (line, _))) in settlement.vouchers.iter().zip(&self.lines) {
            if !work.signed(voucher, network, &line.requester) {
                return Err(Rejection::Voucher { line: *id });
            }
        }
        Ok(())
    }

    pub(super) fn keep(&self, work: &mut Work<'_>) {
        let epoch = Some(work.clock.epoch);
        for (id, (line, _)) in &self.lines {
            let mut line = *line;
            if line.active != epoch {
                line.active = epoch;
                conduct::asked(work, &line.requester);
            }
            work.write(Key::Line(*id), &line);
        }
    }
}
