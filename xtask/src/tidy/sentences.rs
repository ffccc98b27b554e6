//! One sentence for each crate, the same wherever one meets it.

use super::{
    ARCHITECTURE,
    layers::{Crate, crate_name, manifest_line},
};
use crate::{finding::Finding, metadata::Package, source::Source};

pub(super) fn check(crates: &[Crate], packages: &[Package], sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(entry) = crates
            .iter()
            .find(|entry| crate_name(package) == Some(&entry.name))
        else {
            continue;
        };
        let sentence = &entry.sentence;
        if package.description != *sentence {
            let (path, line) = manifest_line(sources, package);
            findings.push(Finding::new(
                &path,
                line,
                format!(
                    "the description is not the sentence of {ARCHITECTURE}:{}; make both {sentence:?}",
                    entry.line
                ),
            ));
        }
        for door in ["lib.rs", "main.rs"] {
            let path = format!("{}/src/{door}", package.folder);
            let Some(source) = sources.iter().find(|source| source.path == path) else {
                continue;
            };
            let first = source.text.lines().next().unwrap_or_default();
            if first.strip_prefix("//! ") != Some(sentence) {
                findings.push(Finding::new(
                    &path,
                    1,
                    format!(
                        "the first line is not the sentence of {ARCHITECTURE}:{}; make it `//! {sentence}`",
                        entry.line
                    ),
                ));
            }
        }
    }
    findings
}
