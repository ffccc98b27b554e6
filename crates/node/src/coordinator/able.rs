//! Who can answer what only a language model can, by itself (DEB-12).

use std::collections::BTreeMap;

use llmnet_gateway::port::AnswerError;
use llmnet_ledger::State;
use llmnet_types::{
    codec::List,
    contract::{Filters, Strategy},
    domain::Domain,
    request::{RESPONSE_FORMAT, Request, TOOLS},
    selection::SelectionInputs,
    units::Score,
};

use crate::respondent::backing::EXTRACTIVE;

/// How many respondents of each domain answer with a language model.
pub(super) type Models = BTreeMap<Domain, usize>;

/// Counts them.
pub(super) fn models(state: &dyn State) -> Models {
    let mut models = Models::new();
    for (_, provider) in super::view::providers(state) {
        let registration = &provider.newest().registration;
        if registration.model.family.as_str() == EXTRACTIVE {
            continue;
        }
        for domain in registration.domains.iter() {
            *models.entry(domain.clone()).or_default() += 1;
        }
    }
    models
}

/// What the request is about, of what its words name: domains with models. Where the requester names none and the words
/// name none of these, it is whichever domain has most: an agent's errand is seldom in any.
pub(super) fn domains(
    request: &Request,
    named: Vec<(Domain, Score)>,
    models: &Models,
) -> Result<Vec<(Domain, Score)>, AnswerError> {
    // By a gateway's word alone this could never happen: ours refuses it before.
    if request.strategy != Strategy::Single {
        return Err(refused(
            request,
            "only llmnet/single asks one model alone".to_owned(),
        ));
    }
    let able: Vec<_> = named
        .into_iter()
        .filter(|(domain, _)| models.contains_key(domain))
        .collect();
    if !able.is_empty() {
        return Ok(able);
    }
    // The first of equals, by name.
    let most = models.iter().rev().max_by_key(|(_, count)| **count);
    match (most, &request.domain) {
        (None, _) => Err(refused(
            request,
            "no respondent of this network answers with a language model: seat one (README.md, Real models)".to_owned(),
        )),
        (Some(_), Some(domain)) => {
            let domains: Vec<&str> = models.keys().map(Domain::as_str).collect();
            Err(refused(
                request,
                format!(
                    "nobody in the domain {domain} answers with a language model: ask in one of {}",
                    domains.join(", ")
                ),
            ))
        }
        (Some((domain, _)), None) => Ok(vec![(domain.clone(), Score::ZERO)]),
    }
}

/// Keeps those out who only quote: the requester's own filters, and none where there is nobody to keep out.
pub(super) fn filters(request: &Request, inputs: &SelectionInputs) -> Result<Filters, AnswerError> {
    if !request.needs_model() {
        return Ok(Filters::default());
    }
    let (quoting, mut able): (Vec<_>, Vec<_>) = inputs
        .candidates
        .iter()
        .partition(|candidate| candidate.family.as_str() == EXTRACTIVE);
    let mut filters = Filters::default();
    if able.is_empty() {
        return Err(refused(
            request,
            "nobody who can be asked now answers with a language model".to_owned(),
        ));
    }
    if quoting.len() <= List::<(), 16>::MAX {
        filters.ignore = List::truncated(quoting.iter().map(|candidate| candidate.node));
    } else {
        able.sort_by_key(|candidate| std::cmp::Reverse(candidate.mean));
        filters.only = List::truncated(able.iter().map(|candidate| candidate.node));
    }
    Ok(filters)
}

/// Nobody can do it: which field to leave out, and what else to do.
fn refused(request: &Request, why: String) -> AnswerError {
    let field = match request {
        request if request.offers_tools() => TOOLS,
        request if request.wants_form() => RESPONSE_FORMAT,
        _ => "messages",
    };
    AnswerError::InvalidRequest {
        param: Some(field.to_owned()),
        message: format!("{why}; or leave '{field}' out"),
    }
}
