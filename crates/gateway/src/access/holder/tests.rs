//! Budgets: never exceeded, whatever comes in between.

use std::{collections::BTreeSet, num::NonZeroU16};

use llmnet_types::id::Digest;
use proptest::prelude::*;

use super::*;
use crate::port::keys::{KeyName, KeyStoreError};

/// Remembers the last sum.
#[derive(Default)]
struct Memory(Mutex<Spent>);

impl KeyStore for Memory {
    fn keys(&self) -> Result<Vec<(ApiKey, Spent)>, KeyStoreError> {
        Ok(Vec::new())
    }

    fn add(&self, _: &ApiKey) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn remove(&self, _: &Digest) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn spent(&self, _: &Digest, spent: Spent) -> Result<(), KeyStoreError> {
        *lock(&self.0) = spent;
        Ok(())
    }

    fn asked(&self, _: &Digest, _: &ContractId) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn has_asked(&self, _: &Digest, _: &ContractId) -> Result<bool, KeyStoreError> {
        Ok(false)
    }
}

fn holder(amount: u64, days: Option<u16>) -> (Arc<Holder>, Arc<Memory>) {
    let store = Arc::<Memory>::default();
    let key = ApiKey {
        name: KeyName::new("ci").unwrap(),
        digest: Digest::ZERO,
        scopes: BTreeSet::new(),
        requests_per_minute: None,
        budget: Some(Budget {
            amount: Amount(amount),
            days: days.and_then(NonZeroU16::new),
        }),
    };
    let holder = Holder::new(key, Spent::default(), Arc::clone(&store) as _);
    (Arc::new(holder), store)
}

#[test]
fn the_worst_case_is_set_aside_and_what_it_came_to_is_kept() {
    let (holder, store) = holder(100, None);
    let allowance = Allowance(Some(Arc::clone(&holder)));
    let first = allowance.reserve(Amount(60)).unwrap();
    let refused = allowance.reserve(Amount(41)).err();
    assert!(
        matches!(refused, Some(AnswerError::Unfunded { message }) if message.contains("0.00004"))
    );
    let second = allowance.reserve(Amount(40)).unwrap();
    first.charge(&ContractId([7; 32]), Amount(25));
    drop(second);
    let expected = Balance {
        spent: Amount(25),
        reserved: Amount::ZERO,
        available: Some(Amount(75)),
    };
    assert_eq!(holder.balance(), expected);
    assert_eq!(lock(&store.0).amount, Amount(25));
}

#[test]
fn a_new_period_has_a_new_budget_less_what_is_still_worked_on() {
    let (holder, _) = holder(100, Some(7));
    holder.reserve(Amount(60), 6).unwrap();
    holder.settle(Amount(60), Amount(60), 6);
    holder.reserve(Amount(30), 6).unwrap();
    assert!(holder.reserve(Amount(11), 6).is_err());
    assert_eq!(holder.balance_on(7).available, Some(Amount(70)));
    holder.settle(Amount(30), Amount(20), 7);
    assert_eq!(holder.balance_on(13).available, Some(Amount(80)));
    // The clock is set back: what was spent is not forgotten.
    assert_eq!(holder.balance_on(0).available, Some(Amount(80)));
    assert_eq!(holder.balance_on(14).available, Some(Amount(100)));
}

proptest! {
    /// Whatever is asked for, given up and charged, in whichever order: a period never spends more than its
    /// budget, since a request comes to its worst case at most.
    #[test]
    fn no_period_spends_more_than_its_budget(
        steps in prop::collection::vec((any::<bool>(), 0_u64..40, 0_u64..3), 1..80),
    ) {
        let (holder, _) = holder(100, Some(2));
        let (mut day, mut open) = (0, Vec::new());
        for (begin, amount, later) in steps {
            day += later / 2;
            if begin {
                if holder.reserve(Amount(amount), day).is_ok() {
                    open.push(amount);
                }
            } else if let Some(worst) = open.pop() {
                holder.settle(Amount(worst), Amount(amount.min(worst)), day);
            }
            let balance = holder.balance_on(day);
            prop_assert_eq!(balance.reserved.0, open.iter().sum::<u64>());
            let all = balance.spent.0 + balance.reserved.0 + balance.available.unwrap().0;
            prop_assert_eq!(all, 100);
        }
    }
}
