use std::path::Path;

use super::*;
use crate::metadata::{Dependency, Package};

fn messages(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

/// All of them at once: a list is put right faster than a first finding.
#[test]
fn this_repository_is_tidy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the repository");
    let findings = findings(root).expect("the repository can be read");
    assert!(
        findings.is_empty(),
        "{} to put right:\n{}",
        findings.len(),
        messages(&findings).join("\n")
    );
}

const TABLE: &str = "\
# Map

| crate | one sentence | may use |
|---|---|---|
| `types` | Says it. | none |
| `ledger` | Decides it. | types |
| `node` | Runs it. | all |
";

fn package(name: &str, description: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
    Package {
        name: format!("llmnet-{name}"),
        folder: format!("crates/{name}"),
        description: description.to_owned(),
        dependencies: dependencies
            .iter()
            .map(|(name, kind)| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
            })
            .collect(),
        ..Package::default()
    }
}

fn check_layers(table: &str, packages: &[Package]) -> Vec<String> {
    let mut findings = Vec::new();
    let crates = layers::crates(&Source::new(ARCHITECTURE, table), &mut findings);
    findings.extend(layers::check(&crates, packages));
    messages(&findings)
}

fn house() -> [Package; 3] {
    [
        package("types", "Says it.", &[("borsh", None)]),
        package(
            "ledger",
            "Decides it.",
            &[("llmnet-types", None), ("llmnet-node", Some("dev"))],
        ),
        package(
            "node",
            "Runs it.",
            &[("llmnet-ledger", None), ("commonware-runtime", None)],
        ),
    ]
}

#[test]
fn a_house_by_its_table_has_no_findings() {
    assert_eq!(check_layers(TABLE, &house()), Vec::<String>::new());
}

#[test]
fn a_crate_uses_only_what_the_table_allows() {
    let mut packages = house();
    packages[0] = package(
        "types",
        "Says it.",
        &[("llmnet-ledger", None), ("commonware-codec", Some("dev"))],
    );
    assert_eq!(
        check_layers(TABLE, &packages),
        [
            "crates/types/Cargo.toml: `types` uses `ledger` and may not; move the code, or change the \
             table of ARCHITECTURE.md with a reason",
            "crates/types/Cargo.toml: `types` names `commonware-codec`; only chain and node may, move \
             the code there",
        ]
    );
}

#[test]
fn table_and_folders_name_the_same_crates() {
    let packages = [
        package("types", "Says it.", &[]),
        package("node", "Runs it.", &[]),
        package("attic", "Keeps it.", &[]),
    ];
    assert_eq!(
        check_layers(TABLE, &packages),
        [
            "ARCHITECTURE.md:6: there is no crate `ledger`; take it out of the table until it has code",
            "crates/attic/Cargo.toml: `attic` is not in the table of ARCHITECTURE.md; add it there",
        ]
    );
    let misspelt = TABLE.replace("| types |", "| tpyes |");
    assert_eq!(
        check_layers(&misspelt, &house())[0],
        "ARCHITECTURE.md:6: `ledger` may use `tpyes`, which is no crate of the table; correct the name"
    );
    assert_eq!(
        check_layers("no table", &[]),
        ["ARCHITECTURE.md: has no table `| crate | one sentence | may use |`; add one"]
    );
}

#[test]
fn a_sentence_is_the_same_in_three_places() {
    let crates = layers::crates(&Source::new(ARCHITECTURE, TABLE), &mut Vec::new());
    let packages = [package("types", "Tells it.", &[])];
    let sources = [
        Source::new(
            "crates/types/Cargo.toml",
            "[package]\ndescription = \"Tells it.\"\n",
        ),
        Source::new("crates/types/src/lib.rs", "//! Says it!\n"),
    ];
    assert_eq!(
        messages(&sentences::check(&crates, &packages, &sources)),
        [
            "crates/types/Cargo.toml:2: the description is not the sentence of ARCHITECTURE.md:5; make \
             both \"Says it.\"",
            "crates/types/src/lib.rs:1: the first line is not the sentence of ARCHITECTURE.md:5; make it \
             `//! Says it.`",
        ]
    );
}

fn check_rules(spec: &str, sources: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = sources
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect();
    messages(&rules::check(&Source::new(SPEC, spec), &sources))
}

