//! Secret keys on disk: PKCS#8, encrypted under a passphrase by scrypt and AES-256-CBC (RFC 5958, RFC 8018,
//! RFC 7914), as PEM. OpenSSL reads and writes the same: `openssl pkey -in node.key`.
//!
//! A file of a key is its owner's alone: one that others may read is refused, as its key must be taken for
//! known. Whoever made a file chose what it costs to open it, so that cost has a bound before anything is
//! spent on it.

mod passphrase;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use llmnet_types::signature::PrivateKey;
use pkcs8::{
    EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    der::{Decode, Encode, asn1::OctetStringRef},
    pkcs5::{
        EncryptionScheme, pbes2,
        pbes2::{Kdf, Pbkdf2Prf},
        scrypt,
    },
};
use zeroize::Zeroizing;

pub use passphrase::{PASSPHRASE_LENGTH_MIN, Passphrase, PassphraseError, Source};

/// The most bytes of a file of a key; ours have some 300.
const FILE_LENGTH_MAX: u64 = 16 * 1024;
/// scrypt's N as a power of two. With `r` it takes 16 MiB: OpenSSL refuses to spend more than 32.
const COST_LOG: u8 = 14;
/// scrypt's r.
const BLOCK_SIZE: u32 = 8;
/// scrypt's p: what memory cannot be, time is. A third of a second.
const PARALLELIZATION: u32 = 8;
/// scrypt's N as a power of two where the passphrase is random: nobody guesses it, whatever a guess costs.
const COST_LOG_RANDOM: u8 = 4;
/// The most memory that opening a file may take, in bytes.
const MEMORY_MAX: u64 = 256 * 1024 * 1024;
/// The most work that opening a file may take: `N * r * p`, sixteen times that of our own files.
const WORK_MAX: u64 = 1 << 24;
/// The most rounds of PBKDF2: some seconds.
const ROUNDS_MAX: u32 = 10_000_000;

const LABEL: &str = "ENCRYPTED PRIVATE KEY";
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// A key of ed25519 up to its seed (RFC 8410): version, algorithm, two lengths.
const PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const SEED_LENGTH: usize = 32;

/// What is wrong with a file's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not PEM of an encrypted key.
    #[error("it is no encrypted private key: {0}")]
    Malformed(&'static str),
    /// A key that anybody can read who has the file.
    #[error("its key is not encrypted")]
    NotEncrypted,
    /// Encrypted in a way that this program does not open.
    #[error("it is encrypted in another way than scrypt or PBKDF2 with AES-CBC")]
    Scheme,
    /// Opening it would cost more than a key of anybody's needs.
    #[error("opening it takes {what}, more than the {limit} that this program spends")]
    Cost {
        /// What it would take.
        what: String,
        /// What it may take.
        limit: String,
    },
    /// Another passphrase, or a damaged file: nobody can tell these apart.
    #[error("the passphrase does not open it")]
    Passphrase,
    /// Opened, and not ed25519.
    #[error("its key is of another algorithm ({0}) than ed25519")]
    Algorithm(String),
}

/// Why a key is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file system says no.
    #[error("cannot {what} {path}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Others may read it.
    #[error("{path} can be read by others than its owner (mode {mode:03o})")]
    Exposed {
        /// The file.
        path: String,
        /// Its permissions.
        mode: u32,
    },
    /// It is there already. A key is never written over.
    #[error("{path} is there already")]
    Exists {
        /// The file.
        path: String,
    },
    /// Its text.
    #[error("{path}: {fault}")]
    Fault {
        /// The file.
        path: String,
        /// What is wrong.
        fault: Fault,
    },
    /// The system has no randomness to give.
    #[error("the system's source of randomness fails: {0}")]
    Randomness(String),
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.display().to_string();
    move |source| KeyError::Io { what, path, source }
}

