//! Truths that hold after every block, checkable on a whole state.

use std::collections::BTreeSet;

use borsh::BorshDeserialize;
use llmnet_types::{
    id::LineId,
    signature::PublicKey,
    units::{Amount, Epoch},
};

use crate::{
    query,
    record::{Account, Due, Line, Provider},
    state::{Key, MemoryState, State},
};

/// A truth that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A value is not of its key's type.
    #[error("the value under {0:?} cannot be read")]
    Unreadable(Key),
    /// A part of the totals is not the sum of what stands in the state (TXN-4).
    #[error("{place} should hold {expected}, and holds {found}")]
    Place {
        /// Which part.
        place: &'static str,
        /// By the totals.
        expected: Amount,
        /// By the state.
        found: Amount,
    },
    /// The parts do not add up to the supply (TXN-4).
    #[error("supply {supply}, and {found} is there")]
    Supply {
        /// As genesis made it.
        supply: Amount,
        /// As found.
        found: u128,
    },
    /// A line draws more than it has (LIN-3).
    #[error("line {0} is overdrawn")]
    Overdrawn(LineId),
    /// A hold is on no list of releases that is still ahead (LIN-2, SET-6).
    #[error("{0:?} would never end")]
    Endless(Key),
}

fn value<T: BorshDeserialize>(key: &Key, bytes: &[u8]) -> Result<T, Broken> {
    borsh::from_slice(bytes).map_err(|_| Broken::Unreadable(key.clone()))
}

fn add(sum: &mut Amount, amount: Amount) {
    *sum = sum.checked_add(amount).unwrap_or(Amount(u64::MAX));
}

/// Supply is conserved: every part is what stands in the state, and together they are genesis (TXN-4).
///
/// # Errors
/// The first difference found.
pub fn conserved(state: &MemoryState) -> Result<(), Broken> {
    let (mut accounts, mut lines) = (Amount::ZERO, Amount::ZERO);
    let (mut bonds, mut held) = (Amount::ZERO, Amount::ZERO);
    for (key, bytes) in state.iter() {
        match key {
            Key::Account(_) => add(&mut accounts, value::<Account>(key, bytes)?.balance),
            Key::Line(id) => {
                let line: Line = value(key, bytes)?;
                let rest = line.locked.checked_sub(line.drawn);
                add(&mut lines, rest.ok_or(Broken::Overdrawn(*id))?);
            }
            Key::Provider(_) => {
                let provider: Provider = value(key, bytes)?;
                for _ in &provider.domains {
                    add(&mut bonds, provider.registration.bond);
                }
            }
            Key::Held { .. } => add(&mut held, value(key, bytes)?),
            _ => {}
        }
    }
    let totals = query::totals(state);
    let places = [
        ("accounts", totals.accounts, accounts),
        ("lines", totals.lines, lines),
        ("bonds", totals.bonds, bonds),
        ("held", totals.held, held),
    ];
    for (place, expected, found) in places {
        if expected != found {
            return Err(Broken::Place {
                place,
                expected,
                found,
            });
        }
    }
    let found = [accounts, lines, bonds, held, totals.pool, totals.burnt]
        .iter()
        .fold(0_u128, |sum, part| sum.saturating_add(u128::from(part.0)));
    if found != u128::from(totals.supply.0) {
        return Err(Broken::Supply {
            supply: totals.supply,
            found,
        });
    }
    Ok(())
}

/// Every line and all held pay is on a list of releases that is still ahead (LIN-2, SET-6).
///
/// # Errors
/// The first hold that would never end.
pub fn ends(state: &MemoryState) -> Result<(), Broken> {
    let mut lines: BTreeSet<LineId> = BTreeSet::new();
    let mut pay: BTreeSet<(PublicKey, Epoch)> = BTreeSet::new();
    for (key, bytes) in state.iter() {
        let Key::Due { epoch, .. } = key else {
            continue;
        };
        for due in value::<Vec<Due>>(key, bytes)? {
            match due {
                Due::Line(line) => lines.insert(line),
                Due::Pay(operator) => pay.insert((operator, *epoch)),
            };
        }
    }
    for (key, _) in state.iter() {
        let ends = match key {
            Key::Line(line) => lines.contains(line),
            Key::Held { operator, epoch } => pay.contains(&(*operator, *epoch)),
            _ => true,
        };
        if !ends {
            return Err(Broken::Endless(key.clone()));
        }
    }
    Ok(())
}

/// Whether a state holds nothing that somebody waits for: no line and no held pay.
pub fn is_settled(state: &MemoryState) -> bool {
    state
        .iter()
        .all(|(key, _)| !matches!(key, Key::Line(_) | Key::Held { .. }))
        && state.get(&Key::Totals).is_some()
}
