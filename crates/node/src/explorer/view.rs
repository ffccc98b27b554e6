//! What is read of a state, as the gateway's port has it.
//!
//! These functions run several times for one answer, each time with more of the state loaded (see
//! `llmnet_chain::query`): they have no effects, and what they list is bounded.

use llmnet_gateway::port::ledger::{
    Account, Audits, Bond, Coordinator, LedgerError, Line, LineFilter, Listed, ListedCoordinator,
    Page, Profile, Provider, ProviderRef, Remembered, ReputationQuery, ReputationRow, Status,
    Totals,
};
use llmnet_ledger::{
    State, query as ledger,
    record::{self, Clock, Counters, Office},
};
use llmnet_types::{
    block::Header,
    bond::Role,
    domain::Domain,
    id::{DomainId, LineId, ProviderId},
    network::{Committee, NetworkRoot},
    params::ANSWER_EPOCHS,
    signature::PublicKey,
    units::{Height, Term},
};

use crate::coordinator::title;

/// How many lines one page looks at: most may be released, or others'.
const LINES_SEEN_MAX: u32 = 1024;
/// How many of the newest lines are looked at for an account.
const NEWEST_LINES: u32 = 256;

const ROLES: [Role; 4] = [
    Role::Respondent,
    Role::Coordinator,
    Role::Validator,
    Role::Auditor,
];

/// A page whose height is known only when it is read.
pub(crate) struct Found<T> {
    items: Vec<T>,
    next: Option<u64>,
}

impl<T> Found<T> {
    pub(crate) fn at(self, height: Height) -> Listed<T> {
        Listed {
            height,
            items: self.items,
            next: self.next,
        }
    }
}

/// Where the network stands, as the state has it.
pub(crate) struct Standing {
    /// Height, epoch, beacon.
    pub(crate) clock: Clock,
    /// Where all money is.
    pub(crate) totals: record::Totals,
    /// How many there ever were.
    pub(crate) counters: Counters,
    /// The committee in office.
    pub(crate) office: Option<Office>,
}

pub(crate) fn standing(state: &dyn State) -> Standing {
    Standing {
        clock: ledger::clock(state),
        totals: ledger::totals(state),
        counters: ledger::counters(state),
        office: ledger::office(state),
    }
}

impl Standing {
    pub(crate) fn status(
        self,
        header: Header,
        name: String,
        kept_from: Height,
        root: NetworkRoot,
    ) -> Status {
        let (term, committee): (Term, Committee) = match self.office {
            Some(office) => (office.term, office.committee),
            None => (header.term, root.committee.clone()),
        };
        let totals = self.totals;
        Status {
            network: header.network,
            name,
            header,
            kept_from,
            epoch: self.clock.epoch,
            beacon: self.clock.beacon(),
            term,
            committee,
            root,
            totals: Totals {
                supply: totals.supply,
                accounts: totals.accounts,
                lines: totals.lines,
                bonds: totals.bonds,
                held: totals.held,
                deposits: totals.deposits,
                pool: totals.pool,
                burnt: totals.burnt,
            },
            providers: self.counters.provider.0,
            lines: self.counters.line.0,
            domains: u32::from(self.counters.domain.0),
        }
    }
}

/// What stands under a key. Its height is for the caller to fill in.
pub(crate) fn account(state: &dyn State, key: &PublicKey) -> Account {
    let account = ledger::account(state, key);
    let node = ledger::node(state, key);
    let bonds = ROLES.iter().filter_map(|role| {
        let bond = ledger::bond(state, key, *role)?;
        Some(Bond {
            role: *role,
            operator: bond.operator,
            standing: bond.standing,
            leaving: bond.leaving,
            enlisted: bond.enlisted,
            address: bond.address.to_string(),
        })
    });
    let coordinator = ledger::coordinator(state, key).map(|record| Coordinator {
        next_slot: record.next_slot,
        height: record.height,
    });
    let count = ledger::counters(state).line.0;
    let newest = count.saturating_sub(NEWEST_LINES)..count;
    let lines = newest.filter_map(|id| line(state, LineId(id)));
    Account {
        key: *key,
        height: Height(0),
        balance: account.balance,
        nonce: account.nonce,
        bonds: bonds.collect(),
        coordinator,
        registrations: node.map_or(0, |node| node.registrations),
        provider: node.map(|node| node.provider),
        lines: lines.filter(|line| line.requester == *key).collect(),
    }
}

