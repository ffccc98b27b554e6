//! What cargo knows of the packages: ours, and all that they are built from.

use std::{path::Path, process::Command};

use anyhow::{Context, bail};
use serde_json::Value;

/// A package and what it names in its manifest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The folder of its manifest, from the repository's root; absolute for a dependency.
    pub(crate) folder: String,
    pub(crate) description: String,
    pub(crate) licence: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// A line of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for an ordinary one, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

/// Our own packages; neither network nor lock file is needed.
pub(crate) fn workspace(root: &Path) -> anyhow::Result<Vec<Package>> {
    packages(root, &["--no-deps", "--offline"])
}

/// Everything that is built for this machine, our own packages included.
pub(crate) fn everything(root: &Path) -> anyhow::Result<Vec<Package>> {
    let host = host()?;
    packages(root, &["--locked", "--filter-platform", &host])
}

fn packages(root: &Path, arguments: &[&str]) -> anyhow::Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .current_dir(root)
        .output()
        .context("running cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let root = metadata["workspace_root"]
        .as_str()
        .context("cargo names the workspace's root")?;
    // Without `--no-deps`, `packages` also lists what other platforms would need; the nodes of the
    // resolved graph are what this one builds.
    let built: Option<Vec<&Value>> = metadata["resolve"]["nodes"]
        .as_array()
        .map(|nodes| nodes.iter().map(|node| &node["id"]).collect());
    metadata["packages"]
        .as_array()
        .context("cargo lists packages")?
        .iter()
        .filter(|package| {
            built
                .as_ref()
                .is_none_or(|built| built.contains(&&package["id"]))
        })
        .map(|package| parse(package, root))
        .collect()
}

fn parse(package: &Value, root: &str) -> anyhow::Result<Package> {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    let manifest = text("manifest_path").context("a package has a manifest")?;
    let folder = manifest.trim_end_matches("/Cargo.toml");
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    Ok(Package {
        name: text("name").context("a package has a name")?,
        version: text("version").context("a package has a version")?,
        folder: folder
            .strip_prefix(root)
            .map_or(folder, |rest| rest.trim_start_matches('/'))
            .to_owned(),
        description: text("description").unwrap_or_default(),
        licence: text("license"),
        dependencies: dependencies
            .map(|dependency| Dependency {
                name: dependency["name"].as_str().unwrap_or_default().to_owned(),
                kind: dependency["kind"].as_str().map(str::to_owned),
            })
            .collect(),
    })
}

fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    String::from_utf8(output.stdout)?
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc names its host")
}
