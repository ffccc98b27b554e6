//! Code and documents, held to each other.
//!
//! | check | holds |
//! |---|---|
//! | [`layers`] | the table of ARCHITECTURE.md to the manifests |
//! | [`sentences`] | the one sentence of a crate, in its three places |
//! | [`rules`] | docs/SPEC.md to the code and the tests that cite it |
//! | [`words`] | docs/GLOSSARY.md to public names |
//! | [`files`] | lengths and names of files, and paths that hold on one machine only |

mod files;
mod layers;
mod rules;
mod sentences;
mod table;
mod words;

use std::path::Path;

use crate::{
    finding::Finding,
    metadata,
    source::{self, Source},
};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const SPEC: &str = "docs/SPEC.md";
const GLOSSARY: &str = "docs/GLOSSARY.md";

/// All that is untidy, at once and in order.
pub(crate) fn findings(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let sources = source::read_all(root)?;
    let mut findings = files::check(&sources);

    let document = |path: &str| sources.iter().find(|source| source.path == path);
    match document(ARCHITECTURE) {
        Some(architecture) => {
            let packages = metadata::workspace(root)?;
            let crates = layers::crates(architecture, &mut findings);
            findings.extend(layers::check(&crates, &packages));
            findings.extend(sentences::check(&crates, &packages, &sources));
        }
        None => findings.push(missing(ARCHITECTURE)),
    }
    match document(SPEC) {
        Some(spec) => findings.extend(rules::check(spec, &sources)),
        None => findings.push(missing(SPEC)),
    }
    match document(GLOSSARY) {
        Some(glossary) => findings.extend(words::check(glossary, &sources)),
        None => findings.push(missing(GLOSSARY)),
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn missing(path: &str) -> Finding {
    Finding::new(path, 0, "is missing; write it")
}

/// Line of the first occurrence of a text, or 0.
fn line_of(source: &Source, text: &str) -> usize {
    source
        .lines()
        .find(|(_, line)| line.contains(text))
        .map_or(0, |(line, _)| line)
}

#[cfg(test)]
mod tests;
