//! `llmnet knowledge add`: files and folders, once or as they change.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use clap::Args;
use llmnet_knowledge::{
    collaborate::expert::Disclosure,
    folder::{self, AddError, Defaults, Done},
    store::{Added, Store},
};
use llmnet_model::embedding::Embedder;
use serde_json::json;

use super::{
    super::{Common, code, output::Output, signals::Signals},
    Expert,
    embedding::{self, Embedding},
    today,
};

/// How often a watched folder is looked at. Asking is as fast as being told where there are some thousand files, and
/// works on every file system.
const WATCH_EVERY: Duration = Duration::from_millis(250);
/// The most broken files that are named one by one.
const NAMED_MAX: usize = 1_000;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files and folders
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    expert: Expert,
    /// On what terms documents that say nothing of it may be quoted: an SPDX name
    #[arg(long, value_name = "SPDX", default_value = "")]
    licence: String,
    /// What other coordinators may be shown of this expert's documents: passages; digests, so that only its own answers
    /// quote them; or nothing [default: as it was said last, passages at first]
    #[arg(long, value_name = "WHAT", value_parser = disclosure)]
    share: Option<Disclosure>,
    /// Stay, and take in what changes and goes, until interrupted
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    embedding: Embedding,
}

fn disclosure(text: &str) -> Result<Disclosure, String> {
    Disclosure::named(text).ok_or_else(|| {
        let names = Disclosure::ALL.map(Disclosure::name);
        format!("one of {}", names.join(", "))
    })
}

/// What became of files.
#[derive(Debug, Default)]
struct Tally {
    kept: usize,
    same: usize,
    duplicates: usize,
    came: usize,
    went: usize,
    unread: usize,
    broken: Vec<(String, String)>,
}

impl Tally {
    fn note(&mut self, done: &Done) {
        self.unread += done.unread;
        match done.added {
            Added::Same => self.same += 1,
            Added::Duplicate => self.duplicates += 1,
            Added::Kept { came, went, .. } => {
                self.kept += 1;
                self.came += came;
                self.went += went;
            }
        }
    }

    const fn changed(&self) -> bool {
        self.kept + self.duplicates + self.went > 0
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} documents added, {} passages; {} were there, {} stood under another name",
            self.kept, self.came, self.same, self.duplicates
        );
        if self.went > 0 {
            text.push_str(&format!("; {} passages went", self.went));
        }
        if self.unread > 0 {
            text.push_str(&format!(
                "; {} pages or records could not be read",
                self.unread
            ));
        }
        if !self.broken.is_empty() {
            text.push_str(&format!("; {} files skipped", self.broken.len()));
        }
        text
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    quiet_loaders();
    for path in &arguments.paths {
        anyhow::ensure!(path.exists(), "there is no {}", path.display());
    }
    let store = arguments.expert.begin(common)?;
    if let Some(share) = arguments.share {
        store.disclose(share)?;
    }
    let embedder = arguments.embedding.embedder(common)?;
    let defaults = || Defaults {
        licence: arguments.licence.clone(),
        as_of_day: today(),
    };
    let mut signals = Signals::new()?;
    let files: Vec<PathBuf> = arguments
        .paths
        .iter()
        .flat_map(|path| folder::files(path))
        .collect();
    let mut tally = Tally::default();
    let bar = output.bar("reading files", files.len() as u64);
    for (at, path) in files.iter().enumerate() {
        add(&store, path, &defaults(), &mut tally, output)?;
        bar.at(at as u64 + 1);
    }
    drop(bar);
    let whole = finish(&store, embedder.as_deref(), &tally, output).await?;
    if !arguments.watch {
        return Ok(
            if !whole || tally.kept + tally.same + tally.duplicates == 0 {
                code::FAILED
            } else {
                code::OK
            },
        );
    }
    output.note("watching; interrupt to end");
    let mut seen = state(&arguments.paths);
    loop {
        tokio::select! {
            () = signals.any() => return Ok(code::OK),
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        let now = state(&arguments.paths);
        let mut tally = Tally::default();
        for (path, state) in &now {
            if seen.get(path) != Some(state) {
                add(&store, path, &defaults(), &mut tally, output)?;
            }
        }
        for path in seen.keys().filter(|path| !now.contains_key(*path)) {
            tally.went += store.remove(&folder::origin(path))?.passages;
        }
        seen = now;
        if tally.changed() {
            finish(&store, embedder.as_deref(), &tally, output).await?;
        }
    }
}

/// When each file was written, and how long it is.
fn state(paths: &[PathBuf]) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let files = paths
        .iter()
        .filter(|path| path.exists())
        .flat_map(|path| folder::files(path));
    files
        .filter_map(|path| {
            let data = std::fs::metadata(&path).ok()?;
            Some((path, (data.modified().ok(), data.len())))
        })
        .collect()
}

fn add(
    store: &Store,
    path: &Path,
    defaults: &Defaults,
    tally: &mut Tally,
    output: &Output,
) -> anyhow::Result<()> {
    match folder::add(store, path, defaults) {
        Ok(done) => tally.note(&done),
        Err(AddError::File(error)) => {
            if tally.broken.len() < NAMED_MAX {
                output.note(&format!("skipped {}: {error}", path.display()));
            }
            tally
                .broken
                .push((path.display().to_string(), error.to_string()));
        }
        Err(AddError::Store(error)) => return Err(error.into()),
    }
    Ok(())
}

/// Embeds what has no vector and says what was done, and under which root; whether nothing is left to embed.
async fn finish(
    store: &Store,
    embedder: Option<&dyn Embedder>,
    tally: &Tally,
    output: &Output,
) -> anyhow::Result<bool> {
    let embedded = match embedder {
        Some(embedder) => embedding::fill(store, embedder, output).await,
        None => Ok(0),
    };
    let trouble = embedded.as_ref().err().map(|error| format!("{error:#}"));
    let whole = trouble.is_none();
    let embedded = embedded.unwrap_or_else(|error| {
        output.note(&format!(
            "not all passages have vectors: {error:#}; what was added is kept, and found by its words; add it again for the rest"
        ));
        0
    });
    let corpus = store.proofs()?.registration();
    let broken: Vec<_> = tally
        .broken
        .iter()
        .map(|(file, error)| json!({ "file": file, "error": error }))
        .collect();
    let json = json!({
        "documents": tally.kept,
        "same": tally.same,
        "duplicates": tally.duplicates,
        "passages_came": tally.came,
        "passages_went": tally.went,
        "unread": tally.unread,
        "embedded": embedded,
        "embedding_trouble": trouble,
        "skipped": broken,
        "corpus": corpus,
    });
    let root = corpus.map_or_else(String::new, |corpus| {
        format!(
            "\ncorpus of {} passages under root {}",
            corpus.passages, corpus.root
        )
    });
    output.result(&format!("{}{root}", tally.text()), &json)?;
    Ok(whole)
}

/// A loader's panic is told as an error with the file's name: what the library says of itself helps nobody.
fn quiet_loaders() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() != Some(llmnet_knowledge::load::THREAD) {
            before(panic);
        }
    }));
}
