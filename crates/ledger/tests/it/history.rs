//! Long random histories of a small network: what people, coordinators, respondents, validators and
//! auditors might do, mostly right and sometimes wrong.
//!
//! A history looks at a state and says what the next block is; who executes it does not matter. Equal
//! seeds and equal states give equal blocks.

mod audits;
mod contracts;
mod disputes;
mod money;
mod offices;
mod people;
mod random;
mod registry;
mod settlements;
mod temper;

use std::collections::{BTreeMap, VecDeque};

use llmnet_ledger::{BlockInfo, Genesis, State, query, record::Chain};
use llmnet_types::{
    id::{Digest, NetworkId},
    signature::{PrivateKey, PublicKey, Signature},
    transaction::{Instruction, Transaction},
    units::Height,
};

use audits::Root;
use people::HashChains;
pub use random::Random;
use settlements::Kept;
use temper::Temper;

/// How many earlier transactions and settlements are remembered, to be repeated or referred to.
const REMEMBERED: usize = 64;

/// Somebody's wish.
type Act = (PublicKey, Instruction);

/// What an action is about; a [`Temper`] says how much of it there is.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Money,
    Registry,
    Offices,
    Votes,
    Work,
    Disputes,
    Audits,
}

/// What may happen, with its weight.
type Action = (Kind, u64, fn(&mut History, &dyn State) -> Option<Act>);

const ACTIONS: [Action; 24] = [
    (Kind::Money, 4, History::transfer),
    (Kind::Money, 6, History::open_line),
    (Kind::Money, 3, History::top_up),
    (Kind::Money, 2, History::close_line),
    (Kind::Money, 1, History::nonsense),
    (Kind::Registry, 6, History::register),
    (Kind::Registry, 2, History::update),
    (Kind::Registry, 1, History::rotate),
    (Kind::Registry, 1, History::retire),
    (Kind::Registry, 4, History::announce),
    (Kind::Offices, 2, History::enlist),
    (Kind::Offices, 1, History::delist),
    (Kind::Offices, 2, History::add_bond),
    (Kind::Offices, 2, History::unbond),
    (Kind::Offices, 2, History::anchor),
    (Kind::Votes, 3, History::vote),
    (Kind::Work, 30, History::settle),
    (Kind::Work, 8, History::co_sign),
    (Kind::Audits, 3, History::audit_root),
    (Kind::Audits, 8, History::audit_open),
    (Kind::Disputes, 2, History::fault),
    (Kind::Disputes, 3, History::file),
    (Kind::Disputes, 4, History::challenge),
    (Kind::Disputes, 4, History::answer),
];

/// A network's history from its seed.
pub struct History {
    pub genesis: Genesis,
    network: NetworkId,
    temper: Temper,
    random: Random,
    keys: BTreeMap<PublicKey, PrivateKey>,
    chains: HashChains,
    /// What was wanted lately, applied or not.
    said: VecDeque<Transaction>,
    /// What coordinators handed in lately, applied or not.
    kept: VecDeque<Kept>,
    /// What auditors committed to lately.
    roots: VecDeque<Root>,
    /// What was challenged lately, with its number in its settlement.
    challenged: VecDeque<(Kept, usize)>,
    /// How many of a crowd of coordinators took their role in the beginning.
    enlisted: u64,
    /// The next nonce of who signed in this block already.
    nonces: BTreeMap<PublicKey, u64>,
    /// A number for whatever has to be new.
    fresh: u64,
}

