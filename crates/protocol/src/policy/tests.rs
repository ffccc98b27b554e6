use super::{
    Answer, Cascade, Found, Heard, Policy, Settings,
    posterior::{Skills, Voice},
};

fn voice(share: f64, class: Option<usize>) -> Voice {
    Voice {
        skill: Skills::new(1.5).of_share(share),
        class,
        weight: 1.0,
    }
}

#[test]
fn a_posterior_is_a_distribution() {
    let skills = Skills::new(1.5);
    let voices = [
        voice(0.8, Some(0)),
        voice(0.6, Some(1)),
        voice(0.5, None),
        voice(0.7, Some(1)),
    ];
    let posterior = skills.posterior(&voices, 9.0, None);
    let named: f64 = posterior.classes.iter().sum();
    assert!(named > 0.5 && named < 1.0, "{named}");
    assert_eq!(posterior.right[1], posterior.right[3]);
    assert_eq!(posterior.right[2], 0.0);
    assert!(
        posterior
            .right
            .iter()
            .chain(&posterior.expected)
            .all(|share| (0.0..=1.0).contains(share))
    );
}

/// Alone, a seat is as right as it was to be expected: that says nothing about it.
#[test]
fn one_answer_says_nothing_about_who_gave_it() {
    let posterior = Skills::new(1.5).posterior(&[voice(0.7, Some(0))], 9.0, None);
    assert!((posterior.right[0] - posterior.expected[0]).abs() < 1e-12);
    assert!(
        (posterior.right[0] - 0.7).abs() < 0.02,
        "{}",
        posterior.right[0]
    );
}

#[test]
fn agreement_counts_and_a_repeated_answer_does_not() {
    let skills = Skills::new(1.5);
    let best_of = |voices: &[Voice]| skills.posterior(voices, 80.0, None).classes;
    let apart = best_of(&[voice(0.8, Some(0)), voice(0.6, Some(1))]);
    assert!(apart[0] > apart[1]);
    let two = best_of(&[
        voice(0.8, Some(0)),
        voice(0.6, Some(1)),
        voice(0.6, Some(1)),
    ]);
    assert!(two[1] > two[0]);
    let repeated = Voice {
        weight: 0.02,
        ..voice(0.6, Some(1))
    };
    let twins = best_of(&[voice(0.8, Some(0)), voice(0.6, Some(1)), repeated]);
    assert!(twins[0] > twins[1]);
}

/// Among seats that contradict each other a question proves hard, and who is wrong on it is held for no worse than
/// it should be.
#[test]
fn hard_questions_are_held_against_nobody() {
    let skills = Skills::new(1.5);
    let split: Vec<Voice> = (0..4).map(|class| voice(0.7, Some(class))).collect();
    let agreed: Vec<Voice> = (0..4).map(|_| voice(0.7, Some(0))).collect();
    let split = skills.posterior(&split, 9.0, None);
    let agreed = skills.posterior(&agreed, 9.0, None);
    assert!(
        split.expected[0] < 0.5 && agreed.expected[0] > 0.7,
        "{split:?} {agreed:?}"
    );
}

#[test]
fn an_audit_settles_who_was_right() {
    let voices = [
        voice(0.9, Some(0)),
        voice(0.2, Some(1)),
        voice(0.5, Some(0)),
    ];
    let posterior = Skills::new(1.5).posterior(&voices, 9.0, Some(0b10));
    assert_eq!(posterior.right, [0.0, 1.0, 0.0]);
    let nobody = Skills::new(1.5).posterior(&voices, 9.0, Some(0));
    assert_eq!(nobody.right, [0.0, 0.0, 0.0]);
}

fn heard(provider: usize, class: u32) -> Heard {
    Heard {
        provider,
        answer: Some(Answer {
            class,
            choice: false,
        }),
        latency_ms: 0,
    }
}

/// Plays contracts in which each provider gives the class that `says` tells.
fn played(contracts: u64, says: impl Fn(u64, usize) -> u32) -> Cascade {
    played_by(6, contracts, says)
}

fn played_by(providers: usize, contracts: u64, says: impl Fn(u64, usize) -> u32) -> Cascade {
    let mut cascade = Cascade::new(Settings::default(), providers, 1);
    for contract in 0..contracts {
        cascade.open(0, contract);
        let mut all = Vec::new();
        while let Some(provider) = cascade.next(&all) {
            all.push(heard(provider, says(contract, provider)));
        }
        cascade.conclude(&all);
        cascade.learn(&all, all.len());
    }
    cascade
}

#[test]
fn nobody_is_asked_twice() {
    let mut cascade = Cascade::new(Settings::default(), 6, 1);
    cascade.open(0, 1);
    let mut all = Vec::new();
    while let Some(provider) = cascade.next(&all) {
        assert!(all.iter().all(|heard: &Heard| heard.provider != provider));
        // Each says something else: there is doubt until all were asked.
        all.push(heard(provider, provider as u32));
    }
    assert_eq!(all.len(), 6);
}

#[test]
fn who_is_right_with_others_ranks_before_who_is_not() {
    // 0 to 3 mostly say the truth, 4 and 5 each something of their own.
    let cascade = played(120, |contract, provider| {
        let truth = contract as u32 * 100;
        let errs = super::number::mixed(contract * 7 + provider as u64) % 10 < 2;
        if provider > 3 || errs {
            truth + 1 + provider as u32
        } else {
            truth
        }
    });
    for good in 0..4 {
        for bad in 4..6 {
            assert!(cascade.reputation(good) > cascade.reputation(bad) + 0.5);
        }
    }
}

