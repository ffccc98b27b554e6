//! Whole networks in small.

use crate::network::{
    account,
    play::{Run, play},
    scenario::Scenario,
};

const SMALL: &str = r#"
name = "small"
about = "Honest respondents of different skill."
epochs = 12

[market]
domains = ["medicine", "law"]
questions = 24
audits = 0.05

[[people]]
name = "good"
behaviour = "honest"
count = 6
skill = [0.85, 0.9]

[[people]]
name = "poor"
behaviour = "honest"
count = 6
skill = [0.2, 0.3]
"#;

fn read(text: &str) -> Scenario {
    Scenario::read("small.toml", text).expect("our own")
}

fn run(scenario: &Scenario, seed: u64) -> Run {
    play(scenario, seed, &mut |_, _| {}).expect("it comes to its end")
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let scenario = read(SMALL);
    let files = |seed| account::files(&scenario, &run(&scenario, seed));
    assert!(files(7) == files(7), "something besides the seed decides");
    assert!(files(7) != files(8), "the seed decides nothing");
}

#[test]
fn every_credit_is_accounted_for_and_the_skilled_earn_more() {
    let scenario = read(SMALL);
    let run = run(&scenario, 1);
    let supply = run.timeline.rows[0].money.sum();
    for row in &run.timeline.rows {
        assert_eq!(row.money.sum(), supply, "in epoch {}", row.epoch);
    }
    let last = run.timeline.rows.last().expect("there are epochs").money;
    assert_eq!(
        (last.held, last.lines, last.deposits),
        (0, 0, 0),
        "all is free in the end"
    );
    let measure = |name: &str| run.measures[name];
    assert_eq!(measure("refused"), 0.0, "{:?}", run.world.refused);
    let slashed = |name: &String| name.starts_with("slashed");
    assert!(!run.measures.keys().any(slashed), "nobody did wrong");
    assert!(measure("credits_each:good") > 1.5 * measure("credits_each:poor"));
    assert!(measure("reputation:good") > measure("reputation:poor") + 0.2);
    assert!(measure("concluded") > 99.0);
    assert!(measure("tau_skill_reputation") > 0.3);
}

/// Every ready scenario keeps what it promises, as its file says.
macro_rules! ready {
    ($($test:ident $name:literal)*) => {$(
        #[test]
        fn $test() {
            let text = include_str!(concat!("../../../../scenarios/", $name, ".toml"));
            let scenario = Scenario::read($name, text).expect("our own");
            let run = run(&scenario, scenario.seed);
            let broken: Vec<_> = account::kept(&scenario, &run)
                .into_iter()
                .filter(|kept| !kept.kept)
                .collect();
            assert!(broken.is_empty(), "{broken:#?}\n{:#?}\n{:?}", run.measures, run.world.refused);
        }
    )*};
}

ready! {
    the_skilled_earn_more "honest"
    always_wrong "always-wrong"
    bad_mouther "bad-mouther"
    ballot_stuffer "ballot-stuffer"
    beacon_withholding "beacon-withholding"
    biased_coordinator "biased-coordinator"
    camouflage "camouflage"
    churn "churn"
    collude "collude"
    conformist "conformist"
    copier "copier"
    co_sign_refuser "co-sign-refuser"
    degrader "degrader"
    equivocating_validator "equivocating-validator"
    false_filer "false-filer"
    forging_coordinator "forging-coordinator"
    free_work "free-work"
    injector "injector"
    lazy "lazy"
    lying_auditor "lying-auditor"
    partition "partition"
    self_dealing "self-dealing"
    silent_validator "silent-validator"
    sleeper "sleeper"
    sybil "sybil"
    whitewasher "whitewasher"
    withholding_coordinator "withholding-coordinator"
}

fn failure(change: impl FnOnce(String) -> String) -> String {
    let text = change(SMALL.to_owned());
    let error = Scenario::read("bad.toml", &text).expect_err("it makes no scenario");
    error.to_string()
}

#[test]
fn a_bad_file_is_named_with_line_and_what_to_do() {
    let cases = [
        (
            failure(|text| text.replace("epochs = 12", "epochs = 2")),
            "bad.toml, line 4: 2 should be from 4 to 2000",
        ),
        (
            failure(|text| text.replace("questions = 24", "questions = \"many\"")),
            "bad.toml, line 8: invalid type",
        ),
        (
            failure(|text| text.replace("[0.2, 0.3]", "[0.3, 0.2]")),
            "bad.toml, line 21: [0.3, 0.2] should be a range within 0 and 1",
        ),
        (
            failure(|text| text.replace("name = \"poor\"", "name = \"good\"")),
            "bad.toml, line 18: another group has this name",
        ),
        (
            failure(|text| text.replace("count = 6", "cuont = 6")),
            "bad.toml, line 14: unknown field `cuont`",
        ),
        (
            failure(|text| text.replace("audits = 0.05", "audits = 0.05\nquorum = 6")),
            "bad.toml, line 10: quorum should be from 1",
        ),
        (
            failure(|text| format!("{text}\n[[promises]]\nmeasure = \"right\"\n")),
            "bad.toml, line 24: a promise needs at_most or at_least",
        ),
        (
            failure(|text| text.replace("\"law\"]", "\"Law!\"]")),
            "bad.toml, line 7: ",
        ),
        (
            failure(|_| String::new()),
            "bad.toml, line 1: missing field `name`",
        ),
        (
            failure(|text| text.replace("count = 6", "count = 20000")),
            "at most 20000 may be",
        ),
    ];
    for (found, wanted) in cases {
        assert!(found.contains(wanted), "{found:?} does not say {wanted:?}");
    }
}
