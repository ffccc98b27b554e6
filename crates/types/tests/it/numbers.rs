//! Integers that cannot lie: money, shares, epochs, prices, reputation.

use llmnet_types::{
    registration::{Price, Tokenizer},
    reputation::{EVIDENCE_UNIT, Prior, Reputation, faded},
    units::{Amount, Epoch, Height, Score, Timestamp, Tokens},
};

#[test]
fn money_never_wraps() {
    let most = Amount(u64::MAX);
    assert_eq!(most.checked_add(Amount(1)), None);
    assert_eq!(Amount(1).checked_sub(Amount(2)), None);
    assert_eq!(Amount(1).saturating_sub(Amount(2)), Amount::ZERO);
    assert_eq!(Amount::sum([most, Amount(1)]), None);
    assert_eq!(Amount::sum([Amount(1), Amount(2)]), Some(Amount(3)));
    assert_eq!(most.share(Score::ONE), most);
    assert_eq!(Amount(3).share(Score::HALF), Amount(1));
    assert_eq!(Height(u64::MAX).next(), None);
}

#[test]
fn credits_are_written_with_the_decimals_they_need() {
    for (amount, text) in [
        (0, "0"),
        (1, "0.000001"),
        (12_300, "0.0123"),
        (1_000_000, "1"),
        (10_500_000, "10.5"),
        (u64::MAX, "18446744073709.551615"),
    ] {
        assert_eq!(Amount(amount).credits(), text);
    }
}

#[test]
fn a_score_is_at_most_one() {
    assert_eq!(Score::new(10_000), Ok(Score::ONE));
    assert!(Score::new(10_001).is_err());
    assert_eq!(Score::clamped(u64::MAX), Score::ONE);
    for (part, whole, points) in [
        (0, 0, 0),
        (1, 0, 0),
        (1, 3, 3_333),
        (3, 2, 10_000),
        (u64::MAX, u64::MAX, 10_000),
        (u64::MAX, 1, 10_000),
    ] {
        assert_eq!(Score::ratio(part, whole).get(), points, "{part} of {whole}");
    }
}

#[test]
fn an_epoch_is_so_many_blocks() {
    // EPO-1
    for (height, length, epoch) in [
        (0, 256, 0),
        (255, 256, 0),
        (256, 256, 1),
        (9, 1, 9),
        (9, 0, 9),
    ] {
        assert_eq!(Height(height).epoch(length), Epoch(epoch));
    }
}

#[test]
fn time_stops_at_its_end() {
    assert_eq!(Timestamp(5).after(10), Timestamp(15));
    assert_eq!(Timestamp(u64::MAX).after(10), Timestamp(u64::MAX));
    assert_eq!(Timestamp(15).since(Timestamp(5)), 10);
    assert_eq!(Timestamp(5).since(Timestamp(15)), 0);
    assert_eq!(Timestamp(u64::MAX).since(Timestamp(0)), u32::MAX);
}

#[test]
fn anyone_can_count_what_is_billed() {
    // REG-4: four bytes of UTF-8 begun.
    for (text, tokens) in [
        ("", 0),
        ("a", 1),
        ("four", 1),
        ("fives", 2),
        ("🦀", 1),
        ("漢字", 2),
    ] {
        assert_eq!(Tokenizer::Bytes4.count(text), Tokens(tokens), "{text}");
    }
}

#[test]
fn a_price_rounds_each_part_up_and_never_wraps() {
    let price = Price {
        call: Amount(10),
        input_kilo: Amount(1),
        output_kilo: Amount(2_000),
    };
    assert_eq!(price.of(Tokens(0), Tokens(0)), Some(Amount(10)));
    assert_eq!(price.of(Tokens(1), Tokens(1)), Some(Amount(13)));
    assert_eq!(price.of(Tokens(1_001), Tokens(10)), Some(Amount(32)));
    let dear = Price {
        call: Amount(u64::MAX),
        ..price
    };
    assert_eq!(dear.of(Tokens(1), Tokens(0)), None);
    let dearer = Price {
        output_kilo: Amount(u64::MAX),
        ..price
    };
    assert_eq!(dearer.of(Tokens(0), Tokens(u32::MAX)), None);
}

const PRIOR: Prior = Prior {
    positive: EVIDENCE_UNIT,
    negative: 2 * EVIDENCE_UNIT,
};

fn reputation(positive: u64, negative: u64) -> Reputation {
    Reputation {
        positive: positive * EVIDENCE_UNIT,
        negative: negative * EVIDENCE_UNIT,
        ..Reputation::default()
    }
}

#[test]
fn reputation_is_a_beta_distribution_in_integers() {
    // REP-3, REP-2: mean m = (a+1)/(a+b+3) rounded down, deviation sqrt(m(1-m)/(a+b+4)) rounded up.
    for (positive, negative, mean, deviation, lower_bound) in [
        (0, 0, 3_333, 2_357, 0),
        (7, 0, 8_000, 1_207, 5_586),
        (0, 7, 1_000, 905, 0),
        (97, 0, 9_800, 140, 9_520),
        (49, 48, 5_000, 498, 4_004),
    ] {
        let reputation = reputation(positive, negative);
        let found = (
            reputation.mean(&PRIOR).get(),
            reputation.deviation(&PRIOR).get(),
            reputation.lower_bound(&PRIOR).get(),
        );
        assert_eq!(
            found,
            (mean, deviation, lower_bound),
            "{positive}, {negative}"
        );
    }
}

/// REP-1, REP-2: `a <- g a + w y`, in integers, rounded down.
#[test]
fn evidence_adds_up_and_fades() {
    let decay = Score::clamped(9_800);
    for (epochs, left) in [(0, 1_000_000), (1, 980_000), (2, 960_400), (50, 364_169)] {
        assert_eq!(faded(EVIDENCE_UNIT, decay, epochs), left, "{epochs}");
    }
    assert_eq!(faded(u64::MAX, decay, u64::MAX), 0);
    assert_eq!(faded(u64::MAX, Score::ONE, u64::MAX), u64::MAX);
    let record = Reputation {
        samples: 7,
        latency_ms: 90,
        ..reputation(1, 2)
    };
    let later = record.decayed(decay, 1).with(20_000, 40_000);
    assert_eq!(later, record);
    let full = reputation(0, 0).with(u64::MAX, 1).with(1, u64::MAX);
    assert_eq!((full.positive, full.negative), (u64::MAX, u64::MAX));
}

#[test]
fn what_it_can_be_at_best_is_above_the_mean_and_at_most_one() {
    for (positive, negative, upper_bound) in [(0, 0, 8_047), (7, 0, 10_000), (0, 97, 298)] {
        let reputation = reputation(positive, negative);
        assert_eq!(reputation.upper_bound(&PRIOR).get(), upper_bound);
    }
}

#[test]
fn nobody_gains_by_being_new() {
    // REP-2: the prior is worse than a mediocre record, and no evidence overflows it.
    let newcomer = reputation(0, 0);
    assert!(newcomer.mean(&PRIOR) < reputation(1, 1).mean(&PRIOR));
    assert!(newcomer.lower_bound(&PRIOR) <= reputation(0, 9).mean(&PRIOR));
    let most = Reputation {
        positive: u64::MAX,
        negative: u64::MAX,
        ..Reputation::default()
    };
    assert!(most.mean(&PRIOR) <= Score::ONE);
    assert!(most.deviation(&PRIOR) <= Score::ONE);
}
