//! Each rule of docs/SPEC.md is cited where it is decided and where it is tested.

use std::collections::{BTreeMap, BTreeSet};

use super::SPEC;
use crate::{finding::Finding, source::Source};

/// How docs/SPEC.md marks a rule that has no code yet: `- **ABC-1** *(planned)* …`.
const PLANNED: &str = "*(planned)*";
/// Names that look like rules: standards, and an enzyme that experts are asked about.
const LOOKALIKES: [&str; 6] = ["SHA", "RFC", "UTF", "ZIP", "ISO", "COX"];

struct Rule {
    line: usize,
    planned: bool,
}

pub(super) fn check(spec: &Source, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules = rules(spec, &mut findings);
    let mut decided = BTreeSet::new();
    let mut tested = BTreeSet::new();
    for source in sources.iter().filter(|source| may_cite(source)) {
        let tests_from = source.tests_from();
        for (line, text) in source.lines() {
            if line >= tests_from && source.is_rust() {
                tested.extend(rules.keys().filter(|rule| is_in_test_name(rule, text)));
            }
            for citation in citations(text) {
                if !rules.contains_key(citation) {
                    findings.push(Finding::new(
                        &source.path,
                        line,
                        format!("cites {citation}, which {SPEC} does not define; correct the number or write the rule"),
                    ));
                }
                if line >= tests_from && source.is_rust() {
                    tested.insert(citation);
                } else if source.crate_source().is_some() {
                    decided.insert(citation);
                }
            }
        }
    }
    for (&name, rule) in &rules {
        let is_decided = decided.contains(name);
        let is_tested = tested.contains(name);
        let mut note = |message: String| {
            findings.push(Finding::new(SPEC, rule.line, message));
        };
        if rule.planned {
            if is_decided {
                note(format!(
                    "{name} is cited by code; it is built, so take {PLANNED} away"
                ));
            }
            continue;
        }
        if !is_decided {
            note(format!(
                "no code cites {name}; name it in a comment where it is decided, or mark it {PLANNED}"
            ));
        }
        if !is_tested {
            note(format!(
                "no test names {name}; write one, or name the rule in the test that holds it"
            ));
        }
    }
    findings
}

/// Our code and our documents; texts for experts and lists of licences have numbers of their own.
fn may_cite(source: &Source) -> bool {
    let is_document = source.path.ends_with(".md")
        && (source.path.starts_with("docs/") || !source.path.contains('/'));
    is_document || (source.is_rust() && source.path.starts_with("crates/"))
}

/// The rules defined by lines such as `- **ENC-1** A value has one encoding`.
fn rules<'a>(spec: &'a Source, findings: &mut Vec<Finding>) -> BTreeMap<&'a str, Rule> {
    let mut rules = BTreeMap::new();
    for (line, text) in spec.lines() {
        let Some((name, rest)) = text
            .strip_prefix("- **")
            .and_then(|text| text.split_once("**"))
        else {
            continue;
        };
        if citations(name).next() != Some(name) {
            continue;
        }
        let planned = rest.trim_start().starts_with(PLANNED);
        if rules.insert(name, Rule { line, planned }).is_some() {
            findings.push(Finding::new(
                SPEC,
                line,
                format!("{name} is defined twice; give the second a new number"),
            ));
        }
    }
    rules
}

/// Whether a line begins a function whose name has the rule in it: `fn reg_1_a_node_signs()`.
fn is_in_test_name(rule: &str, line: &str) -> bool {
    let Some((_, rest)) = line.split_once("fn ") else {
        return false;
    };
    let name = rest.split('(').next().unwrap_or_default();
    let part = rule.to_lowercase().replace('-', "_");
    format!("_{name}_").contains(&format!("_{part}_"))
}

/// Three capitals, a hyphen and a number, standing alone.
fn citations(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
        .map(|word| word.trim_matches('-'))
        .filter(|word| {
            word.split_once('-').is_some_and(|(area, number)| {
                area.len() == 3
                    && area.bytes().all(|byte| byte.is_ascii_uppercase())
                    && !number.is_empty()
                    && number.bytes().all(|byte| byte.is_ascii_digit())
                    && !LOOKALIKES.contains(&area)
            })
        })
}
