//! Roots, openings, and what comes of them.

use llmnet_ledger::{EventKind, Key, State, query, record::Due};
use llmnet_types::{
    bond::{Enlistment, Role},
    codec::{List, Text, encode},
    id::{ContractId, Digest, ProviderId, Salt},
    params::Params,
    receipt::{ContractStatus, SeatOutcome},
    rejection::{Field, ProofPart, Rejection},
    settlement::Leaf,
    signature::Signed,
    transaction::Instruction,
    units::{Amount, Epoch, Score, Slot},
};

use super::world::{Audits, Items, open};
use crate::{
    contract::{node_key, part},
    disputes::enlist,
    world::{World, credits, key, params, public},
};

const RIGHT: &str = "scattering";

/// Expert 0 is always right, 1 never, 2 on its own.
fn answers(provider: ProviderId) -> &'static str {
    match provider {
        ProviderId(0) => RIGHT,
        ProviderId(1) => "reflection",
        _ => "refraction",
    }
}

const fn proof(part: ProofPart) -> Rejection {
    Rejection::Proof { part }
}

#[test]
fn aud_1_validators_in_office_and_bonded_auditors_commit_once_for_the_next_epoch() {
    let mut audits = Audits::new();
    let epoch = audits.next();
    let items = audits.commit("validator-0", 3, RIGHT);
    let audit = query::audit(&audits.world.state, &public("validator-0"), epoch).unwrap();
    assert_eq!((audit.items, audit.role), (3, Role::Validator));
    assert_eq!(
        audits.refused("validator-0", items.root()),
        Rejection::Already
    );
    let stranger = audits.refused("bob", items.root());
    assert_eq!(
        stranger,
        Rejection::NotEnlisted {
            role: Role::Auditor
        }
    );
    enlist(&mut audits.world, "bob", Role::Auditor);
    audits.applied("bob", items.root());
    let audit = query::audit(&audits.world.state, &public("bob"), epoch).unwrap();
    assert_eq!(audit.role, Role::Auditor);
    for items in [0, 257] {
        let root = Instruction::AuditRoot {
            root: Digest::ZERO,
            items,
        };
        let bounds = Rejection::Bounds {
            field: Field::Items,
        };
        assert_eq!(audits.refused("validator-1", root), bounds);
    }
    // The next epoch has a root of its own.
    audits.world.go_to_epoch(epoch.0);
    audits.commit("validator-0", 1, RIGHT);
}

#[test]
fn aud_2_an_item_is_opened_by_the_contract_that_answered_it() {
    let mut audits = Audits::new();
    let items = audits.commit("validator-0", 2, RIGHT);
    audits.world.go_to_epoch(items.epoch.0);
    let answered = audits.ask(items.items.iter().map(|item| item.0.as_str()), answers);
    let opening = items.opening(0, &answered[0]);
    let events = audits.applied("validator-0", open(opening.clone()));
    let opened = EventKind::AuditOpened {
        auditor: public("validator-0"),
        coordinator: public("coordinator"),
        slot: Slot(0),
    };
    assert!(events.contains(&opened));
    let audit = query::audit(&audits.world.state, &public("validator-0"), items.epoch).unwrap();
    let found: Vec<_> = audit
        .results
        .iter()
        .map(|result| (result.provider.0, result.right, result.wrong))
        .collect();
    assert_eq!(found, [(0, 1, 0), (1, 0, 1), (2, 0, 1)]);
    // An item once, a contract once.
    let again = audits.refused("validator-0", open(opening));
    assert_eq!(again, Rejection::Already);
    audits.applied("validator-0", open(items.opening(1, &answered[1])));
}

