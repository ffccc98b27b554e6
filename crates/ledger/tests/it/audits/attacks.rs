//! Auditors who lie or pick, and peers whose praise audits do not bear out.

use llmnet_ledger::{EventKind, Key, State, selection};
use llmnet_types::{
    bond::Role,
    domain::Domain,
    id::{Digest, ProviderId},
    params::Params,
    selection::DomainChoice,
    units::Score,
};

use super::world::{Audits, Items};
use crate::world::{VALIDATORS, public};

const RIGHT: &str = "scattering";
const LIE: &str = "whatever we agreed on";

/// Expert 0 is the liar's friend and knows what it will ask; the others are good.
fn friend_of_the_liar(provider: ProviderId) -> &'static str {
    if provider == ProviderId(0) {
        LIE
    } else {
        RIGHT
    }
}

/// One of four validators has answers that nobody but its friend can know: praise for the friend, blame for
/// all others. The other three ask what is so.
fn examined(lies: usize) -> Audits {
    let mut audits = Audits::new();
    let mut all: Vec<Items> = Vec::new();
    for validator in &VALIDATORS[1..] {
        all.push(audits.commit(validator, 8, RIGHT));
    }
    if lies > 0 {
        all.push(audits.commit(VALIDATORS[0], lies, LIE));
    }
    audits.examine(&all, friend_of_the_liar, 0);
    audits.go_beyond(all[0].epoch, 4);
    audits
}

#[test]
fn a_lying_auditor_is_clipped_by_the_others() {
    let (truth, lied) = (examined(0), examined(64));
    let (right, wrong) = lied.found(0);
    // Its 64 answers count as the 24 of the others, and hardly any of them as right.
    assert_eq!(right + wrong, 48_000);
    assert!(right * 5 < wrong * 2, "{right} right, {wrong} wrong");
    let ceilings = |audits: &Audits| [0, 1, 2].map(|provider| audits.profile(provider).ceiling);
    let [friend, first, second] = ceilings(&lied);
    assert!(ceilings(&truth)[0] < Score::clamped(2_000));
    assert!(friend < Score::HALF, "{friend:?}");
    // And blame for the good ones counts as little.
    assert!(
        first.min(second) > Score::clamped(8_500),
        "{first:?}, {second:?}"
    );
}

/// An auditor opens what pleases it and keeps the rest closed: it loses its bond, and nothing counts.
#[test]
fn a_picking_auditor_loses_its_bond_and_what_it_found() {
    let mut audits = Audits::new();
    let all = [audits.commit("validator-0", 4, RIGHT)];
    let epoch = all[0].epoch;
    audits.examine(&all, friend_of_the_liar, 1);
    let before = audits.bond("validator-0", Role::Validator);
    let closed = audits.go_beyond(epoch, 3);
    let after = audits.bond("validator-0", Role::Validator);
    assert_eq!(after, before / 2);
    assert!(closed.contains(&EventKind::AuditClosed {
        auditor: public("validator-0"),
        epoch,
        complete: false,
    }));
    let slashed = |event: &EventKind| {
        matches!(
            event,
            EventKind::Slashed {
                role: Role::Validator,
                ..
            }
        )
    };
    assert!(closed.iter().any(slashed));
    // No item of it is paid for.
    assert!(audits.world.state.get(&Key::Audited).is_none());
    audits.go_beyond(epoch, 4);
    assert_eq!(audits.found(0), (0, 0));
    assert_eq!(audits.found(1), (0, 0));
}

/// SEL-9: a ring that gives nearly all evidence makes its friend the best by far; audits say otherwise, and
/// selections follow them.
#[test]
fn sel_9_audits_cap_a_ring_s_praise() {
    let mut audits = Audits::new();
    // The friend is always wrong, and its ring calls that the best there is.
    let answers = |provider| {
        if provider == ProviderId(0) {
            "nonsense"
        } else {
            RIGHT
        }
    };
    let praise = |audits: &mut Audits| {
        let questions: Vec<_> = (0..30).map(|number| format!("ring {number}")).collect();
        audits.ask_as(
            questions.iter().map(String::as_str),
            |_| RIGHT,
            |world, contract| {
                contract.change_seats(world, |seats| {
                    for seat in seats.iter_mut() {
                        let friend = seat.provider == ProviderId(0);
                        seat.score = Score::clamped(if friend { 10_000 } else { 4_000 });
                    }
                });
            },
        );
    };
    let all: Vec<_> = VALIDATORS
        .iter()
        .map(|validator| audits.commit(validator, 4, RIGHT))
        .collect();
    praise(&mut audits);
    audits.examine(&all, answers, 0);
    praise(&mut audits);
    let candidate = |audits: &Audits, provider: usize| {
        let choice = DomainChoice {
            domain: Domain::new("physics").unwrap(),
            id: audits.world.domain("physics"),
            confidence: Score::ONE,
        };
        let height = audits.world.height;
        let inputs = selection::inputs(&audits.world.state, height, &[choice], Digest::ZERO);
        inputs.unwrap().candidates[provider].clone()
    };
    let epoch = all[0].epoch;
    audits.go_beyond(epoch, 3);
    let before = candidate(&audits, 0);
    assert!(before.mean > candidate(&audits, 1).mean);
    assert_eq!(before.ceiling, Score::ONE);
    audits.go_beyond(epoch, 4);
    let capped = candidate(&audits, 0);
    let profile = audits.profile(0);
    let praised = profile.reputation.mean(&Params::local().prior);
    assert!(praised > Score::clamped(8_500), "{praised:?}");
    // AUD-5: what audits found speaks against it as well.
    assert!(profile.mean < praised && profile.mean > profile.ceiling);
    assert_eq!(
        (capped.mean, capped.ceiling),
        (profile.ceiling, profile.ceiling)
    );
    assert!(
        capped.ceiling < Score::clamped(2_500),
        "{:?}",
        capped.ceiling
    );
    assert_eq!(candidate(&audits, 1).ceiling, Score::ONE);
    // First of no order, whatever chance says: its theta is capped as well.
    let height = audits.world.height;
    for slot in 100..200 {
        let order = audits.world.order("coordinator", slot, height);
        assert_ne!(order[0], ProviderId(0), "slot {slot}");
    }
}

/// A sleeper answers right for epochs and then wrong: the short record brings its ceiling down at once,
/// though the long one is full of right answers.
#[test]
fn a_sleeper_is_capped_by_the_short_record() {
    let mut audits = Audits::new();
    for _ in 0..4 {
        let all = [audits.commit("validator-0", 12, RIGHT)];
        audits.examine(&all, |_| RIGHT, 0);
    }
    let turned = [audits.commit("validator-0", 12, RIGHT)];
    audits.examine(&turned, |_| LIE, 0);
    let epoch = turned[0].epoch;
    audits.go_beyond(epoch, 3);
    assert_eq!(audits.profile(0).ceiling, Score::ONE);
    audits.go_beyond(epoch, 4);
    let (right, wrong) = audits.found(0);
    assert!(right > 3 * wrong, "{right} right, {wrong} wrong");
    let ceiling = audits.profile(0).ceiling;
    assert!(ceiling < Score::clamped(8_000), "{ceiling:?}");
}
