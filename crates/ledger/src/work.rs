//! Changes on the way: a layer over a state that can be kept or thrown away whole.

use std::cell::RefCell;

use borsh::{BorshDeserialize, BorshSerialize};
use llmnet_types::{
    codec::encode,
    id::NetworkId,
    params::Params,
    rejection::Rejection,
    signature::{Batch, Message, PublicKey, Signed},
    units::Amount,
};

use crate::{
    event::EventKind,
    record::{Account, Clock, Totals},
    state::{Key, State, Writes, read},
};

/// What a layer changed.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) writes: Writes,
    pub(crate) events: Vec<EventKind>,
}

/// How signatures are checked that a transaction carries.
///
/// Together they cost a fraction of what each costs by itself. So a block is executed as if all held, they
/// are checked afterwards, and only if that was wrong it is executed again with a closer look.
pub(crate) enum Signatures {
    /// Taken for good, and gathered to be checked together.
    Gathered(RefCell<Batch>),
    /// Checked where they are asked for.
    Checked,
}

impl Signatures {
    pub(crate) const fn gathered() -> Self {
        Self::Gathered(RefCell::new(Batch::new()))
    }

    /// What was taken for good so far.
    pub(crate) fn into_batch(self) -> Batch {
        match self {
            Self::Gathered(batch) => batch.into_inner(),
            Self::Checked => Batch::new(),
        }
    }

    fn holds<T: Message>(
        &self,
        signed: &Signed<T>,
        network: &NetworkId,
        signer: &PublicKey,
    ) -> bool {
        match self {
            Self::Gathered(batch) => {
                batch.borrow_mut().push(signed, network, signer);
                true
            }
            Self::Checked => signed.verify(network, signer).is_ok(),
        }
    }
}

/// A state and what was changed on top of it.
pub(crate) struct Work<'a> {
    base: &'a dyn State,
    signatures: &'a Signatures,
    changes: Changes,
    pub(crate) params: Params,
    pub(crate) clock: Clock,
}

impl State for Work<'_> {
    fn get(&self, key: &Key) -> Option<Vec<u8>> {
        match self.changes.writes.get(key) {
            Some(value) => value.clone(),
            None => self.base.get(key),
        }
    }
}

/// A place where money is; every movement is from one to another (TXN-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Accounts,
    Lines,
    Bonds,
    Held,
    Deposits,
    Pool,
    Burnt,
}

fn place(totals: &mut Totals, place: Place) -> &mut Amount {
    match place {
        Place::Accounts => &mut totals.accounts,
        Place::Lines => &mut totals.lines,
        Place::Bonds => &mut totals.bonds,
        Place::Held => &mut totals.held,
        Place::Deposits => &mut totals.deposits,
        Place::Pool => &mut totals.pool,
        Place::Burnt => &mut totals.burnt,
    }
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        base: &'a dyn State,
        signatures: &'a Signatures,
        params: Params,
        clock: Clock,
    ) -> Self {
        Self {
            base,
            signatures,
            changes: Changes::default(),
            params,
            clock,
        }
    }

    /// A layer on top of this one, for what may be thrown away.
    pub(crate) fn layer(&self) -> Work<'_> {
        self.layer_with(self.signatures)
    }

    /// A layer on top of this one, in which signatures are checked otherwise.
    pub(crate) fn layer_with<'b>(&'b self, signatures: &'b Signatures) -> Work<'b> {
        Work::new(self, signatures, self.params.clone(), self.clock)
    }

    /// Whether a key signed this. To be asked last, where nothing else can be wrong any more: of all that a
    /// transaction costs the ledger, signatures cost most. What it is answered may be found wrong after the
    /// block, which is then executed again; so refuse what is not signed, and do nothing else by it.
    pub(crate) fn signed<T: Message>(
        &self,
        signed: &Signed<T>,
        network: &NetworkId,
        signer: &PublicKey,
    ) -> bool {
        self.signatures.holds(signed, network, signer)
    }

    /// Whether one of these keys signed this.
    pub(crate) fn signed_by_one<T: Message>(
        &self,
        signed: &Signed<T>,
        network: &NetworkId,
        signers: &[PublicKey],
    ) -> bool {
        match signers {
            [signer] => self.signed(signed, network, signer),
            // Which one is known only once they were tried.
            _ => signers
                .iter()
                .any(|signer| signed.verify(network, signer).is_ok()),
        }
    }

    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    pub(crate) fn absorb(&mut self, changes: Changes) {
        self.changes.writes.extend(changes.writes);
        self.changes.events.extend(changes.events);
    }

    pub(crate) fn take_events(&mut self) -> Vec<EventKind> {
        std::mem::take(&mut self.changes.events)
    }

    pub(crate) fn event(&mut self, event: EventKind) {
        self.changes.events.push(event);
    }

    pub(crate) fn read<T: BorshDeserialize>(&self, key: &Key) -> Option<T> {
        read(self, key)
    }

    pub(crate) fn write<T: BorshSerialize>(&mut self, key: Key, value: &T) {
        self.changes.writes.insert(key, Some(encode(value)));
    }

    pub(crate) fn remove(&mut self, key: Key) {
        self.changes.writes.insert(key, None);
    }

    /// Accounts for money moving between places. Who calls it moves the money itself too.
    pub(crate) fn shift(
        &mut self,
        from: Place,
        to: Place,
        amount: Amount,
    ) -> Result<(), Rejection> {
        let mut totals: Totals = self.read(&Key::Totals).unwrap_or_default();
        let source = place(&mut totals, from);
        *source = source.checked_sub(amount).ok_or(Rejection::Overflow)?;
        let target = place(&mut totals, to);
        *target = target.checked_add(amount).ok_or(Rejection::Overflow)?;
        self.write(Key::Totals, &totals);
        Ok(())
    }

    pub(crate) fn account(&self, owner: &PublicKey) -> Account {
        self.read(&Key::Account(*owner)).unwrap_or_default()
    }

    /// Takes free money from an account to a place.
    pub(crate) fn debit(
        &mut self,
        owner: &PublicKey,
        amount: Amount,
        to: Place,
    ) -> Result<(), Rejection> {
        let mut account = self.account(owner);
        account.balance = account
            .balance
            .checked_sub(amount)
            .ok_or(Rejection::Balance {
                needed: amount,
                available: account.balance,
            })?;
        self.write(Key::Account(*owner), &account);
        self.shift(Place::Accounts, to, amount)
    }

    /// Gives money from a place to an account.
    pub(crate) fn credit(
        &mut self,
        owner: &PublicKey,
        amount: Amount,
        from: Place,
    ) -> Result<(), Rejection> {
        let mut account = self.account(owner);
        account.balance = account
            .balance
            .checked_add(amount)
            .ok_or(Rejection::Overflow)?;
        self.write(Key::Account(*owner), &account);
        self.shift(from, Place::Accounts, amount)
    }

    /// Half is burnt, half goes to the pool; the odd millionth to the pool (TXN-2, SET-5).
    pub(crate) fn split_fee(&mut self, fee: Amount, from: Place) -> Result<(), Rejection> {
        let burnt = Amount(fee.0 >> 1);
        self.shift(from, Place::Burnt, burnt)?;
        self.shift(from, Place::Pool, fee.saturating_sub(burnt))
    }
}
