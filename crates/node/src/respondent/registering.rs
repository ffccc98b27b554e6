//! A respondent's place on the ledger: registered by its node and its operator, looked up by its key.

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{query as ledger, record::Provider};
use llmnet_types::{
    codec::List,
    id::{NetworkId, ProviderId},
    registration::{Registration, Tokenizer},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::Instruction,
    units::Amount,
};

use super::backing::Backing;
use crate::network::submit;

/// What everybody posts for each domain where nobody says more: ten times the local least, so that newcomers draw
/// alike.
pub const BOND: Amount = Amount(10 * Amount::CREDIT.0);

/// Registered with something else than what answers now.
#[derive(Debug, thiserror::Error)]
#[error("{node} is registered with {what}")]
pub struct Differs {
    /// Whose registration.
    pub node: PublicKey,
    /// What is not the same.
    pub what: String,
}

/// A registration that stands, as its respondent needs it.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its number.
    pub provider: ProviderId,
    /// All of it.
    pub registration: Registration,
}

impl Registered {
    fn of((provider, record): (ProviderId, Provider)) -> Self {
        let registration = record.newest().registration.clone();
        Self {
            provider,
            registration,
        }
    }

    /// Whether what answers is what was registered.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, backing: &Backing) -> Result<(), Differs> {
        let said = &self.registration;
        let documents = "other documents: this program is of another version, or its keys are";
        let what = if said.corpus != backing.corpus {
            documents.to_owned()
        } else if said.price != backing.price {
            "another price".to_owned()
        } else if said.domains.as_ref() != backing.domains.as_slice() {
            let domains: Vec<String> = said.domains.iter().map(ToString::to_string).collect();
            format!("other domains: {}", domains.join(", "))
        } else if said.model.name != backing.model.name {
            format!("another model: {}", &*said.model.name)
        } else {
            return Ok(());
        };
        let node = said.node;
        Err(Differs { node, what })
    }
}

/// A node's registration, where one stands.
///
/// # Errors
/// The chain does not answer.
pub async fn registered(
    chain: &dyn ChainClient,
    node: PublicKey,
) -> anyhow::Result<Option<Registered>> {
    let (_, found) = query(chain, move |state| ledger::provider_of(state, &node)).await?;
    Ok(found.map(Registered::of))
}

/// A node's registration, made now if none stands.
///
/// # Errors
/// The ledger refuses it, the chain does not answer, or it is registered with something else.
pub async fn register(
    chain: &dyn ChainClient,
    network: NetworkId,
    (operator, node): (&PrivateKey, &PrivateKey),
    backing: &Backing,
    bond: Amount,
) -> anyhow::Result<Registered> {
    let key = node.public_key();
    if let Some(standing) = registered(chain, key).await? {
        standing.check(backing)?;
        return Ok(standing);
    }
    let (_, nonce) = query(chain, move |state| {
        ledger::node(state, &key).map_or(0, |node| node.registrations)
    })
    .await?;
    let registration = Registration {
        node: key,
        operator: operator.public_key(),
        nonce,
        domains: List::truncated(backing.domains.iter().cloned()),
        model: backing.model.clone(),
        corpus: backing.corpus.clone(),
        price: backing.price,
        tokenizer: Tokenizer::Bytes4,
        bond,
    };
    let signed = Signed::new(registration, &network, node);
    let instruction = Instruction::Register(Box::new(signed));
    submit(chain, network, operator, instruction).await?;
    let standing = registered(chain, key).await?;
    standing.context("the registration cannot be found")
}
