//! Slashing, which no instruction asks for by itself: that no way out of a role is a way out of an offence.

mod listing;

use llmnet_types::{
    bond::{ChainUse, Enlistment, Role},
    codec::{List, Text},
    domain::Domain,
    id::{Digest, NetworkId, ProviderId},
    network::COMMITTEE_MAX,
    params::Params,
    registration::{
        Announcement, Assurance, Corpus, Model, Novelty, Price, Registration, Rotated, Tokenizer,
    },
    rejection::Rejection,
    signature::{PrivateKey, PublicKey, Signed},
    transaction::{Instruction, Outcome, Transaction},
    units::{Amount, Epoch, Height, Score},
};

use super::slash;
use crate::{
    BlockInfo, Genesis, GenesisValidator, MemoryState, execute, invariant, query,
    work::{Signatures, Work},
};

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_seed(Digest::of(name.as_bytes()).0)
}

fn public(name: &str) -> PublicKey {
    key(name).public_key()
}

fn params() -> Params {
    Params {
        epoch_blocks: 4,
        checkpoint_blocks: 4,
        term_epochs: 10,
        fee_per_byte: Amount::ZERO,
        slash: Score::HALF,
        ..Params::local()
    }
}

/// A ledger whose blocks are checked, on which offences are punished between blocks.
struct Ledger {
    state: MemoryState,
    network: NetworkId,
    height: Height,
}

impl Ledger {
    /// "validator" is in office; "operator" and "victim" have money.
    fn with(params: Params) -> Self {
        let bond = params.validator_bond_min;
        let validator = GenesisValidator::plain(public("validator"), bond);
        let money = |name| (public(name), Amount(1_000 * Amount::CREDIT.0));
        let genesis = Genesis {
            name: Text::empty(),
            validators: List::<_, COMMITTEE_MAX>::truncated([validator]),
            params,
            beacon: Digest::ZERO,
            timestamp_ms: 0,
            accounts: List::truncated([money("operator"), money("victim")]),
            anchors: List::new(),
        };
        genesis.check().expect("a genesis");
        let mut state = MemoryState::default();
        state.apply(&genesis.writes());
        Self {
            state,
            network: genesis.id(),
            height: Height(0),
        }
    }

    fn new() -> Self {
        Self::with(params())
    }

    fn block(&mut self, transactions: &[Transaction]) -> Vec<Outcome> {
        self.height = self.height.next().expect("heights");
        let block = BlockInfo {
            network: self.network,
            height: self.height,
            leader: public("validator"),
            reveal: None,
        };
        let execution = execute(&self.state, &block, transactions);
        assert_eq!(execution.fault, None);
        self.state.apply(&execution.writes);
        self.check();
        execution.outcomes
    }

    fn check(&self) {
        invariant::conserved(&self.state).expect("TXN-4");
        invariant::ends(&self.state).expect("WIN-2");
        invariant::roles(&self.state).expect("BND-2");
    }

    fn run(&mut self, instruction: Instruction) -> Result<(), Rejection> {
        let signer = key("operator");
        let nonce = query::account(&self.state, &signer.public_key()).nonce;
        let transaction = Transaction::sign(self.network, &signer, nonce, instruction);
        match self.block(&[transaction]).remove(0) {
            Outcome::Applied { .. } => Ok(()),
            Outcome::Rejected { reason, .. } => Err(reason),
        }
    }

    fn go_to_epoch(&mut self, epoch: u64) {
        while query::clock(&self.state).epoch < Epoch(epoch) {
            self.block(&[]);
        }
    }

    /// Punishes as a dispute would; gives what the victim got.
    fn slash(&mut self, node: &str, role: Role, loss: u64) -> u64 {
        let mut work = Work::new(
            &self.state,
            &Signatures::Checked,
            query::params(&self.state),
            query::clock(&self.state),
        );
        let victim = (loss > 0).then(|| (public("victim"), Amount(loss)));
        let restored = slash(&mut work, &public(node), role, victim).expect("sums fit");
        let writes = work.into_changes().writes;
        self.state.apply(&writes);
        self.check();
        restored.0
    }

    fn enlist(&mut self, node: &str, role: Role, bond: u64) -> Result<(), Rejection> {
        self.enlist_at("", node, role, bond)
    }

