//! A selection for people, and as JSON.

use llmnet_ledger::selection::{Place, Reason, Rule, Weighed};
use llmnet_types::{
    id::ProviderId,
    message::{DeclineReason, Phase, Response},
    passage::Shared,
    receipt::{Receipt, SeatOutcome},
    selection::Candidate,
    units::{Amount, Score},
};
use serde_json::{Value, json};

/// A score with three digits.
pub(super) fn score(score: Score) -> String {
    format!("{:.3}", ratio(score))
}

fn ratio(score: Score) -> f64 {
    f64::from(score.get()) / f64::from(Score::ONE.get())
}

/// Millionths of a score.
fn millionths(weighed: i64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for people, with three digits")]
    let share = weighed as f64 / 1e6;
    format!("{share:.3}")
}

/// What a selection was made from, its ranks and what became of them, and who got none.
pub(super) fn text(receipt: &Receipt, places: &[Place]) -> String {
    let selection = &receipt.selection;
    let rule = Rule::version(receipt.terms.policy).unwrap_or_default();
    let domains = selection.domains.iter();
    let domains = domains.map(|choice| format!("{} ({})", choice.domain, score(choice.confidence)));
    let mut lines = vec![
        format!(
            "Asked about {}; what follows is of block {}, in epoch {}.",
            domains.collect::<Vec<_>>().join(" and "),
            selection.height,
            selection.epoch,
        ),
        format!(
            "Policy {}: established from {} ratings on; every rank but the first is a newcomer's by their part of all \
             bonds, with a chance of {} to {}; a credit of price weighs {}, a second {}; at most {} of a family.",
            receipt.terms.policy,
            rule.samples_min,
            score(rule.newcomers_min),
            score(rule.newcomers_max),
            millionths(rule.cost_weight.into()),
            millionths(rule.latency_weight.into()),
            rule.family_max,
        ),
        first(receipt),
        format!(
            "\n{:>4}  {:>8}  {:<8}  {:<12}  {:>5}  {:>6}  {:>7}  {:>9}  {:>6}  {:>7}  {:>7}",
            "rank",
            "provider",
            "key",
            "family",
            "mean",
            "+/-",
            "ratings",
            "with luck",
            "price",
            "latency",
            "utility",
        ),
    ];
    lines.retain(|line| !line.is_empty());
    for (place, candidate) in found(receipt, places) {
        if let Some(rank) = place.reason.rank() {
            lines.push(row(rank, candidate, &place.reason));
            lines.push(format!("      {}", became(receipt, rank)));
        }
    }
    let left: Vec<_> = found(receipt, places)
        .filter(|(place, _)| place.reason.rank().is_none())
        .collect();
    if !left.is_empty() {
        lines.push("\nWithout a rank".to_owned());
    }
    for (place, candidate) in left {
        lines.push(format!(
            "      {:>8}  {}  {}",
            place.provider.0,
            key(candidate),
            lacked(receipt, candidate, &place.reason)
        ));
    }
    lines.join("\n")
}

/// Whether those asked first settled it (DEB-13); nothing where all were asked at once.
fn first(receipt: &Receipt) -> String {
    let (first, all) = (receipt.terms.seats_first(), receipt.terms.seats_max());
    match asked_further(receipt) {
        _ if !receipt.terms.asks_further() => String::new(),
        true => format!(
            "{first} of {all} seats were asked first; that settled nothing, so the others were asked as well."
        ),
        false => format!("{first} of {all} seats were asked first, and nobody else."),
    }
}

fn asked_further(receipt: &Receipt) -> bool {
    let seats = receipt.seats.iter().map(|seat| &seat.assign);
    let mut asked = seats.chain(receipt.skips.iter().map(|skip| &skip.assign));
    asked.any(|assign| assign.body.phase == Phase::Further)
}

/// What all seats were shown, and whose it is.
pub(super) fn shared(shared: &[Shared]) -> String {
    let rows = shared.iter().enumerate().map(|(place, shared)| {
        let passage = &shared.evidence.passage;
        format!(
            "  {}. {} | {}, of provider {} ({}), as of day {}",
            place + 1,
            passage.document,
            passage.title,
            shared.provider,
            shared.node.short(),
            shared.as_of_day
        )
    });
    let rows: Vec<String> = rows.collect();
    format!("All seats were shown\n{}", rows.join("\n"))
}

