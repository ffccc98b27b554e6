//! What ledger and coordinator do today, by their own code.
//!
//! Selection is [`llmnet_ledger::selection::order`] over candidates made of standings as the ledger keeps them
//! (SEL-1 to SEL-9); the verdict is [`llmnet_protocol::debate::conclude`] under `vote` (DEB-5), its strengths the
//! scores that become evidence (RAT-2, REP-1). Audits fill the two records of AUD-4, from one auditor.
//!
//! One contract of an open network, whose fee pays for a whole unit of evidence, an epoch for each hundred.

use llmnet_ledger::selection::{Rule, order};
use llmnet_protocol::{
    debate::{Standing, conclude},
    policy::{Found, Heard, Policy},
};
use llmnet_types::{
    codec::{List, Text},
    contract::{Filters, Strategy},
    id::{Digest, ProviderId},
    params::Params,
    registration::Price,
    reputation::{EVIDENCE_UNIT, Prior, Reputation, faded},
    selection::{Candidate, SelectionInputs},
    signature::PublicKey,
    units::{Amount, Epoch, Height, Score},
};

/// Contracts of an epoch.
const EPOCH: usize = 100;
/// One right and one wrong answer are given before any audit (AUD-4).
const GIVEN: Prior = Prior {
    positive: EVIDENCE_UNIT,
    negative: EVIDENCE_UNIT,
};

/// A provider in a domain.
#[derive(Debug, Clone, Copy, Default)]
struct Kept {
    reputation: Reputation,
    long: Reputation,
    short: Reputation,
}

/// The policy.
#[derive(Debug)]
pub struct Production {
    seats: usize,
    providers: usize,
    domains: usize,
    domain: usize,
    contracts: usize,
    params: Params,
    kept: Vec<Kept>,
    plan: Vec<usize>,
}

impl Production {
    /// Panels of so many seats, for so many providers and domains.
    pub fn new(seats: usize, providers: usize, domains: usize) -> Self {
        Self {
            seats,
            providers,
            domains,
            domain: 0,
            contracts: 0,
            params: Params::local(),
            kept: vec![Kept::default(); providers * domains],
            plan: Vec::new(),
        }
    }

    fn of(&self, provider: usize) -> &Kept {
        &self.kept[provider * self.domains + self.domain]
    }

    fn ceiling(kept: &Kept) -> Score {
        kept.long
            .upper_bound(&GIVEN)
            .min(kept.short.upper_bound(&GIVEN))
    }

    /// A mean, at most its ceiling (SEL-9).
    fn mean(&self, provider: usize) -> Score {
        let kept = self.of(provider);
        kept.reputation
            .mean(&self.params.prior)
            .min(Self::ceiling(kept))
    }

    fn candidate(&self, provider: usize) -> Candidate {
        let number = u32::try_from(provider).unwrap_or(u32::MAX);
        let own = Digest::tagged("llmnet/sim/provider", &[&number.to_le_bytes()]);
        let kept = self.of(provider);
        let mean = self.mean(provider);
        let deviation = kept.reputation.deviation(&self.params.prior);
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
            mean,
            deviation,
            ceiling: Self::ceiling(kept),
            lower_bound: kept.reputation.lower_bound(&self.params.prior),
            samples: kept.reputation.samples,
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
            kept.long = kept.long.decayed(decay, 1);
            for evidence in [&mut kept.short.positive, &mut kept.short.negative] {
                *evidence = faded(*evidence, Score::HALF, 1);
            }
        }
    }
}

impl Policy for Production {
    fn open(&mut self, domain: usize, chance: u64) {
        self.domain = domain;
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
        next.filter(|_| heard.len() < self.seats)
    }

    fn conclude(&mut self, heard: &[Heard]) -> Option<u32> {
        let verdict = conclude(Strategy::Vote, 0, &self.standings(heard), &[]);
        let winner = heard.get(usize::from(verdict.winner?))?;
        winner.answer.map(|answer| answer.class)
    }

    fn learn(&mut self, heard: &[Heard], _calls: usize) {
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
            kept.long = kept.long.with(right, wrong);
            kept.short = kept.short.with(right, wrong);
        }
    }

    fn reputation(&self, provider: usize) -> f64 {
        let own = &self.kept[provider * self.domains..(provider + 1) * self.domains];
        let sum: u64 = own
            .iter()
            .map(|kept| {
                u64::from(
                    kept.reputation
                        .mean(&self.params.prior)
                        .min(Self::ceiling(kept))
                        .get(),
                )
            })
            .sum();
        sum as f64 / self.domains.max(1) as f64
    }
}

impl Production {
    fn standings(&self, heard: &[Heard]) -> Vec<Standing> {
        heard
            .iter()
            .map(|heard| {
                let class = heard.answer.map(|answer| {
                    Digest::tagged("llmnet/sim/class", &[&answer.class.to_le_bytes()])
                });
                Standing {
                    mean: self.mean(heard.provider),
                    first: class,
                    last: class,
                    ballot: None,
                    synthesis: false,
                }
            })
            .collect()
    }
}
