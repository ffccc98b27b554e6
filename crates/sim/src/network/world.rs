//! The ledger of a run, and its clock: a block every so often, executed as every validator executes it.
//!
//! Blocks are final at once: there is no consensus in here, only what it orders. Transactions are signed, and
//! [`llmnet_ledger::execute()`] checks all of it.

use std::collections::BTreeMap;

use llmnet_ledger::{
    BlockInfo, Execution, Genesis, GenesisAnchor, GenesisError, GenesisValidator, MemoryState,
    chain_step, execute, query,
};
use llmnet_types::{
    codec::{List, Text},
    id::{Digest, NetworkId},
    params::Params,
    signature::{PrivateKey, PublicKey},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score, Timestamp},
};

use super::scenario::{Pace, Scenario, Validates};

/// All money there is: a million credits for everybody together.
const SUPPLY: Amount = Amount(1_000_000_000_000_000);
/// What a validator posts.
const VALIDATOR_BOND: Amount = Amount(100_000_000);
/// A validator's own money, for its transactions.
const VALIDATOR_MONEY: Amount = Amount(1_000_000_000);

/// A key of this run by its name: nobody else's, and the same for the same seed.
pub fn key(seed: u64, name: &str) -> PrivateKey {
    let own = Digest::tagged("llmnet/sim/key/1", &[&seed.to_le_bytes(), name.as_bytes()]);
    PrivateKey::from_seed(own.0)
}

/// All elements of a hash chain, its tip first.
pub fn chain(secret: &PrivateKey, length: usize) -> Vec<Digest> {
    let mut elements = vec![Digest(secret.derive("llmnet/sim/chain", 0))];
    for place in 0..length {
        elements.push(chain_step(&elements[place]));
    }
    elements.reverse();
    elements
}

/// A validator.
#[derive(Debug)]
pub struct Validator {
    /// Its key; it is its own operator.
    pub key: PrivateKey,
    /// The same, public.
    pub node: PublicKey,
    /// How it behaves.
    pub behaviour: Validates,
    /// What tables call it.
    pub office: usize,
    elements: Vec<Digest>,
}

/// The ledger, its validators and its clock.
#[derive(Debug)]
pub struct World {
    /// The network's name.
    pub network: NetworkId,
    /// The parameters: those of an open network.
    pub params: Params,
    /// What the ledger holds.
    pub state: MemoryState,
    /// The last block.
    pub height: Height,
    /// Who leads and audits.
    pub validators: Vec<Validator>,
    /// Whose money all of it was.
    pub treasury: PrivateKey,
    /// Transactions that were refused, by the rule that refused them.
    pub refused: BTreeMap<String, u64>,
    /// Turns that their leaders gave up.
    pub turns_missed: u64,
    pace: Pace,
    pending: Vec<Transaction>,
    nonces: BTreeMap<PublicKey, u64>,
}

/// The parameters of a scenario's network.
pub fn params(pace: Pace, epochs: u32) -> Params {
    Params {
        epoch_blocks: pace.epoch_blocks,
        term_epochs: 8,
        checkpoint_blocks: (pace.epoch_blocks / 4).max(1),
        // For all of the run, and what comes after it.
        line_epochs_max: epochs.saturating_add(100),
        coordinator_bond_min: Amount(50_000_000),
        validator_bond_min: VALIDATOR_BOND,
        auditor_bond_min: VALIDATOR_BOND,
        decay: Score::clamped(9_800),
        policy: llmnet_ledger::selection::Rule::OPEN,
        ..Params::local()
    }
}

impl World {
    /// Founds the network: a treasury with all money, validators in office, coordinators whose chains are in force.
    ///
    /// # Errors
    /// The ledger does not take such a genesis.
    pub fn found(
        scenario: &Scenario,
        seed: u64,
        coordinators: &[(PublicKey, Digest, usize)],
        epochs: u32,
    ) -> Result<Self, GenesisError> {
        let treasury = key(seed, "treasury");
        let blocks = epochs as usize * scenario.pace.epoch_blocks as usize;
        let mut validators = Vec::new();
        for (office, group) in scenario.validators.iter().enumerate() {
            for number in 0..group.count {
                let key = key(seed, &format!("validator {office} {number}"));
                validators.push(Validator {
                    node: key.public_key(),
                    elements: chain(&key, blocks),
                    behaviour: group.behaviour,
                    office,
                    key,
                });
            }
        }
        validators.sort_by_key(|validator| validator.node);
        let spent = VALIDATOR_BOND.0.saturating_add(VALIDATOR_MONEY.0) * validators.len() as u64;
        let mut accounts = vec![(treasury.public_key(), Amount(SUPPLY.0 - spent))];
        accounts.extend(validators.iter().map(|one| (one.node, VALIDATOR_MONEY)));
        let founders = validators.iter().map(|validator| GenesisValidator {
            beacon: Some((validator.elements[0], blocks as u32)),
            ..GenesisValidator::plain(validator.node, VALIDATOR_BOND)
        });
        let anchors = coordinators
            .iter()
            .map(|(node, tip, length)| GenesisAnchor {
                coordinator: *node,
                tip: *tip,
                length: *length as u32,
            });
        let params = params(scenario.pace, epochs);
        let genesis = Genesis {
            name: Text::truncated(&scenario.name),
            validators: List::truncated(founders),
            params: params.clone(),
            beacon: Digest::tagged("llmnet/sim/beacon/1", &[&seed.to_le_bytes()]),
            timestamp_ms: 0,
            accounts: List::truncated(accounts),
            anchors: List::truncated(anchors),
        };
        genesis.check()?;
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        Ok(Self {
            network: genesis.id(),
            params,
            state,
            height: Height(0),
            validators,
            treasury,
            refused: BTreeMap::new(),
            turns_missed: 0,
            pace: scenario.pace,
            pending: Vec::new(),
            nonces: BTreeMap::new(),
        })
    }

