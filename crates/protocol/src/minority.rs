//! The minority report: what those said who were not followed, out of the receipt's own file (DEB-7).

use llmnet_types::{
    document::ReceiptDocument,
    id::Digest,
    message::{Answer, Payload},
    units::Score,
};

use crate::{debate::weight, replay};

/// One opinion that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissent {
    /// Places of the seats that ended with it, in the order of the receipt's seats.
    pub seats: Vec<u8>,
    /// Their share of the weight of all seats that answered, by reputation.
    pub share: Score,
    /// The answer, in the words of the first of them.
    pub answer: Answer,
    /// What they gave as reasons in the last round they spoke in, where they did.
    pub reasons: Vec<String>,
}

/// Opinions that were not taken, those of most weight first. Empty where all agreed or nobody answered.
///
/// It reads a file as it stands; whether the file holds is for [`replay`](crate::replay) to say.
pub fn minority(document: &ReceiptDocument) -> Vec<Dissent> {
    let transcript = replay::transcript(document);
    let reading = replay::read(document, &transcript);
    let seats = || reading.standings.iter().zip(&reading.answers).enumerate();
    let winner = document.receipt.verdict.winner.map(usize::from);
    let taken = winner.and_then(|winner| reading.standings.get(winner)?.last);
    let all: u64 = seats()
        .filter(|(_, (standing, _))| standing.last.is_some())
        .map(|(_, (standing, _))| weight(standing.mean))
        .sum();
    let mut found: Vec<(Digest, u64, Dissent)> = Vec::new();
    for (seat, (standing, answer)) in seats() {
        let (Some(class), Some(answer)) = (standing.last, answer) else {
            continue;
        };
        let Ok(place) = u8::try_from(seat) else {
            continue;
        };
        if Some(class) == taken {
            continue;
        }
        let reason = reasons(&transcript, answer);
        match found.iter_mut().find(|(other, ..)| *other == class) {
            Some((_, behind, dissent)) => {
                *behind += weight(standing.mean);
                dissent.seats.push(place);
                dissent.reasons.extend(reason);
            }
            None => found.push((
                class,
                weight(standing.mean),
                Dissent {
                    seats: vec![place],
                    share: Score::ZERO,
                    answer: answer.clone(),
                    reasons: reason,
                },
            )),
        }
    }
    found.sort_by_key(|(_, behind, _)| std::cmp::Reverse(*behind));
    let dissents = found.into_iter().map(|(_, behind, mut dissent)| {
        dissent.share = Score::ratio(behind, all);
        dissent.reasons.sort();
        dissent.reasons.dedup();
        dissent
    });
    dissents.collect()
}

/// The reasons that stand beside an answer in the last round it was given in.
fn reasons(
    transcript: &[(
        llmnet_types::message::Phase,
        Vec<llmnet_types::message::Opening>,
    )],
    answer: &Answer,
) -> Vec<String> {
    let mut rounds = transcript.iter().rev().map(|(_, openings)| {
        let given = openings
            .iter()
            .filter_map(|opening| match &opening.payload {
                Payload::Revision(revision) if revision.answer == *answer => Some(&revision.reason),
                _ => None,
            });
        let given = given.filter(|reason| !reason.is_empty());
        given.map(ToString::to_string).collect::<Vec<_>>()
    });
    rounds.find(|given| !given.is_empty()).unwrap_or_default()
}
