//! The repository's own files, read once.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, bail};

/// A text file of the repository.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    #[cfg(test)]
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Its lines, numbered from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The crate whose `src` it is in.
    pub(crate) fn crate_source(&self) -> Option<&str> {
        let (name, rest) = self.path.strip_prefix("crates/")?.split_once('/')?;
        (rest.starts_with("src/") && self.is_rust()).then_some(name)
    }

    /// Where its tests begin: line 1 of a test file, the first `mod tests {` of another.
    pub(crate) fn tests_from(&self) -> usize {
        let is_test_file = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        if is_test_file {
            return 1;
        }
        self.lines()
            .find(|(_, line)| line.trim_start().starts_with("mod tests {"))
            .map_or(usize::MAX, |(line, _)| line)
    }
}

/// All text files that are, or are about to be, in the repository: tracked ones and new ones that are
/// not ignored.
pub(crate) fn read_all(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut paths = if root.join(".git").exists() {
        listed_by_git(root)?
    } else {
        // Unpacked from an archive.
        let mut paths = Vec::new();
        walk(root, "", &mut paths)?;
        paths
    };
    paths.sort();
    paths.dedup();
    Ok(paths
        .into_iter()
        .filter_map(|path| {
            // Gone from the disk but not yet from the index, or not text: nothing to read.
            let text = fs::read_to_string(root.join(&path)).ok()?;
            Some(Source { path, text })
        })
        .collect())
}

fn listed_by_git(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("git")
        // A clone may belong to another user than the one who checks it; we only list files.
        .args(["-c", "safe.directory=*"])
        .args(["ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .output()
        .context("git lists the files to check; is it installed?")?;
    if !output.status.success() {
        bail!(
            "git ls-files: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8(output.stdout)
        .context("file names are UTF-8")?
        .split_terminator('\0')
        .map(str::to_owned)
        .collect())
}

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> anyhow::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() {
            name.clone()
        } else {
            format!("{folder}/{name}")
        };
        if name == "target" || name == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(root, &path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}
