//! What the gateway is shown of receipts and of the ledger.

use std::collections::BTreeMap;

use llmnet_gateway::port::{
    Answered, Citation, Dissent, Expert, Offer, PanelSeat, Skipped, Standing, Usage,
};
use llmnet_ledger::{State, query as ledger, record::Provider};
use llmnet_protocol::session::Finished;
use llmnet_types::{
    contract::Strategy,
    domain::Domain,
    id::{DomainId, ProviderId},
    message::{Answer, DeclineReason, Response},
    passage::{Evidence, Shared},
    receipt::{Charges, Conclusion, ContractStatus, Receipt, SeatReceipt},
    registration::{Price, Registration, Tokenizer},
    selection::Candidate,
    signature::PublicKey,
    tool::Said,
    units::{Height, Score, Tokens},
};

use crate::transport::Hub;

/// An answer that nobody was even asked for.
pub(super) fn declined(text: &str, strategy: Strategy, height: Height) -> Answered {
    Answered {
        receipt: None,
        text: text.to_owned(),
        calls: Vec::new(),
        truncated: false,
        declined: true,
        status: ContractStatus::Void,
        strategy,
        conclusion: Conclusion::None,
        domains: Vec::new(),
        rounds: 0,
        agreement: Score::ZERO,
        height,
        panel: Vec::new(),
        skipped: Vec::new(),
        citations: Vec::new(),
        minority: Vec::new(),
        cost: Charges::default(),
        usage: Usage::default(),
    }
}

/// Whether everybody who was asked and spoke said that it has nothing on this.
pub(super) fn nothing_found(receipt: &Receipt) -> bool {
    let nothing = |response: &Response| {
        matches!(
            response,
            Response::Decline(DeclineReason::NothingFound | DeclineReason::WrongDomain)
        )
    };
    let mut words = receipt.skips.iter().filter_map(|skip| skip.reply.as_ref());
    words.clone().next().is_some() && words.all(|word| nothing(&word.body.response))
}

fn candidate(receipt: &Receipt, provider: ProviderId) -> Option<&Candidate> {
    receipt
        .selection
        .candidates
        .iter()
        .find(|candidate| candidate.provider == provider)
}

/// What respondents are called and registered for, for those that are shown.
pub(super) type Titles = BTreeMap<ProviderId, (String, Vec<Domain>)>;

/// All that a receipt names.
pub(super) fn named(receipt: &Receipt) -> Vec<ProviderId> {
    let seats = receipt.seats.iter().map(|seat| seat.provider);
    let skips = receipt.skips.iter().map(|skip| skip.provider);
    seats.chain(skips).collect()
}

/// Their titles.
pub(super) fn titles(state: &dyn State, named: &[ProviderId]) -> Titles {
    named
        .iter()
        .filter_map(|id| {
            let provider = ledger::provider(state, *id)?;
            let registration = &provider.newest().registration;
            let domains = registration.domains.iter().cloned().collect();
            Some((*id, (title(registration), domains)))
        })
        .collect()
}

