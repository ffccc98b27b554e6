use super::*;

const UNIT: u64 = EVIDENCE_UNIT;

fn key(number: u8) -> PublicKey {
    PublicKey([number; 32])
}

/// A source with so many units and a share for, in percent.
fn source(number: u8, units: u64, percent: u64) -> Source {
    Source {
        key: key(number),
        positive: units * UNIT / 100 * percent,
        negative: units * UNIT / 100 * (100 - percent),
    }
}

/// For and against after both cuts, in thousandths.
fn cut(sources: &[Source]) -> (u64, u64) {
    let (positive, negative) = sums(&clipped(sources, &halved(sources)));
    (positive / 1_000, negative / 1_000)
}

#[test]
fn rep_5_nine_sources_are_told_apart_as_eight() {
    let mut sources = List::new();
    for number in 0..8_u8 {
        sources = add(sources, &key(number), (u64::from(number) * 10 + 1, 1));
    }
    // The largest first, each once.
    sources = add(sources, &key(2), (100, 0));
    let order: Vec<_> = sources.iter().map(|source| source.key.0[0]).collect();
    assert_eq!(order, [2, 7, 6, 5, 4, 3, 1, 0]);
    // A ninth inherits what the smallest had, and nothing is lost of the sums.
    let before = sums(&sources);
    sources = add(sources, &key(9), (3, 0));
    assert_eq!(sums(&sources), (before.0 + 3, before.1));
    assert_eq!(sources[7].key, key(9));
    assert_eq!((sources[7].positive, sources[7].negative), (4, 1));
    // Equally large ones are sorted by key, so that every ledger drops the same.
    let mut ties = List::new();
    for number in [5_u8, 3, 4, 8, 1, 7, 6, 2] {
        ties = add(ties, &key(number), (1, 0));
    }
    ties = add(ties, &key(9), (0, 0));
    let order: Vec<_> = ties.iter().map(|source| source.key.0[0]).collect();
    assert_eq!(order, [1, 2, 3, 4, 5, 6, 7, 9]);
}

/// Whoever gives more than an eighth of all is on the list, however many small ones came.
#[test]
fn rep_5_no_large_source_hides_among_small_ones() {
    let mut sources = List::new();
    for number in 0..200_u8 {
        sources = add(sources, &key(number), (1, 0));
        if number % 5 == 0 {
            sources = add(sources, &key(255), (2, 0));
        }
    }
    assert_eq!(sources[0].key, key(255));
    assert!(sources[0].positive >= 80);
}

#[test]
fn rep_5_shares_that_half_of_the_weight_supports() {
    // Two of three find it bad: the praise of the third counts as theirs.
    let three = [source(1, 2, 100), source(2, 2, 30), source(3, 2, 30)];
    assert_eq!(cut(&three), (1_800, 2_800));
    // Half of the weight is enough.
    let four = [
        source(1, 2, 90),
        source(2, 2, 90),
        source(3, 2, 10),
        source(4, 2, 10),
    ];
    assert_eq!(cut(&four), (4_000, 4_000));
    assert_eq!(cut(&[]), (0, 0));
    let nothing = [source(1, 0, 0), source(2, 0, 0), source(3, 0, 0)];
    assert_eq!(cut(&nothing), (0, 0));
}

#[test]
fn rep_5_whoever_has_half_by_itself_is_not_asked() {
    // A stuffer's fifty units count as four, with the share of the others.
    let praise = [source(1, 50, 100), source(2, 2, 30), source(3, 2, 30)];
    assert_eq!(cut(&praise), (2_400, 2_800));
    // And one who blames as much takes nothing away from what they said.
    let blame = [source(1, 50, 0), source(2, 2, 90), source(3, 2, 90)];
    assert_eq!(cut(&blame), (3_600, 4_400));
    // However little the others say, a unit counts.
    let lonely = [source(1, 50, 60), source(2, 0, 0), source(3, 0, 0)];
    assert_eq!(cut(&lonely), (600, 400));
}

#[test]
fn rep_5_no_sum_overflows() {
    let most = |number| Source {
        key: key(number),
        positive: u64::MAX,
        negative: u64::MAX,
    };
    let sources: Vec<_> = (0..8).map(most).collect();
    assert_eq!(
        sums(&clipped(&sources, &halved(&sources))),
        (u64::MAX, u64::MAX)
    );
    let all = add(List::truncated(sources), &key(0), (u64::MAX, u64::MAX));
    assert_eq!(all.len(), SOURCES_MAX);
}
