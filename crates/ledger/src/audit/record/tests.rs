use super::*;

fn finding(weight: u64, right: u16, wrong: u16) -> Finding {
    Finding {
        weight: Amount(weight),
        right,
        wrong,
    }
}

/// Right and wrong answers that count, in thousandths.
fn thousandths(findings: &[Finding]) -> (u64, u64) {
    let (right, wrong) = merged(findings);
    (right / 1_000, wrong / 1_000)
}

#[test]
fn aud_4_what_one_or_two_auditors_found_counts_as_it_is() {
    assert_eq!(merged(&[]), (0, 0));
    assert_eq!(thousandths(&[finding(1, 256, 0)]), (256_000, 0));
    let two = [finding(1, 0, 200), finding(9, 3, 1)];
    assert_eq!(thousandths(&two), (3_000, 201_000));
}

/// With an answer each, a share that a majority found would be all or nothing.
#[test]
fn aud_4_honest_auditors_with_few_answers_are_hardly_clipped() {
    for right in 0..=10_u16 {
        let findings: Vec<_> = (0..10)
            .map(|auditor| finding(5, u16::from(auditor < right), u16::from(auditor >= right)))
            .collect();
        let (counted, wrong) = thousandths(&findings);
        assert!(
            (9_999..=10_000).contains(&(counted + wrong)),
            "cut to thousandths"
        );
        let truth = u64::from(right) * 1_000;
        assert!(counted.abs_diff(truth) <= 800, "{counted} of {truth}");
    }
}

#[test]
fn aud_4_praise_and_blame_of_one_are_held_to_the_others() {
    let honest = [finding(5, 2, 8), finding(5, 3, 7)];
    let share = |liar: Finding| {
        let (right, wrong) = merged(&[honest[0], honest[1], liar]);
        right * 100 / (right + wrong)
    };
    assert!(share(finding(5, 5, 15)) == 25);
    // Two hundred lies are worth twenty answers, of which no more are right than the others allow.
    assert!((35..45).contains(&share(finding(5, 200, 0))), "praise");
    let honest = [finding(5, 9, 1), finding(5, 8, 2)];
    let share = |liar: Finding| {
        let (right, wrong) = merged(&[honest[0], honest[1], liar]);
        right * 100 / (right + wrong)
    };
    assert!((65..85).contains(&share(finding(5, 0, 200))), "blame");
    // More than half of the bonds is what counts, not how many auditors.
    let rich = [finding(11, 20, 0), finding(5, 1, 9), finding(5, 1, 9)];
    let (right, wrong) = merged(&rich);
    assert!(right > wrong);
}

#[test]
fn aud_4_without_bonds_nothing_is_clipped_and_nothing_overflows() {
    let none = [finding(0, 1, 0), finding(0, 0, 1), finding(0, 1, 0)];
    assert_eq!(thousandths(&none), (2_000, 1_000));
    let most = vec![finding(u64::MAX, u16::MAX, u16::MAX); 64];
    let (right, wrong) = merged(&most);
    assert_eq!(right, wrong);
}

/// Right and wrong answers, in both records.
fn audits(right: u64, wrong: u64) -> Audits {
    Audits::default().with(right * 1_000_000, wrong * 1_000_000)
}

/// A domain has an answer of an epoch or none; eight together tell that somebody turned.
#[test]
fn aud_4_all_domains_together_tell_who_turned() {
    let slept = audits(20, 0).faded(Score::ONE, Epoch(10));
    let all = |turned: Audits| {
        let elsewhere = std::iter::repeat_n(turned, 7);
        elsewhere.fold(slept, |sum, audits| together(&sum, &audits))
    };
    let turned = slept.with(0, 1_000_000);
    assert_eq!(ceiling(&slept, &all(slept)), Score::ONE);
    assert!(ceiling(&turned, &turned) > Score::clamped(8_000), "alone");
    assert!(ceiling(&slept, &all(turned)) < Score::HALF);
}

