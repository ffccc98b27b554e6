//! Which crate may use which: ARCHITECTURE.md says it, the manifests must obey.

use std::collections::BTreeSet;

use super::{ARCHITECTURE, line_of, table};
use crate::{finding::Finding, metadata::Package, source::Source};

/// Crates whose business consensus, p2p and authenticated storage are.
const ENGINE_ROOMS: [&str; 2] = ["chain", "node"];
/// How the packages of that engine are called.
const ENGINE_PREFIX: &str = "commonware-";

/// A row of the table of crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Crate {
    pub(super) line: usize,
    /// Its folder under `crates/`.
    pub(super) name: String,
    pub(super) sentence: String,
    may_use: Vec<String>,
}

/// Reads the table `| crate | one sentence | may use |`. The third cell is `none`, `all`, or names of
/// crates with commas between.
pub(super) fn crates(architecture: &Source, findings: &mut Vec<Finding>) -> Vec<Crate> {
    let rows = table::rows(architecture, &["crate", "one sentence", "may use"]);
    if rows.is_empty() {
        findings.push(Finding::new(
            ARCHITECTURE,
            0,
            "has no table `| crate | one sentence | may use |`; add one",
        ));
    }
    let names: Vec<String> = rows.iter().map(|row| bare(row.cells[0])).collect();
    let mut crates = Vec::new();
    for row in &rows {
        let name = bare(row.cells[0]);
        let may_use = match row.cells[2] {
            "none" => Vec::new(),
            "all" => names
                .iter()
                .filter(|other| **other != name)
                .cloned()
                .collect(),
            list => list.split(',').map(bare).collect(),
        };
        for unknown in may_use.iter().filter(|used| !names.contains(used)) {
            findings.push(Finding::new(
                ARCHITECTURE,
                row.line,
                format!(
                    "`{name}` may use `{unknown}`, which is no crate of the table; correct the name"
                ),
            ));
        }
        crates.push(Crate {
            line: row.line,
            name,
            sentence: row.cells[1].to_owned(),
            may_use,
        });
    }
    crates
}

fn bare(cell: &str) -> String {
    cell.trim().trim_matches('`').to_owned()
}

/// The folder under `crates/` of a package of ours.
pub(super) fn crate_name(package: &Package) -> Option<&str> {
    package.folder.strip_prefix("crates/")
}

pub(super) fn check(crates: &[Crate], packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in crates {
        let stands = packages
            .iter()
            .any(|package| crate_name(package) == Some(&entry.name));
        if !stands {
            findings.push(Finding::new(
                ARCHITECTURE,
                entry.line,
                format!(
                    "there is no crate `{}`; take it out of the table until it has code",
                    entry.name
                ),
            ));
        }
    }
    for package in packages {
        if let Some(name) = crate_name(package) {
            check_crate(name, package, crates, packages, &mut findings);
        }
    }
    findings
}

fn check_crate(
    name: &str,
    package: &Package,
    crates: &[Crate],
    packages: &[Package],
    findings: &mut Vec<Finding>,
) {
    let manifest = format!("{}/Cargo.toml", package.folder);
    let Some(entry) = crates.iter().find(|entry| entry.name == name) else {
        findings.push(Finding::new(
            &manifest,
            0,
            format!("`{name}` is not in the table of {ARCHITECTURE}; add it there"),
        ));
        return;
    };
    let ordinary = package.dependencies.iter().filter(|it| it.kind.is_none());
    let used: BTreeSet<&str> = ordinary
        .filter_map(|it| packages.iter().find(|other| other.name == it.name))
        .filter_map(crate_name)
        .collect();
    for other in used {
        if !entry.may_use.iter().any(|allowed| allowed == other) {
            findings.push(Finding::new(
                &manifest,
                0,
                format!("`{name}` uses `{other}` and may not; move the code, or change the table of {ARCHITECTURE} with a reason"),
            ));
        }
    }
    let engine: BTreeSet<&str> = package
        .dependencies
        .iter()
        .map(|it| it.name.as_str())
        .filter(|it| it.starts_with(ENGINE_PREFIX))
        .collect();
    if !ENGINE_ROOMS.contains(&name) {
        for dependency in engine {
            findings.push(Finding::new(
                &manifest,
                0,
                format!(
                    "`{name}` names `{dependency}`; only {} may, move the code there",
                    ENGINE_ROOMS.join(" and ")
                ),
            ));
        }
    }
}

/// Where a crate's row stands, for findings about it.
pub(super) fn manifest_line(sources: &[Source], package: &Package) -> (String, usize) {
    let path = format!("{}/Cargo.toml", package.folder);
    let line = sources
        .iter()
        .find(|source| source.path == path)
        .map_or(0, |source| line_of(source, "description"));
    (path, line)
}
