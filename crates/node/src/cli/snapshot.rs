//! `llmnet snapshot`: a validator's state as one file, and a validator's data from one.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use llmnet_chain::snapshot::{self, SnapshotError};

use super::{
    Common, code,
    output::{Output, Progress},
    role,
};
use crate::validator::settings::Settings;

/// Bytes between one sign of life and the next.
const STEP: u64 = 16 << 20;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the state of a stopped validator into a file that is not there yet
    Export {
        /// The file
        file: PathBuf,
    },
    /// Make the data of a validator that has none from a file, which is checked against the genesis alone
    Import {
        /// The file
        file: PathBuf,
    },
}

/// A snapshot's file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}", path.display())]
pub(super) struct Unusable {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn unusable(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Unusable {
    let path = path.to_owned();
    move |source| Unusable { what, path, source }
}

pub(super) fn run(arguments: &Arguments, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let (data, genesis) = (&settings.data, &settings.genesis);
    let (text, height, bytes) = match &arguments.command {
        Command::Export { file } => {
            let progress = output.progress();
            progress.step("reading the state");
            let (height, bytes) = export(file, progress, |counted| {
                snapshot::export(data, genesis, counted)
            })?;
            (format!("{} holds the state", file.display()), height, bytes)
        }
        Command::Import { file } => {
            let opened = File::open(file).map_err(unusable("read", file))?;
            let bytes = opened.metadata().map_err(unusable("read", file))?.len();
            let counted = Counted {
                inner: BufReader::new(opened),
                progress: output.bar("checking every piece of the snapshot", bytes),
                bytes: 0,
                is_known: true,
            };
            let height = snapshot::import(data, genesis, counted)?;
            (format!("{} holds the state", data.display()), height, bytes)
        }
    };
    let json = serde_json::json!({ "network": genesis.id(), "height": height, "bytes": bytes });
    let text = format!(
        "{text} after block {height} of network {}, {bytes} bytes",
        genesis.id()
    );
    output.result(&text, &json)?;
    Ok(code::OK)
}

/// Writes a file that appears when it is whole and durable, and not before. Says how long it is.
fn export<T>(
    path: &Path,
    progress: Progress,
    write: impl FnOnce(&mut Counted<BufWriter<File>>) -> Result<T, SnapshotError>,
) -> anyhow::Result<(T, u64)> {
    if path.exists() {
        let exists = io::Error::new(io::ErrorKind::AlreadyExists, "it exists; name another file");
        return Err(unusable("write", path)(exists).into());
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let file = File::create(&part).map_err(unusable("write", &part))?;
    let mut counted = Counted {
        inner: BufWriter::new(file),
        progress,
        bytes: 0,
        is_known: false,
    };
    let written = write(&mut counted)
        .map_err(anyhow::Error::from)
        .and_then(|done| {
            let file = counted
                .inner
                .into_inner()
                .map_err(io::IntoInnerError::into_error);
            let durable = file.and_then(|file| file.sync_all());
            durable.map_err(unusable("write", &part))?;
            fs::rename(&part, path).map_err(unusable("write", path))?;
            Ok((done, counted.bytes))
        });
    if written.is_err() {
        // What went wrong is more to the point than whether this works.
        let _ = fs::remove_file(&part);
    }
    written
}

/// Shows how many bytes went by.
struct Counted<I> {
    inner: I,
    progress: Progress,
    bytes: u64,
    /// Whether it is known how many there are.
    is_known: bool,
}

impl<I> Counted<I> {
    fn count(&mut self, bytes: usize) {
        let before = self.bytes / STEP;
        self.bytes = self.bytes.saturating_add(bytes as u64);
        if self.is_known {
            self.progress.at(self.bytes);
        } else if self.bytes / STEP > before {
            let megabytes = self.bytes >> 20;
            self.progress
                .step(&format!("{megabytes} MiB of state written"));
        }
    }
}

impl<I: Read> Read for Counted<I> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.count(count);
        Ok(count)
    }
}

impl<I: Write> Write for Counted<I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.count(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
