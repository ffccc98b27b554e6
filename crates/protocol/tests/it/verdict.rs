//! From answers to a verdict, over a whole contract (DEB, RAT).

use llmnet_protocol::minority::minority;
use llmnet_types::{
    codec::List,
    contract::Strategy,
    id::Digest,
    message::{Answer, Payload, Phase},
    receipt::{Conclusion, ContractStatus, SeatOutcome},
    reputation::Audited,
    selection::Candidate,
    units::Score,
};

use crate::{
    adversaries::Stuffer,
    contract::{outcomes, phases, text},
    network::{honest, play},
    respondent::{Honest, Script},
    world::World,
};

const TITAN: &str = "Titan.";
const RHEA: &str = "Rhea.";

/// DEB-3, DEB-4, RAT-2: a seat with evidence convinces another; who was convinced found it second.
#[test]
fn evidence_convinces() {
    let world = World::new();
    let scripts = vec![
        Script::says(world.cited(0, TITAN)),
        Script::says(world.answer(RHEA)).convinced_by(TITAN),
        Script::says(world.cited(2, TITAN)),
    ];
    let run = play(&world, honest(&world, scripts));
    let verdict = &run.finished.receipt.verdict;
    assert_eq!(phases(&run), [Phase::Answers, Phase::Round(1)]);
    assert_eq!(
        (verdict.conclusion, verdict.rounds),
        (Conclusion::Unanimous, 1)
    );
    assert_eq!(*verdict.strengths, [Score::ONE, Score::HALF, Score::ONE]);
    assert_eq!((&*verdict.changed, &*verdict.minority), (&[1][..], &[][..]));
    let pays: Vec<_> = run
        .finished
        .receipt
        .seats
        .iter()
        .map(|seat| seat.pay)
        .collect();
    assert!(pays[1] < pays[0]);
    let (_, round) = &run.finished.transcript[1];
    let reasons = round.iter().filter_map(|opening| match &opening.payload {
        Payload::Revision(revision) => Some(!revision.reason.is_empty()),
        _ => None,
    });
    assert_eq!(reasons.filter(|reason| *reason).count(), 1);
}

/// DEB-5, DEB-7, AUD-6: two whom audits put far behind the third do not outvote it; they are a minority that is told of.
#[test]
fn audits_decide_whose_vote_it_is() {
    let mut world = World::reputed(&[8_000; 3], |terms| terms.strategy = Strategy::Vote);
    let says = |world: &World| {
        let best = world.setup.order[2];
        let scripts = (0..3).map(|rank| match world.setup.order[rank] == best {
            true => Script::says(world.cited(rank, TITAN)),
            false => Script::says(world.answer(RHEA)),
        });
        play(world, honest(world, scripts.collect()))
    };
    assert_eq!(text(&says(&world)), RHEA);
    let best = world.setup.order[2];
    let candidates = world.setup.selection.candidates.iter().cloned();
    let candidates = candidates.map(|candidate| {
        let right = if candidate.provider == best { 38 } else { 20 };
        let audited = Audited::of(right * 1_000_000, (40 - right) * 1_000_000);
        Candidate {
            audited,
            ..candidate
        }
    });
    world.setup.selection.candidates = List::truncated(candidates.collect::<Vec<_>>());
    let run = says(&world);
    assert_eq!(text(&run), TITAN);
    let [dissent] = &run.finished.minority[..] else {
        panic!("one other opinion");
    };
    assert_eq!(dissent.seats, [0, 1]);
    assert!(dissent.share < Score::clamped(1_000), "{:?}", dissent.share);
}

/// DEB-3: peers' answers are shown without names, and shuffled: two contracts show two orders.
#[test]
fn answers_are_shown_without_names_and_shuffled() {
    let order = |name: &str| {
        let mut world = World::with(|terms| terms.seats = 5);
        let salt = crate::world::salt(name);
        world.setup.terms.request = world.setup.request.digest(&salt.field("request"));
        let terms = world.setup.terms.digest();
        let limit = world.setup.voucher.body.limit;
        world.setup.voucher = crate::respondent::voucher(&world, "requester", limit, terms);
        world.setup.salt = salt;
        let says = ["0", "1", "2", "3", "4"];
        let scripts = says.map(|text| Script::says(world.answer(text)));
        let run = play(&world, honest(&world, scripts.to_vec()));
        let (_, openings) = &run.finished.transcript[0];
        let texts = openings.iter().map(|opening| match &opening.payload {
            Payload::Answer(answer) => answer.text.as_str().to_owned(),
            _ => panic!("first answers only"),
        });
        texts.collect::<Vec<_>>()
    };
    let orders: Vec<_> = ["a", "b", "c", "d"].map(order).to_vec();
    assert!(
        orders.windows(2).any(|pair| pair[0] != pair[1]),
        "{orders:?}"
    );
}

