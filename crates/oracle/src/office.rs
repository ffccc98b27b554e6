//! Committees, votes, and the pool's payout (COM, VOT, POL).

use std::collections::{BTreeMap, BTreeSet};

use llmnet_types::{bond::Role, network::Committee, params::Params, signature::PublicKey};

use crate::{
    Oracle, Refusal,
    mismatch::require,
    money::{money, share},
};

/// The committee in office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    /// Its term.
    pub term: u64,
    /// Its validators.
    pub committee: Committee,
}

/// Parameters that are voted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What is proposed.
    pub params: Params,
    /// The last epoch in which votes count.
    pub until: u64,
    /// Who voted first.
    pub proposer: PublicKey,
    /// Who voted for it.
    pub voters: BTreeSet<PublicKey>,
}

/// A committee of these, of whom there is one at least and none twice.
pub(crate) fn committee_of(nodes: impl IntoIterator<Item = PublicKey>) -> Committee {
    Committee::new(nodes.into_iter().collect()).expect("there is a validator, and none twice")
}

impl Oracle {
    /// COM-3: who is in office next.
    pub(crate) fn elect(&self) -> Committee {
        let least = money(self.params.validator_bond_min);
        let mut able: Vec<(u128, PublicKey)> = self
            .bonds
            .iter()
            .filter(|((_, role), bond)| {
                *role == Role::Validator
                    && bond.enlisted
                    && bond.standing >= least
                    && bond.since != Some(self.epoch())
            })
            .map(|((node, _), bond)| (bond.standing, *node))
            .collect();
        able.sort_by(|(a, first), (b, second)| b.cmp(a).then(first.cmp(second)));
        able.truncate(usize::try_from(self.params.committee_max).expect("it is at most 128"));
        if able.is_empty() {
            return self.office.committee.clone();
        }
        committee_of(able.into_iter().map(|(_, node)| node))
    }

    /// VOT-1
    pub(crate) fn vote(&mut self, signer: &PublicKey, params: &Params) -> Result<(), Refusal> {
        let epoch = self.epoch();
        require(
            self.office.committee.keys().contains(signer),
            "VOT-1: not in office",
        )?;
        require(
            self.params.check_change(params).is_ok() && [1, 2].contains(&params.policy),
            "VOT-2: out of bounds",
        )?;
        let known = self
            .proposals
            .iter()
            .position(|proposal| proposal.params == *params);
        if known.is_none() {
            let own = |proposal: &Proposal| proposal.proposer == *signer;
            let own = self.proposals.iter().position(own);
            if let Some(own) = own {
                require(
                    self.proposals.remove(own).voters.len() == 1,
                    "VOT-1: others voted for its last proposal",
                )?;
            }
        }
        let place = known.unwrap_or_else(|| {
            self.proposals.push(Proposal {
                params: params.clone(),
                until: epoch + 1,
                proposer: *signer,
                voters: BTreeSet::new(),
            });
            self.proposals.len() - 1
        });
        let proposal = &mut self.proposals[place];
        require(proposal.voters.insert(*signer), "VOT-1: voted already")?;
        if proposal.voters.len() >= self.office.committee.quorum() {
            self.decided = Some(self.proposals.remove(place).params);
        }
        Ok(())
    }

    /// POL-1, POL-2: the pool of the epoch before is paid out.
    pub(crate) fn pay_out(&mut self) {
        let audits = share(self.pool, self.params.audit_share.get());
        let rest = self.pool - audits;
        let mut blocks: BTreeMap<PublicKey, u128> = BTreeMap::new();
        for leader in std::mem::take(&mut self.led) {
            *blocks.entry(leader).or_default() += 1;
        }
        let all: u128 = blocks.values().sum();
        for (leader, count) in blocks {
            let operator = self.operator_of(&leader, Role::Validator);
            let part = rest * count / all;
            self.pool -= part;
            self.give(&operator, part);
        }
        let all: u128 = self.audited.values().sum();
        for (operator, items) in std::mem::take(&mut self.audited) {
            let part = audits * items / all;
            self.pool -= part;
            self.give(&operator, part);
        }
    }
}
