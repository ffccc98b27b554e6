//! Parameters of paths and queries, each complaint naming its own.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    extract::{Path, rejection::PathRejection},
    http::StatusCode,
};
use llmnet_types::{
    domain::Domain,
    id::{HexError, NetworkId, ProviderId},
    signature::PublicKey,
    units::Height,
};

use crate::{
    error::ApiError,
    fields::{invalid, shown},
    gateway::Gateway,
    lasting::Address,
    port::ledger::{Page, ProviderRef},
};

/// Entries of a page where nobody says how many.
pub(super) const LIMIT_DEFAULT: usize = 50;
/// The most entries of a page.
pub(super) const LIMIT_MAX: usize = 256;

/// What every query may say: which network it is asked about.
const NETWORK: &str = "network";

/// A query's parameters.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads a query that may have these parameters, and `network`, which refuses where this node is of
    /// another one: a client that is given a new node, or a node that is given a new network, should not
    /// take the one for the other.
    pub(super) fn read(
        gateway: &Gateway,
        query: Option<&str>,
        known: &[&str],
    ) -> Result<Self, ApiError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name != NETWORK && !known.contains(&name.as_ref()) {
                return Err(unknown(&name, known));
            }
            if parameters
                .insert(name.to_string(), value.into_owned())
                .is_some()
            {
                let message = format!("'{name}' stands there twice; say it once");
                return Err(invalid(name, message));
            }
        }
        let parameters = Self(parameters);
        let (wanted, found) = (parameters.network()?, gateway.ledger.network());
        if wanted.is_some_and(|wanted| wanted != found) {
            return Err(other_network(found));
        }
        Ok(parameters)
    }

    fn network(&self) -> Result<Option<NetworkId>, ApiError> {
        self.read_as(NETWORK, hex)
    }

    /// What the address of a place means, which a network's name pins down.
    pub(super) fn address(&self) -> Address {
        match self.text(NETWORK) {
            Some(_) => Address::OfContent,
            None => Address::OfPlace,
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn read_as<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str, &str) -> Result<T, ApiError>,
    ) -> Result<Option<T>, ApiError> {
        self.text(name).map(|text| read(name, text)).transpose()
    }

    pub(super) fn height(&self, name: &str) -> Result<Option<Height>, ApiError> {
        Ok(self.read_as(name, number)?.map(Height))
    }

    pub(super) fn key(&self, name: &str) -> Result<Option<PublicKey>, ApiError> {
        self.read_as(name, hex)
    }

    pub(super) fn provider(&self, name: &str) -> Result<Option<ProviderRef>, ApiError> {
        self.read_as(name, provider)
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => {
                let message = format!("'{name}' must be true or false, found {}", shown(other));
                Err(invalid(name, message))
            }
        }
    }

    pub(super) fn domain(&self, name: &str) -> Result<Option<Domain>, ApiError> {
        self.read_as(name, |name, text| {
            Domain::new(text).map_err(|_| {
                let message = format!(
                    "'{name}' must be a domain's name, 1 to 32 characters of a-z, 0-9 and -, \
                     found {}",
                    shown(text)
                );
                invalid(name, message)
            })
        })
    }

    /// How many entries are wanted.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        let Some(text) = self.text("limit") else {
            return Ok(LIMIT_DEFAULT);
        };
        let limit = number("limit", text)?;
        usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| {
                let message = format!("'limit' must be 1 to {LIMIT_MAX}, found {limit}");
                invalid("limit", message)
            })
    }

    pub(super) fn page(&self) -> Result<Page, ApiError> {
        Ok(Page {
            cursor: self.read_as("cursor", number)?.unwrap_or(0),
            limit: self.limit()?,
        })
    }

    /// How long to wait, at most as long as the operator allows.
    pub(super) fn wait(&self, most: Duration) -> Result<Duration, ApiError> {
        let wait = self.read_as("wait_ms", number)?.unwrap_or(0);
        Ok(Duration::from_millis(wait).min(most))
    }
}

fn other_network(found: NetworkId) -> ApiError {
    let message = format!("this node is of network {found}; ask one of the network you mean");
    ApiError::new(StatusCode::CONFLICT, "other_network", message).at(NETWORK)
}

fn unknown(name: &str, known: &[&str]) -> ApiError {
    let known = [known, &[NETWORK]].concat().join(", ");
    let message = format!("there is no parameter {}; there is {known}", shown(name));
    ApiError::bad_request("unknown_parameter", message)
        .at(name.chars().take(80).collect::<String>())
}

/// A path's parameters, as text.
pub(super) fn path<T>(path: Result<Path<T>, PathRejection>, name: &str) -> Result<T, ApiError> {
    path.map(|Path(text)| text)
        .map_err(|_| invalid(name, format!("'{name}' is not UTF-8")))
}

/// A whole number in plain digits.
pub(super) fn number(name: &str, text: &str) -> Result<u64, ApiError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        let message = format!(
            "'{name}' must be a whole number, 0 or more, found {}",
            shown(text)
        );
        invalid(name, message)
    })
}

/// A number that the ledger counts in 32 bits; what is beyond was never handed out.
pub(super) fn short_number(name: &str, text: &str) -> Result<u32, ApiError> {
    let number = number(name, text)?;
    u32::try_from(number).map_err(|_| {
        let message = format!("'{name}' must be at most {}, found {number}", u32::MAX);
        invalid(name, message)
    })
}

/// A digest, an id or a key.
pub(super) fn hex<T: std::str::FromStr<Err = HexError>>(
    name: &str,
    text: &str,
) -> Result<T, ApiError> {
    text.parse().map_err(|error: HexError| {
        let message = format!(
            "'{name}' must be {} characters of 0-9 and a-f, found {}",
            error.bytes * 2,
            shown(text)
        );
        invalid(name, message)
    })
}

/// Bytes in lower or upper case: whoever sends bytes is no verifier's one spelling.
pub(super) fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |character: u8| char::from(character).to_digit(16);
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(nibble(*high)? << 4 | nibble(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// Bytes in lower case.
pub(super) fn hex_of_bytes(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| DIGITS[usize::from(nibble)])
        .collect()
}

/// A provider's number or key.
pub(super) fn provider(name: &str, text: &str) -> Result<ProviderRef, ApiError> {
    if let Ok(key) = text.parse() {
        return Ok(ProviderRef::Key(key));
    }
    let number = short_number(name, text).map_err(|_| {
        let message = format!(
            "'{name}' must be a provider's number, or its key in 64 characters of 0-9 and a-f, \
             found {}",
            shown(text)
        );
        invalid(name, message)
    })?;
    Ok(ProviderRef::Id(ProviderId(number)))
}
