//! A snapshot's bytes: sections behind a version, and a digest of all of them at the end.

use std::io::{self, Read, Write};

use commonware_cryptography::{Hasher as _, Sha256};

use super::SnapshotError;

const MAGIC: &[u8; 16] = b"llmnet/snapshot\n";
/// The newest version of the format.
pub(super) const VERSION: u16 = 1;
/// The most bytes of a section.
pub(super) const SECTION_LENGTH_MAX: usize = 2 << 20;

/// What a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    HandOver = 1,
    Block = 2,
    Certificate = 3,
    Boundary = 4,
    Operations = 5,
    End = 6,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::HandOver,
        Self::Block,
        Self::Certificate,
        Self::Boundary,
        Self::Operations,
        Self::End,
    ];
}

/// Writes sections.
pub(super) struct Writer<'a, W> {
    file: &'a mut W,
    hash: Sha256,
}

impl<'a, W: Write> Writer<'a, W> {
    /// Begins a snapshot.
    pub(super) fn new(file: &'a mut W) -> io::Result<Self> {
        let hash = Sha256::default();
        let mut writer = Self { file, hash };
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_be_bytes())?;
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.file.write_all(bytes)
    }

    /// Adds a section.
    pub(super) fn section(&mut self, kind: Kind, bytes: &[u8]) -> io::Result<()> {
        let too_long = || io::Error::other("a section of a snapshot is too long");
        if bytes.len() > SECTION_LENGTH_MAX {
            return Err(too_long());
        }
        let length = u32::try_from(bytes.len()).map_err(|_| too_long())?;
        self.put(&[kind as u8])?;
        self.put(&length.to_be_bytes())?;
        self.put(bytes)
    }

    /// Ends the snapshot.
    pub(super) fn end(self) -> io::Result<()> {
        let Self { file, hash } = self;
        let (_, digest) = hash.finalize();
        let mut bytes = vec![Kind::End as u8, 0, 0, 0, 32];
        bytes.extend_from_slice(digest.as_ref());
        file.write_all(&bytes)?;
        file.flush()
    }
}

/// Reads sections.
pub(super) struct Reader<R> {
    file: R,
    hash: Sha256,
}

pub(super) fn damaged(reason: impl Into<String>) -> SnapshotError {
    SnapshotError::Damaged {
        reason: reason.into(),
    }
}

impl<R: Read> Reader<R> {
    /// Begins to read a snapshot.
    pub(super) fn new(file: R) -> Result<Self, SnapshotError> {
        let hash = Sha256::default();
        let mut reader = Self { file, hash };
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(damaged("it does not begin as one"));
        }
        let version = reader.take(2)?;
        let found = u16::from_be_bytes([version[0], version[1]]);
        match found {
            0 => Err(damaged("it has version 0")),
            VERSION => Ok(reader),
            found => Err(SnapshotError::Version {
                found,
                known: VERSION,
            }),
        }
    }

    fn take_raw(&mut self, length: usize) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = vec![0; length];
        self.file
            .read_exact(&mut bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
                _ => SnapshotError::Io(error),
            })?;
        Ok(bytes)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, SnapshotError> {
        let bytes = self.take_raw(length)?;
        self.hash.update(&bytes);
        Ok(bytes)
    }

    /// The next section; none after the last, when the digest of all was right and nothing is behind it.
    pub(super) fn section(&mut self) -> Result<Option<(Kind, Vec<u8>)>, SnapshotError> {
        let head = self.take_raw(5)?;
        let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == head[0]);
        let kind = kind.ok_or_else(|| damaged(format!("a section of kind {}", head[0])))?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > SECTION_LENGTH_MAX {
            return Err(damaged(format!("a section of {length} bytes")));
        }
        if kind == Kind::End {
            let told = self.take_raw(length)?;
            let (_, digest) = std::mem::take(&mut self.hash).finalize();
            if told != digest.0 {
                return Err(damaged("its digest is another"));
            }
            let mut behind = [0];
            return match self.file.read(&mut behind)? {
                0 => Ok(None),
                _ => Err(damaged("something is behind its end")),
            };
        }
        self.hash.update(&head);
        Ok(Some((kind, self.take(length)?)))
    }
}
