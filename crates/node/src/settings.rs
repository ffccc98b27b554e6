//! Files of settings: what they say, and all that is wrong with them, line by line.
//!
//! A file is read whole before anything is said, so that one look shows all there is to mend.

use std::{
    fs,
    net::{SocketAddr, ToSocketAddrs},
    ops::Range,
    path::{Path, PathBuf},
};

use llmnet_ledger::Genesis;
use llmnet_types::{
    bond::{ADDRESS_LENGTH_MAX, host_and_port},
    codec::Text,
    signature::PublicKey,
    units::Amount,
};
use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::keystore::{self, Fault, KeyError};

/// The most bytes of the file.
const FILE_LENGTH_MAX: u64 = 256 * 1024;
/// The most bytes of a genesis: all it may hold, as indented JSON.
pub const GENESIS_LENGTH_MAX: u64 = 16 * 1024 * 1024;

/// Something in the file that cannot stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to write or do instead.
    pub mend: String,
}

/// All that is wrong with a file of settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistakes {
    /// Whose settings: what cannot run with them.
    pub role: &'static str,
    /// The file.
    pub file: String,
    /// In the order of lines.
    pub list: Vec<Mistake>,
}

impl std::fmt::Display for Mistakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let many = self.list.len();
        write!(f, "{many} to mend before this {} can run", self.role)?;
        for Mistake { line, what, mend } in &self.list {
            write!(f, "\n{}:{line}: {what}; {mend}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

/// A file's text, or what is wrong with it.
fn read(path: &Path, limit: u64) -> Result<String, String> {
    let shown = path.display();
    let length = fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if length.len() > limit {
        return Err(format!("{shown} has more than {limit} bytes"));
    }
    fs::read_to_string(path).map_err(|error| format!("cannot read {shown}: {error}"))
}

/// Reads a file of settings by what its role says of the table in it.
///
/// # Errors
/// All that is wrong.
pub(crate) fn read_settings<T>(
    path: &Path,
    role: &'static str,
    settings: impl for<'a> FnOnce(&mut Reader<'a>, &DeTable<'a>) -> Option<T>,
) -> Result<T, Mistakes> {
    let file = path.display().to_string();
    let text = read(path, FILE_LENGTH_MAX).map_err(|what| Mistakes {
        role,
        file: file.clone(),
        list: vec![Mistake {
            line: 1,
            what,
            mend: format!("llmnet {role} init makes one; --dir names the directory it is in"),
        }],
    })?;
    let mut reader = Reader {
        text: &text,
        folder: path.parent().unwrap_or(Path::new(".")),
        mistakes: Vec::new(),
    };
    let settings = reader
        .table()
        .and_then(|table| settings(&mut reader, &table));
    let mut list = reader.mistakes;
    list.sort_by_key(|mistake| mistake.line);
    match settings {
        Some(settings) if list.is_empty() => Ok(settings),
        _ => Err(Mistakes { role, file, list }),
    }
}

/// A file on its way to become settings.
pub(crate) struct Reader<'a> {
    /// All of it.
    pub(crate) text: &'a str,
    /// Where it is: paths in it begin there.
    pub(crate) folder: &'a Path,
    mistakes: Vec<Mistake>,
}

/// A value and where it stands.
pub(crate) type Value<'a> = Spanned<DeValue<'a>>;

impl<'a> Reader<'a> {
    fn table(&mut self) -> Option<DeTable<'a>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or_default();
            let message = error.message().replace('\n', ", ");
            self.wrong(
                &span,
                format!("it is no TOML: {message}"),
                "write NAME = VALUE",
            );
        }
        errors.is_empty().then(|| table.into_inner())
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    pub(crate) fn wrong(
        &mut self,
        span: &Range<usize>,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let line = self.line(span);
        let (what, mend) = (what.into(), mend.into());
        self.mistakes.push(Mistake { line, what, mend });
    }

    pub(crate) fn unknown(&mut self, table: &DeTable<'a>, known: &[&str]) {
        for name in table.keys() {
            if !known.contains(&name.get_ref().as_ref()) {
                let what = format!("there is no setting {}", name.get_ref());
                self.wrong(
                    &name.span(),
                    what,
                    format!("there are {}", known.join(", ")),
                );
            }
        }
    }

    /// A value that must be there.
    pub(crate) fn needed<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        name: &str,
        at: Range<usize>,
    ) -> Option<&'t Value<'a>> {
        let value = table.get(name);
        if value.is_none() {
            self.wrong(
                &at,
                format!("{name} is missing"),
                format!("add a line {name} = …"),
            );
        }
        value
    }

    pub(crate) fn text<'t>(&mut self, name: &str, value: &'t Value<'a>) -> Option<&'t str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let what = format!("{name} is {}, not text", value.get_ref().type_str());
            self.wrong(&value.span(), what, format!("write {name} = \"…\""));
        }
        text
    }

    pub(crate) fn public_key(&mut self, name: &str, value: &Value<'a>) -> Option<PublicKey> {
        let key = self.text(name, value)?.parse().ok();
        if key.is_none() {
            self.wrong(
                &value.span(),
                format!("{name} is no public key"),
                "write its 64 hexadecimal digits: its founder.json has them",
            );
        }
        key
    }

    pub(crate) fn node(&mut self, table: &DeTable<'a>) -> Option<PublicKey> {
        let value = self.needed(table, "node", 0..0)?;
        self.public_key("node", value)
    }

    pub(crate) fn path(
        &mut self,
        table: &DeTable<'a>,
        name: &str,
    ) -> Option<(Range<usize>, PathBuf)> {
        let value = self.needed(table, name, 0..0)?;
        let text = self.text(name, value)?;
        if text.is_empty() {
            self.wrong(
                &value.span(),
                format!("{name} is empty"),
                "name a file or directory",
            );
            return None;
        }
        Some((value.span(), self.folder.join(text)))
    }

    pub(crate) fn socket(
        &mut self,
        table: &DeTable<'a>,
        name: &str,
        is_needed: bool,
    ) -> Option<SocketAddr> {
        let value = match is_needed {
            true => self.needed(table, name, 0..0)?,
            false => table.get(name)?,
        };
        let text = self.text(name, value)?;
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() > 0 => Some(address),
            _ => {
                let what = format!("{name} is {text:?}, no address to listen on");
                let mend = "write IP:PORT, such as 127.0.0.1:7272, or 0.0.0.0:7272 for all of this \
                            machine's addresses";
                self.wrong(&value.span(), what, mend);
                None
            }
        }
    }

    pub(crate) fn integer(
        &mut self,
        table: &DeTable<'a>,
        name: &str,
        bounds: (i64, i64),
    ) -> Option<i64> {
        let value = table.get(name)?;
        let found = value.get_ref().as_integer();
        let found = found
            .and_then(|integer| i64::from_str_radix(integer.as_str(), integer.radix()).ok())
            .filter(|found| (bounds.0..=bounds.1).contains(found));
        if found.is_none() {
            let what = format!("{name} is no number from {} to {}", bounds.0, bounds.1);
            self.wrong(&value.span(), what, "write one, or leave the line out");
        }
        found
    }

    pub(crate) fn resolve(&mut self, value: &Value<'a>) -> Option<SocketAddr> {
        let text = self.text("address", value)?;
        let found = text
            .to_socket_addrs()
            .ok()
            .and_then(|mut found| found.next());
        if found.is_none() {
            let what = format!("address {text:?} leads nowhere");
            self.wrong(
                &value.span(),
                what,
                "write IP:PORT, or HOST:PORT of a host that is known here",
            );
        }
        found
    }

    /// What can be told of the key without its passphrase.
    pub(crate) fn check_key(&mut self, span: &Range<usize>, path: &Path) {
        if let Err(error) = keystore::look(path) {
            let what = match &error {
                KeyError::Io { source, .. } => format!("{error}: {source}"),
                error => error.to_string(),
            };
            self.wrong(span, what, mend(&error));
        }
    }

    /// A table, where there is one.
    pub(crate) fn table_of<'t>(
        &mut self,
        table: &'t DeTable<'a>,
        name: &str,
    ) -> Option<&'t DeTable<'a>> {
        let value = table.get(name)?;
        let found = value.get_ref().as_table();
        if found.is_none() {
            let what = format!("{name} is {}, no table", value.get_ref().type_str());
            self.wrong(&value.span(), what, format!("write [{name}]"));
        }
        found
    }

    /// A part of the file as a type of its own reads it.
    pub(crate) fn part<T: DeserializeOwned>(&mut self, value: &Value<'a>, mend: &str) -> Option<T> {
        match toml::from_str(self.text) {
            Ok(part) => Some(part),
            Err(error) => {
                // The line itself is not shown: somebody may have written a key there.
                let span = error.span().unwrap_or_else(|| value.span());
                let message = error.message().replace('\n', ", ");
                self.wrong(&span, message, mend);
                None
            }
        }
    }

    /// True or false, where it is said.
    pub(crate) fn truth(&mut self, table: &DeTable<'a>, name: &str) -> Option<bool> {
        let value = table.get(name)?;
        let found = value.get_ref().as_bool();
        if found.is_none() {
            let what = format!("{name} is {}", value.get_ref().type_str());
            self.wrong(&value.span(), what, "write true or false");
        }
        found
    }

    /// Text that says how many credits.
    pub(crate) fn credits(&mut self, table: &DeTable<'a>, name: &str) -> Option<Amount> {
        let value = self.needed(table, name, 0..0)?;
        let text = self.text(name, value)?;
        match credits(text) {
            Ok(amount) => Some(amount),
            Err(mend) => {
                let what = format!("{name} is {text:?}, no amount");
                self.wrong(&value.span(), what, mend);
                None
            }
        }
    }

    /// The nodes by which a network elsewhere is followed.
    pub(crate) fn nodes(&mut self, table: &DeTable<'a>) -> Option<Vec<String>> {
        let value = self.needed(table, "nodes", 0..0)?;
        let list = value.get_ref().as_array();
        let urls = list.map(|list| {
            let urls = list
                .iter()
                .map(|url| url.get_ref().as_str().map(str::to_owned));
            urls.collect::<Option<Vec<String>>>().unwrap_or_default()
        });
        let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        let urls = urls.filter(|urls| !urls.is_empty() && urls.iter().all(is_url));
        if urls.is_none() {
            let mend = "write nodes = [\"http://HOST:PORT\"], each a node of the network that answers queries";
            self.wrong(&value.span(), "nodes names no node", mend);
        }
        urls
    }

    /// An address that others are told: `host:port`.
    pub(crate) fn address(
        &mut self,
        table: &DeTable<'a>,
        at: Range<usize>,
    ) -> Option<Text<ADDRESS_LENGTH_MAX>> {
        let value = self.needed(table, "address", at)?;
        let text = self.text("address", value)?;
        match address(text) {
            Ok((_, address)) => Some(address),
            Err(mend) => {
                let what = format!("address is {text:?}, which leads nowhere");
                self.wrong(&value.span(), what, mend);
                None
            }
        }
    }

    /// The genesis of a network, where it is named.
    pub(crate) fn genesis(&mut self, span: &Range<usize>, path: &Path) -> Option<Genesis> {
        let read = read(path, GENESIS_LENGTH_MAX).and_then(|text| {
            let genesis = Genesis::from_json(&text);
            genesis.map_err(|error| format!("{}: {error}", path.display()))
        });
        match read {
            Ok(genesis) => Some(genesis),
            Err(what) => {
                let mend = "put the network's genesis there: llmnet genesis makes it of all \
                            founders' files";
                self.wrong(span, what, mend);
                None
            }
        }
    }
}

