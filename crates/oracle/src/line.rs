//! Money locked for one coordinator (LIN).

use llmnet_types::{id::LineId, signature::PublicKey};

use crate::{Oracle, Promise, Refusal, mismatch::require};

/// A line, released or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose money.
    pub requester: PublicKey,
    /// Whose orders it pays for.
    pub coordinator: PublicKey,
    /// All that was ever locked on it.
    pub locked: u128,
    /// All that was drawn.
    pub drawn: u128,
    /// The last settled order; 0 before the first.
    pub n: u32,
    /// The last epoch whose orders it pays for.
    pub ends: u64,
    /// Whether its owner closed it.
    pub closed: bool,
    /// Whether the rest went back.
    pub released: bool,
}

impl Oracle {
    pub(crate) fn open_line(
        &mut self,
        requester: &PublicKey,
        coordinator: &PublicKey,
        amount: u128,
        expires: u64,
    ) -> Result<(), Refusal> {
        require(amount > 0, "LIN-1: nothing is locked")?;
        let latest = self.epoch() + u64::from(self.params.line_epochs_max);
        require(
            (self.epoch()..=latest).contains(&expires),
            "LIN-2: the line's duration",
        )?;
        self.take(requester, amount)?;
        self.lines.push(Line {
            requester: *requester,
            coordinator: *coordinator,
            locked: amount,
            drawn: 0,
            n: 0,
            ends: expires,
            closed: false,
            released: false,
        });
        self.promise(expires + 4, Promise::Line(self.lines.len() - 1));
        Ok(())
    }

    /// A line of this owner's that takes orders.
    fn own_line(&mut self, owner: &PublicKey, id: LineId) -> Result<&mut Line, Refusal> {
        let epoch = self.epoch();
        let line = usize::try_from(id.0)
            .ok()
            .and_then(|place| self.lines.get_mut(place))
            .filter(|line| !line.released && line.requester == *owner)
            .ok_or_else(|| Refusal("LIN-5: not the signer's line".to_owned()))?;
        require(
            !line.closed && line.ends >= epoch,
            "LIN-5: the line takes no orders",
        )?;
        Ok(line)
    }

    pub(crate) fn top_up(
        &mut self,
        owner: &PublicKey,
        id: LineId,
        amount: u128,
    ) -> Result<(), Refusal> {
        require(amount > 0, "LIN-5: nothing is locked")?;
        self.own_line(owner, id)?.locked += amount;
        self.take(owner, amount)
    }

    pub(crate) fn close_line(&mut self, owner: &PublicKey, id: LineId) -> Result<(), Refusal> {
        let epoch = self.epoch();
        let line = self.own_line(owner, id)?;
        line.closed = true;
        line.ends = epoch;
        let place = usize::try_from(id.0).expect("it was found");
        self.promise(epoch + 4, Promise::Line(place));
        Ok(())
    }

    /// LIN-2: the rest returns four epochs after the line's end; a closed line was promised twice.
    pub(crate) fn release_line(&mut self, place: usize) {
        let line = &mut self.lines[place];
        if !line.released {
            line.released = true;
            let (owner, rest) = (line.requester, line.locked - line.drawn);
            self.give(&owner, rest);
        }
    }
}
