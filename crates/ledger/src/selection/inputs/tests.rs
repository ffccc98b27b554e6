use llmnet_types::{
    codec::Text, registration::Price, reputation::Reputation, signature::PublicKey, units::Amount,
};

use super::*;
use crate::record::Audits;

fn candidate(number: u32, mean: u64, samples: u32, bond: u64) -> Candidate {
    Candidate {
        provider: ProviderId(number),
        node: PublicKey([0; 32]),
        nonce: 0,
        operator: PublicKey([0; 32]),
        family: Text::empty(),
        twin: Digest::ZERO,
        corpus: Digest::ZERO,
        corpus_as_of_day: 0,
        price: Price::default(),
        mean: Score::clamped(mean),
        deviation: Score::ZERO,
        ceiling: Score::ONE,
        audited: Audited::default(),
        lower_bound: Score::ZERO,
        samples,
        latency_ms: 0,
        bond: Amount(bond),
    }
}

#[test]
fn sel_3_the_best_64_means_and_the_64_largest_bonds_of_newcomers() {
    let established = (0..100).map(|number| candidate(number, u64::from(number), 5, 900));
    let newcomers = (100..200).map(|number| candidate(number, 9_999, 4, u64::from(number)));
    let kept = bounded(established.chain(newcomers).collect(), 5);
    let ids: Vec<u32> = kept.iter().map(|candidate| candidate.provider.0).collect();
    let expected: Vec<u32> = (36..100).chain(136..200).collect();
    assert_eq!(ids, expected);
    // Room that the established leave is not the newcomers', so that nobody gains by keeping others out.
    let few = (0..2).map(|number| candidate(number, 1, 5, 1));
    let newcomers = (2..200).map(|number| candidate(number, 1, 0, 7));
    let kept = bounded(few.chain(newcomers).collect(), 5);
    // Ties go to who registered first.
    let last = kept.last().map(|candidate| candidate.provider);
    assert_eq!((kept.len(), last), (66, Some(ProviderId(65))));
}

/// SEL-1, SEL-9: domains weigh by confidence, and in each the mean is capped before.
#[test]
fn sel_9_means_are_capped_domain_by_domain_and_weighted_by_confidence() {
    let params = Params::local();
    let seen = |units: u64, wrong: u64| standing::Seen {
        reputation: Reputation::default().with(units * 1_000_000, 0),
        audits: Audits {
            long_wrong: wrong * 1_000_000,
            short_wrong: wrong * 1_000_000,
            ..Audits::default()
        },
    };
    let counted = |seen: standing::Seen| {
        let domain = DomainId(1);
        Whole::of(&[domain], |_| seen).counted(domain, &seen)
    };
    let (good, praised) = (counted(seen(7, 0)), counted(seen(97, 5)));
    let mut esteem = Esteem::default();
    esteem.add(&params, &good, Score::clamped(7_500));
    esteem.add(&params, &praised, Score::clamped(2_500));
    let sums = [
        esteem.mean,
        esteem.deviation,
        esteem.ceiling,
        esteem.audited_mean,
        esteem.audited_deviation,
    ];
    // 0.8 and 0.9333, which audits cap at 0.3902; deviations 0.1207 and 0.0242; ceilings 1 and 0.3902; audits alone
    // (AUD-6) 0.5 and 0.1428, give or take 0.2887 and 0.1237.
    assert_eq!(
        sums.map(|sum| esteem.average(sum).get()),
        [6_975, 966, 8_475, 4_107, 2_474]
    );
    // No confidence at all still has a mean.
    let mut doubtful = Esteem::default();
    doubtful.add(&params, &good, Score::ZERO);
    assert_eq!(doubtful.average(doubtful.mean), Score::clamped(8_000));
    assert_eq!(Esteem::default().average(1), Score::ZERO);
}