/// A new key, of the system's randomness.
///
/// # Errors
/// The system has none.
pub fn generate() -> Result<PrivateKey, KeyError> {
    random().map(|seed| PrivateKey::from_seed(*seed))
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| KeyError::Randomness(error.to_string()))?;
    Ok(bytes)
}

/// Writes a key to a file that is not there yet, readable by its owner alone, durably before this returns.
///
/// # Errors
/// See [`KeyError`]; nothing is written then.
pub fn write(path: &Path, key: &PrivateKey, passphrase: &Passphrase) -> Result<(), KeyError> {
    let text = encrypt(key, passphrase, *random()?, *random()?);
    let exists = || KeyError::Exists {
        path: path.display().to_string(),
    };
    if path.exists() {
        return Err(exists());
    }
    let partial = path.with_extension("partial");
    let write = || {
        let mut options = File::options();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Unlike renaming, this never replaces a file: there is no other copy of a key.
        fs::hard_link(&partial, path)?;
        fs::remove_file(&partial)?;
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    };
    write().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(),
        _ => failed("write", path)(error),
    })
}

/// Reads a key.
///
/// # Errors
/// See [`KeyError`].
pub fn read(path: &Path, passphrase: &Passphrase) -> Result<PrivateKey, KeyError> {
    let text = text(path)?;
    decrypt(&text, passphrase).map_err(|fault| KeyError::Fault {
        path: path.display().to_string(),
        fault,
    })
}

/// Whether a file holds an encrypted key that this program would open, as far as that can be told without
/// its passphrase.
///
/// # Errors
/// See [`KeyError`].
pub fn look(path: &Path) -> Result<(), KeyError> {
    let text = text(path)?;
    let fault = |fault| KeyError::Fault {
        path: path.display().to_string(),
        fault,
    };
    let der = unwrap(&text).map_err(fault)?;
    parse(&der).map(drop).map_err(fault)
}

/// A file's text, where it is its owner's alone.
fn text(path: &Path) -> Result<String, KeyError> {
    let mut text = String::new();
    let file = File::open(path).map_err(failed("open", path))?;
    private(&file, path)?;
    file.take(FILE_LENGTH_MAX)
        .read_to_string(&mut text)
        .map_err(failed("read", path))?;
    Ok(text)
}

/// Refuses a file that others may read.
fn private(file: &File, path: &Path) -> Result<(), KeyError> {
    let metadata = file.metadata().map_err(failed("read", path))?;
    if metadata.is_dir() {
        let error = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(failed("read", path)(error));
    }
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Exposed {
                path: path.display().to_string(),
                mode,
            });
        }
    }
    Ok(())
}

/// A key as the text of a file. Salt and vector are random, and never used twice.
fn encrypt(key: &PrivateKey, passphrase: &Passphrase, salt: [u8; 16], vector: [u8; 16]) -> String {
    let seed = Zeroizing::new(key.to_seed());
    let mut plain = Zeroizing::new([0; PREFIX.len() + SEED_LENGTH]);
    plain[..PREFIX.len()].copy_from_slice(&PREFIX);
    plain[PREFIX.len()..].copy_from_slice(&*seed);
    let (cost, lanes) = match passphrase.is_random() {
        true => (COST_LOG_RANDOM, 1),
        false => (COST_LOG, PARALLELIZATION),
    };
    let cost = scrypt::Params::new(cost, BLOCK_SIZE, lanes);
    let parameters = cost
        .ok()
        .and_then(|cost| pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, vector).ok())
        .expect("constants within scrypt's bounds");
    let encrypted = parameters
        .encrypt(passphrase.as_bytes(), &*plain)
        .expect("a few bytes can be encrypted");
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&encrypted).expect("a few bytes"),
    };
    wrap(&info.to_der().expect("a few bytes have an encoding"))
}

