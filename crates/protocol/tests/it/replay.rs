//! A receipt that was altered does not play again (DEB-6, SEL-7, SEL-8).

use std::sync::LazyLock;

use llmnet_protocol::replay::{Deviation, replay};
use llmnet_types::{
    codec::{List, Text},
    document::ReceiptDocument,
    id::Digest,
    message::{DeclineReason, Phase, Response},
    receipt::{Conclusion, ContractStatus, SeatOutcome, SeatReceipt},
    signature::Message,
    units::{Amount, Score, Tokens},
};

use crate::{
    network::{Panel, honest, play},
    respondent::Script,
    world::World,
};

/// A contract with a skip, a debate, ballots and a minority.
static DOCUMENT: LazyLock<ReceiptDocument> = LazyLock::new(|| {
    let world = World::with(|terms| terms.rounds = 1);
    let nothing = Script::declines(&world, DeclineReason::NothingFound);
    let says = |rank, text| Script::says(world.cited(rank, text)).prefers("Titan.");
    let scripts = vec![
        says(0, "Titan."),
        nothing,
        says(2, "Rhea."),
        says(3, "Iapetus.").convinced_by("Titan."),
    ];
    let panel: Panel = honest(&world, scripts);
    world.document(&play(&world, panel).finished)
});

fn altered(change: impl FnOnce(&mut ReceiptDocument)) -> Deviation {
    let mut document = DOCUMENT.clone();
    assert_eq!(replay(&document), Ok(()));
    change(&mut document);
    replay(&document).expect_err("an altered receipt deviates")
}

fn seats(document: &mut ReceiptDocument, change: impl FnOnce(&mut Vec<SeatReceipt>)) {
    let mut seats = document.receipt.seats.clone().into_vec();
    change(&mut seats);
    document.receipt.seats = List::truncated(seats);
}

/// SEL-7, SEL-8: the seats are the order's, in its order, and who was passed over is told of.
#[test]
fn the_panel_must_be_the_orders() {
    let swapped = altered(|document| {
        seats(document, |seats| {
            let (first, last) = (seats[0].provider, seats[2].provider);
            (seats[0].provider, seats[2].provider) = (last, first);
        });
    });
    assert_eq!(swapped, Deviation::Panel { rank: 0 });
    let reordered = altered(|document| seats(document, |seats| seats.reverse()));
    assert_eq!(reordered, Deviation::Panel { rank: 2 });
    let dropped = altered(|document| document.receipt.skips = List::new());
    assert_eq!(dropped, Deviation::PassedOver { rank: 1 });
    let shopped = altered(|document| document.receipt.slot_secret = Digest::ZERO);
    assert!(matches!(shopped, Deviation::Panel { .. }));
    let unknown = altered(|document| document.receipt.terms.policy = 77);
    assert_eq!(unknown, Deviation::Policy(77));
}

/// CON-9: nobody is excused from a contract that went on, however it ended.
#[test]
fn excuses_must_be_for_hanging_up() {
    let excuse = |document: &mut ReceiptDocument| {
        seats(document, |seats| seats[0].outcome = SeatOutcome::Excused);
    };
    assert_eq!(altered(excuse), Deviation::Excused { rank: 0 });
    let failed = altered(|document| {
        excuse(document);
        document.receipt.status = ContractStatus::Failed;
    });
    assert_eq!(failed, Deviation::Excused { rank: 0 });
}

/// SEL-7: who accepted is not among the skipped, and a skip is where its offer says.
#[test]
fn a_skip_must_be_one() {
    let skip = |change: fn(&mut llmnet_types::receipt::Skip)| {
        altered(|document| {
            let skips = document.receipt.skips.iter().cloned().map(|mut skip| {
                change(&mut skip);
                skip
            });
            document.receipt.skips = List::truncated(skips);
        })
    };
    let accepted = skip(|skip| skip.reply.as_mut().unwrap().body.response = Response::Accept);
    assert_eq!(accepted, Deviation::PassedOver { rank: 1 });
    assert_eq!(
        skip(|skip| skip.rank = 0),
        Deviation::PassedOver { rank: 0 }
    );
    let elsewhere = skip(|skip| skip.reply.as_mut().unwrap().body.assign = Digest::ZERO);
    assert_eq!(elsewhere, Deviation::Offer { rank: 1 });
}

/// CON-8: no more than the terms have seats for are asked or take part.
#[test]
fn a_crowd_is_refused() {
    let asked = altered(|document| document.receipt.terms.seats = 1);
    assert!(matches!(
        asked,
        Deviation::Crowd {
            asked: 4,
            seated: 3,
            wanted: 1
        }
    ));
    let seated = altered(|document| document.receipt.terms.seats = 2);
    assert!(matches!(
        seated,
        Deviation::Crowd {
            asked: 4,
            seated: 3,
            wanted: 2
        }
    ));
}

/// CON-3: offers are of this contract, voucher, price and candidate.
#[test]
fn offers_must_fit() {
    let offer = |change: fn(&mut llmnet_types::contract::Assign)| {
        altered(|document| {
            seats(document, |seats| {
                change(&mut seats[0].assign.body);
                seats[0].reply.body.assign = seats[0].assign.body.digest();
            });
        })
    };
    let fits = Deviation::Offer { rank: 0 };
    assert_eq!(offer(|assign| assign.price.call = Amount(5)), fits);
    assert_eq!(offer(|assign| assign.nonce = 9), fits);
    assert_eq!(offer(|assign| assign.voucher = Digest::ZERO), fits);
    assert_eq!(offer(|assign| assign.height.0 += 1), fits);
    assert_eq!(offer(|assign| assign.durations.open_ms += 1), fits);
}

