//! Everybody's money after all that happened, to the millionth.

use std::collections::BTreeMap;

use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{query as ledger, record::Totals};
use llmnet_types::{
    bond::Role,
    id::ProviderId,
    settlement::Leaf,
    signature::PublicKey,
    transaction::{Instruction, Outcome, Transaction},
    units::Amount,
};

use crate::support::{DEADLINE, Local, Settled, until_block};

async fn totals(chain: &dyn ChainClient) -> Totals {
    query(chain, |state| ledger::totals(state)).await.unwrap().1
}

/// Blocks in which every window closes: eight epochs.
const WINDOWS: u64 = 8 * 64;

/// Held pay becomes free as its windows close, and a line that is closed returns its rest.
pub(super) async fn nothing_stays_held(local: &Local) {
    let (chain, keys) = (local.chain(), local.keys());
    until_block(&*chain, WINDOWS, "all pay is free", || async {
        (totals(&*chain).await.held == Amount::ZERO).then_some(())
    })
    .await;
    let (requester, coordinator) = (keys.requester(), keys.coordinator().public_key());
    let owner = requester.public_key();
    let read = query(&*chain, move |state| {
        let line = ledger::line_of(state, &owner, &coordinator);
        (line, ledger::account(state, &owner).nonce)
    });
    let (line, nonce) = read.await.unwrap().1;
    let (line, _) = line.expect("a line was opened");
    let close = Instruction::CloseLine { line };
    let close = Transaction::sign(local.network.id, &requester, nonce, close);
    let id = chain.submit(close).await.unwrap();
    let closed = chain.outcome(id, DEADLINE).await.unwrap().unwrap();
    assert!(
        matches!(closed.outcome, Outcome::Applied { .. }),
        "{closed:?}"
    );
    until_block(&*chain, WINDOWS, "the line's rest returns", || async {
        (totals(&*chain).await.lines == Amount::ZERO).then_some(())
    })
    .await;
}

/// What a coordinator posted.
async fn bond(chain: &dyn ChainClient, coordinator: PublicKey) -> u64 {
    let read = query(chain, |state| {
        ledger::bond(state, &coordinator, Role::Coordinator)
    });
    read.await.unwrap().1.expect("it posted one").total().0
}

fn sum(amounts: impl Iterator<Item = Amount>) -> u64 {
    amounts.map(|amount| amount.0).sum()
}

/// Every account has what it began with, less what it paid, and what the settled leaves give it.
pub(super) async fn balance(local: &Local, told: &Settled) {
    let (chain, keys) = (local.chain(), local.keys());
    let leaves: Vec<&Leaf> = told.leaves.values().flatten().collect();
    let genesis = local.genesis();
    let read = query(&*chain, |state| {
        let count = ledger::counters(state).provider.0;
        let providers = (0..count).map(ProviderId);
        let providers = providers.filter_map(|id| Some((id, ledger::provider(state, id)?)));
        let owner = |owner: &PublicKey| ledger::account(state, owner).balance;
        let accounts = &genesis.accounts;
        let balances = accounts
            .iter()
            .map(|(key, began)| (*key, *began, owner(key)));
        let validators = genesis.validators.iter();
        let validators = validators.map(|validator| owner(&validator.operator));
        (
            ledger::totals(state),
            sum(validators),
            providers.collect::<BTreeMap<_, _>>(),
            balances.collect::<Vec<_>>(),
        )
    });
    let (totals, validators, providers, balances) = read.await.unwrap().1;

    let parts = [
        totals.accounts,
        totals.lines,
        totals.bonds,
        totals.held,
        totals.deposits,
        totals.pool,
        totals.burnt,
    ];
    assert_eq!(
        sum(parts.into_iter()),
        totals.supply.0,
        "supply is conserved"
    );
    assert_eq!((totals.held, totals.lines), (Amount::ZERO, Amount::ZERO));

    let charges = sum(leaves.iter().map(|leaf| leaf.charge));
    let fees = sum(leaves.iter().map(|leaf| leaf.fee));
    let seats = leaves.iter().flat_map(|leaf| leaf.seats.iter());
    let pays = sum(seats.map(|seat| seat.pay));
    let bytes = sum(told.fees.values().copied());
    let paid_out = totals.pool.0 + totals.burnt.0 + validators;
    assert_eq!(paid_out, fees + bytes, "all fees");
    println!("charged {charges}, seats earned {pays}, fees {fees}, bytes {bytes} millionths");
    assert!(pays > 0);

    for (key, began, balance) in balances {
        let paid = told.fees.get(&key).map_or(0, |fee| fee.0);
        let own = providers
            .iter()
            .filter(|(_, provider)| provider.newest().registration.operator == key);
        let own: Vec<_> = own.collect();
        let bonds: u64 = own
            .iter()
            .map(|(_, provider)| {
                let registration = &provider.newest().registration;
                registration.bond.0 * registration.domains.len() as u64
            })
            .sum();
        let earned = leaves.iter().flat_map(|leaf| leaf.seats.iter());
        let earned = earned.filter(|seat| own.iter().any(|(id, _)| **id == seat.provider));
        let mut expected = began.0 + sum(earned.map(|seat| seat.pay)) - bonds - paid;
        if key == keys.coordinator().public_key() {
            expected += charges - fees - pays;
            expected -= bond(&*chain, key).await;
        }
        if key == keys.requester().public_key() {
            expected -= charges;
        }
        assert_eq!(balance.0, expected, "{key}");
    }
}
