//! Where a passphrase comes from: a file, the environment, or whoever sits at the terminal.

use std::{
    fs::File,
    io::{self, IsTerminal, Read},
    path::PathBuf,
};

use console::Term;
use llmnet_types::id::Digest;
use zeroize::Zeroizing;

use super::{KeyError, failed, private, random};

/// The variable that a passphrase may stand in.
const VARIABLE: &str = "LLMNET_PASSPHRASE";
/// The least bytes of the passphrase of a new key.
pub const PASSPHRASE_LENGTH_MIN: usize = 8;
/// The most bytes of one; scrypt takes any, a terminal's line does not.
const PASSPHRASE_LENGTH_MAX: usize = 1024;

/// A passphrase; wiped from memory when dropped, and never printed.
#[derive(Clone)]
pub struct Passphrase {
    text: Zeroizing<String>,
    /// Whether it is of 32 random bytes.
    is_random: bool,
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

/// Why there is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    /// Its file cannot be used.
    #[error(transparent)]
    File(#[from] KeyError),
    /// The terminal fails.
    #[error("cannot read from the terminal")]
    Terminal(#[source] io::Error),
    /// Nobody to ask.
    #[error("no passphrase is given, and there is no terminal to ask at")]
    Nowhere,
    /// Too short for a new key.
    #[error(
        "a passphrase of {found} bytes is shorter than the {PASSPHRASE_LENGTH_MIN} of a new key's"
    )]
    Short {
        /// How long it is.
        found: usize,
    },
    /// Nothing, or more than any.
    #[error("a passphrase has 1 to {PASSPHRASE_LENGTH_MAX} bytes on one line")]
    Length,
    /// Not the same twice.
    #[error("the two passphrases differ")]
    Differ,
}

/// Where to look for a passphrase.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// A file, whose first line it is. Before all else.
    pub file: Option<PathBuf>,
}

impl Passphrase {
    /// A passphrase as it is.
    ///
    /// # Errors
    /// It is empty, too long, or has a line break in it.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseError> {
        let lengths = 1..=PASSPHRASE_LENGTH_MAX;
        if !lengths.contains(&text.len()) || text.contains(['\n', '\r']) {
            return Err(PassphraseError::Length);
        }
        Ok(Self {
            text,
            is_random: false,
        })
    }

    /// One that nobody could guess, with its text, for a file beside keys that need no secret.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn random() -> Result<(Self, Zeroizing<String>), KeyError> {
        let text = Zeroizing::new(Digest(*random()?).to_string());
        let passphrase = Self {
            text: text.clone(),
            is_random: true,
        };
        Ok((passphrase, text))
    }

    pub(super) const fn is_random(&self) -> bool {
        self.is_random
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl Source {
    /// The passphrase of a key that is there.
    ///
    /// # Errors
    /// See [`PassphraseError`].
    pub fn known(&self, what: &str) -> Result<Passphrase, PassphraseError> {
        match self.given()? {
            Some(passphrase) => Ok(passphrase),
            None => ask(&format!("Passphrase of {what}: ")),
        }
    }

    /// The passphrase of a key that is made: asked for twice, and not too short.
    ///
    /// # Errors
    /// See [`PassphraseError`].
    pub fn new_one(&self, what: &str) -> Result<Passphrase, PassphraseError> {
        let passphrase = match self.given()? {
            Some(passphrase) => passphrase,
            None => {
                let first = ask(&format!("New passphrase of {what}: "))?;
                let second = ask("The same once more: ")?;
                if *first.text != *second.text {
                    return Err(PassphraseError::Differ);
                }
                first
            }
        };
        match passphrase.text.len() {
            found if found < PASSPHRASE_LENGTH_MIN => Err(PassphraseError::Short { found }),
            _ => Ok(passphrase),
        }
    }

    /// Without anybody being asked.
    fn given(&self) -> Result<Option<Passphrase>, PassphraseError> {
        if let Some(path) = &self.file {
            let mut text = Zeroizing::new(String::with_capacity(PASSPHRASE_LENGTH_MAX + 2));
            let file = File::open(path).map_err(failed("open", path))?;
            private(&file, path)?;
            // One more than there may be, with its line's end.
            file.take(PASSPHRASE_LENGTH_MAX as u64 + 2)
                .read_to_string(&mut text)
                .map_err(failed("read", path))?;
            let line = text.lines().next().unwrap_or_default();
            return Passphrase::new(Zeroizing::new(line.to_owned())).map(Some);
        }
        match std::env::var(VARIABLE) {
            Ok(text) => Passphrase::new(Zeroizing::new(text)).map(Some),
            Err(_) => Ok(None),
        }
    }
}

fn ask(prompt: &str) -> Result<Passphrase, PassphraseError> {
    let terminal = Term::stderr();
    if !terminal.is_term() || !io::stdin().is_terminal() {
        return Err(PassphraseError::Nowhere);
    }
    let read = terminal
        .write_str(prompt)
        .and_then(|()| terminal.read_secure_line());
    let line = read.map_err(PassphraseError::Terminal)?;
    Passphrase::new(Zeroizing::new(line))
}