/// DEB-3: a change of mind that names nobody, or gives no reason, breaks the rules.
#[test]
fn a_change_without_a_reason_is_invalid() {
    use llmnet_protocol::debate::{Speaker, read};
    use llmnet_types::{
        codec::Text,
        message::{Opening, Revision},
    };
    let world = World::new();
    let (titan, rhea) = (world.answer(TITAN), world.answer(RHEA));
    let reads = |answer: &Answer, convinced_by, reason: &str, before: Option<&Answer>| {
        let payload = Payload::Revision(Revision {
            answer: answer.clone(),
            convinced_by,
            reason: Text::truncated(reason),
        });
        let opening = Opening {
            salt: crate::world::salt("opening"),
            payload,
        };
        let speaker = Speaker {
            corpus: &Digest::ZERO,
            panel: &[],
            before,
            is_author: false,
        };
        read(&world.case(), Phase::Round(1), &opening, &speaker).is_some()
    };
    assert!(reads(&titan, Some(0), "Cited.", Some(&rhea)));
    assert!(reads(&titan, None, "", Some(&titan)));
    assert!(!reads(&titan, None, "Cited.", Some(&rhea)));
    assert!(!reads(&titan, Some(0), " ", Some(&rhea)));
    assert!(
        !reads(&titan, Some(0), "Cited.", None),
        "it never answered alone"
    );
}

/// DEB-4: a debate in which nothing moves, or that had its rounds, ends in ballots.
#[test]
fn a_debate_ends_where_nothing_moves_or_rounds_are_over() {
    let world = World::with(|terms| terms.rounds = 1);
    let stubborn = [TITAN, RHEA, RHEA].map(|text| Script::says(world.answer(text)).prefers(TITAN));
    let run = play(&world, honest(&world, stubborn.to_vec()));
    assert_eq!(
        phases(&run),
        [Phase::Answers, Phase::Round(1), Phase::Ballots]
    );

    let mut moving = [TITAN, RHEA, "Iapetus."].map(|text| Script::says(world.answer(text)));
    moving[2] = moving[2].clone().convinced_by(TITAN);
    let run = play(&world, honest(&world, moving.to_vec()));
    assert_eq!(
        phases(&run),
        [Phase::Answers, Phase::Round(1), Phase::Ballots]
    );

    let world = World::with(|terms| terms.rounds = 0);
    let scripts = [TITAN, RHEA, RHEA].map(|text| Script::says(world.answer(text)));
    let run = play(&world, honest(&world, scripts.to_vec()));
    assert_eq!(phases(&run), [Phase::Answers, Phase::Ballots]);

    // No receipt has room for so many rounds, whatever the terms say.
    let world = World::with(|terms| terms.rounds = 200);
    let scripts = [TITAN, RHEA, "Iapetus."].map(|text| Script {
        fickle: true,
        ..Script::says(world.answer(text))
    });
    let run = play(&world, honest(&world, scripts.to_vec()));
    assert_eq!(run.finished.receipt.verdict.rounds, 4);
}

/// DEB-4: under `debate` those who agree debate too; alone, nobody does.
#[test]
fn a_debate_may_be_ordered() {
    let world = World::with(|terms| terms.strategy = Strategy::Debate);
    let scripts = (0..3).map(|_| Script::says(world.answer(TITAN)));
    let run = play(&world, honest(&world, scripts.collect()));
    assert_eq!(phases(&run), [Phase::Answers, Phase::Round(1)]);

    let world = World::with(|terms| {
        (terms.strategy, terms.seats, terms.quorum) = (Strategy::Debate, 1, 1);
    });
    let run = play(
        &world,
        honest(&world, vec![Script::says(world.answer(TITAN))]),
    );
    assert_eq!(phases(&run), [Phase::Answers]);
}

/// DEB-5, RAT-1: where opinions stay apart, the peers' ballots decide, here against the first in order.
#[test]
fn ballots_decide() {
    let world = World::new();
    let says = [RHEA, TITAN, "Iapetus."];
    let scripts = says.map(|text| Script::says(world.answer(text)).prefers(TITAN));
    let run = play(&world, honest(&world, scripts.to_vec()));
    let verdict = &run.finished.receipt.verdict;
    assert_eq!(
        (verdict.conclusion, text(&run)),
        (Conclusion::Ballots, TITAN)
    );
    assert_eq!(verdict.winner, Some(1));
    assert!(verdict.agreement < Score::ONE);
}

