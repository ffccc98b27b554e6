//! Reputations for people, and as JSON.

use serde_json::{Value, json};

use super::{Page, Row, ratio};

/// Tables: of the reputations, and where one provider was asked about, of what is remembered of it.
pub(super) fn text(pages: &[Page]) -> String {
    let rows: Vec<&Row> = pages.iter().flat_map(|page| &page.data).collect();
    let Some(last) = pages.last() else {
        return String::new();
    };
    if rows.is_empty() {
        return "Nobody is registered.".to_owned();
    }
    let when = match last.at {
        Some(at) => format!("As selections at height {at} saw it"),
        None => format!("At height {}", last.height),
    };
    let mut lines = vec![when, table(&rows)];
    for row in rows {
        let Some(history) = &row.history else {
            continue;
        };
        lines.push(format!(
            "\nHistory in {}, as far back as panels are recomputed",
            row.domain
        ));
        if history.is_empty() {
            lines.push("  no ratings yet".to_owned());
        }
        for entry in history {
            let reputation = entry.reputation();
            lines.push(format!(
                "  from block {:<8} mean {}  at least {}  {} {}",
                entry.height,
                score(ratio(reputation.mean(&last.prior))),
                score(ratio(reputation.lower_bound(&last.prior))),
                entry.samples,
                if entry.samples == 1 {
                    "rating"
                } else {
                    "ratings"
                },
            ));
        }
    }
    lines.join("\n")
}

/// A line for each reputation.
pub(super) fn table(rows: &[&Row]) -> String {
    let name = rows.iter().map(|row| row.name.chars().count()).max();
    let domain = rows.iter().map(|row| row.domain.as_str().len()).max();
    let (name, domain) = (name.unwrap_or(0).max(4), domain.unwrap_or(0).max(6));
    let mut lines = vec![format!(
        "{:>4}  {:<8}  {:<name$}  {:<domain$}  {:>5}  {:>8}  {:>9}  {:>7}  {:>9}  {:>6}",
        "no",
        "key",
        "name",
        "domain",
        "mean",
        "at least",
        "deviation",
        "ratings",
        "answers in",
        "audits",
    )];
    for row in rows {
        let latency = match row.latency_ms {
            0 => "-".to_owned(),
            ms => format!("{ms} ms"),
        };
        lines.push(format!(
            "{:>4}  {:<8}  {:<name$}  {:<domain$}  {:>5}  {:>8}  {:>9}  {:>7}  {:>10}  {:>6}",
            row.provider,
            row.node.short(),
            row.name,
            row.domain.as_str(),
            score(row.mean),
            score(row.lower_bound),
            score(row.deviation),
            row.samples,
            latency,
            score(row.ceiling),
        ));
    }
    lines.join("\n")
}

pub(super) fn score(share: f64) -> String {
    format!("{share:.3}")
}

/// The list as the gateway has it, all pages together.
pub(super) fn json(pages: &[Page]) -> anyhow::Result<Value> {
    let rows: Vec<&Row> = pages.iter().flat_map(|page| &page.data).collect();
    let Some(last) = pages.last() else {
        return Ok(json!({}));
    };
    Ok(json!({
        "height": last.height,
        "at": last.at,
        "prior": last.prior,
        "decay": last.decay,
        "data": serde_json::to_value(rows)?,
    }))
}
