//! A receipt played again: panel, transcript, verdict and pay must be what the rules give (DEB-6, SEL-8).
//!
//! Signatures and proofs are checked by [`ReceiptDocument::verify`]; this is about decisions. It needs
//! the file only: the selection's inputs are on the receipt. That they are the ledger's own is for who
//! follows the chain to say, and to prove a fault if not (DIS-1).

mod panel;

use llmnet_types::{
    contract::{ROUNDS_MAX, Strategy, Terms},
    document::ReceiptDocument,
    id::Digest,
    message::{Close, Opening, Phase, Response},
    receipt::{ContractStatus, Receipt, SeatOutcome},
    reputation::Credence,
    selection::Candidate,
    signature::Message,
    units::{Amount, Score, Tokens},
};

pub use panel::explain;

use crate::{
    debate::{Case, Reading, SeatView, conclude, input_tokens, is_bound, read_transcript},
    session::{cites, class_number, status_of},
    settle,
};
use panel::{check_excused, check_further, check_panel, wanted};

/// What on a receipt is not as the rules give it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Deviation {
    /// The receipt follows a version of the rules that this program does not know.
    #[error("the receipt follows policy {0}, which this program does not know: use a newer one")]
    Policy(u16),
    /// Somebody sits where the order puts somebody else.
    #[error("rank {rank} of the selection belongs to another provider than the receipt says")]
    Panel {
        /// The rank.
        rank: u8,
    },
    /// A better rank is neither seated nor skipped.
    #[error("rank {rank} was passed over without a word")]
    PassedOver {
        /// The rank.
        rank: u8,
    },
    /// More were asked, or more took part, than the terms have seats for (CON-8).
    #[error("{asked} candidates were asked and {seated} took part, for a panel of {wanted}")]
    Crowd {
        /// Candidates that were asked.
        asked: usize,
        /// Those of them that bound an answer.
        seated: usize,
        /// The seats wanted.
        wanted: usize,
    },
    /// Somebody was offered a seat in a phase in which nobody answers alone, or out of turn (DEB-13).
    #[error("seats were not asked first ones first")]
    Turn,
    /// The others were asked though the first had settled it, or not asked though they had not (DEB-13).
    #[error("those asked first {}", if *.asked { "had settled it, and others were asked" } else { "settled nothing, and nobody else was asked" })]
    Further {
        /// Whether others were asked.
        asked: bool,
    },
    /// A seat is excused though the contract went on.
    #[error("rank {rank} is excused from a contract that went on")]
    Excused {
        /// The rank.
        rank: u8,
    },
    /// An offer is of another contract, candidate or price.
    #[error("the offer to rank {rank} does not fit the receipt")]
    Offer {
        /// The rank.
        rank: u8,
    },
    /// Passages are said to have been shown that no opening is bound to.
    #[error("nobody opened an answer that says that these passages were shown")]
    Shown,
    /// Something was opened that nobody had bound, or out of order.
    #[error("the transcript shows what nobody bound, in {0:?}")]
    Transcript(Phase),
    /// A seat's own account is of something else.
    #[error("the account of rank {rank} is not of what it did")]
    Part {
        /// The rank.
        rank: u8,
    },
    /// The verdict is another.
    #[error("the answers, ballots and reputations lead to another verdict")]
    Verdict,
    /// The answer is not the winner's.
    #[error("the answer is not the one that won")]
    Answer,
    /// The contract ended in another way.
    #[error("the contract's status does not follow from its terms")]
    Status,
    /// A seat's class, score or pay is another.
    #[error("class, score or pay of rank {rank} is not what the terms give")]
    Pay {
        /// The rank.
        rank: u8,
    },
    /// The sums are others.
    #[error("the charges do not add up by the terms")]
    Charges,
}

