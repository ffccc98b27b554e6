use std::{
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

use pkcs8::pkcs5::pbes2::{Pbkdf2Params, ScryptParams};

use super::*;

const SCRYPT: &str = include_str!("golden/openssl-scrypt.golden");
const PBKDF2: &str = include_str!("golden/openssl-pbkdf2.golden");
const X25519: &str = include_str!("golden/openssl-x25519.golden");

/// A file of its own, gone at the end.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("llmnet-key-{}-{count}.key", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
}

/// The first test vector of RFC 8032.
fn known() -> PrivateKey {
    let hex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: llmnet_types::id::Digest = hex.parse().unwrap();
    PrivateKey::from_seed(seed.0)
}

#[test]
fn keys_that_openssl_encrypted_are_opened() {
    for text in [SCRYPT, PBKDF2] {
        let key = decrypt(text, &passphrase("correct horse")).unwrap();
        assert_eq!(key.to_seed(), known().to_seed());
        let wrong = decrypt(text, &passphrase("correct horsf"));
        assert_eq!(wrong.unwrap_err(), Fault::Passphrase);
    }
    let other = decrypt(X25519, &passphrase("correct horse"));
    let x25519 = Fault::Algorithm("1.3.101.110".to_owned());
    assert_eq!(other.unwrap_err(), x25519);
}

#[test]
fn what_is_written_is_read_and_only_with_its_passphrase() {
    let (place, key) = (Place::new(), generate().unwrap());
    let began = Instant::now();
    write(&place.0, &key, &passphrase("a good one")).unwrap();
    println!("encrypting a key takes {:?}", began.elapsed());
    let mode = fs::metadata(&place.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    look(&place.0).unwrap();
    let read_back = read(&place.0, &passphrase("a good one")).unwrap();
    assert_eq!(read_back.to_seed(), key.to_seed());
    for wrong in ["a good onf", "a good one ", "A good one"] {
        let error = read(&place.0, &passphrase(wrong)).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("the passphrase does not open it"),
            "{error}"
        );
    }
    // Two files of one key have nothing in common: salt and vector are new.
    let other = Place::new();
    write(&other.0, &key, &passphrase("a good one")).unwrap();
    assert_ne!(fs::read(&place.0).unwrap(), fs::read(&other.0).unwrap());
    // There is no other copy of what would be overwritten.
    let again = write(&place.0, &generate().unwrap(), &passphrase("a good one"));
    assert!(matches!(again.unwrap_err(), KeyError::Exists { .. }));
    let kept = read(&place.0, &passphrase("a good one")).unwrap();
    assert_eq!(kept.to_seed(), key.to_seed());
}

#[test]
fn openssl_opens_what_is_written() {
    let (place, key) = (Place::new(), known());
    write(&place.0, &key, &passphrase("correct horse")).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args([
        "pkey",
        "-noout",
        "-text",
        "-passin",
        "pass:correct horse",
        "-in",
    ]);
    let output = match openssl.arg(&place.0).output() {
        Ok(output) => output,
        Err(error) => {
            println!("SKIPPED: openssl is not there ({error}); nothing was compared with it");
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    assert!(
        digits.contains(&llmnet_types::id::Digest(key.to_seed()).to_string()),
        "{text}"
    );
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let place = Place::new();
    write(&place.0, &known(), &passphrase("a good one")).unwrap();
    for mode in [0o640, 0o604, 0o660, 0o777] {
        fs::set_permissions(&place.0, fs::Permissions::from_mode(mode)).unwrap();
        for error in [
            read(&place.0, &passphrase("a good one")).unwrap_err(),
            look(&place.0).unwrap_err(),
        ] {
            assert!(
                matches!(error, KeyError::Exposed { mode: found, .. } if found == mode),
                "{error}"
            );
        }
    }
    fs::set_permissions(&place.0, fs::Permissions::from_mode(0o400)).unwrap();
    look(&place.0).unwrap();
    let nothing = look(&place.0.with_extension("none")).unwrap_err();
    assert!(matches!(nothing, KeyError::Io { .. }));
}

/// A file whose maker asks for this work, encrypted in no way at all.
fn asking(kdf: Kdf) -> String {
    let parameters = pbes2::Parameters {
        kdf,
        encryption: pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] },
    };
    let info = EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&[7; 64]).unwrap(),
    };
    wrap(&info.to_der().unwrap())
}