/// Reads credits: whole ones, or with up to six digits after a point.
pub(crate) fn credits(text: &str) -> Result<Amount, String> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let is_number =
        |digits: &str| !digits.is_empty() && digits.bytes().all(|one| one.is_ascii_digit());
    let read = || {
        if !is_number(whole) || !is_number(part) || part.len() > 6 {
            return None;
        }
        let whole: u64 = whole.parse().ok()?;
        let part: u64 = format!("{part:0<6}").parse().ok()?;
        whole
            .checked_mul(Amount::CREDIT.0)?
            .checked_add(part)
            .map(Amount)
    };
    read().ok_or_else(|| "write credits, such as 1000 or 0.25".to_owned())
}

/// Reads an address that others are told, `host:port`, and its port.
pub(crate) fn address(text: &str) -> Result<(u16, Text<ADDRESS_LENGTH_MAX>), String> {
    let port = host_and_port(text).map(|(_, port)| port);
    port.zip(Text::new(text).ok()).ok_or_else(|| {
        format!("write HOST:PORT of at most {ADDRESS_LENGTH_MAX} bytes, such as node.example:7272")
    })
}

/// What to do about a key.
pub fn mend(error: &KeyError) -> &'static str {
    match error {
        KeyError::Io { .. } => "name the file of an encrypted key that this user may read",
        KeyError::Exposed { .. } => {
            "take it from others with chmod 600, and make a new key if any of them may have read it"
        }
        KeyError::Exists { .. } => {
            "name another directory, or move that file away if it is not needed"
        }
        KeyError::Fault { fault, .. } => match fault {
            Fault::NotEncrypted | Fault::Scheme => {
                "encrypt it: openssl pkcs8 -topk8 -scrypt -in OLD -out NEW"
            }
            Fault::Passphrase => "try its passphrase again, or restore the file from its backup",
            Fault::Cost { .. } => "do not trust who made it; a key of your own costs less",
            Fault::Algorithm(_) | Fault::Malformed(_) => {
                "restore it from its backup; llmnet validator init makes such files"
            }
        },
        KeyError::Randomness(_) => "look what is wrong with this system before you make keys on it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_read_to_the_millionth() {
        for (text, amount) in [
            ("0", 0),
            ("1", 1_000_000),
            ("0.25", 250_000),
            ("3.000001", 3_000_001),
        ] {
            assert_eq!(credits(text), Ok(Amount(amount)));
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1.0000001",
            "99999999999999999",
            " 1",
        ] {
            assert!(credits(text).is_err(), "{text}");
        }
    }
}
