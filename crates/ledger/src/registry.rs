//! Registrations: who answers, about what, with which bond (REG).
//!
//! A registration is a number with versions of what was said: taken in, updated, rotated to another key,
//! told of new documents, at last retired. Selections look back some epochs, so versions are kept as
//! long, and a domain keeps whom it may still select for them (REG-9, SEL-8).

mod announce;
mod domains;
mod register;
mod retire;
mod rotate;
mod update;
mod versions;

use llmnet_types::{
    id::ProviderId,
    registration::Registration,
    rejection::{Field, Rejection},
    signature::PublicKey,
    units::Amount,
};

use crate::{query, record::Provider, work::Work};

pub(crate) use announce::announce;
pub(crate) use register::register;
pub(crate) use retire::{forget, retire, slashed};
pub(crate) use rotate::{key_of_today, rotate};
pub(crate) use update::update;

const DOMAINS: Rejection = Rejection::Bounds {
    field: Field::Domains,
};
const BOND: Rejection = Rejection::Bounds { field: Field::Bond };

/// A registration that stands.
fn standing(work: &Work<'_>, id: ProviderId) -> Result<Provider, Rejection> {
    query::provider(work, id)
        .filter(|provider| provider.retired_at.is_none())
        .ok_or(Rejection::Provider { provider: id })
}

/// The bonds that a node's standing registration named, all domains together; nothing without one.
pub(crate) fn registered_bonds(work: &Work<'_>, node: &PublicKey) -> Amount {
    query::provider_of(work, node).map_or(Amount::ZERO, |(_, provider)| {
        // What was taken in did fit.
        all_domains(&provider.newest().registration, |said| said.bond).unwrap_or(Amount(u64::MAX))
    })
}

/// A bond for each domain, together (REG-3).
fn all_domains(
    registration: &Registration,
    bond: impl Fn(&Registration) -> Amount,
) -> Option<Amount> {
    let domains = u64::try_from(registration.domains.len()).ok()?;
    bond(registration).0.checked_mul(domains).map(Amount)
}
