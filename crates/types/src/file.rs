//! Files with one spelling: JSON that reads the same must be the same bytes (REC-2).

use serde::{Serialize, de::DeserializeOwned};

/// Why bytes are not a file of the wanted kind.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Larger than any file of its kind.
    #[error("the file has {found} bytes, one of its kind at most {limit}")]
    TooLong {
        /// Its bytes.
        found: usize,
        /// The most there may be.
        limit: usize,
    },
    /// Not a file of this kind.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
    /// Readable, yet not in the one spelling: somebody changed it.
    #[error("the file is not in its canonical spelling (first difference at byte {at})")]
    Spelling {
        /// Where it differs.
        at: usize,
    },
}

/// Indented JSON and a line end.
pub(crate) fn write<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("files have string keys only");
    bytes.push(b'\n');
    bytes
}

/// The value that [`write()`] turns into exactly these bytes.
pub(crate) fn read<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, FileError> {
    if bytes.len() > limit {
        return Err(FileError::TooLong {
            found: bytes.len(),
            limit,
        });
    }
    let value: T = serde_json::from_slice(bytes)?;
    let canonical = write(&value);
    if canonical != bytes {
        let at = canonical
            .iter()
            .zip(bytes)
            .position(|(expected, found)| expected != found)
            .unwrap_or_else(|| canonical.len().min(bytes.len()));
        return Err(FileError::Spelling { at });
    }
    Ok(value)
}