#[test]
fn a_rule_is_cited_by_code_and_by_a_test() {
    let spec = "- **ABC-1** One.\n- **ABC-2** Two.\n- **ABC-3** *(planned)* Three.\n";
    let code = "// As ABC-1 says, by SHA-256.\n\nmod tests {\n    // ABC-2\n}\n";
    assert_eq!(
        check_rules(
            spec,
            &[
                ("crates/a/src/b.rs", code),
                ("crates/a/src/b/tests.rs", "// (ABC-1)"),
            ]
        ),
        [
            "docs/SPEC.md:2: no code cites ABC-2; name it in a comment where it is decided, or mark it \
             *(planned)*",
        ]
    );
    assert_eq!(
        check_rules(
            "- **ABC-1** One.\n",
            &[("crates/a/src/lib.rs", "//! ABC-1")]
        ),
        [
            "docs/SPEC.md:1: no test names ABC-1; write one, or name the rule in the test that holds it"
        ]
    );
}

#[test]
fn the_name_of_a_test_may_cite_a_rule() {
    let test = "fn abc_1_is_held() {}\nfn xabc_2_is_not() {}\n";
    assert_eq!(
        check_rules(
            "- **ABC-1** One.\n- **ABC-2** Two.\n",
            &[
                ("crates/a/src/lib.rs", "//! ABC-1, ABC-2"),
                ("crates/a/tests/b.rs", test),
            ]
        ),
        [
            "docs/SPEC.md:2: no test names ABC-2; write one, or name the rule in the test that holds it"
        ]
    );
}

#[test]
fn a_citation_names_a_rule_that_is_there() {
    assert_eq!(
        check_rules(
            "- **ABC-1** *(planned)* One.\n- **ABC-1** Again.\n",
            &[
                ("README.md", "See ABC-7, UTF-8 and x-ABC-1."),
                ("crates/a/src/lib.rs", "// ABC-1"),
                ("crates/a/tests/b.rs", "// ABC-1"),
            ]
        ),
        [
            "docs/SPEC.md:2: ABC-1 is defined twice; give the second a new number",
            "README.md:1: cites ABC-7, which docs/SPEC.md does not define; correct the number or write \
             the rule",
        ]
    );
    assert_eq!(
        check_rules(
            "- **ABC-1** *(planned)* One.\n",
            &[("crates/a/src/lib.rs", "// ABC-1")]
        ),
        ["docs/SPEC.md:1: ABC-1 is cited by code; it is built, so take *(planned)* away"]
    );
}

#[test]
fn public_names_use_the_words_of_the_glossary() {
    let glossary = "\
| word | meaning | not |
|---|---|---|
| panel | The seats of a contract. | jury, work group |
| seat | A place. | |
| Panel | Again. | seat |
";
    let code = "\
pub struct JuryRoom;
pub(crate) struct Jury;
pub use x::Jury;
    pub work_group: u8,
pub const fn panel() {}
/// A jury.
pub mod injury {}
";
    let sources = [
        Source::new("crates/a/src/lib.rs", code),
        Source::new("xtask/src/main.rs", "pub struct Jury;"),
    ];
    assert_eq!(
        messages(&words::check(&Source::new(GLOSSARY, glossary), &sources)),
        [
            "docs/GLOSSARY.md:5: \"Panel\" is explained in line 3 already; keep one of the two",
            "docs/GLOSSARY.md:4: \"seat\" is a word of its own and banned in favour of \"Panel\"; decide",
            "crates/a/src/lib.rs:1: `JuryRoom` says \"jury\"; docs/GLOSSARY.md calls it \"panel\", rename \
             it",
            "crates/a/src/lib.rs:4: `work_group` says \"work group\"; docs/GLOSSARY.md calls it \
             \"panel\", rename it",
        ]
    );
}

#[test]
fn files_are_short_well_named_and_at_home_anywhere() {
    let long = "// line\n".repeat(601);
    let here = concat!("cd /wo", "rk/main");
    let elsewhere = concat!("https://example.org/wo", "rk/main and ./wo", "rk/");
    let sources = [
        Source::new("crates/a/src/b.rs", &long),
        Source::new("crates/a/src/c/mod.rs", elsewhere),
        Source::new("README.md", here),
    ];
    let found = messages(&files::check(&sources));
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("crates/a/src/b.rs:601: 601 lines where 600 are allowed"));
    assert!(found[1].starts_with("crates/a/src/c/mod.rs: rename it"));
    assert!(found[2].starts_with("README.md:1: "));
}