/// A contract as it ended.
pub(super) fn answered(finished: &Finished, titles: &Titles) -> Answered {
    let receipt = &finished.receipt;
    let verdict = &receipt.verdict;
    let class = verdict
        .winner
        .and_then(|winner| receipt.seats.get(usize::from(winner)))
        .map(|seat| seat.class);
    let panel = receipt
        .seats
        .iter()
        .enumerate()
        .map(|(place, seat)| {
            let changed = verdict
                .changed
                .iter()
                .any(|other| usize::from(*other) == place);
            let agrees = Some(seat.class) == class && seat.class > 0;
            let rank = seat.assign.body.rank;
            let gave_up = finished.gave_up.iter().find(|(at, _)| *at == rank);
            PanelSeat {
                changed,
                agrees,
                reason: gave_up.map(|(_, reason)| *reason),
                ..panel_seat(receipt, seat, titles)
            }
        })
        .collect();
    let prompt = receipt.seats.iter().filter_map(|seat| seat.part.as_ref());
    let prompt = prompt.fold(0_u32, |sum, part| sum.saturating_add(part.body.input.0));
    let completion = receipt
        .seats
        .iter()
        .fold(0_u32, |sum, seat| sum.saturating_add(seat.output.0));
    let text = finished.answer.as_ref();
    let text = text.map_or("", |answer| answer.text.as_str());
    let said = match finished.request.offers_tools() {
        true => Said::of_text(text),
        false => Said::words(text),
    };
    Answered {
        receipt: Some(receipt.contract()),
        truncated: is_cut(finished),
        text: said.content,
        calls: said.tool_calls,
        declined: false,
        status: receipt.status,
        strategy: receipt.terms.strategy,
        conclusion: verdict.conclusion,
        domains: receipt
            .selection
            .domains
            .iter()
            .map(|choice| choice.domain.clone())
            .collect(),
        rounds: verdict.rounds,
        agreement: verdict.agreement,
        height: receipt.selection.height,
        panel,
        skipped: skipped(receipt, titles),
        citations: finished
            .answer
            .as_ref()
            .map_or_else(Vec::new, |answer| citations(finished, answer)),
        minority: minority(finished),
        cost: receipt.charges,
        usage: Usage {
            prompt_tokens: Tokens(prompt),
            completion_tokens: Tokens(completion),
        },
    }
}

/// Whether the answer ends where the cap does. What is of a form, or calls tools, is never cut.
fn is_cut(finished: &Finished) -> bool {
    let Some(answer) = &finished.answer else {
        return false;
    };
    let cap = finished.receipt.terms.caps.output_tokens;
    !finished.request.needs_model() && Tokenizer::Bytes4.count(&answer.text) >= cap
}

fn panel_seat(receipt: &Receipt, seat: &SeatReceipt, titles: &Titles) -> PanelSeat {
    let candidate = candidate(receipt, seat.provider);
    let (name, domains) = titles.get(&seat.provider).cloned().unwrap_or_default();
    PanelSeat {
        provider: seat.assign.body.seat.short(),
        name,
        domains,
        reputation: candidate.map_or_else(Standing::default, |candidate| Standing {
            mean: candidate.mean,
            lower_bound: candidate.lower_bound,
            samples: candidate.samples,
        }),
        rank: seat.assign.body.rank,
        outcome: seat.outcome,
        reason: None,
        changed: false,
        agrees: false,
        score: seat.score,
        price: seat.pay,
        latency_ms: seat.latency_ms,
    }
}

fn skipped(receipt: &Receipt, titles: &Titles) -> Vec<Skipped> {
    let skip = |skip: &llmnet_types::receipt::Skip| Skipped {
        provider: skip.assign.body.seat.short(),
        name: titles
            .get(&skip.provider)
            .map_or_else(String::new, |(name, _)| name.clone()),
        rank: skip.rank,
        reply: skip.reply.as_ref().map(|reply| reply.body.response),
    };
    receipt.skips.iter().map(skip).collect()
}

fn minority(finished: &Finished) -> Vec<Dissent> {
    let receipt = &finished.receipt;
    let opinions = finished.minority.iter().map(|dissent| {
        let seats = dissent.seats.iter();
        let seats = seats.filter_map(|place| receipt.seats.get(usize::from(*place)));
        Dissent {
            providers: seats.map(|seat| seat.assign.body.seat.short()).collect(),
            share: dissent.share,
            text: dissent.answer.text.to_string(),
            citations: citations(finished, &dissent.answer),
            reasons: dissent.reasons.clone(),
        }
    });
    opinions.collect()
}

/// All that an answer rests on: passages of the panel's own documents, and of others' that it was shown.
fn citations(finished: &Finished, answer: &Answer) -> Vec<Citation> {
    answer
        .evidence
        .iter()
        .map(|evidence| {
            let owner = owner(&finished.receipt, &finished.shared, evidence);
            Citation {
                title: evidence.passage.title.to_string(),
                document: evidence.passage.document.to_string(),
                passage: evidence.passage.digest(),
                corpus: evidence.citation.root,
                as_of_day: owner.map_or(0, |owner| owner.as_of_day),
                provider: owner.map_or_else(String::new, |owner| owner.node.short()),
                quote: evidence.passage.text.to_string(),
            }
        })
        .collect()
}

