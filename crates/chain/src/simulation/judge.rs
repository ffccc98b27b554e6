//! Judges what validators say is final. Knows nothing of how it came about.
//!
//! Every honest validator's blocks are compared with the one chain that there may be, over all its
//! restarts. A second, simpler model checks the first: the judge executes the same blocks on a state in
//! memory, and outcomes, events and every single value must be the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use llmnet_ledger::{
    BlockInfo, Event, Genesis, Key, MemoryState, State as _, execute, invariant, query,
};
use llmnet_types::{
    block::Header,
    certificate::CertificateError,
    id::{Digest, NetworkId, TransactionId},
    network::{Committee, Electorate},
    succession::{HandOver, Succession},
    transaction::{Outcome, Transaction},
    units::{Epoch, Height, Term},
};

use crate::{
    block::transactions_root,
    client::{Finality, FinalizedBlock, Inclusion},
};

/// States kept to compare validators with, which are a little behind each other.
const STATES_KEPT: usize = 256;

/// Something that must never be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("at height {height} validator {validator} finalized {found}, others {expected}")]
    Fork {
        validator: usize,
        height: u64,
        expected: Digest,
        found: Digest,
    },
    #[error("validator {validator} lost block {height}, which it had said was final")]
    Lost { validator: usize, height: u64 },
    #[error("validator {validator} forgot what became of the transactions of block {height}")]
    Forgotten { validator: usize, height: u64 },
    #[error("block {height} does not follow its parent")]
    Chain { height: u64 },
    #[error("block {height} does not hold the transactions its header promises")]
    Transactions { height: u64 },
    #[error("block {height} has a transaction that is in block {before} already")]
    Twice { height: u64, before: u64 },
    #[error("validator {validator} saw other outcomes in block {height} than execution gives")]
    Outcomes { validator: usize, height: u64 },
    #[error("block {height} promises other settlements than execution gives")]
    Settlements { height: u64 },
    #[error("block {height} reveals what is not its leader's to reveal")]
    Reveal { height: u64 },
    #[error("block {height} is of another term, or ends one otherwise, than the ledger says")]
    Term { height: u64 },
    #[error("after block {height} the ledger is broken: {broken}")]
    Ledger {
        height: u64,
        broken: invariant::Broken,
    },
    #[error(
        "validator {validator} proves block {height} with a certificate that does not hold: {error}"
    )]
    Certificate {
        validator: usize,
        height: u64,
        error: CertificateError,
    },
    #[error("validator {validator} cannot prove that block {height} is final")]
    Unproven { validator: usize, height: u64 },
    #[error("validator {validator} proves block {height} by blocks that do not follow it")]
    Descendants { validator: usize, height: u64 },
    #[error("validator {validator} has no hand-overs from the first committee to the newest")]
    Succession { validator: usize },
    #[error("at height {height} validator {validator} has another value under {key:?}")]
    State {
        validator: usize,
        height: u64,
        key: Key,
    },
}

/// The one chain.
pub(crate) struct Judge {
    network: NetworkId,
    term_length: u64,
    /// By term.
    electorates: Vec<Electorate>,
    state: MemoryState,
    states: BTreeMap<u64, MemoryState>,
    blocks: Vec<Judged>,
    included: HashMap<TransactionId, u64>,
    /// Who has said of any block that it was final.
    spoke: BTreeSet<usize>,
    /// By validator: up to where it need not know what was, because its disk was lost. At first that is not known.
    forgiven: BTreeMap<usize, Option<u64>>,
}

struct Judged {
    header: Header,
    digest: Digest,
    outcomes: Vec<Outcome>,
    events: Vec<Event>,
}

impl Judge {
    pub(crate) fn new(genesis: &Genesis) -> Self {
        let root = genesis.root();
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        Self {
            network: root.id(),
            term_length: genesis.params.term_length(),
            electorates: vec![root.electorate()],
            states: BTreeMap::from([(0, state.clone())]),
            state,
            blocks: Vec::new(),
            included: HashMap::new(),
            spoke: BTreeSet::new(),
            forgiven: BTreeMap::new(),
        }
    }

    /// Hears that a validator's disk is empty.
    pub(crate) fn loses_disk(&mut self, validator: usize) {
        self.forgiven.insert(validator, None);
    }

    /// Hears that a validator starts again. One that has said nothing yet may have nothing, and begin where the others are.
    pub(crate) fn starts_again(&mut self, validator: usize) {
        if !self.spoke.contains(&validator) {
            self.forgiven.insert(validator, None);
        }
    }

