//! From the body of a new key to what it may do.

use std::{collections::BTreeSet, num::NonZeroU64};

use llmnet_types::{id::Digest, units::Amount};
use serde_json::Value;

use crate::{
    error::ApiError,
    fields::{Fields, invalid, read_json, wrong_type},
    port::keys::{ApiKey, Budget, KeyName, Scope},
};

/// What a body looks like.
const EXAMPLE: &str =
    r#"{"name": "ci", "requests_per_minute": 60, "budget": {"credits": "10", "days": 1}}"#;

/// A key that has no secret yet.
pub(super) struct Described(ApiKey);

impl Described {
    pub(super) fn with(self, digest: Digest) -> ApiKey {
        ApiKey { digest, ..self.0 }
    }
}

/// Reads a body. A field that nobody knows is refused: one that was misspelled would be a bound that is not there.
pub(super) fn key(bytes: &[u8]) -> Result<Described, ApiError> {
    let value = read_json(bytes, EXAMPLE)?;
    let fields = Fields::of("", &value)?;
    fields.only(&["name", "scopes", "requests_per_minute", "budget"])?;
    fields.required("name")?;
    let name = KeyName::new(fields.text("name")?.unwrap_or_default()).ok_or_else(|| {
        invalid(
            "name",
            "'name' must be 1 to 64 of A-Z, a-z, 0-9, '-', '_', '.' and ':'",
        )
    })?;
    let budget = fields.object("budget")?.map(|budget| self::budget(&budget));
    Ok(Described(ApiKey {
        name,
        digest: Digest::ZERO,
        scopes: scopes(&fields)?,
        requests_per_minute: count(&fields, "requests_per_minute")?,
        budget: budget.transpose()?,
    }))
}

/// A key for questions where nothing is said.
fn scopes(fields: &Fields<'_>) -> Result<BTreeSet<Scope>, ApiError> {
    let Some(values) = fields.array("scopes")? else {
        return Ok(BTreeSet::from([Scope::Ask]));
    };
    let wrong = || {
        invalid(
            "scopes",
            "'scopes' must have one or more of 'ask', 'read', 'receipts' and 'submit'",
        )
    };
    let scope = |value: &Value| serde_json::from_value(value.clone()).map_err(|_| wrong());
    let scopes: BTreeSet<Scope> = values.iter().map(scope).collect::<Result<_, _>>()?;
    if scopes.is_empty() {
        return Err(wrong());
    }
    Ok(scopes)
}

fn budget(fields: &Fields<'_>) -> Result<Budget, ApiError> {
    fields.only(&["credits", "days"])?;
    let credits = match fields.required("credits")? {
        Value::String(text) => text,
        other => return Err(wrong_type("budget.credits", "a string", other)),
    };
    let amount = amount(credits).ok_or_else(|| {
        invalid(
            "budget.credits",
            "'budget.credits' must be decimal text of at most 6 places, such as \"2.5\"",
        )
    })?;
    let days = count(fields, "days")?;
    Ok(Budget { amount, days })
}

/// A whole number from 1 to what its type holds.
fn count<T: TryFrom<NonZeroU64>>(fields: &Fields<'_>, name: &str) -> Result<Option<T>, ApiError> {
    let Some(number) = fields.whole(name)? else {
        return Ok(None);
    };
    let count = NonZeroU64::new(number).and_then(|count| T::try_from(count).ok());
    let path = fields.path(name);
    let message = format!("'{path}' is out of range: leave it out for no bound");
    count.map(Some).ok_or_else(|| invalid(path, message))
}

/// Credits as they are written, exactly.
fn amount(text: &str) -> Option<Amount> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 6 {
        return None;
    }
    let millionths: u64 = format!("{part:0<6}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    let amount = whole
        .checked_mul(Amount::CREDIT.0)?
        .checked_add(millionths)?;
    Some(Amount(amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_read_exactly_or_not_at_all() {
        for (text, expected) in [
            ("0", Some(0)),
            ("2.5", Some(2_500_000)),
            ("0.000001", Some(1)),
            ("18446744073709.551615", Some(u64::MAX)),
            ("18446744073709.551616", None),
            ("0.0000001", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.2.3", None),
        ] {
            assert_eq!(amount(text).map(|amount| amount.0), expected, "{text:?}");
        }
    }
}
