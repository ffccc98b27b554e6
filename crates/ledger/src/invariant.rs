//! Truths that hold after every block, checkable on a whole state.

use std::collections::BTreeSet;

use borsh::BorshDeserialize;
use llmnet_types::{bond::Role, codec::encode, id::LineId, units::Amount};

use crate::{
    due, query,
    record::{
        Account, Bond, Challenged, DomainEntry, Due, DueCursor, Line, Listed, Settled, Standing,
    },
    state::{Key, MemoryState, State, read},
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
    /// Money stands for a role that its node has not, or a list names whom it should not (BND-2, REG-3, COM-3,
    /// BND-6).
    #[error("{0:?} stands for nothing")]
    Idle(Key),
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
    let (mut bonds, mut held, mut deposits) = (Amount::ZERO, Amount::ZERO, Amount::ZERO);
    for (key, bytes) in state.iter() {
        match key {
            Key::Account(_) => add(&mut accounts, value::<Account>(key, bytes)?.balance),
            Key::Line(id) => {
                let line: Line = value(key, bytes)?;
                let rest = line.locked.checked_sub(line.drawn);
                add(&mut lines, rest.ok_or(Broken::Overdrawn(*id))?);
            }
            Key::Bond(..) => add(&mut bonds, value::<Bond>(key, bytes)?.total()),
            Key::Settlement(..) => {
                for entry in &value::<Settled>(key, bytes)?.held {
                    add(&mut held, entry.amount);
                }
            }
            Key::Challenge(..) => add(&mut deposits, value::<Challenged>(key, bytes)?.deposit),
            _ => {}
        }
    }
    let totals = query::totals(state);
    let places = [
        ("accounts", totals.accounts, accounts),
        ("lines", totals.lines, lines),
        ("bonds", totals.bonds, bonds),
        ("held", totals.held, held),
        ("deposits", totals.deposits, deposits),
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
    let kept = [accounts, lines, bonds, held, deposits];
    let found = kept
        .iter()
        .chain([&totals.pool, &totals.burnt])
        .fold(0_u128, |sum, part| sum.saturating_add(u128::from(part.0)));
    if found != u128::from(totals.supply.0) {
        return Err(Broken::Supply {
            supply: totals.supply,
            found,
        });
    }
    Ok(())
}

/// What stands on lists and was not done yet.
fn ahead(state: &MemoryState) -> Result<BTreeSet<Vec<u8>>, Broken> {
    let cursor: DueCursor = read(state, &Key::DueCursor).unwrap_or_default();
    let mut ahead = BTreeSet::new();
    for (key, bytes) in state.iter() {
        let Key::Due { epoch, page } = key else {
            continue;
        };
        let entries: Vec<Due> = value(key, bytes)?;
        let first = page.saturating_mul(due::PAGE);
        let left = (first..).zip(&entries).filter(|(index, _)| {
            *epoch > cursor.epoch || (*epoch == cursor.epoch && *index >= cursor.index)
        });
        ahead.extend(left.map(|(_, due)| encode(due)));
    }
    Ok(ahead)
}

/// Everything that must end is on a list that is still ahead (WIN-2, LIN-2, SET-6, BND-3, DIS-6, REP-8).
///
/// # Errors
/// The first that would never end.
pub fn ends(state: &MemoryState) -> Result<(), Broken> {
    let ahead = ahead(state)?;
    for (key, bytes) in state.iter() {
        let due = match key {
            Key::Line(line) => Some(Due::Line(*line)),
            Key::Settlement(coordinator, first_slot) => Some(Due::Settlement {
                coordinator: *coordinator,
                first_slot: *first_slot,
            }),
            Key::Bond(node, role) if !value::<Bond>(key, bytes)?.leaving.is_empty() => {
                Some(Due::Bond {
                    node: *node,
                    role: *role,
                })
            }
            Key::Standing(provider, domain) => value::<Standing>(key, bytes)?
                .gathering
                .map(|_| Due::Standing(*provider, *domain)),
            Key::Challenge(coordinator, slot) => Some(Due::Challenge {
                coordinator: *coordinator,
                slot: *slot,
            }),
            Key::Claims(coordinator, epoch) => Some(Due::Claims {
                coordinator: *coordinator,
                epoch: *epoch,
            }),
            Key::Audit(auditor, epoch) => Some(Due::Audit {
                auditor: *auditor,
                epoch: *epoch,
            }),
            Key::Findings(provider, domain) => Some(Due::Findings(*provider, *domain)),
            _ => None,
        };
        if due.is_some_and(|due| !ahead.contains(&encode(&due))) {
            return Err(Broken::Endless(key.clone()));
        }
    }
    Ok(())
}

/// What stands, stands for somebody who can end it: a bond for a role that its node has, a respondent's for
/// the registration of this very key, and no list names who is not there any more (BND-2, REG-3, COM-3, BND-6).
///
/// # Errors
/// The first that stands for nothing.
pub fn roles(state: &MemoryState) -> Result<(), Broken> {
    let ahead = ahead(state)?;
    let enlisted = query::validators(state);
    for (key, bytes) in state.iter() {
        let holds = match key {
            Key::Bond(node, role) => {
                let bond: Bond = value(key, bytes)?;
                let elected = *role != Role::Validator || enlisted.contains(node) == bond.enlisted;
                let registered = *role != Role::Respondent
                    || query::provider_of(state, node).is_some() == bond.enlisted;
                let idle = !bond.enlisted && bond.standing > Amount::ZERO;
                let empty = !bond.enlisted && bond.total() == Amount::ZERO;
                elected && registered && !idle && !empty
            }
            Key::Validators => enlisted
                .iter()
                .all(|node| query::bond(state, node, Role::Validator).is_some()),
            Key::Listed => {
                let listed: Listed = value(key, bytes)?;
                let once: BTreeSet<_> = listed.iter().map(|(node, _)| node).collect();
                once.len() == listed.len()
                    && listed.iter().all(|(node, standing)| {
                        let bond = query::bond(state, node, Role::Coordinator);
                        bond.is_some_and(|bond| {
                            bond.enlisted && !bond.address.is_empty() && bond.standing == *standing
                        })
                    })
            }
            Key::Domain(domain) => {
                let entry: DomainEntry = value(key, bytes)?;
                let named = query::domain_id(state, &entry.name) == Some(*domain);
                named
                    && entry.providers.iter().all(|id| {
                        let provider = query::provider(state, *id);
                        provider.is_some_and(|provider| {
                            provider.retired_at.is_none()
                                || ahead.contains(&encode(&Due::Retired(*id)))
                        })
                    })
            }
            _ => true,
        };
        if !holds {
            return Err(Broken::Idle(key.clone()));
        }
    }
    Ok(())
}

/// Whether a state holds nothing that somebody waits for: no line, no settlement, no challenge.
pub fn is_settled(state: &MemoryState) -> bool {
    let waits = |key: &Key| matches!(key, Key::Line(_) | Key::Settlement(..) | Key::Challenge(..));
    !state.iter().any(|(key, _)| waits(key)) && state.get(&Key::Totals).is_some()
}
