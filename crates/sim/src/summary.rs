//! Runs of many seeds, brought together.

use serde::Serialize;

use crate::{
    board::Board,
    game::Game,
    measure::{Estimate, first_within, kendall, quantile},
};

/// A run in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Run {
    /// Its seed.
    pub seed: u64,
    /// Share of questions answered rightly, in percent.
    pub accuracy: f64,
    /// The same of the last quarter.
    pub accuracy_late: f64,
    /// What the best provider of the pool alone would have had on the same questions, in percent.
    pub best_single: f64,
    /// Calls a question, audits included.
    pub calls: f64,
    /// Seats a question.
    pub seats: f64,
    /// Audits a question.
    pub audits: f64,
    /// Kendall's tau between reputation and true accuracy, honest providers alone.
    pub tau: f64,
    /// Adversaries' share of all seats, in percent.
    pub adversary_seats: f64,
    /// The same of the last quarter.
    pub adversary_seats_late: f64,
    /// Whether they hold over half of the last quarter's seats.
    pub captured: bool,
    /// Median of the slowest seat's latency, in milliseconds.
    pub latency_p50_ms: u32,
    /// Its 95th percentile.
    pub latency_p95_ms: u32,
}

/// Runs together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Each.
    pub runs: Vec<Run>,
    /// In percent.
    pub accuracy: Estimate,
    /// Of the last quarter, in percent.
    pub accuracy_late: Estimate,
    /// Of the best provider alone, in percent.
    pub best_single: Estimate,
    /// Paired: on the same questions.
    pub gain: Estimate,
    /// Calls a question.
    pub calls: Estimate,
    /// Kendall's tau.
    pub tau: Estimate,
    /// In percent.
    pub adversary_seats: Estimate,
    /// In percent.
    pub adversary_seats_late: Estimate,
    /// Runs that adversaries captured.
    pub captured: usize,
    /// Of all questions and runs.
    pub latency_p50_ms: u32,
    /// Of all questions and runs.
    pub latency_p95_ms: u32,
    /// The share of runs that answered rightly, question by question.
    pub curve: Vec<f64>,
    /// The share of seats that adversaries had, question by question.
    pub adversary_curve: Vec<f64>,
    /// From which question on it is within a point of the best provider alone; `None` for never.
    pub within_a_point: Option<usize>,
    /// After how many questions from turning adversaries have under 5% of the seats; `None` for never.
    pub demoted_after: Option<usize>,
    /// Names of honest providers, with true accuracy in percent, mean reputation, and share of seats in percent.
    pub providers: Vec<(String, f64, f64, f64)>,
}

/// Questions over which adversaries' share of seats is averaged.
const SEATS_OVER: usize = 25;

impl Run {
    /// Measures a game.
    pub fn of(board: &Board, seed: u64, game: &Game) -> Self {
        let questions: Vec<usize> = game
            .contracts
            .iter()
            .map(|played| played.question)
            .collect();
        let late = game.contracts.len() * 3 / 4;
        let count = game.contracts.len().max(1) as f64;
        let right = |from: usize| {
            let part = &game.contracts[from..];
            let right = part.iter().filter(|played| played.right).count();
            100.0 * right as f64 / part.len().max(1) as f64
        };
        // The best of the pool as a whole, as everybody would name it; on this run's questions.
        let all: Vec<usize> = (0..board.questions.len()).collect();
        let truth: Vec<f64> = (0..board.providers.len())
            .map(|provider| board.share_right(provider, &all))
            .collect();
        let best = (0..truth.len()).reduce(|best, other| {
            if truth[other] > truth[best] {
                other
            } else {
                best
            }
        });
        let seats: usize = game.contracts.iter().map(|played| played.seats.len()).sum();
        let audited: usize = game
            .contracts
            .iter()
            .filter_map(|played| played.audited.as_ref())
            .map(Vec::len)
            .sum();
        let audits = game
            .contracts
            .iter()
            .filter(|played| played.audited.is_some())
            .count();
        let honest: Vec<(f64, f64)> = game
            .honest
            .iter()
            .zip(&game.reputation)
            .filter_map(|(number, reputation)| Some((truth[(*number)?], *reputation)))
            .collect();
        let (truths, reputations): (Vec<f64>, Vec<f64>) = honest.into_iter().unzip();
        let mut latencies: Vec<u32> = game
            .contracts
            .iter()
            .map(|played| played.latency_ms)
            .collect();
        latencies.sort_unstable();
        let adversary_seats_late = adversary_share(game, late..game.contracts.len());
        Self {
            seed,
            accuracy: right(0),
            accuracy_late: right(late),
            best_single: best.map_or(0.0, |best| 100.0 * board.share_right(best, &questions)),
            calls: (seats + audited) as f64 / count,
            seats: seats as f64 / count,
            audits: audits as f64 / count,
            tau: kendall(&truths, &reputations),
            adversary_seats: adversary_share(game, 0..game.contracts.len()),
            adversary_seats_late,
            captured: adversary_seats_late > 50.0,
            latency_p50_ms: quantile(&latencies, 0.5),
            latency_p95_ms: quantile(&latencies, 0.95),
        }
    }
}

