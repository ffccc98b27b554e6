//! What is written of a run: one JSON object, tables, a page with figures.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};

use super::{
    play::Run,
    scenario::{Promise, Scenario},
    timeline::{Row, reputation},
};
use crate::figure::{Figure, Series};

/// A promise, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The measure.
    pub measure: String,
    /// What was promised, for people.
    pub promised: String,
    /// What was measured; nothing where there is no such measure.
    pub found: Option<f64>,
    /// Whether it was kept.
    pub kept: bool,
}

/// All promises of a scenario.
pub fn kept(scenario: &Scenario, run: &Run) -> Vec<Kept> {
    let one = |promise: &Promise| {
        let found = run.measures.get(promise.measure.get_ref()).copied();
        let most = promise
            .at_most
            .is_none_or(|most| found.is_some_and(|found| found <= most));
        let least = promise
            .at_least
            .is_none_or(|least| found.is_some_and(|found| found >= least));
        let most_said = promise.at_most.map(|most| format!("at most {most}"));
        let least_said = promise.at_least.map(|least| format!("at least {least}"));
        let said: Vec<String> = least_said.into_iter().chain(most_said).collect();
        Kept {
            measure: promise.measure.get_ref().clone(),
            promised: said.join(", "),
            found,
            kept: most && least,
        }
    };
    scenario.promises.iter().map(one).collect()
}

/// Files by name, in the order in which they are written. Same run, same bytes.
pub fn files(scenario: &Scenario, run: &Run) -> Vec<(String, String)> {
    let kept = kept(scenario, run);
    let figures = figures(scenario, run);
    let mut files = vec![
        (
            "results.json".to_owned(),
            format!("{:#}\n", results(scenario, run, &kept)),
        ),
        ("epochs.csv".to_owned(), epochs(scenario, run)),
        ("money.csv".to_owned(), money(run)),
        ("providers.csv".to_owned(), providers(scenario, run)),
        ("report.md".to_owned(), page(scenario, run, &kept, &figures)),
    ];
    let drawn = figures.into_iter();
    files.extend(drawn.map(|(name, figure)| (format!("{name}.svg"), figure.svg())));
    files
}