pub(crate) fn line(state: &dyn State, id: LineId) -> Option<Line> {
    let line = ledger::line(state, id)?;
    Some(Line {
        id,
        requester: line.requester,
        coordinator: line.coordinator,
        locked: line.locked,
        drawn: line.drawn,
        n: line.n,
        ends: line.ends,
        closed: line.closed,
    })
}

pub(crate) fn lines(state: &dyn State, filter: &LineFilter, page: Page) -> Found<Line> {
    let count = ledger::counters(state).line.0;
    let first = u32::try_from(page.cursor).unwrap_or(u32::MAX).min(count);
    let end = first.saturating_add(LINES_SEEN_MAX).min(count);
    let is = |wanted: Option<PublicKey>, found| wanted.is_none_or(|wanted| wanted == found);
    let mut found = (first..end)
        .filter_map(|id| line(state, LineId(id)))
        .filter(|line| {
            is(filter.requester, line.requester) && is(filter.coordinator, line.coordinator)
        });
    let items: Vec<Line> = found.by_ref().take(page.limit).collect();
    // The next page begins with the first line that was left out, or with what was not looked at.
    let next = found
        .next()
        .map(|line| line.id.0)
        .or_else(|| (end < count).then_some(end));
    Found {
        items,
        next: next.map(u64::from),
    }
}

/// Who is listed, by place on the list: of 256, so that a page may have all.
pub(crate) fn coordinators(state: &dyn State, page: Page) -> Found<ListedCoordinator> {
    let mut listed = (0..)
        .zip(ledger::listed_coordinators(state))
        .skip_while(|(place, _)| *place < page.cursor);
    let items = listed.by_ref().take(page.limit).map(|(_, found)| found);
    let items = items.map(|found| ListedCoordinator {
        key: found.node,
        address: found.address.to_string(),
        bond: found.bond,
    });
    let items = items.collect();
    let next = listed.next().map(|(place, _)| place);
    Found { items, next }
}

/// The numbers of providers on a page, and where the next one begins.
fn page_of(
    state: &dyn State,
    domain: Option<&Domain>,
    page: Page,
) -> Result<Found<ProviderId>, LedgerError> {
    let mut ids: Box<dyn Iterator<Item = ProviderId>> = match domain {
        Some(name) => {
            let id = ledger::domain_id(state, name)
                .ok_or_else(|| LedgerError::UnknownDomain(name.clone()))?;
            let mut providers = ledger::domain_providers(state, id);
            providers.sort_unstable();
            let cursor = page.cursor;
            Box::new(
                providers
                    .into_iter()
                    .filter(move |id| u64::from(id.0) >= cursor),
            )
        }
        None => {
            let count = ledger::counters(state).provider.0;
            let first = u32::try_from(page.cursor).unwrap_or(u32::MAX).min(count);
            Box::new((first..count).map(ProviderId))
        }
    };
    let items = ids.by_ref().take(page.limit).collect();
    let next = ids.next().map(|id| u64::from(id.0));
    Ok(Found { items, next })
}

pub(crate) fn providers(
    state: &dyn State,
    domain: Option<&Domain>,
    page: Page,
) -> Result<Found<Provider>, LedgerError> {
    let ids = page_of(state, domain, page)?;
    let providers = ids.items.into_iter().filter_map(|id| provider(state, id));
    Ok(Found {
        items: providers.collect(),
        next: ids.next,
    })
}

fn provider(state: &dyn State, id: ProviderId) -> Option<Provider> {
    let record = ledger::provider(state, id)?;
    let version = record.newest();
    let names = version.registration.domains.iter().cloned();
    let domains = record.domains.iter().zip(names).map(|(domain, name)| {
        let profile = profile(state, id, *domain);
        (*domain, name, profile)
    });
    Some(Provider {
        id,
        name: title(&version.registration),
        from: version.from,
        adapter: version.adapter,
        registered_at: record.registered_at,
        retired_at: record.retired_at,
        domains: domains.collect(),
        registration: version.registration.clone(),
    })
}

