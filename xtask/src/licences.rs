//! Under which licences the house is built, and which packages stay out.
//!
//! The lists are in `xtask/licences.txt`. Packages are those that are built for this machine.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};

use crate::{
    finding::Finding,
    metadata::{self, Package},
};

const POLICY: &str = "xtask/licences.txt";

/// What `xtask/licences.txt` says.
#[derive(Debug, Default)]
struct Policy {
    allowed: Vec<String>,
    /// One package, one licence that is not allowed to others.
    exceptions: Vec<(String, String)>,
    /// A package, and what to use in its place.
    banned: Vec<(String, String)>,
}

/// Packages that break the policy. Packages in several versions are printed, for they cost time, not
/// freedom.
pub(crate) fn findings(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let text =
        fs::read_to_string(root.join(POLICY)).with_context(|| format!("reading {POLICY}"))?;
    let policy = Policy::parse(&text)?;
    let packages = metadata::everything(root)?;
    let findings = check(&policy, &packages);
    for (name, versions) in duplicates(&packages) {
        println!(
            "note: {name} is built in {} versions: {}",
            versions.len(),
            versions.join(", ")
        );
    }
    println!("{} packages read", packages.len());
    Ok(findings)
}

impl Policy {
    /// A line is `allow LICENCE reason`, `except PACKAGE LICENCE reason`, `ban PACKAGE replacement`, empty,
    /// or a comment after `#`.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut policy = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut next = || {
                words
                    .next()
                    .with_context(|| format!("{POLICY}:{number}: a word is missing"))
            };
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            match next()?.as_str() {
                "allow" => policy.allowed.push(next()?),
                "except" => policy.exceptions.push((next()?, next()?)),
                "ban" => policy.banned.push((next()?, String::new())),
                other => bail!("{POLICY}:{number}: {other:?} is none of allow, except, ban"),
            }
            let rest: Vec<String> = words.collect();
            if rest.is_empty() {
                bail!("{POLICY}:{number}: give the reason");
            }
            if let (true, Some(ban)) = (line.starts_with("ban"), policy.banned.last_mut()) {
                ban.1 = rest.join(" ");
            }
        }
        Ok(policy)
    }

    fn allows(&self, package: &str, licence: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == licence)
            || self
                .exceptions
                .iter()
                .any(|(name, allowed)| name == package && allowed == licence)
    }
}

fn check(policy: &Policy, packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let title = format!("{} {}", package.name, package.version);
        if let Some((_, instead)) = policy.banned.iter().find(|(name, _)| *name == package.name) {
            findings.push(Finding::new(
                "Cargo.lock",
                0,
                format!(
                    "{title} is banned: {instead}; `cargo tree -i {}` says who wants it",
                    package.name
                ),
            ));
        }
        let Some(licence) = &package.licence else {
            findings.push(Finding::new(
                "Cargo.lock",
                0,
                format!("{title} declares no licence; do without it"),
            ));
            continue;
        };
        let allows = |licence: &str| policy.allows(&package.name, licence);
        match Expression::new(licence).holds(&allows) {
            Ok(true) => {}
            Ok(false) => findings.push(Finding::new(
                "Cargo.lock",
                0,
                format!("{title} is under {licence:?}; do without it, or allow that in {POLICY} with a reason"),
            )),
            Err(error) => findings.push(Finding::new(
                "Cargo.lock",
                0,
                format!("{title}: {licence:?} is no licence expression: {error}"),
            )),
        }
    }
    findings
}

fn duplicates(packages: &[Package]) -> Vec<(&str, Vec<&str>)> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions.into_iter().collect()
}

/// An SPDX expression, read from left to right: `AND` binds closer than `OR`, and the old `/` is `OR`.
struct Expression {
    /// Last word first.
    words: Vec<String>,
}

impl Expression {
    fn new(text: &str) -> Self {
        let spaced = text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .replace('/', " OR ");
        Self {
            words: spaced.split_whitespace().rev().map(str::to_owned).collect(),
        }
    }

    fn holds(mut self, allows: &impl Fn(&str) -> bool) -> anyhow::Result<bool> {
        let holds = self.any(allows)?;
        match self.words.pop() {
            None => Ok(holds),
            Some(word) => bail!("{word:?} is too much"),
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.words.last().is_some_and(|last| last == word);
        if found {
            self.words.pop();
        }
        found
    }

    fn any(&mut self, allows: &impl Fn(&str) -> bool) -> anyhow::Result<bool> {
        let mut holds = self.all(allows)?;
        while self.take("OR") {
            holds |= self.all(allows)?;
        }
        Ok(holds)
    }

    fn all(&mut self, allows: &impl Fn(&str) -> bool) -> anyhow::Result<bool> {
        let mut holds = self.one(allows)?;
        while self.take("AND") {
            holds &= self.one(allows)?;
        }
        Ok(holds)
    }

    fn one(&mut self, allows: &impl Fn(&str) -> bool) -> anyhow::Result<bool> {
        if self.take("(") {
            let holds = self.any(allows)?;
            if !self.take(")") {
                bail!("a parenthesis stays open");
            }
            return Ok(holds);
        }
        let mut licence = self.words.pop().context("it ends too early")?;
        if self.take("WITH") {
            let exception = self.words.pop().context("WITH what?")?;
            // An exception only ever permits more.
            if !allows(&licence) {
                licence = format!("{licence} WITH {exception}");
            }
        }
        Ok(allows(&licence))
    }
}

#[cfg(test)]
mod tests;