    fn enlist_at(
        &mut self,
        address: &str,
        node: &str,
        role: Role,
        bond: u64,
    ) -> Result<(), Rejection> {
        let enlistment = Enlistment {
            node: public(node),
            operator: public("operator"),
            role,
            address: Text::truncated(address),
            bond: Amount(bond),
            until: Epoch(u64::MAX),
        };
        let signed = Signed::new(enlistment, &self.network, &key(node));
        self.run(Instruction::Enlist(Box::new(signed)))
    }

    fn register(&mut self, node: &str, nonce: u32, bond: u64) -> Result<(), Rejection> {
        let registration = Registration {
            node: public(node),
            operator: public("operator"),
            nonce,
            domains: List::truncated(["law", "art"].map(|name| Domain::new(name).expect("names"))),
            model: Model {
                family: Text::empty(),
                name: Text::empty(),
                digest: Digest::ZERO,
                assurance: Assurance::Declared,
            },
            corpus: None,
            price: Price::default(),
            tokenizer: Tokenizer::Bytes4,
            bond: Amount(bond),
        };
        let signed = Signed::new(registration, &self.network, &key(node));
        self.run(Instruction::Register(Box::new(signed)))
    }

    fn rotate(&mut self, provider: u32, old: &str, new: &str) -> Result<(), Rejection> {
        let rotated = Rotated::sign(ProviderId(provider), &self.network, &key(old), &key(new));
        self.run(Instruction::Rotate(Box::new(rotated)))
    }

    fn unbond(&mut self, node: &str, role: Role, amount: u64) {
        let unbond = Instruction::Unbond {
            node: public(node),
            role,
            amount: Amount(amount),
        };
        self.run(unbond).expect("more than the role needs");
    }

    fn bond(&self, node: &str, role: Role) -> Option<(u64, Vec<(u64, u64)>)> {
        let bond = query::bond(&self.state, &public(node), role)?;
        let leaving = bond.leaving.iter().map(|(epoch, part)| (epoch.0, part.0));
        Some((bond.standing.0, leaving.collect()))
    }

    fn burnt(&self) -> u64 {
        query::totals(&self.state).burnt.0
    }
}

const CREDIT: u64 = Amount::CREDIT.0;

#[test]
fn bnd_5_an_offence_costs_a_share_first_of_what_stands_then_of_what_leaves_soonest_first() {
    let mut ledger = Ledger::new();
    ledger.enlist("node", Role::Auditor, 10 * CREDIT).unwrap();
    ledger.unbond("node", Role::Auditor, 4 * CREDIT);
    ledger.go_to_epoch(1);
    ledger.unbond("node", Role::Auditor, 5 * CREDIT);
    let before = (CREDIT, vec![(6, 4 * CREDIT), (7, 5 * CREDIT)]);
    assert_eq!(ledger.bond("node", Role::Auditor), Some(before));

    assert_eq!(ledger.slash("node", Role::Auditor, 0), 0);
    let half = (0, vec![(7, 5 * CREDIT)]);
    assert_eq!(ledger.bond("node", Role::Auditor), Some(half));
    assert_eq!(ledger.burnt(), 5 * CREDIT);

    // The next offence costs the share of what is left, and what is left is free in time.
    ledger.slash("node", Role::Auditor, 0);
    assert_eq!(ledger.burnt(), 7 * CREDIT + CREDIT / 2);
    ledger.go_to_epoch(7);
    assert_eq!(ledger.bond("node", Role::Auditor), Some((0, Vec::new())));
    let balance = query::account(&ledger.state, &public("operator")).balance;
    assert_eq!(balance.0, 1_000 * CREDIT - 7 * CREDIT - CREDIT / 2);
}

#[test]
fn bnd_5_victims_get_their_loss_and_at_most_half_of_it_all() {
    let mut ledger = Ledger::new();
    ledger
        .enlist("node", Role::Coordinator, 8 * CREDIT)
        .unwrap();
    assert_eq!(ledger.slash("node", Role::Coordinator, 7), 7);
    assert_eq!(ledger.burnt(), 4 * CREDIT - 7);
    // The culprit as its own victim loses half at least.
    assert_eq!(ledger.slash("node", Role::Coordinator, u64::MAX), CREDIT);
    assert_eq!(ledger.burnt(), 5 * CREDIT - 7);
    let victim = query::account(&ledger.state, &public("victim")).balance;
    assert_eq!(victim.0, 1_001 * CREDIT + 7);
}