/// The same as JSON.
pub(super) fn shared_json(shared: &[Shared]) -> Value {
    let rows = shared.iter().map(|shared| {
        json!({
            "provider": shared.provider,
            "node": shared.node,
            "as_of_day": shared.as_of_day,
            "corpus": shared.evidence.citation.root,
            "passage": shared.evidence.passage.digest(),
            "document": shared.evidence.passage.document,
            "title": shared.evidence.passage.title,
        })
    });
    rows.collect()
}

fn found<'a>(
    receipt: &'a Receipt,
    places: &'a [Place],
) -> impl Iterator<Item = (&'a Place, &'a Candidate)> {
    places.iter().filter_map(|place| {
        let mut candidates = receipt.selection.candidates.iter();
        let candidate = candidates.find(|candidate| candidate.provider == place.provider)?;
        Some((place, candidate))
    })
}

fn key(candidate: &Candidate) -> String {
    candidate.node.to_string().chars().take(8).collect()
}

fn row(rank: u8, candidate: &Candidate, reason: &Reason) -> String {
    let end = match reason {
        Reason::Best { weighed, .. } => format!(
            "{:>9}  {:>6}  {:>7}  {:>7}",
            millionths(weighed.theta),
            millionths(weighed.cost.saturating_neg()),
            millionths(weighed.latency.saturating_neg()),
            millionths(weighed.utility()),
        ),
        Reason::Drawn { of, .. } => format!(
            "newcomer, drawn with a bond of {} of {}",
            candidate.bond.credits(),
            Amount(u64::try_from(*of).unwrap_or(u64::MAX)).credits(),
        ),
        _ => String::new(),
    };
    format!(
        "{rank:>4}  {:>8}  {:<8}  {:<12}  {:>5}  {:>6}  {:>7}  {end}",
        candidate.provider.0,
        key(candidate),
        candidate.family.as_str(),
        score(candidate.mean),
        score(candidate.deviation),
        candidate.samples,
    )
}

/// What became of a rank.
fn became(receipt: &Receipt, rank: u8) -> String {
    if let Some(seat) = receipt
        .seats
        .iter()
        .find(|seat| seat.assign.body.rank == rank)
    {
        let score = score(seat.score);
        let pay = seat.pay.credits();
        return match seat.outcome {
            SeatOutcome::Served => {
                format!(
                    "answered in {} ms: score {score}, earns {pay}{}",
                    seat.latency_ms,
                    outweighed(receipt, seat.provider).unwrap_or_default(),
                )
            }
            SeatOutcome::NoShow => "took the seat and bound no answer in time".to_owned(),
            SeatOutcome::Withheld => "bound an answer and did not open it".to_owned(),
            SeatOutcome::Invalid => "what it opened breaks the rules".to_owned(),
            SeatOutcome::GaveUp => "took the seat and gave up, as it said in time".to_owned(),
            SeatOutcome::Excused => {
                "was let go, as a quorum had answered or the requester hung up".to_owned()
            }
        };
    }
    if let Some(skip) = receipt.skips.iter().find(|skip| skip.rank == rank) {
        let reply = skip.reply.as_ref().map(|reply| reply.body.response);
        return match reply {
            None => "could not be reached, on the coordinator's word",
            Some(Response::Accept) => "took the seat",
            Some(Response::Busy) => "was busy, on its own word",
            Some(Response::Decline(reason)) => return format!("declined: {}", why(reason)),
        }
        .to_owned();
    }
    "was not asked: enough of better ranks took a seat".to_owned()
}

