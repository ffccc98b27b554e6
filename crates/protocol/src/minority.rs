//! The minority report: what those said who were not followed (DEB-7).

use std::cmp::Reverse;

use llmnet_types::{
    document::ReceiptDocument,
    id::Digest,
    message::{Answer, Opening, Payload, Phase},
    receipt::Verdict,
    units::Score,
};

use crate::{
    debate::{Reading, credences, weight_among},
    replay,
};

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

/// Opinions that were not taken, those of most weight first, out of a receipt's own file. Empty where all
/// agreed or nobody answered.
///
/// It reads the file as it stands; whether the file holds is for [`replay`] to say.
pub fn minority(document: &ReceiptDocument) -> Vec<Dissent> {
    let transcript = replay::transcript(document);
    let reading = replay::read(document, &transcript);
    not_taken(&document.receipt.verdict, &reading, &transcript)
}

/// The same of a contract that has just been concluded.
pub(crate) fn not_taken(
    verdict: &Verdict,
    reading: &Reading,
    transcript: &[(Phase, Vec<Opening>)],
) -> Vec<Dissent> {
    let seats = || reading.standings.iter().zip(&reading.answers).zip(0_u8..);
    let winner = verdict.winner.map(usize::from);
    let taken = winner.and_then(|winner| reading.standings.get(winner)?.last);
    let answered = credences(&reading.standings);
    let weight = |credence| weight_among(&answered, credence);
    let all: u64 = answered.iter().map(weight).sum();
    let mut found: Vec<(Digest, u64, Dissent)> = Vec::new();
    for ((standing, answer), place) in seats() {
        let (Some(class), Some(answer)) = (standing.last, answer) else {
            continue;
        };
        if Some(class) == taken {
            continue;
        }
        let known = found.iter().position(|(other, ..)| *other == class);
        let at = known.unwrap_or_else(|| {
            let dissent = Dissent {
                seats: Vec::new(),
                share: Score::ZERO,
                answer: answer.clone(),
                reasons: Vec::new(),
            };
            found.push((class, 0, dissent));
            found.len() - 1
        });
        let (_, behind, dissent) = &mut found[at];
        *behind += weight(&standing.credence);
        dissent.seats.push(place);
        dissent.reasons.extend(reasons(transcript, answer));
    }
    found.sort_by_key(|(_, behind, _)| Reverse(*behind));
    let dissents = found.into_iter().map(|(_, behind, mut dissent)| {
        dissent.share = Score::ratio(behind, all);
        dissent.reasons.sort();
        dissent.reasons.dedup();
        dissent
    });
    dissents.collect()
}

/// The reasons that stand beside an answer in the last round it was given in.
fn reasons(transcript: &[(Phase, Vec<Opening>)], answer: &Answer) -> Vec<String> {
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