/// AUD-2: whatever of an opening does not fit is refused, and nothing of it counts.
#[test]
fn aud_2_each_part_of_an_opening_is_checked() {
    let mut audits = Audits::new();
    let items = audits.commit("validator-0", 2, RIGHT);
    audits.world.go_to_epoch(items.epoch.0);
    let answered = audits.ask(items.items.iter().map(|item| item.0.as_str()), answers);
    let opening = items.opening(0, &answered[0]);
    let mut refused = |change: &dyn Fn(&mut llmnet_types::audit::AuditOpening)| {
        let mut opening = opening.clone();
        change(&mut opening);
        audits.refused("validator-0", open(opening))
    };
    let other = items.opening(1, &answered[1]);
    assert_eq!(
        refused(&|opening| opening.epoch = Epoch(opening.epoch.0 + 1)),
        Rejection::NoAuditRoot
    );
    for wrong in [
        refused(&|opening| opening.salt = Salt([9; 32])),
        refused(&|opening| opening.item.class = Digest::of(b"reflection")),
        refused(&|opening| opening.path.index = 1),
        refused(&|opening| opening.path.size = 3),
        // The item of another question.
        refused(&|opening| {
            (opening.item, opening.salt, opening.path) =
                (other.item, other.salt, other.path.clone());
        }),
        refused(&|opening| opening.request_salt = Salt([9; 32])),
    ] {
        assert_eq!(wrong, proof(ProofPart::Item));
    }
    for wrong in [
        refused(&|opening| opening.settled.leaf.charge.0 += 1),
        refused(&|opening| opening.settled.path.index = 1),
    ] {
        assert_eq!(wrong, proof(ProofPart::Leaf));
    }
    assert_eq!(
        refused(&|opening| opening.settled.first_slot = Slot(1)),
        Rejection::Settlement { slot: Slot(1) }
    );
    assert_eq!(
        refused(&|opening| opening.settled.leaf.status = ContractStatus::Void),
        proof(ProofPart::Contract)
    );
    assert_eq!(
        refused(&|opening| opening.settled.leaf.height.0 -= 16),
        Rejection::Window
    );
    for wrong in [
        refused(&|opening| opening.terms = other.terms.clone()),
        refused(&|opening| opening.seats = opening.terms.clone()),
        refused(&|opening| opening.seats.salt = Salt([9; 32])),
    ] {
        assert_eq!(wrong, proof(ProofPart::Disclosure));
    }
    let someone = audits.refused("validator-1", open(opening.clone()));
    assert_eq!(someone, Rejection::NoAuditRoot);
    audits.applied("validator-0", open(opening));
}

/// AUD-2: one contract, two items about it.
#[test]
fn aud_2_a_contract_answers_one_item() {
    let mut audits = Audits::new();
    let mut items = Items::new("validator-0", audits.next(), 1, RIGHT);
    let (question, item, _) = items.items[0].clone();
    items.items.push((question, item, Salt([5; 32])));
    audits.applied("validator-0", items.root());
    audits.world.go_to_epoch(items.epoch.0);
    let answered = audits.ask([items.items[0].0.as_str()], answers);
    audits.applied("validator-0", open(items.opening(0, &answered[0])));
    let again = audits.refused("validator-0", open(items.opening(1, &answered[0])));
    assert_eq!(again, Rejection::Already);
}

#[test]
fn aud_2_only_signed_answers_of_served_seats_count() {
    let mut audits = Audits::new();
    let items = audits.commit("validator-0", 1, RIGHT);
    audits.world.go_to_epoch(items.epoch.0);
    let answered = audits.ask_as(
        [items.items[0].0.as_str()],
        |_| RIGHT,
        |world, contract| {
            let id = contract.id();
            let network = world.network;
            contract.change_seats(world, |seats| {
                for seat in seats.iter_mut() {
                    let node = node_key(&seat.assign.body.seat);
                    match seat.provider {
                        // The coordinator made up what it said.
                        ProviderId(0) => {
                            let rival = key("rival");
                            seat.part =
                                Some(Signed::new(part(id, "reflection", &node), &network, &rival));
                        }
                        // It never gave an account.
                        ProviderId(1) => seat.part = None,
                        // It told of another contract.
                        _ => {
                            let other = ContractId([3; 32]);
                            seat.part =
                                Some(Signed::new(part(other, RIGHT, &node), &network, &node));
                        }
                    }
                }
            });
        },
    );
    audits.applied("validator-0", open(items.opening(0, &answered[0])));
    let audit = query::audit(&audits.world.state, &public("validator-0"), items.epoch).unwrap();
    assert_eq!(audit.results.len(), 0);
    assert_eq!(audit.contracts.len(), 1);
}

