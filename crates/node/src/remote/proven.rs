//! What a node's word is held to: the committees that follow from the genesis, and what headers name.

use std::collections::BTreeMap;

use llmnet_chain::client::{Finality, FinalizedBlock};
use llmnet_ledger::Genesis;
use llmnet_types::{
    codec::encode,
    merkle,
    network::Electorate,
    proof::DESCENDANTS_MAX,
    succession::{HandOver, HandOverError},
    transaction::Outcome,
    units::{Height, Term},
};

use super::answers::Block;
use crate::proof::Settlements;

/// Committees of terms, each followed from the one before. All are kept: they are few, as terms last for
/// hours, and none is made but by a quorum of the one before.
pub(super) struct Electorates {
    first: Electorate,
    known: BTreeMap<Term, Electorate>,
}

impl Electorates {
    pub(super) fn new(genesis: &Genesis) -> Self {
        let first = genesis.root().electorate();
        let known = [(first.term, first.clone())].into();
        Self { first, known }
    }

    /// The newest term whose committee is known.
    pub(super) fn newest(&self) -> Term {
        let last = self.known.keys().next_back();
        last.copied().unwrap_or(self.first.term)
    }

    pub(super) fn of(&self, term: Term) -> Option<Electorate> {
        self.known.get(&term).cloned()
    }

    /// Takes the end of the newest known term.
    pub(super) fn follow(&mut self, hand_over: &HandOver) -> Result<(), HandOverError> {
        let newest = self.known.values().next_back().unwrap_or(&self.first);
        let next = hand_over.follow(newest)?;
        self.known.insert(next.term, next);
        Ok(())
    }
}

/// A block as it must be, and why it is final; else what of it does not hold.
pub(super) fn block(
    block: Block,
    height: Height,
    electorate: &Electorate,
) -> Result<(FinalizedBlock, Finality), String> {
    let Block {
        header,
        transactions,
        finality,
    } = block;
    let Some(finality) = finality else {
        return Err(format!("nothing shows that block {height} is final"));
    };
    if header.height != height {
        return Err(format!(
            "it shows block {} for block {height}",
            header.height
        ));
    }
    if finality.descendants.len() > DESCENDANTS_MAX {
        return Err(format!(
            "block {height} has too many descendants before its certificate"
        ));
    }
    let mut certified = &header;
    for descendant in &finality.descendants {
        if descendant.parent != certified.digest() || descendant.term != header.term {
            return Err(format!("the headers after block {height} are no chain"));
        }
        certified = descendant;
    }
    finality
        .certificate
        .verify(electorate, certified)
        .map_err(|error| format!("block {height} is not final: {error}"))?;

    let outcomes: Option<Vec<Outcome>> =
        transactions.iter().map(|one| one.outcome.clone()).collect();
    let transactions: Vec<_> = transactions
        .into_iter()
        .map(|one| one.transaction)
        .collect();
    if merkle::root(transactions.iter().map(encode)) != header.transactions {
        return Err(format!(
            "the transactions of block {height} are not those of its header"
        ));
    }
    let found = FinalizedBlock {
        header: header.clone(),
        transactions,
        outcomes,
        events: None,
    };
    if found.outcomes.is_some() {
        let settled = Settlements::of(&found);
        let heads = settled.iter().flat_map(|settled| settled.list());
        if merkle::root(heads.map(|(head, _)| encode(head))) != header.settlements {
            return Err(format!("block {height} settled other than it is said to"));
        }
    }
    let finality = Finality {
        header,
        descendants: finality.descendants,
        certificate: finality.certificate,
    };
    Ok((found, finality))
}