/// CON-5: the transcript shows what was bound, in the order of its Close, phase after phase.
#[test]
fn the_transcript_must_be_what_was_bound() {
    let answers = Deviation::Transcript(Phase::Answers);
    let transcript = |change: fn(&mut Vec<llmnet_types::document::PhaseTranscript>)| {
        altered(|document| {
            let mut phases = document.transcript.clone().into_vec();
            change(&mut phases);
            document.transcript = List::truncated(phases);
        })
    };
    let reversed = transcript(|phases| {
        let mut openings = phases[0].openings.clone().into_vec();
        openings.reverse();
        phases[0].openings = List::truncated(openings);
    });
    assert_eq!(reversed, answers);
    let resalted = transcript(|phases| {
        let mut openings = phases[0].openings.clone().into_vec();
        openings[0].salt.0[0] ^= 1;
        phases[0].openings = List::truncated(openings);
    });
    assert_eq!(resalted, answers);
    assert_eq!(
        transcript(|phases| phases.swap(0, 1)),
        Deviation::Transcript(Phase::Round(1))
    );
    let cut = transcript(|phases| drop(phases.pop()));
    assert_eq!(cut, Deviation::Transcript(Phase::Ballots));
    let rounds = altered(|document| document.receipt.terms.rounds = 0);
    assert_eq!(
        rounds,
        Deviation::Transcript(Phase::Round(1)),
        "more rounds than agreed"
    );
}

/// DEB-6: verdict, answer and status are what transcript, reputations and terms give.
#[test]
fn the_verdict_must_follow() {
    let verdict = |change: fn(&mut llmnet_types::receipt::Verdict)| {
        altered(|document| change(&mut document.receipt.verdict))
    };
    for deviation in [
        verdict(|verdict| verdict.winner = Some(1)),
        verdict(|verdict| verdict.conclusion = Conclusion::Vote),
        verdict(|verdict| verdict.agreement = Score::ONE),
        verdict(|verdict| verdict.rounds = 0),
        verdict(|verdict| verdict.minority = List::new()),
        verdict(|verdict| verdict.changed = List::new()),
    ] {
        assert_eq!(deviation, Deviation::Verdict);
    }
    let answer = altered(|document| document.answer = Text::truncated("Rhea."));
    assert_eq!(answer, Deviation::Answer);
    let status = altered(|document| document.receipt.status = ContractStatus::Void);
    assert_eq!(status, Deviation::Status);
}

/// DEB-6: reputations are those of the selection; others would weigh differently.
#[test]
fn reputations_must_be_the_selections() {
    let deviation = altered(|document| {
        let mut candidates = document.receipt.selection.candidates.clone().into_vec();
        for candidate in &mut candidates {
            candidate.mean = Score::clamped(u64::from(candidate.provider.0) * 1_000);
        }
        document.receipt.selection.candidates = List::truncated(candidates);
    });
    assert!(
        matches!(deviation, Deviation::Panel { .. } | Deviation::Verdict),
        "{deviation:?}"
    );
}

/// SET-3, SET-4, RAT-2, CON-6: scores, pay, accounts and charges follow from the terms.
#[test]
fn pay_must_follow() {
    let seat = |change: fn(&mut SeatReceipt)| {
        altered(|document| seats(document, |seats| change(&mut seats[0])))
    };
    let pay = Deviation::Pay { rank: 0 };
    assert_eq!(seat(|seat| seat.score = Score::HALF), pay);
    assert_eq!(seat(|seat| seat.pay.0 += 1), pay);
    assert_eq!(seat(|seat| seat.class = 3), pay);
    assert_eq!(seat(|seat| seat.output.0 += 1), pay);
    let part = Deviation::Part { rank: 0 };
    let account = |change: fn(&mut llmnet_types::message::Part)| {
        altered(|document| {
            seats(document, |seats| {
                change(&mut seats[0].part.as_mut().unwrap().body)
            });
        })
    };
    assert_eq!(account(|part| part.input = Tokens(99_999)), part);
    assert_eq!(account(|part| part.first_class = Digest::ZERO), part);
    assert_eq!(account(|part| part.citations = List::new()), part);
    assert_eq!(account(|part| part.ballot = List::new()), part);
    let charges = |change: fn(&mut llmnet_types::receipt::Charges)| {
        altered(|document| change(&mut document.receipt.charges))
    };
    assert_eq!(charges(|charges| charges.total.0 += 1), Deviation::Charges);
    assert_eq!(charges(|charges| charges.seats.0 += 1), Deviation::Charges);
    assert_eq!(
        charges(|charges| charges.coordinator.0 += 1),
        Deviation::Charges
    );
}

/// CON-9: a coordinator may say that the requester hung up; it lowers what is owed and nothing else.
#[test]
fn a_hang_up_is_on_the_coordinators_word() {
    let deviation = altered(|document| document.receipt.status = ContractStatus::Failed);
    assert_eq!(deviation, Deviation::Pay { rank: 0 });
}
