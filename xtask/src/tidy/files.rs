//! Files that can be read in one sitting, under names that explain themselves, on any machine.

use crate::{finding::Finding, source::Source};

/// The most lines of a Rust file.
const LINES_MAX: usize = 600;
/// Files that may be longer, each with the reason.
const LONG_FILES: [(&str, &str); 0] = [];

/// Where developers' machines keep things; split, so that this file does not find itself.
const MACHINE_PATHS: [&str; 3] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
];

pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        if source.path.ends_with("/mod.rs") {
            findings.push(Finding::new(
                &source.path,
                0,
                "rename it: `foo.rs` stands beside `foo/`, so that an open tab explains itself",
            ));
        }
        let lines = source.text.lines().count();
        let excused = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if source.is_rust() && lines > LINES_MAX && !excused {
            findings.push(Finding::new(
                &source.path,
                LINES_MAX + 1,
                format!("{lines} lines where {LINES_MAX} are allowed; split it by idea, or list it with a reason in xtask/src/tidy/files.rs"),
            ));
        }
        for (line, text) in source.lines() {
            if let Some(path) = MACHINE_PATHS.iter().find(|path| names_path(text, path)) {
                findings.push(Finding::new(
                    &source.path,
                    line,
                    format!("{path} is a path of one machine; write it relative to the repository"),
                ));
            }
        }
    }
    for (path, _) in LONG_FILES {
        let long = sources
            .iter()
            .any(|source| source.path == path && source.text.lines().count() > LINES_MAX);
        if !long {
            findings.push(Finding::new(
                "xtask/src/tidy/files.rs",
                0,
                format!("{path} is not long any more; take it off the list"),
            ));
        }
    }
    findings
}

/// Whether the path stands there as an absolute one, not as the tail of a URL or a relative path.
fn names_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !(before.is_alphanumeric() || "._~-)}/*".contains(before)))
    })
}
