//! The whole ledger once more, from genesis and blocks alone: what anybody can do who doubts a node.
//!
//! Nothing is believed but the genesis. Each block must be the child of the one before it, its transactions
//! those that its header names, and what the rules make of them (settlements, the next committee, what
//! became of each transaction) what the block says. Whether the newest is final is for its certificate to
//! show, by the committee that the recomputed state has in office.

use llmnet_ledger::{BlockInfo, Genesis, GenesisError, MemoryState, execute, query as ledger};
use llmnet_types::{
    block::Header,
    certificate::{CertificateError, FinalityCertificate},
    codec::encode,
    id::{Digest, NetworkId},
    merkle,
    network::{Committee, Electorate},
    proof::DESCENDANTS_MAX,
    transaction::{Outcome, Transaction},
    units::Height,
};

/// A ledger as far as its blocks were executed again.
#[derive(Debug)]
pub struct Recomputed {
    network: NetworkId,
    state: MemoryState,
    height: Height,
    /// The digest of the newest block; none before the first.
    digest: Option<Digest>,
    /// Whose votes make the newest block final; none before the first.
    electorate: Option<Electorate>,
}

/// A block that does not follow from those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("block {height}: {what}")]
pub struct Astray {
    /// Which.
    pub height: Height,
    /// In what way.
    pub what: Fault,
}

/// In what way a block does not follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another network's.
    #[error("it belongs to network {0}")]
    Network(NetworkId),
    /// A block is left out.
    #[error("it comes where block {expected} is next")]
    Height {
        /// The next one.
        expected: Height,
    },
    /// Not the child of the block before it.
    #[error("it is no child of the block before it")]
    Parent,
    /// Its transactions are not those that the header names.
    #[error("its transactions are not those of its header")]
    Transactions,
    /// Its leader did not reveal what it had to.
    #[error("its leader's part of the beacon is not what it committed to")]
    Reveal,
    /// It settles other than its header says.
    #[error("it settles other than its header says")]
    Settlements,
    /// The next committee is not the one that the rules elect.
    #[error("the next committee is not the one that is elected")]
    Committee,
    /// A transaction's outcome is another by the rules.
    #[error("transaction {index} is {found:?} where the rules say {expected:?}")]
    Outcome {
        /// Its place.
        index: usize,
        /// What the rules say.
        expected: Box<Outcome>,
        /// What the block's node says.
        found: Box<Outcome>,
    },
}

/// A certificate that does not show the newest block to be final.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFinal {
    /// Nobody is in office.
    #[error("the ledger has no committee for its term")]
    NoCommittee,
    /// The headers up to the certified one are no chain.
    #[error("the headers after it do not form a chain within its term")]
    Headers,
    /// The certificate does not hold.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Recomputed {
    /// The ledger at its beginning.
    ///
    /// # Errors
    /// The genesis makes no network.
    pub fn begin(genesis: &Genesis) -> Result<Self, GenesisError> {
        genesis.check()?;
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        Ok(Self {
            network: genesis.id(),
            state,
            height: Height(0),
            digest: None,
            electorate: None,
        })
    }

    /// The newest block that was executed.
    pub const fn height(&self) -> Height {
        self.height
    }

    /// The state after it.
    pub const fn state(&self) -> &MemoryState {
        &self.state
    }

    /// Executes the next block. What is no part of it, its outcomes, is compared where the caller knows it.
    ///
    /// # Errors
    /// It does not follow; nothing is changed then.
    pub fn execute<'a>(
        &mut self,
        header: &Header,
        transactions: &[Transaction],
        outcomes: impl IntoIterator<Item = Option<&'a Outcome>>,
    ) -> Result<(), Astray> {
        let height = header.height;
        self.follow(header, transactions, outcomes)
            .map_err(|what| Astray { height, what })
    }

    fn follow<'a>(
        &mut self,
        header: &Header,
        transactions: &[Transaction],
        outcomes: impl IntoIterator<Item = Option<&'a Outcome>>,
    ) -> Result<(), Fault> {
        if header.network != self.network {
            return Err(Fault::Network(header.network));
        }
        let expected = Height(self.height.0.saturating_add(1));
        if header.height != expected {
            return Err(Fault::Height { expected });
        }
        if self.digest.is_some_and(|digest| digest != header.parent) {
            return Err(Fault::Parent);
        }
        if merkle::root(transactions.iter().map(encode)) != header.transactions {
            return Err(Fault::Transactions);
        }
        let info = BlockInfo {
            network: self.network,
            height: header.height,
            leader: header.leader,
            reveal: header.reveal,
        };
        let execution = execute(&self.state, &info, transactions);
        if execution.fault.is_some() {
            return Err(Fault::Reveal);
        }
        if execution.settlements_root != header.settlements {
            return Err(Fault::Settlements);
        }
        if execution.next_committee.as_ref().map(Committee::digest) != header.next_committee {
            return Err(Fault::Committee);
        }
        for (index, (expected, found)) in execution.outcomes.iter().zip(outcomes).enumerate() {
            if let Some(found) = found
                && found != expected
            {
                return Err(Fault::Outcome {
                    index,
                    expected: Box::new(expected.clone()),
                    found: Box::new(found.clone()),
                });
            }
        }
        let before = ledger::office(&self.state);
        self.state.apply(&execution.writes);
        // A term's last block is its own committee's, whoever is in office after it.
        let offices = [ledger::office(&self.state), before].into_iter().flatten();
        self.electorate = offices
            .filter(|office| office.term == header.term)
            .map(|office| Electorate {
                network: self.network,
                term: office.term,
                committee: office.committee,
            })
            .next();
        self.height = header.height;
        self.digest = Some(header.digest());
        Ok(())
    }

    /// Checks that the newest block is final, by votes on it or on a near descendant. As each header names
    /// its parent, all blocks before it are final with it.
    ///
    /// # Errors
    /// It is not shown to be.
    pub fn is_final(
        &self,
        header: &Header,
        descendants: &[Header],
        certificate: &FinalityCertificate,
    ) -> Result<(), NotFinal> {
        let electorate = self.electorate.as_ref().ok_or(NotFinal::NoCommittee)?;
        if self.digest != Some(header.digest()) || descendants.len() > DESCENDANTS_MAX {
            return Err(NotFinal::Headers);
        }
        let mut certified = header;
        for descendant in descendants {
            let follows =
                descendant.parent == certified.digest() && descendant.term == certified.term;
            if !follows {
                return Err(NotFinal::Headers);
            }
            certified = descendant;
        }
        Ok(certificate.verify(electorate, certified)?)
    }

    /// Whose votes make the newest block final; none before the first.
    pub const fn electorate(&self) -> Option<&Electorate> {
        self.electorate.as_ref()
    }
}

#[cfg(test)]
mod tests;