#[test]
fn what_would_cost_too_much_is_refused_before_anything_is_spent() {
    let scrypt = |cost_parameter, block_size, parallelization| {
        asking(Kdf::Scrypt(ScryptParams {
            salt: b"01234567".as_slice().try_into().unwrap(),
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        }))
    };
    let pbkdf2 = |rounds| {
        let params = Pbkdf2Params::hmac_sha256(rounds, b"01234567").unwrap();
        asking(Kdf::Pbkdf2(params))
    };
    let began = Instant::now();
    for text in [
        scrypt(1 << 19, 8, 1),
        scrypt(1 << 62, 8, 1),
        scrypt(1 << 14, u16::MAX, 1),
        scrypt(1 << 14, 8, 1 << 10),
        scrypt(u64::MAX, u16::MAX, u16::MAX),
        pbkdf2(ROUNDS_MAX + 1),
    ] {
        let fault = decrypt(&text, &passphrase("any")).unwrap_err();
        assert!(matches!(fault, Fault::Cost { .. }), "{fault}");
    }
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    // Within bounds, it is the passphrase that fails.
    for text in [scrypt(1 << 10, 8, 1), pbkdf2(1_000)] {
        assert_eq!(
            decrypt(&text, &passphrase("any")).unwrap_err(),
            Fault::Passphrase
        );
    }
    // No power of two is no cost of scrypt's.
    assert!(decrypt(&scrypt(1000, 8, 1), &passphrase("any")).is_err());
}

#[test]
fn what_is_no_key_says_so() {
    let plain = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
    let any = passphrase("any");
    assert_eq!(decrypt(plain, &any).unwrap_err(), Fault::NotEncrypted);
    let cut: String = SCRYPT.lines().take(3).collect::<Vec<_>>().join("\n");
    let letters = SCRYPT.replacen("\nMI", "\n!!", 1);
    let der = wrap(&[0x30, 0x03, 0x02, 0x01, 0x00]);
    let label = SCRYPT.replace("ENCRYPTED PRIVATE KEY", "CERTIFICATE");
    for text in ["", "seed", &cut, &letters, &der, &label, "\u{0}\u{fffd}"] {
        let fault = decrypt(text, &any).unwrap_err();
        assert!(matches!(fault, Fault::Malformed(_)), "{text:?}: {fault}");
    }
    // As OpenSSL writes with -text, and with the line ends of another system.
    let dressed = format!("Bag Attributes\r\n{}", SCRYPT.replace('\n', "\r\n"));
    assert!(decrypt(&dressed, &passphrase("correct horse")).is_ok());
}

#[test]
fn no_damaged_file_panics_or_opens() {
    let right = passphrase("correct horse");
    let der = unwrap(SCRYPT).unwrap();
    // Beyond what costs a derivation, every byte; of the encrypted ones some.
    for place in (0..der.len()).step_by(7) {
        let mut der = der.clone();
        der[place] ^= 0x55;
        if let Ok(key) = decrypt(&wrap(&der), &right) {
            // CBC does not authenticate: a flipped bit may give another key, never this one.
            assert_ne!(key.to_seed(), known().to_seed(), "byte {place}");
        }
    }
    for length in 0..der.len() {
        assert!(decrypt(&wrap(&der[..length]), &right).is_err());
    }
}

#[test]
fn passphrases_come_from_a_file_of_ones_own() {
    let place = Place::new();
    let source = Source {
        file: Some(place.0.clone()),
    };
    let write = |text: &str, mode| {
        fs::write(&place.0, text).unwrap();
        fs::set_permissions(&place.0, fs::Permissions::from_mode(mode)).unwrap();
    };
    for text in [
        "from a file\n",
        "from a file",
        "from a file\r\nsecond line\n",
    ] {
        write(text, 0o600);
        assert_eq!(source.known("x").unwrap().as_bytes(), b"from a file");
    }
    write("from a file\n", 0o644);
    let exposed = source.known("x").unwrap_err();
    assert!(matches!(
        exposed,
        PassphraseError::File(KeyError::Exposed { .. })
    ));
    write("\n", 0o600);
    assert!(matches!(
        source.known("x").unwrap_err(),
        PassphraseError::Length
    ));
    write(&"x".repeat(2000), 0o600);
    assert!(matches!(
        source.known("x").unwrap_err(),
        PassphraseError::Length
    ));
    write("short\n", 0o600);
    assert!(source.known("x").is_ok(), "what is there is there");
    assert!(matches!(
        source.new_one("x").unwrap_err(),
        PassphraseError::Short { found: 5 }
    ));
    assert_eq!(format!("{:?}", passphrase("secret words")), "Passphrase");
}
