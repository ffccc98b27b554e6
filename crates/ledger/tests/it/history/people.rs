//! Who there is, with which keys, and how their network begins.

use std::collections::BTreeMap;

use llmnet_ledger::{
    Genesis, GenesisAnchor, GenesisValidator, State, chain_element, chain_step, query,
};
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
    reputation::Prior,
    signature::{PrivateKey, PublicKey},
    units::{Amount, Height, Score},
};

use super::{History, Random, Temper};

pub(super) const REQUESTERS: u64 = 12;
pub(super) const COORDINATORS: u64 = 4;
pub(super) const OPERATORS: u64 = 8;
pub(super) const NODES: u64 = 14;
pub(super) const VALIDATORS: u64 = 6;
pub(super) const AUDITORS: u64 = 4;
pub(super) const DOMAINS: [&str; 4] = ["physics", "law", "cooking", "chess"];

type Keys = BTreeMap<PublicKey, PrivateKey>;
/// All elements of all hash chains that anybody committed to.
#[derive(Default)]
pub(super) struct HashChains {
    /// By the chain's end, which is the first.
    pub(super) elements: BTreeMap<Digest, Vec<Digest>>,
    /// Where each element is: its chain's end, and its number.
    pub(super) places: BTreeMap<Digest, (Digest, usize)>,
}

fn key(keys: &mut Keys, name: &str) -> PublicKey {
    let private = PrivateKey::from_seed(Digest::of(name.as_bytes()).0);
    let public = private.public_key();
    keys.insert(public, private);
    public
}

/// A new chain's end and length.
fn chain(chains: &mut HashChains, name: &str, length: u32) -> (Digest, u32) {
    let mut elements = vec![chain_element(&Digest::of(name.as_bytes()), length, length)];
    for _ in 0..length {
        elements.push(chain_step(&elements[elements.len() - 1]));
    }
    elements.reverse();
    let tip = elements[0];
    for (number, element) in elements.iter().enumerate() {
        chains.places.insert(*element, (tip, number));
    }
    chains.elements.insert(tip, elements);
    (tip, length)
}

fn params(random: &mut Random, temper: &Temper) -> Params {
    let (least, most) = temper.epoch_blocks;
    let epoch_blocks = u32::try_from(random.between(least, most)).unwrap();
    Params {
        epoch_blocks,
        term_epochs: u32::try_from(random.between(1, 4)).unwrap(),
        checkpoint_blocks: u32::try_from(random.between(1, u64::from(epoch_blocks))).unwrap(),
        // Where there are many, their operators can post only little for each.
        coordinator_bond_min: Amount(
            random.below(2) * if temper.is_sought() { 20 } else { 2_000_000 },
        ),
        committee_max: u32::try_from(random.between(4, 6)).unwrap(),
        deposit: Amount(random.below(3) * 500_000),
        spot_check_one_in: u32::try_from(random.between(1, 4)).unwrap(),
        announcements_free: u32::try_from(random.below(3)).unwrap(),
        void_max: Score::clamped(random.below(3_000)),
        line_epochs_max: u32::try_from(random.between(2, 9)).unwrap(),
        anchor_length_max: 4_096,
        evidence_fee: Amount(random.between(1, 200)),
        prior: Prior {
            positive: random.between(1, 3_000_000),
            negative: random.between(1, 3_000_000),
        },
        slash: Score::clamped(random.between(100, 10_000)),
        audit_share: Score::clamped(random.below(10_001)),
        decay: Score::clamped(random.between(9_000, 10_000)),
        model_change: Score::clamped(random.below(10_001)),
        waive_operator: random.chance(20),
        ..Params::local()
    }
}

pub(super) fn genesis(
    random: &mut Random,
    temper: &Temper,
    keys: &mut Keys,
    chains: &mut HashChains,
) -> Genesis {
    let kinds = [
        ("requester", REQUESTERS),
        ("coordinator", COORDINATORS),
        ("operator", OPERATORS),
        ("node", NODES),
        ("validator", VALIDATORS),
        ("auditor", AUDITORS),
    ];
    let mut accounts = Vec::new();
    for (kind, count) in kinds {
        for number in 0..count {
            let balance = random.between(5, 60) * 1_000_000;
            accounts.push((key(keys, &format!("{kind}-{number}")), Amount(balance)));
        }
    }
    let mut validators: Vec<_> = (0..4)
        .map(|number| {
            let node = key(keys, &format!("validator-{number}"));
            GenesisValidator {
                operator: key(keys, &format!("operator-{}", number % 3)),
                beacon: (number < 3).then(|| chain(chains, &format!("beacon {number}"), 512)),
                ..GenesisValidator::plain(node, Amount(random.between(1, 9) * 1_000_000))
            }
        })
        .collect();
    validators.sort_by_key(|validator| validator.node);
    let anchors = (0..temper.usual.1).map(|number| {
        let (tip, length) = chain(chains, &format!("slots {number}"), 1_024);
        GenesisAnchor {
            coordinator: key(keys, &format!("coordinator-{number}")),
            tip,
            length,
        }
    });
    Genesis {
        name: Text::new("history").unwrap(),
        anchors: List::from_vec(anchors.collect()).unwrap(),
        validators: List::from_vec(validators).unwrap(),
        params: params(random, temper),
        beacon: Digest(random.bytes()),
        timestamp_ms: 0,
        accounts: List::from_vec(accounts).unwrap(),
    }
}

impl History {
    pub(super) fn key(&mut self, name: &str) -> PrivateKey {
        let public = key(&mut self.keys, name);
        self.keys[&public].clone()
    }

    pub(super) fn one_of(&mut self, kind: &str, count: u64) -> PublicKey {
        let number = self.random.below(count);
        self.key(&format!("{kind}-{number}")).public_key()
    }

    pub(super) fn requester(&mut self) -> PublicKey {
        // A few ask most of the time, so that sources of evidence differ in size.
        let count = if self.random.chance(60) {
            self.temper.usual.0
        } else {
            REQUESTERS
        };
        self.one_of("requester", count)
    }

    pub(super) fn coordinator(&mut self) -> PublicKey {
        let count = if self.random.chance(70) {
            self.temper.usual.1
        } else {
            COORDINATORS
        };
        self.one_of("coordinator", count)
    }

    pub(super) fn operator(&mut self) -> PublicKey {
        self.one_of("operator", OPERATORS)
    }

    pub(super) fn somebody(&mut self) -> PublicKey {
        let everybody: Vec<_> = self.keys.keys().copied().collect();
        *self.random.pick(&everybody).unwrap()
    }

    pub(super) fn fresh(&mut self) -> u64 {
        self.fresh += 1;
        self.fresh
    }

    /// A new hash chain's end and length.
    pub(super) fn chain(&mut self, length: u32) -> (Digest, u32) {
        let name = format!("chain {}", self.fresh());
        chain(&mut self.chains, &name, length)
    }

    /// Who is in office at a height: the state's committee, or its successor from a term's first block on.
    pub(super) fn committee_of(&self, state: &dyn State, _height: Height) -> Vec<PublicKey> {
        let office = query::office(state).unwrap();
        office.committee.keys().to_vec()
    }

    /// Mostly a modest sum, sometimes nothing, too much, or all there can be.
    pub(super) fn amount(&mut self) -> Amount {
        Amount(match self.random.below(20) {
            0 => 0,
            1 => u64::MAX,
            2 => self.random.below(1_000_000_000),
            _ => self.random.between(1, 3_000_000),
        })
    }
}