/// Whose documents a passage is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The registration.
    pub(crate) provider: ProviderId,
    /// Its key.
    pub(crate) node: PublicKey,
    /// The day that its corpus is current to.
    pub(crate) as_of_day: u32,
}

/// Whose it is that is cited: of what all were shown, or of a candidate's corpus.
pub(crate) fn owner(receipt: &Receipt, shared: &[Shared], cited: &Evidence) -> Option<Owner> {
    let mut shown = shared.iter();
    let shown = shown.find(|shared| shared.evidence == *cited);
    let shown = shown.map(|shared| Owner {
        provider: shared.provider,
        node: shared.node,
        as_of_day: shared.as_of_day,
    });
    shown.or_else(|| {
        let mut candidates = receipt.selection.candidates.iter();
        let candidate = candidates.find(|candidate| candidate.corpus == cited.citation.root)?;
        Some(Owner {
            provider: candidate.provider,
            node: candidate.node,
            as_of_day: candidate.corpus_as_of_day,
        })
    })
}

fn standing(state: &dyn State, provider: ProviderId, domain: DomainId) -> Standing {
    let profile = ledger::profile(state, provider, domain);
    Standing {
        mean: profile.mean,
        lower_bound: profile.lower_bound,
        samples: profile.reputation.samples,
    }
}

fn domains(state: &dyn State, provider: &Provider, id: ProviderId) -> Vec<(Domain, Standing)> {
    let names = &provider.newest().registration.domains;
    names
        .iter()
        .zip(&provider.domains)
        .map(|(name, domain)| (name.clone(), standing(state, id, *domain)))
        .collect()
}

pub(super) fn providers(state: &dyn State) -> Vec<(ProviderId, Provider)> {
    let count = ledger::counters(state).provider.0;
    (0..count)
        .map(ProviderId)
        .filter_map(|id| Some((id, ledger::provider(state, id)?)))
        .filter(|(_, provider)| provider.retired_at.is_none())
        .collect()
}

/// What a respondent is called: an expert after the domain it names first, others after their model.
pub(crate) fn title(registration: &Registration) -> String {
    match (&registration.corpus, registration.domains.first()) {
        (Some(_), Some(domain)) => format!("{domain} expert"),
        _ => registration.model.name.to_string(),
    }
}

/// All respondents that stand.
pub(super) fn experts(state: &dyn State, hub: &Hub) -> Vec<Expert> {
    providers(state)
        .into_iter()
        .map(|(id, provider)| {
            let domains = domains(state, &provider, id);
            let registration = provider.newest().registration.clone();
            Expert {
                provider: registration.node.short(),
                name: title(&registration),
                node: registration.node,
                operator: registration.operator,
                domains,
                reachable: hub.reaches(&registration.node),
                model: registration.model,
                corpus: registration.corpus,
                price: registration.price,
                bond: registration.bond,
            }
        })
        .collect()
}

/// All domains that can be asked.
pub(super) fn offers(state: &dyn State) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for (id, provider) in providers(state) {
        let price = provider.newest().registration.price;
        for (domain, reputation) in domains(state, &provider, id) {
            match offers.iter_mut().find(|offer| offer.domain == domain) {
                Some(offer) => {
                    offer.respondents = offer.respondents.saturating_add(1);
                    offer.price_min = each(offer.price_min, price, Ord::min);
                    offer.price_max = each(offer.price_max, price, Ord::max);
                    if reputation.lower_bound > offer.reputation.lower_bound {
                        offer.reputation = reputation;
                    }
                }
                None => offers.push(Offer {
                    domain,
                    respondents: 1,
                    price_min: price,
                    price_max: price,
                    reputation,
                }),
            }
        }
    }
    offers.sort_by(|a, b| a.domain.cmp(&b.domain));
    offers
}

fn each(
    a: Price,
    b: Price,
    pick: fn(
        llmnet_types::units::Amount,
        llmnet_types::units::Amount,
    ) -> llmnet_types::units::Amount,
) -> Price {
    Price {
        call: pick(a.call, b.call),
        input_kilo: pick(a.input_kilo, b.input_kilo),
        output_kilo: pick(a.output_kilo, b.output_kilo),
    }
}