/// AUD-2: a receipt is its coordinator's word. One that names a seat three times, and one that the leaf
/// says did not serve, tells no more than the leaf does.
#[test]
fn aud_2_a_seat_is_counted_once_and_only_if_it_served_by_the_leaf() {
    let mut audits = Audits::new();
    let items = audits.commit("validator-0", 1, RIGHT);
    audits.world.go_to_epoch(items.epoch.0);
    let answered = audits.ask_as(
        [items.items[0].0.as_str()],
        |_| RIGHT,
        |world, contract| {
            contract.change_seats(world, |seats| {
                for seat in seats.iter_mut() {
                    if seat.provider == ProviderId(1) {
                        seat.outcome = SeatOutcome::Withheld;
                        seat.score = Score::ZERO;
                        seat.pay = Amount::ZERO;
                    }
                }
            });
            let told = contract.leaf();
            contract.change_seats(world, |seats| {
                for seat in seats.iter_mut() {
                    seat.outcome = SeatOutcome::Served;
                }
                let twice = seats.clone();
                seats.extend(twice);
            });
            let receipt = contract.root();
            contract.told = Some(Leaf { receipt, ..told });
        },
    );
    audits.applied("validator-0", open(items.opening(0, &answered[0])));
    let audit = query::audit(&audits.world.state, &public("validator-0"), items.epoch).unwrap();
    let found: Vec<_> = audit
        .results
        .iter()
        .map(|result| (result.provider.0, result.right))
        .collect();
    assert_eq!(found, [(0, 1), (2, 1)]);
}

/// AUD-2, REP-4: an auditor's operator has seats of its own.
#[test]
fn aud_2_own_seats_are_left_out_unless_waived() {
    for waive_operator in [false, true] {
        let mut audits = Audits::with(Params {
            epoch_blocks: 16,
            line_epochs_max: 64,
            waive_operator,
            ..params()
        });
        // The operator of provider 0 audits under its own key.
        let auditor = "operator-0";
        let enlistment = Enlistment {
            node: public(auditor),
            operator: public(auditor),
            role: Role::Auditor,
            address: Text::empty(),
            bond: credits(2),
            until: Epoch(9),
        };
        let signed = Signed::new(enlistment, &audits.world.network, &key(auditor));
        audits.applied(auditor, Instruction::Enlist(Box::new(signed)));
        let items = audits.commit(auditor, 1, RIGHT);
        audits.world.go_to_epoch(items.epoch.0);
        let answered = audits.ask([items.items[0].0.as_str()], answers);
        audits.applied(auditor, open(items.opening(0, &answered[0])));
        let audit = query::audit(&audits.world.state, &public(auditor), items.epoch).unwrap();
        let found: Vec<_> = audit
            .results
            .iter()
            .map(|result| result.provider.0)
            .collect();
        let expected: &[u32] = if waive_operator { &[0, 1, 2] } else { &[1, 2] };
        assert_eq!(found, expected);
    }
}

#[test]
fn aud_3_and_4_a_complete_root_counts_and_is_merged_an_epoch_later() {
    let mut audits = Audits::new();
    let items = [audits.commit("validator-0", 4, RIGHT)];
    let epoch = items[0].epoch;
    audits.examine(&items, answers, 0);
    audits.go_beyond(epoch, 2);
    assert!(query::audit(&audits.world.state, &public("validator-0"), epoch).is_some());
    let closed = audits.go_beyond(epoch, 3);
    assert!(closed.contains(&EventKind::AuditClosed {
        auditor: public("validator-0"),
        epoch,
        complete: true,
    }));
    assert_eq!(audits.bond("validator-0", Role::Validator), 10_000_000);
    assert!(query::audit(&audits.world.state, &public("validator-0"), epoch).is_none());
    assert_eq!(audits.found(0), (0, 0));
    // The pool pays for the items (POL-2) and what was found counts.
    let merged = audits.go_beyond(epoch, 4);
    assert!(merged.iter().any(|event| matches!(event,
        EventKind::PoolPaid { operator, .. } if *operator == public("validator-0"))));
    assert!(merged.iter().any(|event| matches!(
        event,
        EventKind::AuditsMerged {
            provider: ProviderId(1),
            right: 0,
            wrong: 4_000_000,
            ..
        }
    )));
    assert_eq!((audits.found(0), audits.found(1)), ((4_000, 0), (0, 4_000)));
    assert_eq!(audits.profile(0).ceiling, Score::ONE);
    let ceiling = audits.profile(1).ceiling;
    assert!(ceiling < Score::HALF);
    // Both records fade, and with them what they rule out.
    audits.go_beyond(epoch, 8);
    assert_eq!(audits.found(1), (0, 3_689));
    assert_eq!(audits.profile(1).audits.short_wrong, 250_000);
    assert!(audits.profile(1).ceiling > ceiling);
}

