//! A respondent's place on the ledger: registered by its node and its operator, looked up by its key.

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::{query as ledger, record::Provider};
use llmnet_types::{
    codec::List,
    id::{NetworkId, ProviderId},
    registration::{Price, Registration, Tokenizer},
    signature::{PrivateKey, PublicKey, Signed},
    transaction::Instruction,
    units::{Amount, Height},
};

use super::{
    backing::Backing,
    updating::{Change, changes},
};
use crate::network::submit;

/// What everybody posts for each domain where nobody says more: ten times the local least, so that newcomers draw
/// alike.
pub const BOND: Amount = Amount(10 * Amount::CREDIT.0);

/// Registered with something else than what answers now.
#[derive(Debug, thiserror::Error)]
pub struct Differs {
    /// Whose registration.
    pub node: PublicKey,
    /// What is not the same; at least one.
    pub changes: Vec<Change>,
}

impl std::fmt::Display for Differs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is registered otherwise than what answers", self.node)?;
        for change in &self.changes {
            write!(f, "\n  {change}")?;
        }
        Ok(())
    }
}

/// What a registration asks, by the height from which on (REG-5): an offer is made at the price that stood when its
/// panel was selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prices(Vec<(Height, Price)>);

impl Prices {
    /// One price at all heights.
    pub fn one(price: Price) -> Self {
        Self(vec![(Height(0), price)])
    }

    /// What it asks for a panel that was selected at a height; its first price for heights before all that is known.
    pub fn at(&self, height: Height) -> Price {
        let (before, after) = self
            .0
            .split_at(self.0.partition_point(|(from, _)| *from <= height));
        let found = before.last().or(after.first());
        found.map_or_else(Price::default, |(_, price)| *price)
    }
}

/// A registration that stands, as its respondent needs it.
#[derive(Debug, Clone)]
pub struct Registered {
    /// Its number.
    pub provider: ProviderId,
    /// All of it, as it will be once everything that was said of it is in force.
    pub registration: Registration,
    /// The height from which on all of that is.
    pub from: Height,
    /// What it asks until then, and from then on.
    pub prices: Prices,
}

impl Registered {
    fn of((provider, record): (ProviderId, Provider)) -> Self {
        let versions = record.versions.iter();
        let prices = versions.map(|version| (version.from, version.registration.price));
        let newest = record.newest();
        Self {
            provider,
            registration: newest.registration.clone(),
            from: newest.from,
            prices: Prices(prices.collect()),
        }
    }

    /// Whether what answers is what was registered.
    ///
    /// # Errors
    /// All differences.
    pub fn check(&self, backing: &Backing) -> Result<(), Differs> {
        let changes = changes(&self.registration, backing);
        if changes.is_empty() {
            return Ok(());
        }
        let node = self.registration.node;
        Err(Differs { node, changes })
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
