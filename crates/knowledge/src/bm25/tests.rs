use llmnet_types::codec::Text;

use super::*;

fn passage(title: &str, text: &str) -> Passage {
    Passage {
        document: Text::new("d").unwrap(),
        title: Text::new(title).unwrap(),
        text: Text::new(text).unwrap(),
    }
}

/// The statistics of some passages.
fn statistics(passages: &[Passage]) -> Statistics {
    let mut statistics = Statistics::default();
    for passage in passages {
        let counts = Counts::of(passage);
        statistics.passages += 1;
        statistics.words += u64::from(counts.length());
        for term in counts.terms() {
            *statistics.counts.entry(term.to_owned()).or_default() += 1;
        }
    }
    statistics
}

fn animals() -> Vec<Passage> {
    vec![
        passage("Owls", "Owls hunt mice at midnight"),
        passage("Mice", "Mice eat grain and mice hide"),
        passage("Grain", "Grain is dried in August"),
    ]
}

#[test]
fn a_score_is_the_formula_by_hand() {
    let passages = animals();
    let statistics = statistics(&passages);
    // Terms, stop words aside: owl owl hunt mice midnight | mice mice eat grain mice hide | grain grain dry August.
    assert_eq!((statistics.passages, statistics.words), (3, 15));
    let query = Query::new("midnight");
    let worth = |passage| score(&query, &Counts::of(passage), &statistics);
    let rarity = (1.0_f64 + (3.0 - 1.0 + 0.5) / 1.5).ln();
    // Five terms where the mean is five: the length takes nothing away.
    let expected = rarity * 1.0 * 2.2 / (1.0 + 1.2);
    assert!((worth(&passages[0]) - expected).abs() < 1e-12);
    assert_eq!(worth(&passages[2]), 0.0);
}

#[test]
fn statistics_of_parts_add_up_to_those_of_the_whole() {
    let passages = animals();
    let whole = statistics(&passages);
    let mut sum = statistics(&passages[..1]);
    sum.add(&statistics(&passages[1..]));
    assert_eq!(sum, whole);
    let query = Query::new("Do owls eat mice?");
    let few = whole.of(&query);
    assert!(few.counts.len() <= 3, "only what the question needs");
    for passage in &passages {
        let counts = Counts::of(passage);
        assert_eq!(score(&query, &counts, &few), score(&query, &counts, &whole));
    }
}

#[test]
fn counts_within_a_question_give_the_same_score() {
    let passages = animals();
    let statistics = statistics(&passages);
    let query = Query::new("Which mice eat owls?");
    for passage in &passages {
        let (title, text) = (terms(&passage.title), terms(&passage.text));
        let within = Counts::within(
            &query,
            title.iter().map(String::as_str),
            text.iter().map(String::as_str),
        );
        let all = Counts::of(passage);
        assert_eq!(within.length(), all.length());
        assert_eq!(
            score(&query, &within, &statistics),
            score(&query, &all, &statistics)
        );
    }
}

#[test]
fn counts_that_nobody_has_do_no_harm() {
    let mut statistics = statistics(&animals());
    statistics.counts.insert("owl".to_owned(), u64::MAX);
    statistics.add(&Statistics {
        passages: u64::MAX,
        words: u64::MAX,
        counts: [("owl".to_owned(), 7)].into(),
    });
    let query = Query::new("owls");
    let worth = score(&query, &Counts::of(&animals()[0]), &statistics);
    assert!(worth.is_finite() && worth >= 0.0, "{worth}");
    let empty = Statistics::default();
    assert!(score(&query, &Counts::of(&animals()[0]), &empty).is_finite());
}