    /// Hears where a validator says that it is. The first block that one with an empty disk has is where it took over
    /// the others' state.
    pub(crate) fn shows(&mut self, validator: usize, tip: u64) {
        if tip == 0 {
            return;
        }
        self.spoke.insert(validator);
        if let Some(forgiven @ None) = self.forgiven.get_mut(&validator) {
            *forgiven = Some(tip);
        }
    }

    /// The first height of which a validator has to know everything.
    pub(crate) fn known_from(&self, validator: usize) -> u64 {
        let forgiven = self.forgiven.get(&validator);
        forgiven.map_or(1, |forgiven| forgiven.map_or(u64::MAX, |height| height + 1))
    }

    /// The newest block that any honest validator said was final.
    pub(crate) fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    pub(crate) fn epoch(&self) -> Epoch {
        query::clock(&self.state).epoch
    }

    pub(crate) fn is_included(&self, id: &TransactionId) -> bool {
        self.included.contains_key(id)
    }

    pub(crate) fn transactions(&self) -> usize {
        self.included.len()
    }

    /// Everything that was final, in short.
    pub(crate) fn digest(&self) -> Digest {
        let digests: Vec<u8> = self
            .blocks
            .iter()
            .flat_map(|block| block.digest.0)
            .collect();
        Digest::of(&digests)
    }

    fn judged(&self, height: u64) -> Option<&Judged> {
        self.blocks
            .get(usize::try_from(height.checked_sub(1)?).ok()?)
    }

    /// Hears that a validator has a final block at this height, or has none where it must. Heights come
    /// one after the other from each validator, from 1 again after each of its starts.
    pub(crate) fn hear(
        &mut self,
        validator: usize,
        height: u64,
        block: Option<FinalizedBlock>,
    ) -> Result<(), Violation> {
        let known_from = self.known_from(validator);
        let Some(block) = block else {
            return (height < known_from)
                .then_some(())
                .ok_or(Violation::Lost { validator, height });
        };
        if height > self.height() {
            self.extend(height, &block)?;
        }
        let expected = self.judged(height).expect("just added, if it was new");
        let found = block.header.digest();
        if found != expected.digest || block.header != expected.header {
            return Err(Violation::Fork {
                validator,
                height,
                expected: expected.digest,
                found,
            });
        }
        let (Some(outcomes), Some(events)) = (block.outcomes, block.events) else {
            if height < known_from {
                return Ok(());
            }
            return Err(Violation::Forgotten { validator, height });
        };
        if outcomes != expected.outcomes || events != expected.events {
            return Err(Violation::Outcomes { validator, height });
        }
        if transactions_root(&block.transactions) != expected.header.transactions {
            return Err(Violation::Transactions { height });
        }
        Ok(())
    }

    /// Takes the first validator's word for a new block, if it fits.
    fn extend(&mut self, height: u64, block: &FinalizedBlock) -> Result<(), Violation> {
        let header = &block.header;
        let follows = match self.blocks.last() {
            Some(parent) => {
                let before = &parent.header;
                // The last block of a term is the next one's beginning, and its round there is 0.
                let view = if before.next_committee.is_some() {
                    0
                } else {
                    before.view
                };
                header.parent == parent.digest
                    && header.parent_view == view
                    && header.timestamp_ms > parent.header.timestamp_ms
            }
            None => header.parent_view == 0,
        };
        let placed = header.height.0 == height && height == self.height() + 1;
        if !follows || !placed || header.network != self.network {
            return Err(Violation::Chain { height });
        }
        if transactions_root(&block.transactions) != header.transactions {
            return Err(Violation::Transactions { height });
        }
        for id in block.transactions.iter().map(Transaction::id) {
            if let Some(before) = self.included.insert(id, height) {
                return Err(Violation::Twice { height, before });
            }
        }
        let mut electorate = self.electorates.last().cloned().expect("the first");
        if header.term != electorate.term || header.term.0 != height / self.term_length {
            return Err(Violation::Term { height });
        }
        let info = BlockInfo {
            network: self.network,
            height: header.height,
            leader: header.leader,
            reveal: header.reveal,
        };
        let execution = execute(&self.state, &info, &block.transactions);
        if execution.fault.is_some() {
            return Err(Violation::Reveal { height });
        }
        if execution.settlements_root != header.settlements {
            return Err(Violation::Settlements { height });
        }
        let named = execution.next_committee.as_ref().map(Committee::digest);
        if named != header.next_committee {
            return Err(Violation::Term { height });
        }
        if let Some(committee) = execution.next_committee {
            electorate.term = Term(electorate.term.0 + 1);
            electorate.committee = committee;
            self.electorates.push(electorate);
        }
        self.state.apply(&execution.writes);
        invariant::conserved(&self.state)
            .and_then(|()| invariant::ends(&self.state))
            .map_err(|broken| Violation::Ledger { height, broken })?;
        self.states.insert(height, self.state.clone());
        while self.states.len() > STATES_KEPT {
            self.states.pop_first();
        }
        self.blocks.push(Judged {
            digest: header.digest(),
            header: header.clone(),
            outcomes: execution.outcomes,
            events: execution.events,
        });
        Ok(())
    }