#[test]
fn bnd_5_no_bond_is_so_small_that_an_offence_is_free() {
    let mut ledger = Ledger::with(Params {
        auditor_bond_min: Amount(1),
        slash: Score::clamped(100),
        ..params()
    });
    ledger.enlist("node", Role::Auditor, 1).unwrap();
    ledger.slash("node", Role::Auditor, 1);
    assert_eq!(
        (ledger.burnt(), ledger.bond("node", Role::Auditor)),
        (1, Some((0, vec![])))
    );
    // A role without money ends like any other, and nothing stays behind.
    let delist = Instruction::Delist {
        node: public("node"),
        role: Role::Auditor,
    };
    ledger.run(delist).unwrap();
    assert_eq!(ledger.bond("node", Role::Auditor), None);
}

/// REP-6
#[test]
fn bnd_5_without_a_bond_a_coordinators_conduct_is_marked_all_the_same() {
    let mut ledger = Ledger::new();
    let anchor = Instruction::Anchor {
        purpose: ChainUse::Slots,
        tip: Digest::ZERO,
        length: 1,
    };
    ledger.run(anchor).unwrap();
    ledger.go_to_epoch(3);
    assert_eq!(ledger.slash("operator", Role::Coordinator, 5), 0);
    assert_eq!(ledger.burnt(), 0);
    let record = query::coordinator(&ledger.state, &public("operator")).unwrap();
    let slashed: Vec<_> = record
        .conduct
        .iter()
        .map(|conduct| (conduct.epoch, conduct.slashed))
        .collect();
    assert_eq!(slashed, [(Epoch(3), true)]);
    // Who never anchored is nobody, and becomes nobody by it.
    ledger.slash("victim", Role::Coordinator, 5);
    assert_eq!(query::coordinator(&ledger.state, &public("victim")), None);
}

#[test]
fn bnd_5_leaving_a_role_is_no_escape() {
    let mut ledger = Ledger::new();
    for role in [Role::Coordinator, Role::Auditor] {
        ledger.enlist("node", role, 2 * CREDIT).unwrap();
        let delist = Instruction::Delist {
            node: public("node"),
            role,
        };
        ledger.run(delist).unwrap();
        let burnt = ledger.burnt();
        ledger.slash("node", role, 0);
        assert_eq!(ledger.burnt() - burnt, CREDIT, "{role}");
    }
}

#[test]
fn bnd_5_joining_again_after_an_offence_is_no_escape() {
    let mut ledger = Ledger::new();
    ledger.enlist("node", Role::Auditor, 10 * CREDIT).unwrap();
    let delist = Instruction::Delist {
        node: public("node"),
        role: Role::Auditor,
    };
    ledger.run(delist).unwrap();
    ledger.enlist("node", Role::Auditor, CREDIT).unwrap();
    ledger.slash("node", Role::Auditor, 0);
    assert_eq!(ledger.burnt(), 5 * CREDIT + CREDIT / 2);
}

#[test]
fn bnd_5_retiring_and_registering_again_is_no_escape() {
    let mut ledger = Ledger::new();
    ledger.register("node", 0, 5 * CREDIT).unwrap();
    let provider = ProviderId(0);
    ledger.run(Instruction::Retire { provider }).unwrap();
    assert_eq!(
        ledger.bond("node", Role::Respondent),
        Some((0, vec![(6, 10 * CREDIT)]))
    );
    ledger.register("node", 1, CREDIT).unwrap();
    ledger.slash("node", Role::Respondent, 0);
    // Half of the new two credits and of the old ten: and with that the new registration is over too.
    assert_eq!(ledger.burnt(), 6 * CREDIT);
    assert_eq!(query::provider_of(&ledger.state, &public("node")), None);
    assert_eq!(
        ledger.bond("node", Role::Respondent),
        Some((0, vec![(6, 6 * CREDIT)]))
    );
    ledger.go_to_epoch(6);
    assert_eq!(ledger.bond("node", Role::Respondent), None);
}

