//! What ledger and coordinator do today, by their own code.
//!
//! Selection is [`llmnet_ledger::selection::order`] over candidates made of standings as the ledger keeps them
//! (SEL-1 to SEL-9); the verdict is [`llmnet_protocol::debate::conclude`] under `vote` (DEB-5), its strengths the
//! scores that become evidence (RAT-2, REP-1). Audits fill the two records of AUD-4, from one auditor.
//!
//! Two seats are asked first, and the others of seven only where they settle nothing (DEB-13). While more calls were made
//! than are allowed, a panel has as many seats as calls are allowed.
//!
//! One contract of an open network, whose fee pays for a whole unit of evidence, an epoch for each hundred. What audits
//! find is known at once, where a network waits for four epochs. A provider has one registration for each eight domains,
//! which are as many as one may have, and what is known of one registration says nothing of the others.

use llmnet_ledger::{
    Counted, Seen, Whole,
    selection::{Rule, order},
};
use llmnet_protocol::{
    debate::{self, Standing, conclude, is_settled},
    policy::{Found, Heard, Policy},
};
use llmnet_types::{
    codec::{List, Text},
    contract::{Filters, SEATS_MAX, Strategy},
    id::{Digest, DomainId, ProviderId},
    params::Params,
    registration::{DOMAINS_MAX, Price},
    reputation::{Credence, EVIDENCE_UNIT},
    selection::{Candidate, SelectionInputs},
    signature::PublicKey,
    units::{Amount, Epoch, Height, Score},
};

/// Contracts of an epoch.
const EPOCH: usize = 100;
/// The policy.
#[derive(Debug)]
pub struct Production {
    /// The most calls for a contract, on average, audits included.
    allowed: f64,
    /// Seats that are asked first, and the answers that they have to give; 0 for all at once.
    first: usize,
    calls: usize,
    /// Seats of the contract at hand.
    seats: usize,
    providers: usize,
    domains: usize,
    domain: usize,
    contracts: usize,
    params: Params,
    /// By provider and domain.
    kept: Vec<Seen>,
    plan: Vec<usize>,
}

impl Production {
    /// For at most so many calls a contract on average, so many seats of it asked first, and so many providers and domains.
    pub fn new(allowed: f64, first: usize, providers: usize, domains: usize) -> Self {
        Self {
            allowed,
            first,
            calls: 0,
            seats: 1,
            providers,
            domains,
            domain: 0,
            contracts: 0,
            params: Params::local(),
            kept: vec![Seen::default(); providers * domains],
            plan: Vec::new(),
        }
    }

    /// How many seats the next contract may have.
    fn affords(&self) -> usize {
        let on_average = self.allowed.floor().max(1.0) as usize;
        let is_within = self.calls as f64 <= self.allowed * self.contracts as f64;
        let asks_further = self.first > 0 && on_average >= self.first;
        let seats = if asks_further && is_within {
            SEATS_MAX
        } else {
            on_average
        };
        seats.min(SEATS_MAX)
    }

    /// The registration of a provider that a domain is of.
    fn whole(&self, provider: usize, domain: usize) -> Whole {
        let first = domain / DOMAINS_MAX * DOMAINS_MAX;
        let last = self.domains.min(first + DOMAINS_MAX);
        let numbers: Vec<DomainId> = (first..last)
            .filter_map(|domain| u16::try_from(domain).ok().map(DomainId))
            .collect();
        Whole::of(&numbers, |domain| {
            self.kept[provider * self.domains + usize::from(domain.0)]
        })
    }

    /// What counts of a provider in a domain (AUD-5).
    fn counted(&self, provider: usize, domain: usize) -> Counted {
        let number = DomainId(u16::try_from(domain).unwrap_or(u16::MAX));
        let own = &self.kept[provider * self.domains + domain];
        self.whole(provider, domain).counted(number, own)
    }

    /// A mean, at most its ceiling (SEL-9).
    fn mean(&self, provider: usize, domain: usize) -> Score {
        let counted = self.counted(provider, domain);
        counted
            .evidence
            .mean(&self.params.prior)
            .min(counted.ceiling)
    }

    /// How far it is believed in a verdict of this domain (DEB-5).
    fn credence(&self, provider: usize) -> Credence {
        Credence {
            mean: self.mean(provider, self.domain),
            audited: self.counted(provider, self.domain).audited,
        }
    }

    fn candidate(&self, provider: usize) -> Candidate {
        let number = u32::try_from(provider).unwrap_or(u32::MAX);
        let own = Digest::tagged("llmnet/sim/provider", &[&number.to_le_bytes()]);
        let counted = self.counted(provider, self.domain);
        let evidence = counted.evidence;
        let prior = &self.params.prior;
        Candidate {
            provider: ProviderId(number),
            node: PublicKey(own.0),
            nonce: 0,
            operator: PublicKey(own.0),
            family: Text::truncated(&format!("family {provider}")),
            twin: own,
            corpus: Digest::ZERO,
            corpus_as_of_day: 0,
            price: Price::default(),
            mean: evidence.mean(prior).min(counted.ceiling),
            deviation: evidence.deviation(prior),
            ceiling: counted.ceiling,
            audited: counted.audited,
            lower_bound: evidence.lower_bound(prior),
            samples: self.whole(provider, self.domain).samples(),
            latency_ms: 0,
            bond: Amount::CREDIT,
        }
    }

