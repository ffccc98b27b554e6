//! What fields hold where nothing is said, and the bounds of what is said.

use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;

use super::Range;

pub(super) const fn whole_of<const N: u32>() -> u32 {
    N
}

pub(super) const fn skill() -> Range {
    Range {
        low: 0.6,
        high: 0.8,
    }
}

pub(super) const fn price() -> Range {
    Range {
        low: 800.0,
        high: 1_200.0,
    }
}

pub(super) const fn latency() -> Range {
    Range {
        low: 500.0,
        high: 3_000.0,
    }
}

pub(super) const fn one() -> f64 {
    1.0
}

pub(super) const fn growth() -> f64 {
    1.25
}

pub(super) const fn spread() -> f64 {
    0.5
}

pub(super) fn quorum() -> Spanned<u32> {
    Spanned::new(0..0, 3)
}

pub(super) fn whole<'de, const LOW: u32, const HIGH: u32, D: Deserializer<'de>>(
    from: D,
) -> Result<u32, D::Error> {
    let number = i64::deserialize(from)?;
    u32::try_from(number)
        .ok()
        .filter(|number| (LOW..=HIGH).contains(number))
        .ok_or_else(|| D::Error::custom(format!("{number} should be from {LOW} to {HIGH}")))
}

pub(super) fn within<'de, D: Deserializer<'de>>(
    from: D,
    low: f64,
    high: f64,
) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if (low..=high).contains(&number) {
        return Ok(number);
    }
    Err(D::Error::custom(format!(
        "{number} should be from {low} to {high}"
    )))
}

pub(super) fn range<'de, D: Deserializer<'de>>(
    from: D,
    low: f64,
    high: f64,
) -> Result<Range, D::Error> {
    let (least, most) = <(f64, f64)>::deserialize(from)?;
    if low <= least && least <= most && most <= high {
        return Ok(Range {
            low: least,
            high: most,
        });
    }
    Err(D::Error::custom(format!(
        "[{least}, {most}] should be a range within {low} and {high}, the lower end first"
    )))
}

pub(super) fn share<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, 0.0, 1.0)
}

pub(super) fn audits<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, 0.0, 0.2)
}

pub(super) fn credits<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, 1.0, 1_000.0)
}

pub(super) fn growths<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    within(from, 1.01, 10.0)
}

pub(super) fn shares<'de, D: Deserializer<'de>>(from: D) -> Result<Range, D::Error> {
    range(from, 0.0, 1.0)
}

pub(super) fn prices<'de, D: Deserializer<'de>>(from: D) -> Result<Range, D::Error> {
    range(from, 0.0, 1_000_000.0)
}

pub(super) fn latencies<'de, D: Deserializer<'de>>(from: D) -> Result<Range, D::Error> {
    range(from, 1.0, 600_000.0)
}