#[test]
fn reg_6_rotating_the_key_is_no_escape() {
    let mut ledger = Ledger::new();
    ledger.register("old", 0, 5 * CREDIT).unwrap();
    let more = Instruction::Bond {
        node: public("old"),
        role: Role::Respondent,
        amount: Amount(2 * CREDIT),
    };
    ledger.run(more).unwrap();
    ledger.unbond("old", Role::Respondent, 2 * CREDIT);
    ledger.rotate(0, "old", "new").unwrap();
    ledger.rotate(0, "new", "newest").unwrap();
    assert_eq!(ledger.bond("old", Role::Respondent), None);
    assert_eq!(
        ledger.bond("newest", Role::Respondent),
        Some((10 * CREDIT, vec![(6, 2 * CREDIT)]))
    );

    // What any of its keys did costs the bond that went along.
    ledger.slash("old", Role::Respondent, 0);
    assert_eq!(ledger.burnt(), 6 * CREDIT);
    assert_eq!(
        ledger.bond("newest", Role::Respondent),
        Some((4 * CREDIT, vec![(6, 2 * CREDIT)]))
    );
    // A cheap registration of the old key would take the offence upon itself.
    let again = ledger.register("old", 1, CREDIT);
    let provider = ProviderId(0);
    assert_eq!(again, Err(Rejection::Registered { provider }));
    ledger.run(Instruction::Retire { provider }).unwrap();
    let again = ledger.register("old", 1, CREDIT);
    assert_eq!(again, Err(Rejection::Registered { provider }));
    ledger.slash("new", Role::Respondent, 0);
    assert_eq!(ledger.burnt(), 9 * CREDIT);
    ledger.go_to_epoch(7);
    assert_eq!(ledger.bond("newest", Role::Respondent), None);
}

/// What was stolen with a key does not cost the bond for ever.
#[test]
fn reg_6_a_key_rotated_away_answers_until_its_contracts_are_over() {
    let mut ledger = Ledger::new();
    ledger.register("old", 0, 8 * CREDIT).unwrap();
    ledger.rotate(0, "old", "new").unwrap();
    ledger.go_to_epoch(3);
    ledger.slash("old", Role::Respondent, 0);
    assert_eq!(ledger.burnt(), 8 * CREDIT);
    ledger.go_to_epoch(4);
    ledger.slash("old", Role::Respondent, 0);
    assert_eq!(ledger.burnt(), 8 * CREDIT);
    // Though nothing about the registration changes, and though it ends.
    let provider = ProviderId(0);
    ledger.run(Instruction::Retire { provider }).unwrap();
    ledger.slash("old", Role::Respondent, 0);
    assert_eq!(ledger.burnt(), 8 * CREDIT);
    ledger.slash("new", Role::Respondent, 0);
    assert_eq!(ledger.burnt(), 12 * CREDIT);
}

#[test]
fn reg_7_a_slashing_ends_a_registration_with_too_little_bond_and_lowers_any_other() {
    let mut ledger = Ledger::new();
    ledger.register("node", 0, 3 * CREDIT).unwrap();
    ledger.go_to_epoch(1);
    let before = ledger.height;
    ledger.slash("node", Role::Respondent, 0);
    ledger.block(&[]);
    let (id, provider) = query::provider_of(&ledger.state, &public("node")).unwrap();
    let bond_at = |height| {
        provider
            .at(height)
            .map(|version| version.registration.bond.0)
    };
    // Selections before it go on to see what they saw (SEL-8).
    assert_eq!(bond_at(Height(before.0 - 1)), Some(3 * CREDIT));
    assert_eq!(bond_at(ledger.height), Some(3 * CREDIT / 2));
    // The lowered bonds are what the role needs from now on.
    let unbond = Instruction::Unbond {
        node: public("node"),
        role: Role::Respondent,
        amount: Amount(1),
    };
    let needed = Amount(3 * CREDIT + 1);
    let available = Amount(3 * CREDIT);
    assert_eq!(
        ledger.run(unbond),
        Err(Rejection::Bond { needed, available })
    );

    ledger.slash("node", Role::Respondent, 0);
    assert_eq!(query::provider_of(&ledger.state, &public("node")), None);
    let retired = query::provider(&ledger.state, id).unwrap().retired_at;
    assert_eq!(retired, Some(ledger.height));
    assert_eq!(
        ledger.bond("node", Role::Respondent),
        Some((0, vec![(7, 3 * CREDIT / 2)]))
    );
}

