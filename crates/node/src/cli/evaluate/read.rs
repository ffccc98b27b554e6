//! A directory of recordings.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use llmnet_sim::traces::Traces;

/// The most bytes of an unpacked file.
const BYTES_MAX: u64 = 1 << 30;

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The directory itself.
    #[error("reading {0}: {1}")]
    Directory(PathBuf, std::io::Error),
    /// Nothing in it.
    #[error("{0} has no files responses.*.jsonl or responses.*.jsonl.gz")]
    Nothing(PathBuf),
    /// A file.
    #[error("{file}, line {line}: {what}")]
    File {
        /// Its path.
        file: String,
        /// The line that is cut off or too much; 1 where nothing could be read.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// Reads all recordings of a directory: questions first, each kind by name.
pub(super) fn directory(directory: &Path) -> anyhow::Result<Traces> {
    let failure = |error| ReadError::Directory(directory.to_owned(), error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(failure)? {
        paths.push(entry.map_err(failure)?.path());
    }
    paths.sort();
    let of = |kind: &str| -> Vec<PathBuf> {
        let named = |path: &&PathBuf| {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            name.starts_with(kind) && (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"))
        };
        paths.iter().filter(named).cloned().collect()
    };
    let responses = of("responses.");
    if responses.is_empty() {
        return Err(ReadError::Nothing(directory.to_owned()).into());
    }
    let mut traces = Traces::default();
    for path in of("questions.") {
        traces.read_questions(&path.display().to_string(), &unpacked(&path)?)?;
    }
    for path in responses {
        traces.read_responses(&path.display().to_string(), &unpacked(&path)?)?;
    }
    Ok(traces)
}

/// A file's bytes, unpacked where its name says that it is packed.
fn unpacked(path: &Path) -> Result<Vec<u8>, ReadError> {
    let failure = |line, what: String| ReadError::File {
        file: path.display().to_string(),
        line,
        what,
    };
    let packed = fs::read(path).map_err(|error| failure(1, error.to_string()))?;
    if path.extension().is_none_or(|extension| extension != "gz") {
        return Ok(packed);
    }
    let mut bytes = Vec::new();
    let mut decoder = MultiGzDecoder::new(packed.as_slice()).take(BYTES_MAX + 1);
    let read = decoder.read_to_end(&mut bytes);
    let line = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    match read {
        Err(error) => Err(failure(
            line,
            format!("cannot be unpacked from here on ({error}); was the file cut off?"),
        )),
        Ok(_) if bytes.len() as u64 > BYTES_MAX => {
            Err(failure(line, format!("has more than {BYTES_MAX} bytes")))
        }
        Ok(_) => Ok(bytes),
    }
}
