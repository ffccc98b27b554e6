//! Who was asked, who was let go, and whether others had to be asked (SEL-7, CON-8, CON-9, DEB-13).

use llmnet_ledger::selection::{self, Place, Rule};
use llmnet_types::{
    contract::{Assign, SEATS_MAX},
    id::{Digest, ProviderId},
    message::{Phase, Response},
    receipt::{ContractStatus, Receipt, SeatOutcome, SeatReceipt, Skip},
    signature::Message,
};

use super::Deviation;
use crate::{
    debate::{Found, Reading, is_settled},
    session::{needed, quorum_ms},
};

/// The panel is the order's, and every rank before the last is accounted for (SEL-7).
pub(super) fn check_panel(receipt: &Receipt) -> Result<(), Deviation> {
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
    let phases = asked.iter().map(|(_, assign, _)| assign.phase);
    if !receipt.terms.asks_in_turn(phases) {
        return Err(Deviation::Turn);
    }
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

/// At most twice as many are asked as are wanted, and no more than are wanted take part: of those asked first, and
/// of all (CON-8).
fn check_crowd(receipt: &Receipt) -> Result<(), Deviation> {
    let both = [Phase::Answers, Phase::Further];
    for (phases, wanted) in [
        (&both[..1], receipt.terms.seats_first()),
        (&both[..], wanted(receipt)),
    ] {
        let is_of = |assign: &Assign| phases.contains(&assign.phase);
        let asked = offers(receipt).filter(|assign| is_of(assign)).count();
        let seats = receipt.seats.iter();
        let seats = seats.filter(|seat| is_of(&seat.assign.body) && seat.outcome.took_part());
        let seated = seats.count();
        if asked > 2 * wanted || seated > wanted {
            return Err(Deviation::Crowd {
                asked,
                seated,
                wanted,
            });
        }
    }
    Ok(())
}

/// All offers that were made.
fn offers(receipt: &Receipt) -> impl Iterator<Item = &Assign> {
    let seats = receipt.seats.iter().map(|seat| &seat.assign.body);
    seats.chain(receipt.skips.iter().map(|skip| &skip.assign.body))
}

/// Seats that answer alone in this phase.
fn seats_in(receipt: &Receipt, phase: Phase) -> impl Iterator<Item = &SeatReceipt> {
    let seats = receipt.seats.iter();
    seats.filter(move |seat| seat.assign.body.phase == phase)
}

/// How many seats were wanted in the end: the first ones, or all (DEB-13).
pub(super) fn wanted(receipt: &Receipt) -> usize {
    let phases = offers(receipt).map(|assign| assign.phase);
    receipt.terms.seats_wanted(phases)
}

/// Seats are excused only where a requester can have hung up before their answers were closed (CON-9), or where
/// a quorum had answered and the terms gave the others less than that time again (CON-7).
pub(super) fn check_excused(receipt: &Receipt) -> Result<(), Deviation> {
    use SeatOutcome::{Excused, GaveUp, NoShow};
    for phase in [Phase::Answers, Phase::Further] {
        let closed = receipt.closes.iter().any(|close| close.body.phase == phase);
        let hung_up = receipt.status == ContractStatus::Failed && !closed;
        let bound = |seat: &&SeatReceipt| !matches!(seat.outcome, Excused | GaveUp | NoShow);
        let latencies = seats_in(receipt, phase).filter(bound);
        let quorum = receipt.terms.quorum_in(phase);
        let took = quorum_ms(latencies.map(|seat| seat.latency_ms), quorum);
        let hurried = took.is_some_and(|took| !receipt.terms.durations.is_fair_after(took));
        let excused = |seat: &&SeatReceipt| seat.outcome == Excused && !hung_up && !hurried;
        if let Some(seat) = seats_in(receipt, phase).find(excused) {
            let rank = seat.assign.body.rank;
            return Err(Deviation::Excused { rank });
        }
    }
    Ok(())
}

/// Others are asked where the first settled nothing, and only there (DEB-13).
///
/// What somebody opened whose account is missing cannot be told. Then the rest says at the most that they cannot
/// have settled it.
pub(super) fn check_further(receipt: &Receipt, reading: &Reading) -> Result<(), Deviation> {
    let terms = &receipt.terms;
    if !terms.asks_further() {
        return Ok(());
    }
    check_first_close(receipt)?;
    let later = receipt
        .closes
        .iter()
        .any(|close| !close.body.phase.is_alone());
    let is_untold = |seat: &SeatReceipt| match seat.outcome {
        SeatOutcome::Withheld => true,
        // It may be for what it did later.
        SeatOutcome::Invalid => later,
        _ => false,
    };
    let seats = receipt.seats.iter().zip(&reading.standings);
    let first = seats.filter(|(seat, _)| seat.assign.body.phase == Phase::Answers);
    let found: Vec<Found> = first
        .filter_map(|(_, standing)| {
            Some(Found {
                class: standing.first?,
                credence: standing.credence,
                cites: false,
            })
        })
        .collect();
    let differ = found.windows(2).any(|pair| pair[0].class != pair[1].class);
    if seats_in(receipt, Phase::Answers).any(is_untold) && !differ {
        return Ok(());
    }
    let confidence = receipt.selection.confidence();
    let settled = is_settled(&found, confidence, needed(terms, terms.seats_first()));
    let asked = wanted(receipt) > terms.seats_first();
    let had_to = || Ok(receipt.status == ContractStatus::Concluded && may_ask(receipt)?);
    if asked == settled && (asked || had_to()?) {
        return Err(Deviation::Further { asked });
    }
    Ok(())
}

/// The first answers were bound before any was opened: whoever gave one is on the first Close, and nobody else.
fn check_first_close(receipt: &Receipt) -> Result<(), Deviation> {
    let mut closes = receipt.closes.iter().map(|close| &close.body);
    let first = closes.find(|close| close.phase == Phase::Answers);
    let on_it = |bound: &Digest| first.is_some_and(|close| close.commitments.contains(bound));
    for seat in &receipt.seats {
        let part = seat.part.as_ref().map(|part| &part.body);
        let Some(bound) = part.and_then(|part| part.commitments.first()) else {
            continue;
        };
        if on_it(bound) != (seat.assign.body.phase == Phase::Answers) {
            return Err(Deviation::Transcript(Phase::Answers));
        }
    }
    Ok(())
}

/// Whether the rules leave anybody to ask further (CON-8).
fn may_ask(receipt: &Receipt) -> Result<bool, Deviation> {
    let most = receipt.terms.seats_max();
    let asked = receipt.seats.len() + receipt.skips.len();
    let silent = |skip: &&Skip| skip.reply.is_none();
    Ok(asked < panel_order(receipt)?.len().min(2 * most)
        && receipt.seats.len() < SEATS_MAX
        && receipt.skips.iter().filter(silent).count() <= most)
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