/// Roots of two epochs in a row: what the second found waits for its own time, though its root is closed
/// in the very blocks in which the first is merged.
#[test]
fn aud_4_each_epoch_is_merged_by_itself() {
    let mut audits = Audits::new();
    let first = [audits.commit("validator-0", 2, RIGHT)];
    let epoch = first[0].epoch;
    audits.world.go_to_epoch(epoch.0);
    let second = [audits.commit("validator-1", 3, "reflection")];
    audits.examine(&first, answers, 0);
    audits.examine(&second, answers, 0);
    audits.go_beyond(epoch, 4);
    assert_eq!((audits.found(0), audits.found(1)), ((2_000, 0), (0, 2_000)));
    let physics = audits.world.domain("physics");
    let waiting = |audits: &Audits| {
        let key = Key::Findings(ProviderId(0), physics);
        audits.world.state.get(&key).is_some()
    };
    assert!(waiting(&audits));
    audits.go_beyond(epoch, 5);
    assert_eq!(
        (audits.found(0), audits.found(1)),
        ((1_960, 3_000), (3_000, 1_960))
    );
    assert!(!waiting(&audits));
}

/// AUD-4, WIN-2: all that audits leave behind ends by itself.
#[test]
fn aud_4_nothing_of_an_audit_is_left() {
    let mut audits = Audits::new();
    let all = [
        audits.commit("validator-0", 2, RIGHT),
        audits.commit("validator-1", 2, RIGHT),
    ];
    audits.examine(&all, answers, 1);
    audits.go_beyond(all[0].epoch, 5);
    let left = audits.world.state.iter().filter(|(key, bytes)| {
        let due = |due: &Due| matches!(due, Due::Audit { .. } | Due::Findings(..));
        matches!(key, Key::Audit(..) | Key::Findings(..) | Key::Audited)
            || matches!(key, Key::Due { .. })
                && borsh::from_slice::<Vec<Due>>(bytes)
                    .unwrap()
                    .iter()
                    .any(due)
    });
    assert_eq!(left.count(), 0);
}

/// The largest record of an audit, and of findings, fits in a value.
#[test]
fn aud_2_records_stay_below_the_bound_of_values() {
    use llmnet_ledger::record::{
        AUDIT_RESULTS_MAX, AUDITORS_MAX, Audit, AuditResult, Finding, Findings,
    };
    let result = AuditResult {
        provider: ProviderId(1),
        domain: World::with_experts(1).domain("physics"),
        right: 1,
        wrong: 1,
    };
    let audit = Audit {
        root: Digest::ZERO,
        items: 256,
        opened: [0; 32],
        role: Role::Auditor,
        results: List::from_vec(vec![result; AUDIT_RESULTS_MAX]).unwrap(),
        contracts: List::from_vec(vec![ContractId([0; 32]); 256]).unwrap(),
    };
    let finding = Finding {
        weight: Amount(1),
        right: 1,
        wrong: 1,
    };
    let findings = Findings {
        epoch: Epoch(0),
        findings: List::from_vec(vec![finding; AUDITORS_MAX]).unwrap(),
    };
    let most = encode(&audit).len().max(encode(&findings).len());
    assert!(most < llmnet_ledger::state::VALUE_LENGTH_MAX, "{most}");
}
