//! A comparison for people, and as JSON.

use std::time::Duration;

use llmnet_types::units::Amount;
use serde_json::{Value, json};

use super::tally::{Advice, Row, Tally};

pub(super) fn text(tally: &Tally) -> String {
    let mut lines = vec![
        format!(
            "{} questions: {} with a right answer, {} judged by peers beside the first way's answer",
            tally.questions,
            tally.with_gold,
            tally.questions - tally.with_gold
        ),
        format!(
            "\n{:<14}  {:>6}  {:>15}  {:>8}  {:>12}  {:>9}  {:>9}",
            "strategy", "points", "19 times of 20", "tokens", "credits", "p50", "p95"
        ),
    ];
    for row in &tally.rows {
        let (low, high) = row.interval();
        lines.push(format!(
            "{:<14}  {}  {:>8}  {:>12}  {:>9}  {:>9}{}",
            row.way.name(),
            match row.judged() {
                0 => format!("{:>6}  {:>15}", "-", "-"),
                _ => format!("{:>6.3}  {low:>6.3} to {high:.3}", row.share()),
            },
            each(row, row.tokens),
            Amount(each(row, row.cost)).credits(),
            time(row.took(50)),
            time(row.took(95)),
            match row.failed {
                0 => String::new(),
                failed => format!("  {failed} not answered"),
            }
        ));
    }
    lines.push(String::new());
    lines.push(advised(tally.advice()));
    lines.push(
        "Tokens and credits are those of an answer. \"single, again\" asks one respondent at a time until the tokens \
         of the dearest way are spent, and takes the most frequent answer."
            .to_owned(),
    );
    lines.join("\n")
}

fn each(row: &Row, sum: u64) -> u64 {
    let answered = u64::try_from(row.answered()).unwrap_or(u64::MAX);
    sum.checked_div(answered).unwrap_or(0)
}

fn time(took: Option<Duration>) -> String {
    took.map_or_else(
        || "-".to_owned(),
        |took| format!("{:.2} s", took.as_secs_f64()),
    )
}

fn advised(advice: Option<Advice>) -> String {
    match advice {
        None => {
            "Nobody could say which answers are better: give right answers as \"gold\".".to_owned()
        }
        Some(Advice {
            choose, best: None, ..
        }) => format!(
            "Choose {}: none has more points, and none as good is cheaper.",
            choose.name()
        ),
        Some(Advice {
            choose,
            best: Some(best),
            chance,
        }) => format!(
            "Choose {}: {} has more points, but a difference like theirs comes of nothing with a chance of {chance:.2}, \
             and it costs less. More questions would tell.",
            choose.name(),
            best.name(),
        ),
    }
}

pub(super) fn json(tally: &Tally) -> Value {
    let rows: Vec<Value> = tally
        .rows
        .iter()
        .map(|row| {
            let (low, high) = row.interval();
            let judged = row.judged() > 0;
            json!({
                "strategy": row.way.name(),
                "judged": row.judged(),
                "not_answered": row.failed,
                "points": judged.then(|| row.share()),
                "interval": judged.then_some([low, high]),
                "tokens": each(row, row.tokens),
                "credits": Amount(each(row, row.cost)).credits(),
                "p50_ms": row.took(50).map(|took| took.as_millis()),
                "p95_ms": row.took(95).map(|took| took.as_millis()),
            })
        })
        .collect();
    let advice = tally.advice();
    json!({
        "questions": tally.questions,
        "with_gold": tally.with_gold,
        "strategies": rows,
        "choose": advice.as_ref().map(|advice| advice.choose.name()),
        "best": advice.as_ref().map(|advice| advice.best.unwrap_or(advice.choose).name()),
        "chance": advice.map(|advice| advice.chance),
    })
}