/// Plays a receipt again.
///
/// # Errors
/// The first deviation from the rules.
pub fn replay(document: &ReceiptDocument) -> Result<(), Deviation> {
    let receipt = &document.receipt;
    let transcript = transcript(document);
    check_panel(receipt)?;
    check_excused(receipt)?;
    check_openings(document, &transcript)?;
    let reading = read(document, &transcript);
    check_further(receipt, &reading)?;
    check_verdict(document, &reading)?;
    check_pay(document, &transcript, &reading)
}

pub(crate) fn transcript(document: &ReceiptDocument) -> Vec<(Phase, Vec<Opening>)> {
    let parts = document.transcript.iter();
    let parts = parts.map(|part| (part.phase, part.openings.iter().cloned().collect()));
    parts.collect()
}

/// Every phase shows what its Close bound, in that order, each once (CON-5).
fn check_openings(
    document: &ReceiptDocument,
    transcript: &[(Phase, Vec<Opening>)],
) -> Result<(), Deviation> {
    let receipt = &document.receipt;
    let opened = transcript
        .first()
        .is_some_and(|(_, first)| !first.is_empty());
    if !opened && !document.shared.is_empty() {
        return Err(Deviation::Shown);
    }
    // Every first commitment covers what its seat was shown: another list, and nothing opens (COR-5).
    let mut shown = case(document).seen_first();
    let mut last = None;
    let mut closes = receipt.closes.iter().peekable();
    for (phase, openings) in transcript {
        // What was opened first is shown with what was opened further.
        if *phase == Phase::Further {
            closes.next_if(|close| {
                close.body.phase == Phase::Answers && close.body.contract == receipt.contract()
            });
        }
        let close = closes
            .next()
            .filter(|close| close.body.phase == *phase && close.body.contract == receipt.contract())
            .ok_or(Deviation::Transcript(*phase))?;
        if !follows(last, *phase, &receipt.terms) || !is_bound(&close.body, openings, &shown) {
            return Err(Deviation::Transcript(*phase));
        }
        last = Some(*phase);
        shown = close.body.digest();
    }
    match closes.next() {
        Some(close) if receipt.status == ContractStatus::Concluded => {
            Err(Deviation::Transcript(close.body.phase))
        }
        _ => Ok(()),
    }
}

/// Answers, then rounds without a gap, then ballots (DEB-4).
fn follows(last: Option<Phase>, phase: Phase, terms: &Terms) -> bool {
    let rounds_max = terms.rounds.min(ROUNDS_MAX);
    match (last, phase) {
        (None, Phase::Further) => terms.asks_further(),
        (None, Phase::Answers) | (Some(_), Phase::Ballots) => last != Some(Phase::Ballots),
        (Some(Phase::Answers | Phase::Further), Phase::Round(round)) => {
            round == 1 && round <= rounds_max
        }
        // A synthesis is written once.
        (Some(Phase::Round(_)), Phase::Round(_)) if terms.strategy == Strategy::Mixture => false,
        (Some(Phase::Round(before)), Phase::Round(round)) => {
            before.checked_add(1) == Some(round) && round <= rounds_max
        }
        _ => false,
    }
}

fn case(document: &ReceiptDocument) -> Case<'_> {
    Case {
        contract: document.receipt.contract(),
        request: &document.request,
        terms: &document.receipt.terms,
        shared: &document.shared,
    }
}

pub(crate) fn read(document: &ReceiptDocument, transcript: &[(Phase, Vec<Opening>)]) -> Reading {
    let receipt = &document.receipt;
    let views: Vec<_> = receipt
        .seats
        .iter()
        .map(|seat| {
            let candidate = receipt
                .selection
                .candidates
                .iter()
                .find(|candidate| candidate.provider == seat.provider);
            SeatView {
                part: seat.part.as_ref().map(|part| &part.body),
                corpus: candidate.map_or(Digest::ZERO, |candidate| candidate.corpus),
                credence: candidate.map_or_else(Credence::default, Candidate::credence),
            }
        })
        .collect();
    let closes: Vec<Close> = receipt
        .closes
        .iter()
        .map(|close| close.body.clone())
        .collect();
    read_transcript(&case(document), &views, &closes, transcript)
}