/// Adversaries' share of seats, in percent.
fn adversary_share(game: &Game, places: std::ops::Range<usize>) -> f64 {
    let seats = || {
        game.contracts[places.clone()]
            .iter()
            .flat_map(|played| &played.seats)
    };
    let theirs = seats().filter(|seat| game.honest[**seat].is_none()).count();
    100.0 * theirs as f64 / seats().count().max(1) as f64
}

impl Summary {
    /// Of games by seed, at least one.
    pub fn of(board: &Board, games: &[(u64, Game)]) -> Self {
        let runs: Vec<Run> = games
            .iter()
            .map(|(seed, game)| Run::of(board, *seed, game))
            .collect();
        let estimate = |value: fn(&Run) -> f64| {
            let values: Vec<f64> = runs.iter().map(value).collect();
            Estimate::of(&values)
        };
        let length = games
            .iter()
            .map(|(_, game)| game.contracts.len())
            .min()
            .unwrap_or(0);
        let count = games.len().max(1) as f64;
        let curve: Vec<f64> = (0..length)
            .map(|place| {
                games
                    .iter()
                    .filter(|(_, game)| game.contracts[place].right)
                    .count() as f64
                    / count
            })
            .collect();
        let adversary_curve: Vec<f64> = (0..length)
            .map(|place| {
                let all: Vec<f64> = games
                    .iter()
                    .map(|(_, game)| adversary_share(game, place..place + 1) / 100.0)
                    .collect();
                all.iter().sum::<f64>() / count
            })
            .collect();
        let best_single = estimate(|run| run.best_single);
        let turned = games.first().map_or(0, |(_, game)| game.turned_at);
        let mut latencies: Vec<u32> = games
            .iter()
            .flat_map(|(_, game)| game.contracts.iter().map(|played| played.latency_ms))
            .collect();
        latencies.sort_unstable();
        Self {
            accuracy: estimate(|run| run.accuracy),
            accuracy_late: estimate(|run| run.accuracy_late),
            best_single,
            gain: estimate(|run| run.accuracy - run.best_single),
            calls: estimate(|run| run.calls),
            tau: estimate(|run| run.tau),
            adversary_seats: estimate(|run| run.adversary_seats),
            adversary_seats_late: estimate(|run| run.adversary_seats_late),
            captured: runs.iter().filter(|run| run.captured).count(),
            latency_p50_ms: quantile(&latencies, 0.5),
            latency_p95_ms: quantile(&latencies, 0.95),
            within_a_point: first_within(&curve, (best_single.mean - 1.0) / 100.0),
            demoted_after: demoted(&adversary_curve, turned),
            providers: providers(board, games),
            curve,
            adversary_curve,
            runs,
        }
    }
}

/// After how many questions from `turned` the mean share over the next ones is under 5%.
fn demoted(curve: &[f64], turned: usize) -> Option<usize> {
    let from = curve.get(turned..)?;
    from.windows(SEATS_OVER)
        .position(|part| part.iter().sum::<f64>() < 0.05 * SEATS_OVER as f64)
}

fn providers(board: &Board, games: &[(u64, Game)]) -> Vec<(String, f64, f64, f64)> {
    let all: Vec<usize> = (0..board.questions.len()).collect();
    let mut reputation = vec![0.0; board.providers.len()];
    let mut seats = vec![0_usize; board.providers.len()];
    let mut total = 0_usize;
    for (_, game) in games {
        for (number, value) in game.honest.iter().zip(&game.reputation) {
            if let Some(number) = number {
                reputation[*number] += value / games.len() as f64;
            }
        }
        for seat in game.contracts.iter().flat_map(|played| &played.seats) {
            total += 1;
            if let Some(number) = game.honest[*seat] {
                seats[number] += 1;
            }
        }
    }
    let mut rows: Vec<_> = (0..board.providers.len())
        .map(|provider| {
            (
                board.providers[provider].clone(),
                100.0 * board.share_right(provider, &all),
                reputation[provider],
                100.0 * seats[provider] as f64 / total.max(1) as f64,
            )
        })
        .collect();
    rows.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    rows
}
