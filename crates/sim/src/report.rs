//! What is written of a summary: one JSON object, tables, a page with figures.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    board::Board,
    figure::{Figure, Series},
    game::Game,
    measure::Estimate,
    summary::Summary,
};

/// What was played, for people to read.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// The pool's name.
    pub pool: String,
    /// The policy's.
    pub policy: String,
    /// `KIND=SHARE`, or empty.
    pub adversaries: String,
    /// The share of questions that auditors may ask.
    pub audits: f64,
    /// Calls a question that were allowed, on average.
    pub calls: f64,
    /// Questions of a run.
    pub queries: usize,
    /// Runs.
    pub seeds: u64,
}

/// Files by name, in the order in which they are written. Same summary, same bytes.
pub fn files(
    played: &Played,
    board: &Board,
    summary: &Summary,
    first: &Game,
) -> Vec<(String, String)> {
    let mut files = vec![
        (
            "results.json".to_owned(),
            format!("{:#}\n", results(played, summary)),
        ),
        ("runs.csv".to_owned(), runs(summary)),
        ("curve.csv".to_owned(), curve(summary)),
        ("providers.csv".to_owned(), providers(summary)),
        ("contracts.csv".to_owned(), contracts(board, first)),
    ];
    let figures = figures(summary);
    files.push(("report.md".to_owned(), page(played, summary, &figures)));
    files.extend(
        figures
            .into_iter()
            .map(|(name, figure)| (format!("{name}.svg"), figure.svg())),
    );
    files
}

fn interval(estimate: &Estimate) -> Value {
    // Of a single run there is none.
    if estimate.within.is_finite() {
        json!(estimate.interval())
    } else {
        Value::Null
    }
}

fn results(played: &Played, summary: &Summary) -> Value {
    json!({
        "accuracy": summary.accuracy.mean,
        "accuracy_ci95": interval(&summary.accuracy),
        "best_single": summary.best_single.mean,
        "best_single_ci95": interval(&summary.best_single),
        "gain_over_best_single": summary.gain.mean,
        "gain_over_best_single_ci95": interval(&summary.gain),
        "calls": summary.calls.mean,
        "calls_ci95": interval(&summary.calls),
        "accuracy_last_quarter": summary.accuracy_late.mean,
        "accuracy_last_quarter_ci95": interval(&summary.accuracy_late),
        "kendall_tau": summary.tau.mean,
        "kendall_tau_ci95": interval(&summary.tau),
        "adversary_seats": summary.adversary_seats.mean,
        "adversary_seats_ci95": interval(&summary.adversary_seats),
        "adversary_seats_last_quarter": summary.adversary_seats_late.mean,
        "adversary_seats_last_quarter_ci95": interval(&summary.adversary_seats_late),
        "captured_runs": summary.captured,
        "queries_to_within_a_point_of_best_single": summary.within_a_point,
        "queries_to_demote_adversaries": summary.demoted_after,
        "latency_p50_ms": summary.latency_p50_ms,
        "latency_p95_ms": summary.latency_p95_ms,
        "pool": played.pool,
        "policy": played.policy,
        "adversaries": played.adversaries,
        "audits_allowed": played.audits,
        "calls_allowed": played.calls,
        "queries": played.queries,
        "seeds": played.seeds,
        "runs": summary.runs,
    })
}

fn runs(summary: &Summary) -> String {
    let mut text = "seed,accuracy,accuracy_last_quarter,best_single,calls,seats,audits,kendall_tau,adversary_seats,adversary_seats_last_quarter,captured,latency_p50_ms,latency_p95_ms\n".to_owned();
    for run in &summary.runs {
        let _ = writeln!(
            text,
            "{},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{},{},{}",
            run.seed,
            run.accuracy,
            run.accuracy_late,
            run.best_single,
            run.calls,
            run.seats,
            run.audits,
            run.tau,
            run.adversary_seats,
            run.adversary_seats_late,
            run.captured,
            run.latency_p50_ms,
            run.latency_p95_ms
        );
    }
    text
}

fn curve(summary: &Summary) -> String {
    let mut text = "query,share_right,adversary_seats\n".to_owned();
    for (place, (right, seats)) in (1..).zip(summary.curve.iter().zip(&summary.adversary_curve)) {
        let _ = writeln!(text, "{place},{right:.4},{seats:.4}");
    }
    text
}

fn providers(summary: &Summary) -> String {
    let mut text = "provider,true_accuracy,reputation,share_of_seats\n".to_owned();
    for (name, truth, reputation, seats) in &summary.providers {
        let name = name.replace('"', "\"\"");
        let _ = writeln!(text, "\"{name}\",{truth:.4},{reputation:.4},{seats:.4}");
    }
    text
}

/// The run of the first seed, contract by contract.
fn contracts(board: &Board, game: &Game) -> String {
    let mut text = "query,qid,domain,seats,right,audited\n".to_owned();
    for (place, played) in (1..).zip(&game.contracts) {
        let asked = &board.questions[played.question];
        let seats: Vec<&str> = played
            .seats
            .iter()
            .map(|seat| {
                game.honest[*seat].map_or("(adversary)", |number| board.providers[number].as_str())
            })
            .collect();
        let _ = writeln!(
            text,
            "{place},{},{},\"{}\",{},{}",
            asked.qid,
            board.domains[asked.domain],
            seats.join(" "),
            u8::from(played.right),
            u8::from(played.audited.is_some())
        );
    }
    text
}