fn check_verdict(document: &ReceiptDocument, reading: &Reading) -> Result<(), Deviation> {
    let receipt = &document.receipt;
    let verdict = conclude(
        receipt.terms.strategy,
        reading.rounds,
        &reading.standings,
        &reading.judged,
    );
    if verdict != receipt.verdict {
        return Err(Deviation::Verdict);
    }
    let answer = verdict
        .winner
        .and_then(|winner| reading.answers[usize::from(winner)].as_ref())
        .map_or("", |answer| answer.text.as_str());
    if answer != document.answer.as_str() {
        return Err(Deviation::Answer);
    }
    let status = |cancelled| {
        status_of(
            receipt.seats.len(),
            reading.answered(),
            &verdict,
            &receipt.terms,
            wanted(receipt),
            cancelled,
        )
    };
    // Whether a requester hung up is on the coordinator's word: it can only lower what is owed.
    if receipt.status != status(false) && receipt.status != status(true) {
        return Err(Deviation::Status);
    }
    Ok(())
}

fn check_pay(
    document: &ReceiptDocument,
    transcript: &[(Phase, Vec<Opening>)],
    reading: &Reading,
) -> Result<(), Deviation> {
    let receipt = &document.receipt;
    let sent = input_tokens(&case(document), transcript);
    for (place, seat) in receipt.seats.iter().enumerate() {
        let rank = seat.assign.body.rank;
        if seat.reply.body.response != Response::Accept {
            return Err(Deviation::Offer { rank });
        }
        let served = seat.outcome == SeatOutcome::Served;
        let (input, output) = match &seat.part {
            Some(part) => {
                let honest = part.body.contract == receipt.contract()
                    && part.body.input <= sent
                    && part.body.output <= receipt.terms.caps.output_tokens
                    && cites(reading.last[place].as_ref(), &part.body)
                    && reading.standings[place]
                        .ballot
                        .as_ref()
                        .map_or(&[][..], |ballot| ballot)
                        == &part.body.ballot[..]
                    && Some(part.body.first_class) == reading.standings[place].first
                    && Some(part.body.last_class)
                        == reading.last[place].as_ref().map(|answer| answer.class);
                if !honest || !served {
                    return Err(Deviation::Part { rank });
                }
                (
                    part.body.input,
                    part.body.output.min(reading.outputs[place]),
                )
            }
            None if served => return Err(Deviation::Part { rank }),
            None => (Tokens(0), Tokens(0)),
        };
        let score = match receipt.verdict.strengths.get(place) {
            Some(score) if served => *score,
            _ => Score::ZERO,
        };
        let pay = if served {
            let price = &seat.assign.body.price;
            settle::pay(receipt.status, &receipt.terms, price, input, output, score)
        } else {
            Amount::ZERO
        };
        let fits = seat.score == score
            && seat.pay == pay
            && seat.output == output
            && seat.class == class_number(reading, place);
        if !fits {
            return Err(Deviation::Pay { rank });
        }
    }
    check_charges(receipt)
}

/// The fee's share is a parameter of the network, which its ledger enforces; here the sums count.
fn check_charges(receipt: &Receipt) -> Result<(), Deviation> {
    let charges = &receipt.charges;
    let seats = Amount::sum(receipt.seats.iter().map(|seat| seat.pay));
    let coordinator = match receipt.status {
        ContractStatus::Concluded => charges.seats.share(receipt.terms.split.coordinator),
        ContractStatus::Failed | ContractStatus::Void => Amount::ZERO,
    };
    let total = Amount::sum([charges.seats, charges.coordinator, charges.fee]);
    let add_up = seats == Some(charges.seats)
        && charges.coordinator == coordinator
        && total == Some(charges.total);
    add_up.then_some(()).ok_or(Deviation::Charges)
}