impl History {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut keys = BTreeMap::new();
        let mut chains = HashChains::default();
        let temper = Temper::of(seed);
        let genesis = people::genesis(&mut random, &temper, &mut keys, &mut chains);
        genesis.check().unwrap();
        Self {
            network: genesis.id(),
            genesis,
            temper,
            random,
            keys,
            chains,
            said: VecDeque::new(),
            kept: VecDeque::new(),
            roots: VecDeque::new(),
            challenged: VecDeque::new(),
            enlisted: 0,
            nonces: BTreeMap::new(),
            fresh: 0,
        }
    }

    /// The block after this state.
    pub fn next(&mut self, state: &dyn State) -> (BlockInfo, Vec<Transaction>) {
        let block = self.next_block(state);
        self.nonces.clear();
        let mut transactions = self.crowd(state);
        for _ in 0..self.random.below(self.temper.transactions + 1) {
            let action = self.action();
            if let Some((signer, instruction)) = action(self, state) {
                let transaction = self.sign(state, signer, instruction);
                transactions.push(self.spoil(transaction));
            }
        }
        for transaction in &transactions {
            self.said.push_back(transaction.clone());
        }
        while self.said.len() > REMEMBERED {
            self.said.pop_front();
        }
        (block, transactions)
    }

    fn action(&mut self) -> fn(&mut Self, &dyn State) -> Option<Act> {
        let temper = self.temper;
        let weights = ACTIONS.map(|(kind, weight, _)| weight * temper.share(kind));
        let mut left = self.random.below(weights.iter().sum());
        for (weight, (_, _, action)) in weights.into_iter().zip(ACTIONS) {
            if left < weight {
                return action;
            }
            left -= weight;
        }
        unreachable!("the weights add up")
    }

    /// By the validator whose turn it is, with the next element of its chain.
    fn next_block(&mut self, state: &dyn State) -> BlockInfo {
        let height = Height(query::clock(state).height.0 + 1);
        let params = query::params(state);
        let epoch = height.epoch(params.epoch_length());
        let committee = self.committee_of(state, height);
        let turn = usize::try_from(height.0).unwrap() % committee.len();
        let leader = committee[turn];
        let chains = query::beacon_chains(state, &leader);
        let reveal = chains
            .of(epoch)
            .filter(|chain| chain.left > 0)
            .map(|chain| self.element(chain, 1));
        BlockInfo {
            network: self.network,
            height,
            leader,
            reveal,
        }
    }

    /// The element of a chain that comes after so many more; its last where it has not so many.
    fn element(&self, chain: &Chain, ahead: u32) -> Digest {
        let Some((tip, opened)) = self.chains.places.get(&chain.position) else {
            return Digest::ZERO;
        };
        let all = &self.chains.elements[tip];
        let wanted = opened + usize::try_from(ahead).unwrap();
        all[wanted.min(all.len() - 1)]
    }

    fn sign(&mut self, state: &dyn State, signer: PublicKey, wanted: Instruction) -> Transaction {
        let nonce = self
            .nonces
            .entry(signer)
            .or_insert_with(|| query::account(state, &signer).nonce);
        let transaction = Transaction::sign(self.network, &self.keys[&signer], *nonce, wanted);
        *nonce += 1;
        transaction
    }

    /// Sometimes a transaction goes wrong on its way (TXN-1, TXN-3).
    fn spoil(&mut self, mut transaction: Transaction) -> Transaction {
        if !self.random.chance(4) {
            return transaction;
        }
        let signer = transaction.body.signer;
        if let Some(nonce) = self.nonces.get_mut(&signer) {
            *nonce -= 1;
        }
        let body = &mut transaction.body;
        match self.random.below(5) {
            0 => transaction.signature = Signature([7; 64]),
            1 => {
                body.nonce += 1 + self.random.below(3);
                let body = body.clone();
                transaction = Transaction::new(body, &self.network, &self.keys[&signer]);
            }
            2 => {
                body.network = NetworkId([7; 32]);
                let elsewhere = body.network;
                transaction = Transaction::new(body.clone(), &elsewhere, &self.keys[&signer]);
            }
            3 => {
                let poor = self.key("a stranger");
                let wanted = body.instruction.clone();
                transaction = Transaction::sign(self.network, &poor, 0, wanted);
            }
            _ => {
                let said: Vec<_> = self.said.iter().cloned().collect();
                if let Some(earlier) = self.random.pick(&said) {
                    transaction = earlier.clone();
                }
            }
        }
        transaction
    }

    /// Something that can never be right.
    fn nonsense(&mut self, _state: &dyn State) -> Option<Act> {
        let signer = self.somebody();
        Some((
            signer,
            Instruction::CoSign(llmnet_types::codec::List::new()),
        ))
    }
}
