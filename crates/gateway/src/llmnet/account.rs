//! The account of an answer: what stands under `llmnet`.
//!
//! Money is in credits as decimal text, so that no reader's floating point loses any of it; scores
//! and shares are numbers from 0 to 1.

use llmnet_types::{
    contract::Strategy,
    domain::Domain,
    id::{ContractId, Digest},
    message::{DeclineReason, Response},
    receipt::{Charges, Conclusion, ContractStatus, SeatOutcome},
    units::Score,
};
use serde::Serialize;

use crate::port::{Answered, Citation, Dissent, PanelSeat, Skipped, Standing};

/// A score as people read it.
pub(crate) fn ratio(score: Score) -> f64 {
    f64::from(score.get()) / f64::from(Score::ONE.get())
}

/// The day as `YYYY-MM-DD`.
pub(crate) fn date(days_since_1970: u32) -> String {
    // Howard Hinnant's `civil_from_days`: years run from March, eras have 400 of them.
    let days = u64::from(days_since_1970) + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The whole account.
#[derive(Serialize)]
pub(crate) struct Account<'a> {
    receipt_id: Option<ContractId>,
    status: ContractStatus,
    declined: bool,
    strategy: Strategy,
    domains: &'a [Domain],
    conclusion: Conclusion,
    rounds: u8,
    agreement: f64,
    height: u64,
    panel: Vec<SeatShape<'a>>,
    skipped: Vec<SkippedShape<'a>>,
    citations: Vec<CitationShape<'a>>,
    minority: Vec<DissentShape<'a>>,
    cost: CostShape,
}

impl<'a> Account<'a> {
    pub(crate) fn of(answered: &'a Answered) -> Self {
        Self {
            receipt_id: answered.receipt,
            status: answered.status,
            declined: answered.declined,
            strategy: answered.strategy,
            domains: &answered.domains,
            conclusion: answered.conclusion,
            rounds: answered.rounds,
            agreement: ratio(answered.agreement),
            height: answered.height.0,
            panel: answered.panel.iter().map(SeatShape::of).collect(),
            skipped: answered.skipped.iter().map(SkippedShape::of).collect(),
            citations: answered.citations.iter().map(CitationShape::of).collect(),
            minority: answered.minority.iter().map(DissentShape::of).collect(),
            cost: CostShape::of(answered.cost),
        }
    }
}

/// A reputation.
#[derive(Serialize)]
pub(crate) struct StandingShape {
    mean: f64,
    lower_bound: f64,
    samples: u32,
}

impl StandingShape {
    pub(crate) fn of(standing: Standing) -> Self {
        Self {
            mean: ratio(standing.mean),
            lower_bound: ratio(standing.lower_bound),
            samples: standing.samples,
        }
    }
}

#[derive(Serialize)]
struct SeatShape<'a> {
    provider: &'a str,
    name: &'a str,
    domains: &'a [Domain],
    reputation: StandingShape,
    rank: u8,
    outcome: SeatOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DeclineReason>,
    changed: bool,
    agrees: bool,
    score: f64,
    price: String,
    latency_ms: u32,
}

impl<'a> SeatShape<'a> {
    fn of(seat: &'a PanelSeat) -> Self {
        Self {
            provider: &seat.provider,
            name: &seat.name,
            domains: &seat.domains,
            reputation: StandingShape::of(seat.reputation),
            rank: seat.rank,
            outcome: seat.outcome,
            reason: seat.reason,
            changed: seat.changed,
            agrees: seat.agrees,
            score: ratio(seat.score),
            price: seat.price.credits(),
            latency_ms: seat.latency_ms,
        }
    }
}

/// Who did not serve, and why.
#[derive(Serialize)]
pub(crate) struct SkippedShape<'a> {
    provider: &'a str,
    name: &'a str,
    rank: u8,
    reason: Reason,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Reason {
    Ours(&'static str),
    Theirs(DeclineReason),
}

impl<'a> SkippedShape<'a> {
    pub(crate) fn of(skipped: &'a Skipped) -> Self {
        let reason = match skipped.reply {
            None => Reason::Ours("silent"),
            Some(Response::Busy) => Reason::Ours("busy"),
            // It took the seat and lost it before it was needed.
            Some(Response::Accept) => Reason::Ours("accepted"),
            Some(Response::Decline(reason)) => Reason::Theirs(reason),
        };
        Self {
            provider: &skipped.provider,
            name: &skipped.name,
            rank: skipped.rank,
            reason,
        }
    }
}

#[derive(Serialize)]
struct CitationShape<'a> {
    title: &'a str,
    document: &'a str,
    quote: &'a str,
    passage: Digest,
    corpus: Digest,
    as_of: String,
    provider: &'a str,
}

impl<'a> CitationShape<'a> {
    fn of(citation: &'a Citation) -> Self {
        Self {
            title: &citation.title,
            document: &citation.document,
            quote: &citation.quote,
            passage: citation.passage,
            corpus: citation.corpus,
            as_of: date(citation.as_of_day),
            provider: &citation.provider,
        }
    }
}

#[derive(Serialize)]
struct DissentShape<'a> {
    providers: &'a [String],
    share: f64,
    text: &'a str,
    citations: Vec<CitationShape<'a>>,
    reasons: &'a [String],
}

impl<'a> DissentShape<'a> {
    fn of(dissent: &'a Dissent) -> Self {
        Self {
            providers: &dissent.providers,
            share: ratio(dissent.share),
            text: &dissent.text,
            citations: dissent.citations.iter().map(CitationShape::of).collect(),
            reasons: &dissent.reasons,
        }
    }
}

#[derive(Serialize)]
struct CostShape {
    unit: &'static str,
    seats: String,
    coordinator: String,
    fee: String,
    total: String,
}

impl CostShape {
    fn of(charges: Charges) -> Self {
        Self {
            unit: "credit",
            seats: charges.seats.credits(),
            coordinator: charges.coordinator.credits(),
            fee: charges.fee.credits(),
            total: charges.total.credits(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_dates() {
        for (day, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
            (u32::MAX, "11761191-01-20"),
        ] {
            assert_eq!(date(day), expected);
        }
    }
}
