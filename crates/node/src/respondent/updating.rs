//! A registration that says otherwise than what answers now: what differs, what it costs to say so, and saying it.

use std::fmt;

use llmnet_chain::client::ChainClient;
use llmnet_types::{
    domain::Domain,
    id::{Digest, NetworkId},
    params::Params,
    registration::{Announcement, Corpus, Model, Novelty, Price, Registration},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::Instruction,
    units::Score,
};

use super::{
    backing::Backing,
    registering::{Registered, registered},
};
use crate::network::submit;

/// Something that a registration says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What it asks.
    Price {
        /// As registered.
        from: Price,
        /// As it would be.
        to: Price,
    },
    /// The model.
    Model {
        /// As registered.
        from: Box<Model>,
        /// As it would be.
        to: Box<Model>,
    },
    /// The documents.
    Corpus {
        /// As registered.
        from: Option<Box<Corpus>>,
        /// As it would be.
        to: Option<Box<Corpus>>,
    },
    /// What it answers about. The bond stands for that, so a registration keeps it (REG-5).
    Domains {
        /// As registered.
        from: Vec<Domain>,
        /// As it would be.
        to: Vec<Domain>,
    },
}

impl Change {
    /// What it is about, in a word.
    pub const fn subject(&self) -> &'static str {
        match self {
            Self::Price { .. } => "price",
            Self::Model { .. } => "model",
            Self::Corpus { .. } => "documents",
            Self::Domains { .. } => "domains",
        }
    }

    /// The share of all good evidence that it costs (REP-7).
    pub fn costs(&self, params: &Params) -> Score {
        match self {
            Self::Price { .. } => Score::ZERO,
            Self::Model { .. } => params.model_change,
            // Nobody here knows which passages stayed. A registration without its domains begins anew.
            Self::Corpus { .. } | Self::Domains { .. } => Score::ONE,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = match self {
            Self::Price { from, to } => (price(from), price(to)),
            Self::Model { from, to } => (from.name.to_string(), to.name.to_string()),
            Self::Corpus { from, to } => (corpus(from.as_deref()), corpus(to.as_deref())),
            Self::Domains { from, to } => (domains(from), domains(to)),
        };
        write!(f, "{}: {from} -> {to}", self.subject())
    }
}

fn price(price: &Price) -> String {
    let Price {
        call,
        input_kilo,
        output_kilo,
    } = price;
    format!(
        "{} credits a call, {} and {} for a thousand tokens read and written",
        call.credits(),
        input_kilo.credits(),
        output_kilo.credits()
    )
}

fn corpus(corpus: Option<&Corpus>) -> String {
    match corpus {
        Some(corpus) => format!("{} passages under {}", corpus.passages, short(&corpus.root)),
        None => "none".to_owned(),
    }
}

fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(8).collect()
}

fn domains(domains: &[Domain]) -> String {
    let names: Vec<String> = domains.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// All that a registration says otherwise than what answers.
pub fn changes(said: &Registration, backing: &Backing) -> Vec<Change> {
    let mut changes = Vec::new();
    if said.price != backing.price {
        changes.push(Change::Price {
            from: said.price,
            to: backing.price,
        });
    }
    // How far a model is backed is not its respondent's to say anew.
    let model = |model: &Model| (model.digest, model.name.clone(), model.family.clone());
    if model(&said.model) != model(&backing.model) {
        changes.push(Change::Model {
            from: Box::new(said.model.clone()),
            to: Box::new(backing.model.clone()),
        });
    }
    // Documents that change while it runs are announced by themselves, with how much of them changed.
    if backing.documents.is_none() && said.corpus != backing.corpus {
        changes.push(Change::Corpus {
            from: said.corpus.clone().map(Box::new),
            to: backing.corpus.clone().map(Box::new),
        });
    }
    if said.domains.as_ref() != backing.domains.as_slice() {
        changes.push(Change::Domains {
            from: said.domains.to_vec(),
            to: backing.domains.clone(),
        });
    }
    changes
}

/// Who signs is not who registered.
#[derive(Debug, thiserror::Error)]
#[error(
    "{found} is not the operator of this registration, which is {expected}; its key is the one that registered it"
)]
pub struct OtherOperator {
    /// The operator.
    pub expected: PublicKey,
    /// Whose key was to sign.
    pub found: PublicKey,
}

/// Has the ledger say what answers now, and keep the standing (REG-5, REG-8). Other documents count from the next
/// block on; another price or model from the next epoch on.
///
/// # Errors
/// Another operator's key, other domains, the ledger's refusal, or the chain does not answer.
pub async fn update(
    chain: &dyn ChainClient,
    network: NetworkId,
    (operator, node): (&PrivateKey, &PrivateKey),
    standing: &Registered,
    backing: &Backing,
) -> anyhow::Result<Registered> {
    let said = &standing.registration;
    let expected = said.operator;
    let found = operator.public_key();
    if found != expected {
        return Err(OtherOperator { expected, found }.into());
    }
    let mut others = false;
    for change in changes(said, backing) {
        match change {
            Change::Domains { .. } => anyhow::bail!("a registration keeps its domains"),
            // An update would bring them with the next epoch only, and what is cited till then would be of none
            // that the ledger knows.
            Change::Corpus {
                to: Some(corpus), ..
            } => {
                let announcement = Announcement {
                    provider: standing.provider,
                    novelty: Novelty::Corpus {
                        corpus: *corpus,
                        changed: Score::ONE,
                    },
                };
                let instruction = Instruction::Announce(Box::new(announcement));
                submit(chain, network, operator, instruction).await?;
            }
            Change::Price { .. } | Change::Model { .. } | Change::Corpus { to: None, .. } => {
                others = true;
            }
        }
    }
    if others {
        let next = Registration {
            model: backing.model.clone(),
            corpus: backing.corpus.clone(),
            price: backing.price,
            ..said.clone()
        };
        let signed = Signed::new(next, &network, node);
        submit(
            chain,
            network,
            operator,
            Instruction::Update(Box::new(signed)),
        )
        .await?;
    }
    let standing = registered(chain, said.node).await?;
    standing.ok_or_else(|| anyhow::anyhow!("the registration cannot be found any more"))
}

#[cfg(test)]
mod tests;