#[test]
fn reg_7_a_slashing_that_leaves_no_room_for_a_version_ends_the_registration() {
    let mut ledger = Ledger::with(Params {
        announcements_free: 100,
        epoch_blocks: 64,
        ..params()
    });
    ledger.register("old", 0, 4 * CREDIT).unwrap();
    let mut key = "old".to_owned();
    for turn in 1..20_u32 {
        let announcement = Announcement {
            provider: ProviderId(0),
            novelty: Novelty::Corpus {
                corpus: Corpus {
                    root: Digest::of(&turn.to_le_bytes()),
                    as_of_day: 0,
                    passages: 1,
                },
                changed: Score::ZERO,
            },
        };
        // Whoever announces without end cannot keep a key from being rotated (REG-9).
        let announced = ledger.run(Instruction::Announce(Box::new(announcement)));
        assert_eq!(announced.is_ok(), turn < 12, "{turn}");
    }
    for turn in 0..4 {
        let next = format!("key {turn}");
        ledger.rotate(0, &key, &next).unwrap();
        key = next;
    }
    assert!(matches!(
        ledger.rotate(0, &key, "one more"),
        Err(Rejection::Full { .. })
    ));
    ledger.slash(&key, Role::Respondent, 0);
    assert_eq!(query::provider_of(&ledger.state, &public(&key)), None);
    assert_eq!(
        ledger.bond(&key, Role::Respondent),
        Some((0, vec![(6, 4 * CREDIT)]))
    );
}

#[test]
fn bnd_3_a_validators_bond_answers_for_its_whole_term() {
    let mut ledger = Ledger::new();
    let more = Instruction::Enlist(Box::new(Signed::new(
        Enlistment {
            node: public("second"),
            operator: public("operator"),
            role: Role::Validator,
            address: Text::empty(),
            bond: Amount(3 * CREDIT),
            until: Epoch(0),
        },
        &ledger.network,
        &key("second"),
    )));
    ledger.run(more).unwrap();
    // Not in office before the next term: what it takes now leaves as any other.
    ledger.unbond("second", Role::Validator, CREDIT);
    assert_eq!(
        ledger.bond("second", Role::Validator),
        Some((2 * CREDIT, vec![(6, CREDIT)]))
    );
    ledger.go_to_epoch(10);
    assert_eq!(
        ledger.bond("second", Role::Validator),
        Some((2 * CREDIT, vec![]))
    );
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys().len(),
        2
    );
    // In office till the end of epoch 19.
    ledger.unbond("second", Role::Validator, CREDIT);
    let delist = Instruction::Delist {
        node: public("second"),
        role: Role::Validator,
    };
    ledger.run(delist).unwrap();
    assert_eq!(
        ledger.bond("second", Role::Validator),
        Some((0, vec![(25, 2 * CREDIT)]))
    );
    ledger.go_to_epoch(19);
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys().len(),
        2
    );
    ledger.slash("second", Role::Validator, 0);
    assert_eq!(ledger.burnt(), CREDIT);
    ledger.go_to_epoch(20);
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys(),
        [public("validator")]
    );
    ledger.go_to_epoch(25);
    assert_eq!(ledger.bond("second", Role::Validator), None);
}

#[test]
fn com_3_a_slashed_validator_is_not_elected_until_it_adds() {
    let mut ledger = Ledger::new();
    ledger
        .enlist("second", Role::Validator, 3 * CREDIT / 2)
        .unwrap();
    ledger.go_to_epoch(10);
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys().len(),
        2
    );
    ledger.slash("second", Role::Validator, 0);
    // It stays in office for its term, but commits to nothing new.
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys().len(),
        2
    );
    ledger.go_to_epoch(20);
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys(),
        [public("validator")]
    );
    let more = Instruction::Bond {
        node: public("second"),
        role: Role::Validator,
        amount: Amount(CREDIT / 4),
    };
    ledger.run(more).unwrap();
    ledger.go_to_epoch(30);
    assert_eq!(
        query::office(&ledger.state).unwrap().committee.keys().len(),
        2
    );
}
