//! One word for one thing: docs/GLOSSARY.md says which, public names obey.

use std::collections::BTreeMap;

use super::{GLOSSARY, table};
use crate::{finding::Finding, source::Source};

pub(super) fn check(glossary: &Source, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rows = table::rows(glossary, &["word", "meaning", "not"]);
    if rows.is_empty() {
        findings.push(Finding::new(
            GLOSSARY,
            0,
            "has no table `| word | meaning | not |`; add one",
        ));
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    // A banned word's parts, as written, and the word to use in its place.
    let mut banned: Vec<(Vec<String>, &str, &str)> = Vec::new();
    for row in &rows {
        let word = row.cells[0];
        if let Some(first) = seen.insert(word.to_lowercase(), row.line) {
            findings.push(Finding::new(
                GLOSSARY,
                row.line,
                format!("{word:?} is explained in line {first} already; keep one of the two"),
            ));
        }
        let synonyms = row.cells.get(2).copied().unwrap_or_default().split(',');
        for synonym in synonyms.map(str::trim).filter(|it| !it.is_empty()) {
            banned.push((parts(synonym), synonym, word));
        }
    }
    for (_, synonym, word) in &banned {
        if let Some(line) = seen.get(&synonym.to_lowercase()) {
            findings.push(Finding::new(
                GLOSSARY,
                *line,
                format!(
                    "{synonym:?} is a word of its own and banned in favour of {word:?}; decide"
                ),
            ));
        }
    }
    for source in sources.iter().filter(|it| it.crate_source().is_some()) {
        for (line, name) in public_names(source) {
            let name_parts = parts(name);
            for (synonym_parts, synonym, word) in &banned {
                let named = name_parts
                    .windows(synonym_parts.len())
                    .any(|window| window == synonym_parts.as_slice());
                if named {
                    findings.push(Finding::new(
                        &source.path,
                        line,
                        format!(
                            "`{name}` says {synonym:?}; {GLOSSARY} calls it {word:?}, rename it"
                        ),
                    ));
                }
            }
        }
    }
    findings
}

/// Names of `pub` items and fields, by line. `pub(crate)` ones are nobody else's business.
fn public_names(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    const BEFORE_A_NAME: [&str; 12] = [
        "async", "const", "enum", "extern", "fn", "mod", "static", "struct", "trait", "type",
        "union", "unsafe",
    ];
    source.lines().filter_map(|(line, text)| {
        let item = text.trim_start().strip_prefix("pub ")?;
        let name = item
            .split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .find(|word| !word.is_empty() && !BEFORE_A_NAME.contains(word))?;
        (name != "use").then_some((line, name))
    })
}

/// `ReceiptRoot`, `receipt_root` and `receipt root` are the words `receipt`, `root`.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut after_lower = false;
    for character in name.chars() {
        let ends = !character.is_alphanumeric() || (character.is_uppercase() && after_lower);
        if ends {
            parts.push(String::new());
        }
        if character.is_alphanumeric() {
            parts
                .last_mut()
                .expect("starts with one")
                .extend(character.to_lowercase());
        }
        after_lower = character.is_lowercase();
    }
    parts.retain(|part| !part.is_empty());
    parts
}
