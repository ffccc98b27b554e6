//! Domains and who is on their lists (REG-3).
//!
//! Numbers of domains are short and so are few. One that all have left is given to the next domain that
//! begins: so who would use them all up has to keep a bond locked for each.

use llmnet_types::{
    codec::List,
    domain::Domain,
    id::{DomainId, ProviderId},
    registration::{DOMAINS_MAX, Registration},
    rejection::{Field, Rejection},
};

use super::DOMAINS;
use crate::{
    record::{Counters, DomainEntry},
    state::Key,
    work::Work,
};

/// Puts a provider on the lists of its domains, none twice. The caller keeps the counters.
pub(super) fn enter(
    work: &mut Work<'_>,
    counters: &mut Counters,
    provider: ProviderId,
    registration: &Registration,
) -> Result<List<DomainId, DOMAINS_MAX>, Rejection> {
    let mut domains = List::new();
    for name in &registration.domains {
        let (id, mut entry) = find(work, counters, name)?;
        if domains.contains(&id) || !domains.push(id) {
            return Err(DOMAINS);
        }
        if !entry.providers.push(provider) {
            return Err(Rejection::Full {
                field: Field::Domains,
            });
        }
        work.write(Key::Domain(id), &entry);
    }
    Ok(domains)
}

/// A domain by name; its first provider begins it.
fn find(
    work: &mut Work<'_>,
    counters: &mut Counters,
    name: &Domain,
) -> Result<(DomainId, DomainEntry), Rejection> {
    let number = Key::DomainNumber(name.clone());
    let known: Option<DomainId> = work.read(&number);
    if let Some(id) = known {
        let entry = work.read(&Key::Domain(id)).ok_or(DOMAINS)?;
        return Ok((id, entry));
    }
    let id = next(work, counters)?;
    work.write(number, &id);
    let entry = DomainEntry {
        name: name.clone(),
        providers: List::new(),
    };
    Ok((id, entry))
}

/// A number for a new domain: the last that became vacant, else the next.
fn next(work: &mut Work<'_>, counters: &mut Counters) -> Result<DomainId, Rejection> {
    if let Some(vacant) = counters.vacant {
        let key = Key::Vacant(vacant);
        counters.vacant = work.read(&key).unwrap_or_default();
        work.remove(key);
        return Ok(vacant);
    }
    let id = counters.domain;
    counters.domain = id.next().ok_or(Rejection::Full {
        field: Field::Domains,
    })?;
    Ok(id)
}

/// Takes a provider off the list of a domain. With the last one the domain ends.
pub(super) fn leave(work: &mut Work<'_>, provider: ProviderId, domain: DomainId) {
    let key = Key::Domain(domain);
    let Some(DomainEntry { name, providers }) = work.read(&key) else {
        return;
    };
    let others = providers.iter().filter(|other| **other != provider);
    let providers = List::truncated(others.copied());
    if !providers.is_empty() {
        work.write(key, &DomainEntry { name, providers });
        return;
    }
    work.remove(key);
    work.remove(Key::DomainNumber(name));
    let mut counters: Counters = work.read(&Key::Counters).unwrap_or_default();
    work.write(Key::Vacant(domain), &counters.vacant);
    counters.vacant = Some(domain);
    work.write(Key::Counters, &counters);
}