    fn place(&self, provider: ProviderId) -> usize {
        provider.0 as usize
    }

    fn end_epoch(&mut self) {
        let decay = self.params.decay;
        for kept in &mut self.kept {
            kept.reputation = kept.reputation.decayed(decay, 1);
            let epoch = Epoch(kept.audits.epoch.0 + 1);
            kept.audits = kept.audits.faded(decay, epoch);
        }
    }
}

impl Policy for Production {
    fn open(&mut self, domain: usize, chance: u64) {
        self.domain = domain;
        self.seats = self.affords();
        let inputs = SelectionInputs {
            height: Height(1),
            epoch: Epoch(0),
            beacon: Digest::ZERO,
            domains: List::new(),
            classifier: Digest::ZERO,
            candidates: List::truncated(
                (0..self.providers).map(|provider| self.candidate(provider)),
            ),
        };
        let seed = Digest::tagged("llmnet/sim/seed", &[&chance.to_le_bytes()]);
        let rule = Rule::of(&self.params);
        let order = order(&inputs, &seed, &rule, &Filters::default());
        self.plan = order
            .into_iter()
            .map(|provider| self.place(provider))
            .collect();
    }

    fn next(&mut self, heard: &[Heard]) -> Option<usize> {
        let next = self.plan.get(heard.len()).copied();
        let settled = self.first > 0 && heard.len() == self.first && self.is_settled(heard);
        next.filter(|_| heard.len() < self.seats && !settled)
    }

    fn conclude(&mut self, heard: &[Heard]) -> Option<u32> {
        let verdict = conclude(Strategy::Vote, 0, &self.standings(heard), &[]);
        let winner = heard.get(usize::from(verdict.winner?))?;
        winner.answer.map(|answer| answer.class)
    }

    fn learn(&mut self, heard: &[Heard], calls: usize) {
        self.calls += calls;
        let verdict = conclude(Strategy::Vote, 0, &self.standings(heard), &[]);
        for (heard, score) in heard.iter().zip(verdict.strengths.iter()) {
            let kept = &mut self.kept[heard.provider * self.domains + self.domain];
            let positive = Amount(EVIDENCE_UNIT).share(*score).0;
            kept.reputation = kept
                .reputation
                .with(positive, EVIDENCE_UNIT.saturating_sub(positive));
            kept.reputation.samples = kept.reputation.samples.saturating_add(1);
        }
        self.contracts += 1;
        if self.contracts.is_multiple_of(EPOCH) {
            self.end_epoch();
        }
    }

    fn audit(&mut self, heard: &[Heard]) -> Option<Vec<usize>> {
        let asked = |provider: &usize| heard.iter().any(|heard| heard.provider == *provider);
        Some(
            (0..self.providers)
                .filter(|provider| !asked(provider))
                .collect(),
        )
    }

    fn audited(&mut self, found: &[Found]) {
        for found in found {
            let kept = &mut self.kept[found.heard.provider * self.domains + self.domain];
            let (right, wrong) = if found.right {
                (EVIDENCE_UNIT, 0)
            } else {
                (0, EVIDENCE_UNIT)
            };
            kept.audits = kept.audits.with(right, wrong);
        }
    }

    fn reputation(&self, provider: usize) -> f64 {
        let means = (0..self.domains).map(|domain| self.mean(provider, domain));
        let sum: u64 = means.map(|mean| u64::from(mean.get())).sum();
        sum as f64 / self.domains.max(1) as f64
    }
}

/// The digest that stands for the class of an answer.
fn class(heard: &Heard) -> Option<Digest> {
    let class = heard.answer?.class;
    Some(Digest::tagged("llmnet/sim/class", &[&class.to_le_bytes()]))
}

impl Production {
    fn is_settled(&self, heard: &[Heard]) -> bool {
        let found: Vec<debate::Found> = heard
            .iter()
            .filter_map(|heard| {
                Some(debate::Found {
                    class: class(heard)?,
                    credence: self.credence(heard.provider),
                    cites: false,
                })
            })
            .collect();
        is_settled(&found, Score::ONE, self.first)
    }

    fn standings(&self, heard: &[Heard]) -> Vec<Standing> {
        heard
            .iter()
            .map(|heard| {
                let class = class(heard);
                Standing {
                    credence: self.credence(heard.provider),
                    first: class,
                    last: class,
                    ballot: None,
                    synthesis: false,
                }
            })
            .collect()
    }
}
