//! What a selection looks at, read from the ledger: the same at its height and later (SEL-1, SEL-8).

use llmnet_types::{
    codec::List,
    id::{Digest, DomainId, ProviderId},
    params::Params,
    registration::Registration,
    rejection::LeafFault,
    reputation::Audited,
    selection::{CANDIDATES_MAX, Candidate, DomainChoice, REQUEST_DOMAINS_MAX, SelectionInputs},
    units::{Height, Score},
};

use super::Rule;
use crate::{
    query,
    record::Provider,
    standing::{self, Whole},
    state::{Key, State, read},
};

/// The most established candidates: the best means (SEL-3).
pub const ESTABLISHED_MAX: usize = 64;

/// Reads the inputs of a selection at a finalized height.
///
/// The state may be of that height or later, as long as a contract of that height can be settled; the
/// result is the same (SEL-8).
///
/// # Errors
/// [`LeafFault::Height`] outside of these heights, [`LeafFault::Unknown`] for a domain that nobody
/// registered in.
pub fn inputs(
    state: &dyn State,
    height: Height,
    domains: &[DomainChoice],
    classifier: Digest,
) -> Result<SelectionInputs, LeafFault> {
    let choices: Vec<_> = domains
        .iter()
        .take(REQUEST_DOMAINS_MAX)
        .map(|choice| (choice.id, choice.confidence))
        .collect();
    let mut inputs = candidates(state, height, &choices)?;
    inputs.domains = List::truncated(domains.iter().cloned());
    inputs.classifier = classifier;
    Ok(inputs)
}

/// The same for a leaf, which has no names of domains and no classifier; the order needs neither.
pub(crate) fn candidates(
    state: &dyn State,
    height: Height,
    domains: &[(DomainId, Score)],
) -> Result<SelectionInputs, LeafFault> {
    let now = query::params(state);
    let clock = query::clock(state);
    if !standing::in_window(&now, &clock, height) {
        return Err(LeafFault::Height);
    }
    let epoch = height.epoch(now.epoch_length());
    // Other parameters since then change nobody's place (VOT-3).
    let params = query::params_of(state, epoch);
    let beacon = clock.beacon_of(epoch).ok_or(LeafFault::Height)?;
    let (first, _) = domains.first().ok_or(LeafFault::Unknown)?;
    let entry = query::domain(state, *first).ok_or(LeafFault::Unknown)?;
    let all: Vec<Candidate> = entry
        .providers
        .iter()
        .filter_map(|id| {
            let provider: Provider = read(state, &Key::Provider(*id))?;
            let version = provider.at(height).filter(|_| provider.stands_at(height))?;
            let registration = &version.registration;
            Some(candidate(
                state,
                &params,
                height,
                domains,
                (*id, &provider.domains),
                registration,
            ))
        })
        .collect();
    Ok(SelectionInputs {
        height,
        epoch,
        beacon,
        domains: List::new(),
        classifier: Digest::ZERO,
        candidates: bounded(all, Rule::of(&params).samples_min),
    })
}

/// Equal for near-duplicates: the same model with the same corpus (SEL-5).
fn twin(registration: &Registration) -> Digest {
    let model = &registration.model;
    let corpus = corpus(registration).0;
    let name = Digest::of(model.name.as_bytes());
    Digest::tagged("llmnet/twin/1", &[&model.digest.0, &name.0, &corpus.0])
}

fn corpus(registration: &Registration) -> (Digest, u32) {
    registration
        .corpus
        .as_ref()
        .map_or((Digest::ZERO, 0), |corpus| (corpus.root, corpus.as_of_day))
}

/// What selection makes of a provider's standing over the request's domains.
#[derive(Default)]
struct Esteem {
    mean: u64,
    deviation: u64,
    ceiling: u64,
    audited_mean: u64,
    audited_deviation: u64,
    weight: u64,
}

impl Esteem {
    fn add(&mut self, params: &Params, counted: &standing::Counted, confidence: Score) {
        // The first counts even where the classifier had no confidence at all.
        let weight = u64::from(confidence.get().max(1));
        let ceiling = counted.ceiling;
        // Audits cap praise wherever a mean is looked at: filters, places, weights in a verdict (SEL-9).
        let mean = counted.evidence.mean(&params.prior).min(ceiling);
        let deviation = counted.evidence.deviation(&params.prior);
        let add = |sum: &mut u64, score: Score| {
            *sum = sum.saturating_add(u64::from(score.get()).saturating_mul(weight));
        };
        add(&mut self.mean, mean);
        add(&mut self.deviation, deviation);
        add(&mut self.ceiling, ceiling);
        add(&mut self.audited_mean, counted.audited.mean);
        add(&mut self.audited_deviation, counted.audited.deviation);
        self.weight = self.weight.saturating_add(weight);
    }

    fn average(&self, sum: u64) -> Score {
        Score::clamped(sum.checked_div(self.weight).unwrap_or(0))
    }
}

fn candidate(
    state: &dyn State,
    params: &Params,
    height: Height,
    domains: &[(DomainId, Score)],
    (provider, registered): (ProviderId, &[DomainId]),
    registration: &Registration,
) -> Candidate {
    let whole = Whole::at(state, params, height, provider, registered);
    let mut esteem = Esteem::default();
    let mut first = None;
    for (domain, confidence) in domains {
        // A request's second domain need not be one of its own.
        let seen = whole.within(*domain);
        let seen = seen.unwrap_or_else(|| standing::at(state, params, height, provider, *domain));
        first = first.or(Some(seen.reputation));
        esteem.add(params, &whole.counted(*domain, &seen), *confidence);
    }
    let mean = esteem.average(esteem.mean);
    let deviation = esteem.average(esteem.deviation);
    let doubt = u64::from(deviation.get()).saturating_mul(2);
    let first = first.unwrap_or_default();
    let (corpus, corpus_as_of_day) = corpus(registration);
    Candidate {
        provider,
        node: registration.node,
        nonce: registration.nonce,
        operator: registration.operator,
        family: registration.model.family.clone(),
        twin: twin(registration),
        corpus,
        corpus_as_of_day,
        price: registration.price,
        mean,
        deviation,
        ceiling: esteem.average(esteem.ceiling),
        audited: Audited {
            mean: esteem.average(esteem.audited_mean),
            deviation: esteem.average(esteem.audited_deviation),
        },
        lower_bound: Score::clamped(u64::from(mean.get()).saturating_sub(doubt)),
        samples: whole.samples(),
        latency_ms: first.latency_ms,
        bond: registration.bond,
    }
}

/// The best means among the established and the largest bonds among newcomers, ties by provider (SEL-3).
fn bounded(all: Vec<Candidate>, samples_min: u32) -> List<Candidate, CANDIDATES_MAX> {
    let (mut kept, mut newcomers): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|candidate| candidate.samples >= samples_min);
    kept.sort_by_key(|candidate| (std::cmp::Reverse(candidate.mean), candidate.provider));
    kept.truncate(ESTABLISHED_MAX);
    newcomers.sort_by_key(|candidate| (std::cmp::Reverse(candidate.bond), candidate.provider));
    newcomers.truncate(CANDIDATES_MAX.saturating_sub(ESTABLISHED_MAX));
    kept.extend(newcomers);
    kept.sort_by_key(|candidate| candidate.provider);
    List::truncated(kept)
}

#[cfg(test)]
mod tests;
