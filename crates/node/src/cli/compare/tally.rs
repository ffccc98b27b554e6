//! What came of a comparison, in numbers.

use std::time::Duration;

use llmnet_types::class::text_key;

use super::{
    ask::{All, Verdict, Way},
    questions::Question,
};

/// How sure one has to be that a way is worse before it is passed over for that.
const SIGNIFICANT: f64 = 0.05;

/// A way's results.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) way: Way,
    /// Of each question, how it did; none where it gave no answer or nobody can say.
    marks: Vec<Option<Mark>>,
    pub(super) failed: usize,
    pub(super) tokens: u64,
    /// In micro-credits.
    pub(super) cost: u64,
    took: Vec<Duration>,
}

/// How an answer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It is right, or wrong.
    Gold(bool),
    /// Peers find it so, beside the first way's answer.
    Peers(Verdict),
}

impl Mark {
    const fn points(self) -> f64 {
        match self {
            Self::Gold(true) | Self::Peers(Verdict::Better) => 1.0,
            Self::Peers(Verdict::Even) => 0.5,
            Self::Gold(false) | Self::Peers(Verdict::Worse) => 0.0,
        }
    }
}

/// Which way to choose, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Advice {
    pub(super) choose: Way,
    /// The one with the most points, where a cheaper one is not known to be worse.
    pub(super) best: Option<Way>,
    /// The chance that a difference like theirs would come of nothing.
    pub(super) chance: f64,
}

/// All ways' results.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) rows: Vec<Row>,
    pub(super) questions: usize,
    pub(super) with_gold: usize,
}

impl Tally {
    pub(super) fn new(ways: &[Way]) -> Self {
        let rows = ways.iter().map(|way| Row {
            way: *way,
            marks: Vec::new(),
            failed: 0,
            tokens: 0,
            cost: 0,
            took: Vec::new(),
        });
        Self {
            rows: rows.collect(),
            questions: 0,
            with_gold: 0,
        }
    }

    /// Adds a question.
    pub(super) fn add(&mut self, question: &Question, all: &All, preferred: &[Option<Verdict>]) {
        self.questions += 1;
        self.with_gold += usize::from(question.gold.is_some());
        let gold = question.gold.as_ref();
        let gold = gold.map(|gold| text_key(&question.question, gold));
        for (place, (row, answered)) in self.rows.iter_mut().zip(all).enumerate() {
            let Ok(answered) = answered else {
                row.failed += 1;
                // No answer is no right answer.
                row.marks.push(gold.map(|_| Mark::Gold(false)));
                continue;
            };
            row.tokens += answered.tokens;
            row.cost += answered.cost;
            row.took.push(answered.took);
            row.marks.push(match gold {
                Some(gold) => {
                    let found = text_key(&question.question, &answered.text);
                    Some(Mark::Gold(found == gold))
                }
                None => preferred.get(place).copied().flatten().map(Mark::Peers),
            });
        }
    }

    pub(super) fn has_answers(&self) -> bool {
        self.rows.iter().any(|row| !row.took.is_empty())
    }

    /// The cheapest of those that are not known to be worse than the best; none where nothing was judged.
    pub(super) fn advice(&self) -> Option<Advice> {
        let judged = self.rows.iter().filter(|row| row.judged() > 0);
        let best = judged.clone().max_by(|one, other| {
            let by_points = one.share().total_cmp(&other.share());
            by_points.then(other.cost.cmp(&one.cost))
        })?;
        let rivals = judged.filter(|row| chance(row, best) >= SIGNIFICANT);
        let cheapest = rivals.min_by_key(|row| (row.cost, row.tokens))?;
        let is_best = cheapest.way == best.way;
        Some(Advice {
            choose: cheapest.way,
            best: (!is_best).then_some(best.way),
            chance: chance(cheapest, best),
        })
    }
}

impl Row {
    /// Questions of which somebody can say how it did.
    pub(super) fn judged(&self) -> usize {
        self.marks.iter().flatten().count()
    }

    /// Points a question, from 0 to 1.
    pub(super) fn share(&self) -> f64 {
        let points: f64 = self.marks.iter().flatten().map(|mark| mark.points()).sum();
        points / self.judged().max(1) as f64
    }

