//! Chains: their elements, and one after another.

use llmnet_ledger::{BlockInfo, Genesis, GenesisValidator, MemoryState, State, execute};
use llmnet_types::{
    codec::{List, Text},
    params::Params,
    transaction::Outcome,
    units::{Amount, Height},
};

use super::*;
use crate::query::Known;

const SEED: [u8; 32] = [7; 32];

#[test]
fn elements_hash_down_to_the_tip() {
    let chain = Chain::new(SEED, 0);
    let (tip, length) = beacon_anchor(SEED);
    assert_eq!(chain.element(0), Some(tip));
    for index in [1, 2, STRIDE - 1, STRIDE, STRIDE + 1, length - 1, length] {
        let element = chain.element(index).expect("within the chain");
        let before = chain.element(index - 1).expect("within the chain");
        assert_eq!(chain_step(&element), before, "element {index}");
    }
    assert_eq!(chain.element(length + 1), None);
    assert_ne!(Chain::new(SEED, 1).tip(), tip);
}

/// A ledger whose only validator is the one under test.
struct Ledger {
    network: NetworkId,
    state: MemoryState,
    height: Height,
}

impl Ledger {
    fn new(balance: Amount, chain: Option<u32>) -> Self {
        let node = PrivateKey::from_seed(SEED).public_key();
        let whole = Chain::new(SEED, 0);
        // As if all but the last elements had been revealed.
        let position = |left: u32| whole.element(LENGTH - left).expect("within the chain");
        let genesis = Genesis {
            name: Text::truncated("beacon"),
            validators: List::truncated([GenesisValidator {
                beacon: chain.map(|left| (position(left), left)),
                ..GenesisValidator::plain(node, Amount::CREDIT)
            }]),
            params: Params {
                epoch_blocks: 4,
                checkpoint_blocks: 2,
                ..Params::local()
            },
            beacon: Digest::ZERO,
            timestamp_ms: 0,
            accounts: List::truncated([(node, balance)]),
            anchors: List::new(),
        };
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        Self {
            network: genesis.id(),
            state,
            height: Height(0),
        }
    }

    fn view<T>(&self, read: impl Fn(&StateView<'_>) -> T) -> T {
        let mut known = Known::new();
        loop {
            let view = StateView::new(&known);
            let result = read(&view);
            let missing = view.into_missing();
            if missing.is_empty() {
                return result;
            }
            known.extend(missing.into_iter().map(|key| {
                let value = self.state.get(&key);
                (key, value)
            }));
        }
    }

    /// A block of ours; says whether it revealed anything.
    fn block(&mut self, beacon: &Beacon, transactions: &[Transaction]) -> bool {
        self.height.0 += 1;
        let reveal = self.view(|state| beacon.next(state, self.height.epoch(4)));
        let info = BlockInfo {
            network: self.network,
            height: self.height,
            leader: beacon.key,
            reveal,
        };
        let execution = execute(&self.state, &info, transactions);
        assert_eq!(execution.fault, None, "at {:?}", self.height);
        for outcome in &execution.outcomes {
            assert!(matches!(outcome, Outcome::Applied { .. }), "{outcome:?}");
        }
        self.state.apply(&execution.writes);
        reveal.is_some()
    }
}

#[test]
fn the_next_chain_is_anchored_before_the_last_ends() {
    // EPO-2, ANC-2
    let mut ledger = Ledger::new(Amount::CREDIT, Some(12));
    let mut beacon = Beacon::new(SEED);
    let mut anchored = 0;
    for number in 0..40 {
        // A start in between changes nothing.
        if number % 7 == 0 {
            beacon = Beacon::new(SEED);
        }
        let renewal = ledger.view(|state| beacon.renewal(ledger.network, state));
        anchored += usize::from(renewal.is_some());
        let transactions: Vec<_> = renewal.into_iter().collect();
        assert!(ledger.block(&beacon, &transactions), "block {number}");
    }
    assert_eq!(anchored, 1, "one lasts");
}

#[test]
fn an_anchor_that_took_long_is_still_known() {
    // EPO-2, ANC-2
    let mut ledger = Ledger::new(Amount::CREDIT, None);
    let beacon = Beacon::new(SEED);
    let renewal = ledger.view(|state| beacon.renewal(ledger.network, state));
    let renewal = renewal.expect("it has no chain");
    for _ in 0..30 {
        assert!(!ledger.block(&beacon, &[]), "no chain is in force");
    }
    ledger.block(&beacon, &[renewal]);
    let beacon = Beacon::new(SEED);
    let revealed = (0..8).filter(|_| ledger.block(&beacon, &[])).count();
    assert!(revealed >= 4, "from the next epoch on");
    assert!(
        ledger
            .view(|state| beacon.renewal(ledger.network, state))
            .is_none()
    );
}

#[test]
fn who_is_no_validator_anchors_nothing() {
    // ANC-2, BND-1
    let ledger = Ledger::new(Amount::CREDIT, Some(12));
    let stranger = Beacon::new([8; 32]);
    assert!(
        ledger
            .view(|state| stranger.renewal(ledger.network, state))
            .is_none()
    );
}