/// The key in the text of a file.
fn decrypt(text: &str, passphrase: &Passphrase) -> Result<PrivateKey, Fault> {
    let der = unwrap(text)?;
    let info = parse(&der)?;
    let plain = info
        .encryption_algorithm
        .decrypt(passphrase.as_bytes(), info.encrypted_data.as_bytes())
        .map_err(|_| Fault::Passphrase)?;
    let plain = Zeroizing::new(plain);
    // One wrong passphrase in some 256 decrypts to something, which is no key.
    let key = PrivateKeyInfoRef::from_der(&plain).map_err(|_| Fault::Passphrase)?;
    if key.algorithm.oid != ED25519 {
        return Err(Fault::Algorithm(key.algorithm.oid.to_string()));
    }
    let seed = <&OctetStringRef>::from_der(key.private_key.as_bytes())
        .ok()
        .and_then(|seed| <[u8; SEED_LENGTH]>::try_from(seed.as_bytes()).ok())
        .map(Zeroizing::new)
        .ok_or(Fault::Malformed("its seed has not 32 bytes"))?;
    Ok(PrivateKey::from_seed(*seed))
}

/// Reads what an encrypted key says of itself, and refuses what would cost too much to open.
fn parse(der: &[u8]) -> Result<EncryptedPrivateKeyInfoRef<'_>, Fault> {
    let info = EncryptedPrivateKeyInfoRef::from_der(der)
        .map_err(|_| Fault::Malformed("its structure is not that of PKCS#8"))?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(Fault::Scheme);
    };
    if !matches!(
        parameters.encryption,
        pbes2::EncryptionScheme::Aes128Cbc { .. }
            | pbes2::EncryptionScheme::Aes192Cbc { .. }
            | pbes2::EncryptionScheme::Aes256Cbc { .. }
    ) {
        return Err(Fault::Scheme);
    }
    match &parameters.kdf {
        Kdf::Scrypt(scrypt) => {
            let lane = scrypt
                .cost_parameter
                .saturating_mul(scrypt.block_size.into());
            let memory = lane.saturating_mul(128);
            if memory > MEMORY_MAX {
                return Err(Fault::Cost {
                    what: format!("{} MiB of memory", memory >> 20),
                    limit: format!("{} MiB", MEMORY_MAX >> 20),
                });
            }
            let work = lane.saturating_mul(scrypt.parallelization.into());
            if work > WORK_MAX {
                return Err(Fault::Cost {
                    what: format!("{work} rounds of scrypt"),
                    limit: format!("{WORK_MAX}"),
                });
            }
        }
        Kdf::Pbkdf2(pbkdf2) => {
            if pbkdf2.prf == Pbkdf2Prf::HmacWithSha1 {
                return Err(Fault::Scheme);
            }
            if pbkdf2.iteration_count > ROUNDS_MAX {
                return Err(Fault::Cost {
                    what: format!("{} rounds of PBKDF2", pbkdf2.iteration_count),
                    limit: format!("{ROUNDS_MAX}"),
                });
            }
        }
        _ => return Err(Fault::Scheme),
    }
    Ok(info)
}

/// PEM (RFC 7468).
fn wrap(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {LABEL}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str(&format!("-----END {LABEL}-----\n"));
    pem
}

/// What stands in PEM. Text around it is allowed, as OpenSSL writes some.
fn unwrap(text: &str) -> Result<Vec<u8>, Fault> {
    let mut lines = text.lines().map(str::trim_end);
    let begin = lines.find_map(|line| line.strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    match begin {
        Some(LABEL) => {}
        Some("PRIVATE KEY") => return Err(Fault::NotEncrypted),
        Some(_) => return Err(Fault::Malformed("it is PEM of something else")),
        None => {
            return Err(Fault::Malformed(
                "it has no line -----BEGIN ENCRYPTED PRIVATE KEY-----",
            ));
        }
    }
    let end = format!("-----END {LABEL}-----");
    let mut body = String::new();
    for line in lines {
        if line == end {
            return STANDARD
                .decode(&body)
                .map_err(|_| Fault::Malformed("its lines are not base64"));
        }
        body.push_str(line);
    }
    Err(Fault::Malformed("its last line is missing"))
}

#[cfg(test)]
mod tests;