    /// Hears how a validator proves that one of its blocks is final, or that it cannot where it must.
    pub(crate) fn hear_proof(
        &self,
        validator: usize,
        height: u64,
        finality: Option<&Finality>,
    ) -> Result<(), Violation> {
        let Some(finality) = finality else {
            return Err(Violation::Unproven { validator, height });
        };
        let mut certified = &finality.header;
        for descendant in &finality.descendants {
            if descendant.parent != certified.digest() {
                return Err(Violation::Descendants { validator, height });
            }
            certified = descendant;
        }
        // Of a term that nobody has said has begun nothing can be judged yet.
        let Some(electorate) = self.electorate(certified.term) else {
            return Ok(());
        };
        finality
            .certificate
            .verify(electorate, certified)
            .map_err(|error| Violation::Certificate {
                validator,
                height,
                error,
            })?;
        // What is proven is what stands, even if no validator has said so yet.
        match self.judged(height) {
            Some(expected) if expected.header != finality.header => Err(Violation::Fork {
                validator,
                height,
                expected: expected.digest,
                found: finality.header.digest(),
            }),
            _ => Ok(()),
        }
    }

    /// Who votes in a term, once the one before is over.
    pub(crate) fn electorate(&self, term: Term) -> Option<&Electorate> {
        self.electorates.get(usize::try_from(term.0).ok()?)
    }

    /// Terms that have begun.
    pub(crate) fn terms(&self) -> usize {
        self.electorates.len()
    }

    /// How many of the terms began with another committee than the one before.
    pub(crate) fn changes(&self) -> usize {
        let pairs = self.electorates.windows(2);
        pairs
            .filter(|pair| pair[0].committee != pair[1].committee)
            .count()
    }

    /// Hears all hand-overs that a validator has up to the beginning of a term: they lead there from the
    /// first committee.
    pub(crate) fn hear_hand_overs(
        &self,
        validator: usize,
        hand_overs: Vec<HandOver>,
        term: Term,
    ) -> Result<(), Violation> {
        let followed = Succession::new(hand_overs)
            .ok()
            .and_then(|succession| succession.follow(&self.electorates[0], term).ok());
        (followed.is_some() && followed.as_ref() == self.electorate(term))
            .then_some(())
            .ok_or(Violation::Succession { validator })
    }

    /// All transactions that are final.
    pub(crate) fn ids(&self) -> Vec<TransactionId> {
        let mut ids: Vec<_> = self.included.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Hears where a validator says that a final transaction is.
    pub(crate) fn hear_inclusion(
        &self,
        validator: usize,
        id: TransactionId,
        inclusion: Option<Inclusion>,
    ) -> Result<(), Violation> {
        let height = self.included.get(&id).copied().unwrap_or_default();
        if inclusion.is_none() && height < self.known_from(validator) {
            return Ok(());
        }
        let right = inclusion.is_some_and(|inclusion| {
            let outcomes = self.judged(height).map(|judged| &judged.outcomes);
            let index = usize::try_from(inclusion.index).ok();
            let outcome = outcomes
                .zip(index)
                .and_then(|(outcomes, index)| outcomes.get(index));
            inclusion.height.0 == height && outcome == Some(&inclusion.outcome)
        });
        right
            .then_some(())
            .ok_or(Violation::Forgotten { validator, height })
    }

    /// All keys there are, to ask a validator for.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.state.iter().map(|(key, _)| key.clone()).collect()
    }

    /// Hears what a validator has under these keys. Whether it could be compared.
    pub(crate) fn hear_state(
        &self,
        validator: usize,
        height: Height,
        keys: &[Key],
        values: &[Option<Vec<u8>>],
    ) -> Result<bool, Violation> {
        let height = height.0;
        let Some(state) = self.states.get(&height) else {
            return Ok(false);
        };
        match keys
            .iter()
            .zip(values)
            .find(|(key, value)| state.get(key) != **value)
        {
            None => Ok(true),
            Some((key, _)) => Err(Violation::State {
                validator,
                height,
                key: key.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