    /// Where the true share is, 19 times of 20 (Wilson's interval).
    pub(super) fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        let count = self.judged() as f64;
        if count == 0.0 {
            return (0.0, 1.0);
        }
        let share = self.share();
        let spread = Z * Z / count;
        let middle = (share + spread / 2.0) / (1.0 + spread);
        let half =
            Z * (share * (1.0 - share) / count + spread / (4.0 * count)).sqrt() / (1.0 + spread);
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }

    /// The time that so many hundredths of the answers took at most.
    pub(super) fn took(&self, hundredths: usize) -> Option<Duration> {
        let mut took = self.took.clone();
        took.sort_unstable();
        let place = (took.len() * hundredths).div_ceil(100);
        took.get(place.saturating_sub(1)).copied()
    }

    pub(super) const fn answered(&self) -> usize {
        self.took.len()
    }
}

/// The chance that two ways equally good differ at least so much on the questions on which they differ (the
/// sign test, both sides).
fn chance(one: &Row, other: &Row) -> f64 {
    let (mut wins, mut losses) = (0_u32, 0_u32);
    for pair in one.marks.iter().zip(&other.marks) {
        if let (Some(one), Some(other)) = pair {
            match one.points().total_cmp(&other.points()) {
                std::cmp::Ordering::Greater => wins += 1,
                std::cmp::Ordering::Less => losses += 1,
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    let count = wins + losses;
    let fewer = wins.min(losses);
    // In logarithms: 2^count is too large for thousands of questions.
    let mut logarithm = -f64::from(count) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for number in 0..=fewer {
        sum += logarithm.exp();
        logarithm += (f64::from(count - number) / f64::from(number + 1)).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::compare::ask::Answered;

    fn question(gold: Option<&str>) -> Question {
        Question {
            question: "Which? (A) this (B) that".to_owned(),
            gold: gold.map(ToOwned::to_owned),
        }
    }

    fn answered(text: &str, cost: u64) -> Answered {
        Answered {
            text: text.to_owned(),
            tokens: 10 * cost,
            cost,
            took: Duration::from_millis(cost),
        }
    }

    /// So many questions of which the first way has some right, and the second one others.
    fn tally(count: usize, first: usize, second: usize) -> Tally {
        let mut tally = Tally::new(&[Way::Single, Way::Debate]);
        for number in 0..count {
            let says = |right: usize| if number < right { "B" } else { "A" };
            let all = vec![Ok(answered(says(first), 1)), Ok(answered(says(second), 5))];
            tally.add(&question(Some("(B)")), &all, &[]);
        }
        tally
    }

    #[test]
    fn a_dearer_way_is_advised_only_where_it_is_known_to_be_better() {
        // Five more right of five that differ: 2 * 2^-5 = 0.0625.
        let close = tally(20, 10, 15).advice().unwrap();
        assert_eq!((close.choose, close.best), (Way::Single, Some(Way::Debate)));
        assert!((close.chance - 0.0625).abs() < 1e-9, "{close:?}");
        let clear = tally(20, 10, 16).advice().unwrap();
        assert_eq!((clear.choose, clear.best), (Way::Debate, None));
        let equal = tally(20, 10, 10).advice().unwrap();
        assert_eq!((equal.choose, equal.best), (Way::Single, None));
        // Thousands of questions are no smaller than a float.
        let many = tally(6_000, 2_900, 2_950).advice().unwrap();
        assert_eq!(many.choose, Way::Debate);
    }

    #[test]
    fn shares_and_intervals_are_those_of_the_book() {
        let tally = tally(20, 10, 15);
        let row = &tally.rows[0];
        assert!((row.share() - 0.5).abs() < 1e-9);
        let (low, high) = row.interval();
        assert!(
            (low - 0.299).abs() < 1e-3 && (high - 0.701).abs() < 1e-3,
            "{low} {high}"
        );
        assert_eq!(row.took(50), Some(Duration::from_millis(1)));
        assert_eq!((tally.rows[1].cost, tally.rows[1].tokens), (100, 1_000));
    }

    #[test]
    fn no_answer_is_wrong_where_gold_is_known_and_not_judged_where_not() {
        let mut tally = Tally::new(&[Way::Single, Way::Vote]);
        let gone = || crate::cli::client::ClientError::Malformed("gone".to_owned());
        let all = vec![Ok(answered("A", 1)), Err(gone())];
        tally.add(&question(Some("A")), &all, &[]);
        let preferred = [Some(Verdict::Even), None];
        tally.add(&question(None), &all, &preferred);
        let [single, vote] = &tally.rows[..] else {
            panic!("two rows");
        };
        assert_eq!((single.judged(), single.failed), (2, 0));
        assert!((single.share() - 0.75).abs() < 1e-9);
        assert_eq!((vote.judged(), vote.failed), (1, 2));
        assert!(vote.share().abs() < 1e-9);
    }
}