fn number(state: &dyn State, provider: &ProviderRef) -> Option<ProviderId> {
    match provider {
        ProviderRef::Id(id) => Some(*id),
        ProviderRef::Key(key) => ledger::node(state, key).map(|node| node.provider),
    }
}

pub(crate) fn provider_by(state: &dyn State, wanted: &ProviderRef) -> Option<Provider> {
    provider(state, number(state, wanted)?)
}

/// How good a provider is found now.
fn profile(state: &dyn State, provider: ProviderId, domain: DomainId) -> Profile {
    shown(&ledger::profile(state, provider, domain))
}

const fn shown(profile: &ledger::Profile) -> Profile {
    Profile {
        evidence: profile.reputation,
        mean: profile.mean,
        deviation: profile.deviation,
        lower_bound: profile.lower_bound,
        ceiling: profile.ceiling,
    }
}

/// Why nothing is known of a height.
fn unknown_height(state: &dyn State, height: Height) -> LedgerError {
    let clock = ledger::clock(state);
    if height > clock.height {
        let newest = clock.height;
        return LedgerError::NotReached { newest };
    }
    let length = ledger::params(state).epoch_length();
    let oldest = clock.epoch.before(ANSWER_EPOCHS).0.saturating_mul(length);
    LedgerError::Forgotten {
        oldest: Height(oldest),
    }
}

pub(crate) fn reputation(
    state: &dyn State,
    query: &ReputationQuery,
    page: Page,
) -> Result<Found<ReputationRow>, LedgerError> {
    if let Some(name) = &query.domain
        && ledger::domain_id(state, name).is_none()
    {
        return Err(LedgerError::UnknownDomain(name.clone()));
    }
    let ids = match &query.provider {
        Some(wanted) => Found {
            items: vec![
                number(state, wanted)
                    .filter(|id| ledger::provider(state, *id).is_some())
                    .ok_or(LedgerError::UnknownProvider)?,
            ],
            next: None,
        },
        None => page_of(state, query.domain.as_ref(), page)?,
    };
    let mut items = Vec::new();
    for id in ids.items {
        rows(state, query, id, &mut items)?;
    }
    let next = ids.next;
    Ok(Found { items, next })
}

/// The rows of one provider.
fn rows(
    state: &dyn State,
    query: &ReputationQuery,
    id: ProviderId,
    rows: &mut Vec<ReputationRow>,
) -> Result<(), LedgerError> {
    let Some(record) = ledger::provider(state, id) else {
        return Ok(());
    };
    let registration = &record.newest().registration;
    for (domain_id, domain) in record.domains.iter().zip(registration.domains.iter()) {
        if query.domain.as_ref().is_some_and(|wanted| wanted != domain) {
            continue;
        }
        let profile = match query.at {
            None => profile(state, id, *domain_id),
            Some(height) => ledger::profile_at(state, id, *domain_id, height)
                .map(|profile| shown(&profile))
                .ok_or_else(|| unknown_height(state, height))?,
        };
        rows.push(ReputationRow {
            provider: id,
            node: registration.node,
            name: title(registration),
            domain_id: *domain_id,
            domain: domain.clone(),
            profile,
            history: query
                .provider
                .is_some()
                .then(|| history(state, id, *domain_id)),
        });
    }
    Ok(())
}

fn history(state: &dyn State, provider: ProviderId, domain: DomainId) -> Vec<Remembered> {
    let standing = ledger::standing(state, provider, domain);
    let remembered = standing.history.iter().map(|entry| Remembered {
        height: entry.height,
        evidence: entry.value,
        audits: Audits {
            long_right: entry.audits.long_right,
            long_wrong: entry.audits.long_wrong,
            short_right: entry.audits.short_right,
            short_wrong: entry.audits.short_wrong,
        },
    });
    remembered.collect()
}
