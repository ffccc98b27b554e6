//! A provider in all its domains, and what of that counts in one of them (SEL-3, AUD-4, AUD-5).

use llmnet_types::{
    id::{DomainId, ProviderId},
    params::Params,
    reputation::{Audited, EVIDENCE_UNIT, Reputation},
    units::{Epoch, Height, Score},
};

use super::history::{self, Seen};
use crate::{audit, record::Audits, state::State};

/// Standings in all the domains that a provider registered in, all as one epoch sees them.
#[derive(Debug, Default)]
pub struct Whole {
    seen: Vec<(DomainId, Seen)>,
}

/// What counts in a domain.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    /// What peers said in the domain, with what audits add.
    pub evidence: Reputation,
    /// What a mean counts up to.
    pub ceiling: Score,
    /// What audits alone say (AUD-6).
    pub audited: Audited,
}

impl Whole {
    /// As selections at a height see it.
    pub(crate) fn at(
        state: &dyn State,
        params: &Params,
        height: Height,
        provider: ProviderId,
        domains: &[DomainId],
    ) -> Self {
        Self::of(domains, |domain| {
            history::at(state, params, height, provider, domain)
        })
    }

    /// As it is in an epoch, which has begun.
    pub(crate) fn now(
        state: &dyn State,
        params: &Params,
        epoch: Epoch,
        provider: ProviderId,
        domains: &[DomainId],
    ) -> Self {
        Self::of(domains, |domain| {
            history::now(state, params, epoch, provider, domain)
        })
    }

    /// Of these domains, each as it is seen.
    pub fn of(domains: &[DomainId], seen: impl Fn(DomainId) -> Seen) -> Self {
        let seen = domains.iter().map(|domain| (*domain, seen(*domain)));
        Self {
            seen: seen.collect(),
        }
    }

    /// A domain's standing, where it registered in it.
    pub(crate) fn within(&self, domain: DomainId) -> Option<Seen> {
        let found = self.seen.iter().find(|(other, _)| *other == domain);
        found.map(|(_, seen)| *seen)
    }

    /// What counts in a domain whose own standing is this.
    pub fn counted(&self, domain: DomainId, own: &Seen) -> Counted {
        let elsewhere = self
            .seen
            .iter()
            .filter(|(other, _)| *other != domain)
            .fold(Audits::default(), |sum, (_, seen)| {
                audit::together(&sum, &seen.audits)
            });
        let (right, wrong) = audit::evidence(&own.audits, &elsewhere);
        let all = audit::together(&own.audits, &elsewhere);
        Counted {
            evidence: own.reputation.with(right, wrong),
            ceiling: audit::ceiling(&own.audits, &all),
            audited: audit::compared(&own.audits, &elsewhere),
        }
    }

    /// How well it is known: ratings and audited answers, in all its domains.
    pub fn samples(&self) -> u32 {
        let (ratings, audited) =
            self.seen
                .iter()
                .fold((0_u32, 0_u128), |(ratings, audited), (_, seen)| {
                    (
                        ratings.saturating_add(seen.reputation.samples),
                        audited.saturating_add(audit::answered(&seen.audits)),
                    )
                });
        let audited = audited.checked_div(EVIDENCE_UNIT.into()).unwrap_or(0);
        ratings.saturating_add(u32::try_from(audited).unwrap_or(u32::MAX))
    }
}