/// Equals, of whom one is only asked in an easy domain and another in a hard one, are held for equals.
#[test]
fn a_hard_domain_is_held_against_nobody() {
    let mut cascade = Cascade::new(Settings::default(), 6, 2);
    for contract in 0..400_u64 {
        let domain = (contract % 2) as usize;
        cascade.open(domain, contract);
        let says = |provider: usize| {
            let luck = super::number::mixed(contract * 7 + provider as u64) % 10;
            let right = luck < if domain == 0 { 9 } else { 5 };
            heard(
                provider,
                contract as u32 * 100 + if right { 0 } else { 1 + provider as u32 },
            )
        };
        let all: Vec<Heard> = [domain, 2, 3, 4, 5].map(says).to_vec();
        cascade.conclude(&all);
        cascade.learn(&all, all.len());
    }
    let (easy, hard) = (cascade.reputation(0), cascade.reputation(1));
    assert!((easy - hard).abs() < 0.6, "{easy} {hard}");
}

#[test]
fn two_that_always_agree_against_others_have_one_seat() {
    let mut cascade = played(60, |contract, provider| {
        let own = super::number::mixed(contract * 7 + provider as u64) % 3;
        if provider > 3 { 9 } else { own as u32 }
    });
    cascade.open(0, 1);
    let mut all = Vec::new();
    while let Some(provider) = cascade.next(&all) {
        all.push(heard(provider, provider as u32));
    }
    let twins = all.iter().filter(|heard| heard.provider > 3).count();
    assert!(twins < 2, "{all:?}");
}

/// A late seat is asked where others disagree, and there who sides with the error looks good.
#[test]
fn a_ring_that_sides_with_errors_is_found_out_without_audits() {
    const CONTRACTS: u64 = 800;
    const HONEST: usize = 8;
    let honest = |contract: u64, provider: usize| {
        let bits = super::number::mixed(contract * 11 + provider as u64);
        let ease = super::number::mixed(contract) % 80;
        let right = bits % 100 < 40 + ease - 5 * provider as u64;
        // Errors are often the same ones.
        let wrong = 1 + (bits >> 32) as u32 % 3;
        if right { 0 } else { wrong }
    };
    let asked = std::cell::Cell::new(0);
    played_by(HONEST + 3, CONTRACTS, |contract, provider| {
        if provider < HONEST {
            return honest(contract, provider);
        }
        if contract >= CONTRACTS / 2 {
            asked.set(asked.get() + 1);
        }
        let mut errors = (0..HONEST).map(|provider| honest(contract, provider));
        errors.find(|class| *class != 0).unwrap_or(9)
    });
    assert!(asked.get() < 20, "asked {} times of 400", asked.get());
}

/// Who was right for long and is wrong from one day on is asked for some more questions, and then hardly again.
#[test]
fn who_turns_is_known_by_its_last_audits() {
    const TURNS: u64 = 600;
    let says = |contract: u64, provider: usize| {
        let bits = super::number::mixed(contract * 7 + provider as u64);
        let wrong = 1 + (bits >> 32) as u32 % 3;
        match provider {
            0 if contract >= TURNS => 9,
            0 => u32::from(bits % 100 >= 90) * wrong,
            _ => u32::from(bits % 100 >= 75) * wrong,
        }
    };
    let mut cascade = Cascade::new(Settings::default(), 8, 1);
    let mut asked = 0;
    for contract in 0..TURNS + 400 {
        cascade.open(0, contract);
        let mut all = Vec::new();
        while let Some(provider) = cascade.next(&all) {
            asked += usize::from(provider == 0 && contract >= TURNS);
            all.push(heard(provider, says(contract, provider)));
        }
        cascade.learn(&all, all.len());
        if !contract.is_multiple_of(20) {
            continue;
        }
        let others = cascade.audit(&all).unwrap_or_default().into_iter();
        all.extend(others.map(|provider| heard(provider, says(contract, provider))));
        let found = all.iter().map(|heard| Found {
            heard: *heard,
            right: says(contract, heard.provider) == 0,
        });
        cascade.audited(&found.collect::<Vec<_>>());
    }
    assert!(asked < 70, "asked {asked} times of 400");
}

#[test]
fn what_audits_find_limits_what_peers_say() {
    let mut cascade = Cascade::new(Settings::default(), 6, 1);
    for contract in 0..30 {
        cascade.open(0, contract);
        let mut all = Vec::new();
        while let Some(provider) = cascade.next(&all) {
            // A majority agrees on what is wrong.
            all.push(heard(provider, u32::from(provider < 2)));
        }
        cascade.learn(&all, all.len());
        let others = cascade.audit(&all).unwrap_or_default();
        all.extend(
            others
                .into_iter()
                .map(|provider| heard(provider, u32::from(provider < 2))),
        );
        let found: Vec<Found> = all
            .iter()
            .map(|heard| Found {
                heard: *heard,
                right: heard.provider < 2,
            })
            .collect();
        cascade.audited(&found);
    }
    cascade.open(0, 77);
    let first = cascade.next(&[]);
    assert!(first.is_some_and(|first| first < 2), "{first:?}");
}