fn results(scenario: &Scenario, run: &Run, kept: &[Kept]) -> Value {
    let promises: Vec<Value> = kept
        .iter()
        .map(|kept| {
            json!({
                "measure": kept.measure,
                "promised": kept.promised,
                "found": kept.found,
                "kept": kept.kept,
            })
        })
        .collect();
    json!({
        "scenario": scenario.name,
        "seed": run.seed,
        "kept": kept.iter().all(|kept| kept.kept),
        "promises": promises,
        "measures": run.measures,
        "refused": run.world.refused,
        "epochs": run.timeline.rows,
    })
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn epochs(scenario: &Scenario, run: &Run) -> String {
    let mut text = "epoch,questions,unserved,concluded,failed,void,right".to_owned();
    for group in &scenario.people {
        for column in ["standing", "seats", "pay", "reputation"] {
            let name = quoted(&format!("{column}:{}", group.name.get_ref()));
            let _ = write!(text, ",{name}");
        }
    }
    text.push('\n');
    for row in &run.timeline.rows {
        let _ = write!(
            text,
            "{},{},{},{},{},{},{}",
            row.epoch, row.questions, row.unserved, row.concluded, row.failed, row.void, row.right
        );
        for group in 0..scenario.people.len() {
            let reputation = row.reputation[group];
            let reputation = reputation.map_or(String::new(), |mean| format!("{mean:.4}"));
            let (standing, seats, pay) = (row.standing[group], row.seats[group], row.pay[group]);
            let _ = write!(text, ",{standing},{seats},{pay},{reputation}");
        }
        text.push('\n');
    }
    text
}

fn money(run: &Run) -> String {
    let names = run.timeline.rows.first().map(|row| row.money.parts());
    let names = names.unwrap_or_default().map(|(name, _)| name);
    let mut text = format!("epoch,{},sum\n", names.join(","));
    for row in &run.timeline.rows {
        let parts = row.money.parts().map(|(_, part)| part.to_string());
        let _ = writeln!(
            text,
            "{},{},{}",
            row.epoch,
            parts.join(","),
            row.money.sum()
        );
    }
    text
}

fn providers(scenario: &Scenario, run: &Run) -> String {
    let mut text =
        "provider,group,skill,reputation,seats,earned,joined_ms,first_pay_ms,gone\n".to_owned();
    for provider in &run.people.all {
        let group = &scenario.people[provider.group];
        let moment = |at: Option<llmnet_types::units::Timestamp>| {
            at.map_or(String::new(), |at| at.0.to_string())
        };
        let id = provider.id.map_or(String::new(), |id| id.0.to_string());
        let _ = writeln!(
            text,
            "{id},{},{:.4},{:.4},{},{},{},{},{}",
            quoted(group.name.get_ref()),
            provider.mean_skill(),
            reputation(&run.world, provider),
            provider.seats,
            provider.earned,
            moment(provider.joined),
            moment(provider.first_pay),
            u8::from(provider.gone)
        );
    }
    text
}

/// Epochs in which questions were asked.
fn asked(run: &Run) -> impl Iterator<Item = &Row> {
    run.timeline.rows.iter().filter(|row| row.questions > 0)
}

/// The mean over some epochs before each.
fn smooth(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let over = (points.len() / 20).clamp(1, 10);
    let mean = |part: &[(f64, f64)]| part.iter().map(|point| point.1).sum::<f64>() / over as f64;
    points
        .windows(over)
        .map(|part| (part[over - 1].0, mean(part)))
        .collect()
}

fn figures(scenario: &Scenario, run: &Run) -> Vec<(&'static str, Figure)> {
    let line = |name: &str, points: Vec<(f64, f64)>| Series {
        name: name.to_owned(),
        points,
        dots: false,
    };
    let figure = |title: &str, up: &str, series: Vec<Series>| Figure {
        title: title.to_owned(),
        across: "epoch".to_owned(),
        up: up.to_owned(),
        series,
    };
    let over = |value: &dyn Fn(&Row) -> Option<f64>| -> Vec<(f64, f64)> {
        let points = asked(run).filter_map(|row| Some((f64::from(row.epoch), value(row)?)));
        points.collect()
    };
    let share = |part: u64, of: u64| (of > 0).then(|| 100.0 * part as f64 / of as f64);
    let by_group = |value: &dyn Fn(&Row, usize) -> Option<f64>| -> Vec<Series> {
        let groups = scenario.people.iter().enumerate();
        groups
            .map(|(group, of)| {
                let points = over(&|row| value(row, group));
                line(of.name.get_ref(), smooth(points))
            })
            .collect()
    };
    let mut figures = vec![
        (
            "reliability",
            figure(
                "Reliability: what became of questions",
                "of all questions, %",
                vec![
                    line(
                        "concluded",
                        smooth(over(&|row| share(row.concluded, row.questions))),
                    ),
                    line(
                        "right",
                        smooth(over(&|row| share(row.right, row.questions))),
                    ),
                ],
            ),
        ),
        (
            "traffic",
            figure(
                "Share of seats",
                "of all seats, %",
                by_group(&|row, group| share(row.seats[group], row.seats.iter().sum())),
            ),
        ),
        (
            "reputation",
            figure(
                "Mean reputation, as far as audits let it count",
                "reputation",
                by_group(&|row, group| row.reputation[group]),
            ),
        ),
        (
            "pay",
            figure(
                "Pay earned in an epoch",
                "credits",
                by_group(&|row, group| Some(row.pay[group] as f64 / 1e6)),
            ),
        ),
        (
            "standing",
            figure(
                "Registered respondents",
                "respondents",
                by_group(&|row, group| Some(row.standing[group] as f64)),
            ),
        ),
    ];
    let rows = || run.timeline.rows.iter();
    let parts = run.timeline.rows.first().map(|row| row.money.parts());
    let moves = parts.unwrap_or_default().into_iter().enumerate();
    // The treasury and what is locked in lines dwarf the rest.
    let moves = moves.filter(|(_, (name, _))| !["treasury", "requesters", "lines"].contains(name));
    let series = moves.map(|(place, (name, _))| {
        let points = rows().map(|row| {
            let (_, part) = row.money.parts()[place];
            (f64::from(row.epoch), part as f64 / 1e6)
        });
        line(name, points.collect())
    });
    figures.push((
        "money",
        figure("Where money is", "credits", series.collect()),
    ));
    figures.push(("spread", spread(run)));
    figures
}

/// Lorenz's curve of pay.
fn spread(run: &Run) -> Figure {
    let mut earned: Vec<f64> = run
        .people
        .standing()
        .map(|(_, provider)| provider.earned as f64)
        .collect();
    earned.sort_by(f64::total_cmp);
    let (count, all) = (earned.len().max(1) as f64, earned.iter().sum::<f64>());
    let mut sum = 0.0;
    let mut points = vec![(0.0, 0.0)];
    points.extend((1..).zip(&earned).map(|(rank, amount)| {
        sum += amount;
        (100.0 * f64::from(rank) / count, 100.0 * sum / all.max(1.0))
    }));
    let equal = vec![(0.0, 0.0), (100.0, 100.0)];
    let series = |name: &str, points| Series {
        name: name.to_owned(),
        points,
        dots: false,
    };
    Figure {
        title: "Spread of pay".to_owned(),
        across: "of respondents, poorest first, %".to_owned(),
        up: "of all pay, %".to_owned(),
        series: vec![
            series("pay", points),
            series("if all earned the same", equal),
        ],
    }
}

fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

fn page(
    scenario: &Scenario,
    run: &Run,
    kept: &[Kept],
    figures: &[(&'static str, Figure)],
) -> String {
    let mut text = format!(
        "# {}\n\n{}\n\nSeed {}; {} epochs of {} blocks, {} questions an epoch, panels of {}.\n\n\
         Real: every transaction with its signature, selection, the exchange of each contract, pay, ratings, audits, \
         filings, proofs of fault, and all money, by the ledger's and the protocol's own code. Made up: questions, \
         answers, judgement, latencies and failures, from the seed. Left out: consensus, transports, load.\n",
        scenario.name,
        scenario.about.trim(),
        run.seed,
        scenario.epochs,
        scenario.pace.epoch_blocks,
        scenario.market.questions,
        scenario.market.seats
    );
    if !kept.is_empty() {
        text.push_str(
            "\n## What it promises\n\n| measure | promised | found | kept |\n|---|---|---|---|\n",
        );
        for kept in kept {
            let found = kept.found.map_or("not measured".to_owned(), number);
            let yes = if kept.kept { "yes" } else { "**no**" };
            let _ = writeln!(
                text,
                "| {} | {} | {found} | {yes} |",
                kept.measure, kept.promised
            );
        }
    }
    text.push_str("\n## By group\n\n| group | behaviour | of all that stood, % | seats, % | seats of the last quarter, % | pay, % | credits each | reputation |\n|---|---|---|---|---|---|---|---|\n");
    for group in &scenario.people {
        let name = group.name.get_ref();
        let measure = |kind: &str| {
            let value = run.measures.get(&format!("{kind}:{name}"));
            value.map_or("-".to_owned(), |value| number(*value))
        };
        let _ = writeln!(
            text,
            "| {name} | {:?} | {} | {} | {} | {} | {} | {} |",
            group.behaviour,
            measure("population"),
            measure("seats"),
            measure("seats_last_quarter"),
            measure("pay"),
            measure("credits_each"),
            measure("reputation")
        );
    }
    text.push_str("\n## Measures\n\n| measure | value |\n|---|---|\n");
    let own: BTreeMap<_, _> = run
        .measures
        .iter()
        .filter(|(name, _)| !name.contains(':'))
        .collect();
    for (name, value) in own {
        let _ = writeln!(text, "| {name} | {} |", number(*value));
    }
    let named = run.measures.iter();
    let named = named.filter(|(name, _)| name.starts_with("slashed") || name.starts_with("spent"));
    for (name, value) in named {
        let _ = writeln!(text, "| {name} | {} |", number(*value));
    }
    for (reason, count) in &run.world.refused {
        let _ = writeln!(text, "| refused: {reason} | {count} |");
    }
    for (name, figure) in figures {
        let _ = write!(text, "\n![{}]({name}.svg)\n", figure.title);
    }
    text
}
