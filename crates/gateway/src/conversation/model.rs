//! Models: ways to ask the network, by the word that clients have for them.

use std::fmt;

use axum::http::StatusCode;
use llmnet_types::{contract::Strategy, domain::Domain};

use crate::{error::ApiError, port::Offer};

const EXPERT: &str = "llmnet/expert:";

/// A model's name, valid by being; whether its domain is on offer is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ModelName {
    /// The panel debates where it disagrees.
    Auto,
    /// One respondent, no panel.
    Single,
    /// Answers and a vote.
    Vote,
    /// A debate in any case.
    Debate,
    /// One answer, written from all where they disagree.
    Mixture,
    /// Only respondents of this domain.
    Expert(Domain),
}

impl ModelName {
    pub(crate) fn parse(name: &str) -> Result<Self, ApiError> {
        match name {
            "llmnet/auto" => Ok(Self::Auto),
            "llmnet/single" => Ok(Self::Single),
            "llmnet/vote" => Ok(Self::Vote),
            "llmnet/debate" => Ok(Self::Debate),
            "llmnet/mixture" => Ok(Self::Mixture),
            other => other
                .strip_prefix(EXPERT)
                .and_then(|domain| Domain::new(domain).ok())
                .map(Self::Expert)
                .ok_or_else(|| not_found(other)),
        }
    }

    pub(crate) fn strategy(&self) -> Strategy {
        match self {
            Self::Auto | Self::Expert(_) => Strategy::Auto,
            Self::Single => Strategy::Single,
            Self::Vote => Strategy::Vote,
            Self::Debate => Strategy::Debate,
            Self::Mixture => Strategy::Mixture,
        }
    }

    pub(crate) fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Expert(domain) => Some(domain),
            _ => None,
        }
    }

    /// Whether it can be asked now.
    pub(crate) fn offered(&self, offers: &[Offer]) -> Result<(), ApiError> {
        match self.domain() {
            Some(domain) => self.offered_in(domain, offers),
            None => Ok(()),
        }
    }

    /// Whether it can be asked now of this domain, which it may or may not have named itself.
    pub(crate) fn offered_in(&self, domain: &Domain, offers: &[Offer]) -> Result<(), ApiError> {
        if offers.iter().any(|offer| offer.domain == *domain) {
            return Ok(());
        }
        if self.domain().is_some() {
            return Err(not_found(&self.to_string()));
        }
        let message = format!(
            "nobody is registered in the domain {domain}; take one of GET /v1/models (llmnet/expert:<domain>), \
             or leave 'llmnet.domain' out and the question's words decide"
        );
        let error = ApiError::new(StatusCode::NOT_FOUND, "domain_not_found", message);
        Err(error.at("llmnet.domain"))
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("llmnet/auto"),
            Self::Single => f.write_str("llmnet/single"),
            Self::Vote => f.write_str("llmnet/vote"),
            Self::Debate => f.write_str("llmnet/debate"),
            Self::Mixture => f.write_str("llmnet/mixture"),
            Self::Expert(domain) => write!(f, "{EXPERT}{domain}"),
        }
    }
}

/// There is no such model here.
pub(crate) fn not_found(name: &str) -> ApiError {
    let shown: String = name.chars().take(80).collect();
    let message = format!(
        "there is no model {shown:?}; use llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, \
         llmnet/mixture or llmnet/expert:<domain> with a domain of GET /v1/models"
    );
    ApiError::new(StatusCode::NOT_FOUND, "model_not_found", message).at("model")
}