/// Who always was better in a domain than elsewhere stays so.
#[test]
fn aud_4_a_specialist_is_not_held_to_what_it_is_elsewhere() {
    let (good, bad) = (audits(30, 0), audits(6, 24));
    let all = together(&good, &bad);
    assert_eq!(ceiling(&good, &all), Score::ONE);
    assert!(ceiling(&bad, &all) < Score::HALF);
}

/// AUD-5: own answers first, then others' domains, forty in all.
#[test]
fn aud_5_forty_answers_are_evidence() {
    let units = |(right, wrong): (u64, u64)| (right / 10_000, wrong / 10_000);
    assert_eq!(evidence(&Audits::default(), &Audits::default()), (0, 0));
    assert_eq!(
        units(evidence(&audits(3, 1), &Audits::default())),
        (300, 100)
    );
    assert_eq!(units(evidence(&audits(3, 1), &audits(0, 6))), (300, 700));
    assert_eq!(
        units(evidence(&audits(15, 15), &audits(60, 20))),
        (2_250, 1_750)
    );
    assert_eq!(
        units(evidence(&audits(60, 20), &audits(0, 90))),
        (3_000, 1_000)
    );
    let most = Audits::default().with(u64::MAX, u64::MAX);
    let (right, wrong) = evidence(&most, &most);
    assert!(right == wrong && right + wrong <= 40_000_000);
}

/// AUD-6, DEB-5: eighty answers, the domain's own first; one is behind another when two deviations of the
/// difference say so; who was never audited is behind nobody.
#[test]
fn aud_6_audits_alone_tell_who_is_behind() {
    let none = Audits::default();
    let alone = |right, wrong| compared(&audits(right, wrong), &none);
    assert_eq!(compared(&none, &none), Audited::default());
    assert_eq!(alone(2, 0), Audited::of(2_000_000, 0));
    // Of eighty no more than these count, and then nothing of elsewhere.
    assert_eq!(
        compared(&audits(100, 100), &audits(90, 0)),
        Audited::of(40_000_000, 40_000_000)
    );
    assert_eq!(
        compared(&audits(30, 30), &audits(40, 0)),
        Audited::of(50_000_000, 30_000_000)
    );
    let best = alone(80, 0);
    for (right, wrong, behind) in [
        (0, 0, false),
        (1, 0, false),
        (1, 1, true),
        (74, 6, true),
        (76, 4, false),
    ] {
        let other = alone(right, wrong);
        assert_eq!(
            other.is_far_behind(&best),
            behind,
            "{right} of {}",
            right + wrong
        );
        assert!(!best.is_far_behind(&other));
    }
    assert!(!alone(0, 1).is_far_behind(&alone(32, 8)));
    assert!(alone(0, 2).is_far_behind(&alone(32, 8)));
}

#[test]
fn aud_4_the_ceiling_is_the_lower_of_a_long_and_a_short_record() {
    let alone = |audits: &Audits| ceiling(audits, audits);
    assert_eq!(alone(&Audits::default()), Score::ONE);
    assert_eq!(alone(&audits(0, 1)), Score::clamped(8_047));
    assert_eq!(alone(&audits(0, 5)), Score::clamped(3_902));
    assert_eq!(alone(&audits(40, 0)), Score::ONE);
    // A sleeper: hundreds of right answers, then it turns. The long record hardly moves.
    let slept = audits(200, 0).faded(Score::clamped(9_800), Epoch(10));
    assert_eq!(slept.short_right, 195_312);
    let turned = slept.with(0, 5_000_000);
    assert!(alone(&turned) < Score::HALF, "{}", alone(&turned).get());
    let long = answers(turned.long_right, turned.long_wrong);
    assert!(long.upper_bound(&GIVEN) > Score::clamped(9_500));
    // And one that was bad for long does not wash itself by one good epoch.
    let washed = audits(0, 200).faded(Score::clamped(9_800), Epoch(10));
    let washed = washed.with(5_000_000, 0);
    assert!(alone(&washed) < Score::clamped(1_000));
    assert_eq!(audits(3, 3).faded(Score::ONE, Epoch(64)).short_right, 0);
    assert_eq!(
        audits(3, 3).faded(Score::ONE, Epoch(u64::MAX)).long_right,
        3_000_000
    );
}
