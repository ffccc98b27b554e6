//! Balances, and where all money is (TXN-4).

use llmnet_types::{signature::PublicKey, units::Amount};

use crate::{Oracle, Refusal, mismatch::require};

/// An owner's free money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Account {
    /// What can be spent.
    pub balance: u128,
    /// The nonce of the next transaction.
    pub nonce: u64,
}

/// Where all money is, added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Free balances.
    pub accounts: u128,
    /// Locked in lines.
    pub lines: u128,
    /// Bonds, those that leave included.
    pub bonds: u128,
    /// Pay that is not free yet.
    pub held: u128,
    /// Deposited with challenges.
    pub deposits: u128,
    /// The pool.
    pub pool: u128,
    /// Gone.
    pub burnt: u128,
}

/// An amount to reckon with.
pub(crate) fn money(amount: Amount) -> u128 {
    amount.0.into()
}

/// So many basis points of an amount, rounded down.
pub(crate) fn share(amount: u128, basis_points: u16) -> u128 {
    amount * u128::from(basis_points) / 10_000
}

impl Oracle {
    /// An owner's account; an empty one of a stranger.
    pub fn account(&self, owner: &PublicKey) -> Account {
        self.accounts.get(owner).copied().unwrap_or_default()
    }

    /// All money, added up.
    pub fn totals(&self) -> Totals {
        let lines = self.lines.iter().filter(|line| !line.released);
        let open = self
            .challenges
            .iter()
            .filter(|it| !it.answered && !it.ended);
        let held = self.settled.iter().flat_map(|settled| &settled.held);
        Totals {
            accounts: self.accounts.values().map(|account| account.balance).sum(),
            lines: lines.map(|line| line.locked - line.drawn).sum(),
            bonds: self.bonds.values().map(crate::Bond::total).sum(),
            held: held.map(|held| held.amount).sum(),
            deposits: open.map(|challenge| challenge.deposit).sum(),
            pool: self.pool,
            burnt: self.burnt,
        }
    }

    pub(crate) fn take(&mut self, owner: &PublicKey, amount: u128) -> Result<(), Refusal> {
        let account = self.accounts.entry(*owner).or_default();
        require(account.balance >= amount, "TXN-1: more than there is")?;
        account.balance -= amount;
        Ok(())
    }

    pub(crate) fn give(&mut self, owner: &PublicKey, amount: u128) {
        self.accounts.entry(*owner).or_default().balance += amount;
    }

    /// TXN-2, SET-5: half is burnt, rounded down; the rest goes to the pool.
    pub(crate) fn split_fee(&mut self, fee: u128) {
        self.burnt += fee / 2;
        self.pool += fee - fee / 2;
    }

    pub(crate) fn transfer(
        &mut self,
        from: &PublicKey,
        to: &PublicKey,
        amount: u128,
    ) -> Result<(), Refusal> {
        require(amount > 0, "TXN-1: nothing is transferred")?;
        self.take(from, amount)?;
        self.give(to, amount);
        Ok(())
    }
}