    /// The simulated moment of the last block.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.height.0 * u64::from(self.pace.block_ms))
    }

    /// The last block's epoch.
    pub fn epoch(&self) -> Epoch {
        query::clock(&self.state).epoch
    }

    /// What an owner has free.
    pub fn balance(&self, owner: &PublicKey) -> Amount {
        query::account(&self.state, owner).balance
    }

    /// Validators of the committee in office, by their places.
    pub fn in_office(&self) -> impl Iterator<Item = usize> + use<> {
        let office = query::office(&self.state);
        let keys = office.map_or_else(Vec::new, |office| office.committee.keys().to_vec());
        let nodes = self.validators.iter().enumerate();
        let seated: Vec<usize> = nodes
            .filter(|(_, validator)| keys.contains(&validator.node))
            .map(|(place, _)| place)
            .collect();
        seated.into_iter()
    }

    /// Signs an instruction for the next block.
    pub fn submit(&mut self, signer: &PrivateKey, instruction: Instruction) {
        let public = signer.public_key();
        let state = &self.state;
        let nonce = self
            .nonces
            .entry(public)
            .or_insert_with(|| query::account(state, &public).nonce);
        self.pending
            .push(Transaction::sign(self.network, signer, *nonce, instruction));
        *nonce += 1;
    }

    /// Pays somebody from the treasury.
    pub fn endow(&mut self, to: PublicKey, amount: Amount) {
        let treasury = self.treasury.clone();
        self.submit(&treasury, Instruction::Transfer { to, amount });
    }

    /// The next block, with all that was submitted. Its leader is who is next in turn and wants to lead.
    pub fn block(&mut self) -> Execution {
        let height = Height(self.height.0 + 1);
        let (leader, reveal) = self.leader(height);
        let block = BlockInfo {
            network: self.network,
            height,
            leader,
            reveal,
        };
        self.nonces.clear();
        let transactions = std::mem::take(&mut self.pending);
        let execution = execute(&self.state, &block, &transactions);
        self.state.apply(&execution.writes);
        self.height = height;
        for outcome in &execution.outcomes {
            if let Outcome::Rejected { reason, .. } = outcome {
                // Its name without what it is about, as that differs each time.
                let name = format!("{reason:?}");
                let name = name.split([' ', '(']).next().unwrap_or_default();
                *self.refused.entry(name.to_owned()).or_default() += 1;
            }
        }
        execution
    }

    fn leader(&mut self, height: Height) -> (PublicKey, Option<Digest>) {
        let office: Vec<usize> = self.in_office().collect();
        let count = office.len();
        for turn in 0..count {
            let place = office[(height.0 as usize + turn) % count];
            let validator = &self.validators[place];
            let chains = query::beacon_chains(&self.state, &validator.node);
            let epoch = height.epoch(self.params.epoch_length());
            let chain = chains.of(epoch).filter(|chain| chain.left > 0);
            let opened = chain.map(|chain| validator.elements.len() - 1 - chain.left as usize);
            let reveal = opened.and_then(|opened| validator.elements.get(opened + 1).copied());
            let odd = reveal.is_some_and(|element| element.0[0] & 1 == 1);
            let leads = match validator.behaviour {
                Validates::Honest | Validates::LyingAuditor | Validates::Equivocating => true,
                Validates::Silent => false,
                Validates::BeaconWithholding => !odd,
            };
            // The last in turn leads whatever it likes: a network of the silent alone has no blocks.
            if leads || turn + 1 == count {
                return (validator.node, reveal);
            }
            self.turns_missed += 1;
        }
        (self.validators[0].node, None)
    }
}