/// What is said of a seat whose word had the least weight, as audits put it behind another that answered (DEB-5).
fn outweighed(receipt: &Receipt, provider: ProviderId) -> Option<String> {
    let candidates = || receipt.selection.candidates.iter();
    let served = |provider| {
        let mut seats = receipt.seats.iter();
        seats.any(|seat| seat.provider == provider && seat.outcome == SeatOutcome::Served)
    };
    let own = candidates().find(|candidate| candidate.provider == provider)?;
    let ahead = candidates()
        .filter(|other| served(other.provider) && own.audited.is_far_behind(&other.audited))
        .max_by_key(|other| other.audited.mean)?;
    Some(format!(
        "; least weight, as audits say {} of it and {} of provider {}",
        score(own.audited.mean),
        score(ahead.audited.mean),
        ahead.provider
    ))
}

/// A seat's reason not to answer, in words.
const fn why(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::NothingFound => "it has nothing on the question",
        DeclineReason::WrongDomain => "the domain is not its own",
        DeclineReason::Terms => "the price or a time is not as registered",
        DeclineReason::Unfunded => "the contract is not covered",
        DeclineReason::CreditLimit => "its coordinator owes it too much already",
        DeclineReason::ModelUnavailable => "its model cannot be reached",
        DeclineReason::Policy => "the request breaks its policy",
    }
}

/// What a candidate without a rank lacked.
fn lacked(receipt: &Receipt, candidate: &Candidate, reason: &Reason) -> String {
    let least = receipt.terms.filters.reputation_min;
    match reason {
        Reason::NotNamed => "the requester named others".to_owned(),
        Reason::Ignored => "the requester wants no answer from it".to_owned(),
        Reason::Reputation => format!(
            "its mean of {} is under the {} that the requester asks for",
            score(candidate.mean),
            score(least)
        ),
        Reason::Operator { rank } => format!("its operator has rank {rank} already"),
        Reason::Twin { rank } => {
            format!("the same model with the same documents has rank {rank} already")
        }
        Reason::Family { most } => {
            format!(
                "{most} of the family {} have ranks already",
                candidate.family.as_str()
            )
        }
        Reason::Behind { weighed } => format!(
            "its utility of {} is less than that of all who have a rank",
            millionths(weighed.utility())
        ),
        Reason::NotDrawn => format!(
            "a newcomer with {} ratings, and not drawn",
            candidate.samples
        ),
        Reason::Best { rank, .. } | Reason::Drawn { rank, .. } => format!("it has rank {rank}"),
    }
}

/// The same for programs. Utilities are in millionths of a score.
pub(super) fn json(receipt: &Receipt, places: &[Place]) -> Value {
    let selection = &receipt.selection;
    let candidates: Vec<Value> = found(receipt, places)
        .map(|(place, candidate)| {
            let became = place.reason.rank().map(|rank| became(receipt, rank));
            let mut entry = json!({
                "provider": place.provider,
                "node": candidate.node,
                "rank": place.reason.rank(),
                "reason": name(&place.reason),
                "audited": { "mean": ratio(candidate.audited.mean), "deviation": ratio(candidate.audited.deviation) },
                "became": became,
                "lacked": became.is_none().then(|| lacked(receipt, candidate, &place.reason)),
            });
            if let Reason::Best { weighed, .. } | Reason::Behind { weighed } = place.reason {
                entry["utility"] = utility(&weighed);
            }
            entry
        })
        .collect();
    json!({
        "height": selection.height,
        "epoch": selection.epoch,
        "policy": receipt.terms.policy,
        "asked_first": receipt.terms.seats_first(),
        "asked_further": asked_further(receipt),
        "domains": selection.domains,
        "candidates": candidates,
    })
}

fn utility(weighed: &Weighed) -> Value {
    json!({
        "theta": weighed.theta,
        "cost": weighed.cost,
        "latency": weighed.latency,
        "utility": weighed.utility(),
    })
}

const fn name(reason: &Reason) -> &'static str {
    match reason {
        Reason::Best { .. } => "best",
        Reason::Drawn { .. } => "drawn",
        Reason::NotNamed => "not_named",
        Reason::Ignored => "ignored",
        Reason::Reputation => "reputation",
        Reason::Operator { .. } => "operator",
        Reason::Twin { .. } => "twin",
        Reason::Family { .. } => "family",
        Reason::Behind { .. } => "behind",
        Reason::NotDrawn => "not_drawn",
    }
}