/// DEB-5: under `vote` reputations decide, without a debate; the share is that of the weight.
#[test]
fn votes_decide() {
    let world = World::with(|terms| terms.strategy = Strategy::Vote);
    let scripts = [RHEA, TITAN, TITAN].map(|text| Script::says(world.answer(text)));
    let run = play(&world, honest(&world, scripts.to_vec()));
    let verdict = &run.finished.receipt.verdict;
    assert_eq!((verdict.conclusion, text(&run)), (Conclusion::Vote, TITAN));
    assert_eq!(verdict.agreement, Score::clamped(6_666));

    let world = World::reputed(&[9_900, 3_000, 3_000], |terms| {
        terms.strategy = Strategy::Vote
    });
    let scripts = [RHEA, TITAN, TITAN].map(|text| Script::says(world.answer(text)));
    let run = play(&world, honest(&world, scripts.to_vec()));
    assert_eq!(
        text(&run),
        RHEA,
        "one that is nearly always right outweighs two that are not"
    );
}

/// DEB-5: a ring of two that stuffs its ballots loses to one of high reputation: a pair counts once in
/// a ballot, and nobody rates itself.
#[test]
fn stuffed_ballots_do_not_win() {
    let world = World::reputed(&[9_500, 3_000, 3_000], |_| {});
    let script = |text| Script::says(world.answer(text));
    let stuffer = |rank| Stuffer::new(Honest::new(&world, rank, script(RHEA)), RHEA);
    let mut panel = honest(&world, vec![script(TITAN).prefers(TITAN)]);
    panel.push(Some(Box::new(stuffer(1))));
    panel.push(Some(Box::new(stuffer(2))));
    let run = play(&world, panel);
    assert_eq!(phases(&run).last(), Some(&Phase::Ballots));
    assert_eq!(outcomes(&run), [SeatOutcome::Served; 3]);
    assert_eq!(text(&run), TITAN);
}

/// DEB-7: who was not followed is told of, keeps its class, and is paid its floor at the least.
#[test]
fn the_minority_is_told_of() {
    let world = World::new();
    let scripts = [TITAN, TITAN, RHEA].map(|text| Script::says(world.answer(text)).prefers(TITAN));
    let run = play(&world, honest(&world, scripts.to_vec()));
    let receipt = &run.finished.receipt;
    assert_eq!((text(&run), &*receipt.verdict.minority), (TITAN, &[2][..]));
    let classes: Vec<_> = receipt.seats.iter().map(|seat| seat.class).collect();
    assert_eq!(classes, [1, 1, 2]);
    assert!(receipt.seats[2].score >= Score::clamped(1_000));
    assert!(receipt.seats[2].score < Score::ONE);
}

/// DEB-7: the report has each opinion that was not taken once, the weightiest first, with its seats, words,
/// passages and reasons.
#[test]
fn the_minority_report_is_in_the_file() {
    let world = World::reputed(&[9_000, 6_000, 6_000, 5_000, 9_500], |terms| {
        (terms.seats, terms.rounds) = (5, 1);
    });
    let says = |text| Script::says(world.answer(text)).prefers(TITAN);
    let scripts = vec![
        says(TITAN),
        Script::says(world.cited(1, RHEA)),
        says("Iapetus."),
        says(TITAN),
        says("Mimas.").convinced_by(RHEA),
    ];
    // By rank: 9,500 9,000 6,000 6,000 5,000.
    let run = play(&world, honest(&world, scripts));
    let report = minority(&world.document(&run.finished));
    let taken = text(&run).to_owned();
    let told: Vec<_> = report
        .iter()
        .map(|dissent| (dissent.answer.text.as_str(), dissent.seats.clone()))
        .collect();
    assert_eq!(taken, TITAN);
    assert_eq!(told, [(RHEA, vec![1, 4]), ("Iapetus.", vec![2])]);
    assert_eq!(report[0].answer.evidence.len(), 1);
    assert_eq!(report[0].reasons.len(), 1);
    assert!(report[0].share > report[1].share && report[1].reasons.is_empty());
    let all: Vec<u8> = report
        .iter()
        .flat_map(|dissent| dissent.seats.clone())
        .collect();
    assert_eq!(all.len(), run.finished.receipt.verdict.minority.len());

    let same = (0..3).map(|_| Script::says(world.answer(TITAN)));
    let run = play(&world, honest(&world, same.collect()));
    assert!(minority(&world.document(&run.finished)).is_empty());
}

/// CON-9, DEB-5: less agreement than the terms ask for fails; so do fewer answers.
#[test]
fn missed_criteria_fail() {
    let world = World::with(|terms| {
        terms.strategy = Strategy::Vote;
        terms.criteria.agreement = Score::clamped(7_000);
    });
    let scripts = [RHEA, TITAN, TITAN].map(|text| Script::says(world.answer(text)));
    let run = play(&world, honest(&world, scripts.to_vec()));
    let receipt = &run.finished.receipt;
    assert_eq!(receipt.status, ContractStatus::Failed);
    for seat in &receipt.seats {
        let part = &seat.part.as_ref().unwrap().body;
        let full = seat.assign.body.price.of(part.input, part.output).unwrap();
        assert_eq!(seat.pay, full.share(world.setup.terms.split.base));
    }
}
