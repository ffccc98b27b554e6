//! A receipt played again: panel, transcript, verdict and pay must be what the rules give (DEB-6, SEL-8).
//!
//! Signatures and proofs are checked by [`ReceiptDocument::verify`]; this is about decisions. It needs
//! the file only: the selection's inputs are on the receipt. That they are the ledger's own is for who
//! follows the chain to say, and to prove a fault if not (DIS-1).

use llmnet_ledger::selection::{self, Place, Rule};
use llmnet_types::{
    contract::{ROUNDS_MAX, SEATS_MAX, Strategy, Terms},
    document::ReceiptDocument,
    id::{Digest, ProviderId},
    message::{Close, Opening, Phase, Response},
    receipt::{ContractStatus, Receipt, SeatOutcome, SeatReceipt},
    reputation::Credence,
    selection::Candidate,
    signature::Message,
    units::{Amount, Score, Tokens},
};

use crate::{
    debate::{Case, Reading, SeatView, conclude, input_tokens, is_bound, read_transcript},
    session::{cites, class_number, quorum_ms, status_of},
    settle,
};

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
    check_verdict(document, &reading)?;
    check_pay(document, &transcript, &reading)
}

pub(crate) fn transcript(document: &ReceiptDocument) -> Vec<(Phase, Vec<Opening>)> {
    let parts = document.transcript.iter();
    let parts = parts.map(|part| (part.phase, part.openings.iter().cloned().collect()));
    parts.collect()
}

/// The panel is the order's, and every rank before the last is accounted for (SEL-7).
fn check_panel(receipt: &Receipt) -> Result<(), Deviation> {
    let order = panel_order(receipt)?;
    check_crowd(receipt)?;
    let seats = receipt
        .seats
        .iter()
        .map(|seat| (seat.provider, &seat.assign.body, Some(&seat.reply.body)));
    // Who accepted has a seat: a coordinator must not pass it over after all.
    let accepted = receipt.skips.iter().find(|skip| {
        let reply = skip.reply.as_ref().map(|reply| reply.body.response);
        skip.rank != skip.assign.body.rank || reply == Some(Response::Accept)
    });
    if let Some(skip) = accepted {
        return Err(Deviation::PassedOver { rank: skip.rank });
    }
    // Places settle ties, so they must be the order's too.
    let mut ranks = receipt.seats.windows(2);
    if let Some(pair) = ranks.find(|pair| pair[0].assign.body.rank >= pair[1].assign.body.rank) {
        let rank = pair[1].assign.body.rank;
        return Err(Deviation::Panel { rank });
    }
    let skips = receipt.skips.iter().map(|skip| {
        (
            skip.provider,
            &skip.assign.body,
            skip.reply.as_ref().map(|reply| &reply.body),
        )
    });
    let mut asked: Vec<_> = seats.chain(skips).collect();
    asked.sort_by_key(|(_, assign, _)| assign.rank);
    for (expected, (provider, assign, reply)) in asked.iter().enumerate() {
        let rank = assign.rank;
        if usize::from(rank) != expected {
            let rank = u8::try_from(expected).unwrap_or(u8::MAX);
            return Err(Deviation::PassedOver { rank });
        }
        if order.get(expected) != Some(provider) {
            return Err(Deviation::Panel { rank });
        }
        let candidate = receipt
            .selection
            .candidates
            .iter()
            .find(|candidate| candidate.provider == *provider);
        let fits = candidate.is_some_and(|candidate| {
            assign.contract == receipt.contract()
                && assign.slot == receipt.slot
                && assign.height == receipt.selection.height
                && assign.voucher == receipt.voucher.body.digest()
                && assign.seat == candidate.node
                && assign.nonce == candidate.nonce
                && assign.price == candidate.price
                && assign.durations == receipt.terms.durations
                && reply.is_none_or(|reply| reply.assign == assign.digest())
        });
        if !fits {
            return Err(Deviation::Offer { rank });
        }
    }
    Ok(())
}

/// At most twice as many are asked as are wanted, and no more than are wanted take part (CON-8).
fn check_crowd(receipt: &Receipt) -> Result<(), Deviation> {
    let wanted = usize::from(receipt.terms.seats).clamp(1, SEATS_MAX);
    let asked = receipt.seats.len() + receipt.skips.len();
    let took_part =
        |seat: &&SeatReceipt| !matches!(seat.outcome, SeatOutcome::NoShow | SeatOutcome::GaveUp);
    let seated = receipt.seats.iter().filter(took_part).count();
    if asked > 2 * wanted || seated > wanted {
        return Err(Deviation::Crowd {
            asked,
            seated,
            wanted,
        });
    }
    Ok(())
}

/// Seats are excused only where a requester can have hung up before anything was closed (CON-9), or where a
/// quorum had answered and the terms gave the others less than that time again (CON-7).
fn check_excused(receipt: &Receipt) -> Result<(), Deviation> {
    use SeatOutcome::{Excused, GaveUp, NoShow};
    let hung_up = receipt.status == ContractStatus::Failed && receipt.closes.is_empty();
    let bound = |seat: &&SeatReceipt| !matches!(seat.outcome, Excused | GaveUp | NoShow);
    let latencies = receipt.seats.iter().filter(bound);
    let quorum = usize::from(receipt.terms.quorum).max(1);
    let took = quorum_ms(latencies.map(|seat| seat.latency_ms), quorum);
    let hurried = took.is_some_and(|took| !receipt.terms.durations.is_fair_after(took));
    let excused = |seat: &&SeatReceipt| seat.outcome == Excused && !hung_up && !hurried;
    match receipt.seats.iter().find(excused) {
        Some(seat) => Err(Deviation::Excused {
            rank: seat.assign.body.rank,
        }),
        None => Ok(()),
    }
}

/// The order that the receipt's own inputs give.
fn panel_order(receipt: &Receipt) -> Result<Vec<ProviderId>, Deviation> {
    let (seed, rule) = seed_and_rule(receipt)?;
    let filters = &receipt.terms.filters;
    Ok(selection::order(&receipt.selection, &seed, &rule, filters))
}

fn seed_and_rule(receipt: &Receipt) -> Result<(Digest, Rule), Deviation> {
    let policy = receipt.terms.policy;
    let rule = Rule::version(policy).ok_or(Deviation::Policy(policy))?;
    let seed = selection::seed(
        &receipt.network,
        &receipt.selection.beacon,
        &receipt.coordinator,
        receipt.slot,
        &receipt.slot_secret,
    );
    Ok((seed, rule))
}

/// Where the rule of selection put each candidate of a receipt, and why (SEL-7).
///
/// # Errors
/// The receipt follows a version of the rules that this program does not know.
pub fn explain(receipt: &Receipt) -> Result<Vec<Place>, Deviation> {
    let (seed, rule) = seed_and_rule(receipt)?;
    let filters = &receipt.terms.filters;
    Ok(selection::explain(
        &receipt.selection,
        &seed,
        &rule,
        filters,
    ))
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
    let mut closes = receipt.closes.iter();
    for (phase, openings) in transcript {
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
        (None, Phase::Answers) | (Some(Phase::Answers | Phase::Round(_)), Phase::Ballots) => true,
        (Some(Phase::Answers), Phase::Round(round)) => round == 1 && round <= rounds_max,
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
    let answers = reading
        .standings
        .iter()
        .filter(|standing| standing.last.is_some())
        .count();
    let status = |cancelled| {
        status_of(
            receipt.seats.len(),
            answers,
            &verdict,
            &receipt.terms,
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