/// A curve averaged over so many questions before each.
fn smooth(curve: &[f64], scale: f64) -> Vec<(f64, f64)> {
    const OVER: usize = 200;
    let over = OVER.min(curve.len().div_ceil(4)).max(1);
    (over..=curve.len())
        .map(|end| {
            let part = &curve[end - over..end];
            (end as f64, scale * part.iter().sum::<f64>() / over as f64)
        })
        .collect()
}

fn figures(summary: &Summary) -> Vec<(&'static str, Figure)> {
    let line = |name: &str, points: Vec<(f64, f64)>| Series {
        name: name.to_owned(),
        points,
        dots: false,
    };
    let best = summary.best_single.mean;
    let length = summary.curve.len() as f64;
    let mut regret = 0.0;
    let behind = summary.curve.iter().zip(1..).map(|(right, place)| {
        regret += best / 100.0 - right;
        (f64::from(place), regret)
    });
    let figure = |title: &str, across: &str, up: &str, series| Figure {
        title: title.to_owned(),
        across: across.to_owned(),
        up: up.to_owned(),
        series,
    };
    let mut figures = vec![
        (
            "accuracy",
            figure(
                "Accuracy over time",
                "question",
                "right, %",
                vec![
                    line("policy", smooth(&summary.curve, 100.0)),
                    line("best single provider", vec![(1.0, best), (length, best)]),
                ],
            ),
        ),
        (
            "regret",
            figure(
                "Regret against the best single provider",
                "question",
                "right answers behind",
                vec![line("policy", behind.collect())],
            ),
        ),
        (
            "reputation",
            figure(
                "Reputation against true accuracy",
                "true accuracy, %",
                "reputation at the end",
                vec![Series {
                    name: "providers".to_owned(),
                    points: summary
                        .providers
                        .iter()
                        .map(|provider| (provider.1, provider.2))
                        .collect(),
                    dots: true,
                }],
            ),
        ),
        (
            "traffic",
            figure(
                "Share of seats by true accuracy",
                "true accuracy, %",
                "share of seats, %",
                vec![Series {
                    name: "providers".to_owned(),
                    points: summary
                        .providers
                        .iter()
                        .map(|provider| (provider.1, provider.3))
                        .collect(),
                    dots: true,
                }],
            ),
        ),
        (
            "calls",
            figure(
                "Calls a question, and what they bring",
                "calls",
                "right, %",
                vec![Series {
                    name: "runs".to_owned(),
                    points: summary
                        .runs
                        .iter()
                        .map(|run| (run.calls, run.accuracy))
                        .collect(),
                    dots: true,
                }],
            ),
        ),
    ];
    if summary.adversary_seats.mean > 0.0 {
        let points = smooth(&summary.adversary_curve, 100.0);
        figures.push((
            "adversaries",
            figure(
                "Adversaries' share of seats",
                "question",
                "seats, %",
                vec![line("adversaries", points)],
            ),
        ));
    }
    if summary.latency_p95_ms > 0 {
        let points = summary
            .runs
            .iter()
            .map(|run| (f64::from(run.latency_p50_ms), f64::from(run.latency_p95_ms)));
        figures.push((
            "latency",
            figure(
                "Latency",
                "median, ms",
                "95th percentile, ms",
                vec![Series {
                    name: "runs".to_owned(),
                    points: points.collect(),
                    dots: true,
                }],
            ),
        ));
    }
    figures
}

fn page(played: &Played, summary: &Summary, figures: &[(&str, Figure)]) -> String {
    let shown = |estimate: &Estimate| {
        if estimate.within.is_finite() {
            format!("{:.2} ±{:.2}", estimate.mean, estimate.within)
        } else {
            format!("{:.2}", estimate.mean)
        }
    };
    let or_never =
        |count: Option<usize>| count.map_or("never".to_owned(), |count| count.to_string());
    let adversaries = if played.adversaries.is_empty() {
        "none"
    } else {
        &played.adversaries
    };
    let mut rows = vec![
        ("accuracy, %", shown(&summary.accuracy)),
        (
            "the same of the last quarter, %",
            shown(&summary.accuracy_late),
        ),
        ("best single provider, %", shown(&summary.best_single)),
        ("gain over it, points", shown(&summary.gain)),
        ("calls a question, audits included", shown(&summary.calls)),
        (
            "Kendall's tau, reputation against accuracy",
            shown(&summary.tau),
        ),
        (
            "questions to within a point of the best single provider",
            or_never(summary.within_a_point),
        ),
    ];
    if !played.adversaries.is_empty() {
        rows.extend([
            (
                "adversaries' share of seats, %",
                shown(&summary.adversary_seats),
            ),
            (
                "the same of the last quarter, %",
                shown(&summary.adversary_seats_late),
            ),
            ("runs captured", summary.captured.to_string()),
            (
                "questions from turning to under 5% of seats",
                or_never(summary.demoted_after),
            ),
        ]);
    }
    if summary.latency_p95_ms > 0 {
        rows.push((
            "latency p50, p95, ms",
            format!("{}, {}", summary.latency_p50_ms, summary.latency_p95_ms),
        ));
    }
    let mut text = format!(
        "# {} on {}\n\nAdversaries: {adversaries}. Audits: at most {:.1}% of questions. Calls: at most {} a question on average. \
         {} runs of {} questions, each once, from a cold start. Intervals are 95% over runs: over the order of questions \
         and luck, not over other questions.\n\nAnswers are recordings of real models; adversaries and everything on-line are \
         played.\n\n| measure | value |\n|---|---|\n",
        played.policy,
        played.pool,
        100.0 * played.audits,
        played.calls,
        played.seeds,
        played.queries
    );
    for (name, value) in rows {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    for (name, figure) in figures {
        let _ = write!(text, "\n![{}]({name}.svg)\n", figure.title);
    }
    text
}
