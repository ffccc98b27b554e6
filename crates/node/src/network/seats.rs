//! Registering respondents on the ledger and giving each its inbox.

use std::sync::Arc;

use anyhow::Context;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_model::answer::Answerer;
use llmnet_types::{
    codec::{List, Text},
    domain::Domain,
    id::{Digest, ProviderId},
    registration::{Assurance, Corpus, Model, Price, Registration, Tokenizer},
    signature::{PrivateKey, Signed},
    transaction::Instruction,
    units::Amount,
};

use super::roles;
use crate::{
    experts::{self, Experts},
    home::Home,
    models::Source,
    respondent::{self, Respondent},
    transport::Hub,
};

/// What everybody posts for each domain: ten times the least, so that newcomers draw alike.
const BOND: Amount = Amount(10 * Amount::CREDIT.0);

/// Somebody who is to take a seat.
struct Seat {
    name: String,
    domains: Vec<Domain>,
    model: Model,
    corpus: Option<Corpus>,
    price: Price,
    answerer: Arc<dyn Answerer>,
}

/// Registers whoever is not yet and starts all of them.
pub(super) async fn take(
    home: &Home,
    chain: &Arc<dyn ChainClient>,
    hub: &Hub,
    experts: Experts,
    models: Vec<Source>,
) -> anyhow::Result<()> {
    let domains: Vec<Domain> = experts
        .experts
        .iter()
        .filter_map(|expert| expert.domains.first().cloned())
        .collect();
    let experts = experts.experts.into_iter().map(|expert| Seat {
        name: expert.name.to_owned(),
        model: model("extractive", &expert.answerer.version()),
        domains: expert.domains,
        corpus: Some(expert.corpus),
        price: experts::PRICE,
        answerer: Arc::new(expert.answerer),
    });
    let models = models.into_iter().enumerate().map(|(number, source)| Seat {
        name: format!("model-{number}"),
        model: model(family(&source.name), &source.name),
        domains: if source.domains.is_empty() {
            domains.clone()
        } else {
            source.domains
        },
        corpus: None,
        price: source.price,
        answerer: source.answerer,
    });
    let seats: Vec<Seat> = experts.chain(models).collect();
    // All registrations travel together: they share a block or two.
    let mut registered = tokio::task::JoinSet::new();
    for seat in seats {
        let operator = home.keys.operator(&seat.name);
        let node = home.keys.respondent(&seat.name);
        let network = home.genesis.id();
        let chain = Arc::clone(chain);
        let hub = hub.clone();
        registered.spawn(async move {
            let name = seat.name.clone();
            let (provider, nonce) = register(&*chain, network, &operator, &node, &seat)
                .await
                .with_context(|| format!("{name} cannot be registered"))?;
            let inbox = hub.join(node.public_key());
            let respondent = Respondent {
                network,
                key: node,
                provider,
                nonce,
                price: seat.price,
                answerer: seat.answerer,
                chain,
            };
            tokio::spawn(respondent::serve(respondent, inbox));
            anyhow::Ok(())
        });
    }
    while let Some(done) = registered.join_next().await {
        done??;
    }
    Ok(())
}

fn model(family: &str, name: &str) -> Model {
    Model {
        family: Text::truncated(family),
        name: Text::truncated(name),
        digest: Digest::ZERO,
        assurance: Assurance::Declared,
    }
}

/// The lineage a name suggests: what comes before the first digit, colon or slash of its last part.
fn family(name: &str) -> &str {
    let base = name.rsplit('/').next().unwrap_or(name);
    let end = base.find(|character: char| character.is_ascii_digit() || character == ':');
    let family = base[..end.unwrap_or(base.len())].trim_end_matches(['-', '.', '_']);
    if family.is_empty() { base } else { family }
}

/// A node's registration, made now if none stands.
async fn register(
    chain: &dyn ChainClient,
    network: llmnet_types::id::NetworkId,
    operator: &PrivateKey,
    node: &PrivateKey,
    seat: &Seat,
) -> anyhow::Result<(ProviderId, u32)> {
    let key = node.public_key();
    let payer = operator.public_key();
    let read = || async {
        query(chain, move |state| {
            (
                ledger::provider_of(state, &key),
                ledger::node(state, &key).map_or(0, |node| node.registrations),
            )
        })
        .await
        .map(|(_, found)| found)
    };
    let (standing, registrations) = read().await?;
    if let Some((provider, standing)) = standing {
        let announced = &standing.newest().registration;
        anyhow::ensure!(
            announced.corpus == seat.corpus && announced.price == seat.price,
            "it is registered with other documents or another price: this program is of another \
             version, or llmnet.toml has changed; use another --dir"
        );
        return Ok((provider, announced.nonce));
    }
    let registration = Registration {
        node: key,
        operator: payer,
        nonce: registrations,
        domains: List::truncated(seat.domains.iter().cloned()),
        model: seat.model.clone(),
        corpus: seat.corpus.clone(),
        price: seat.price,
        tokenizer: Tokenizer::Bytes4,
        bond: BOND,
    };
    let signed = Signed::new(registration, &network, node);
    let instruction = Instruction::Register(Box::new(signed));
    roles::submit(chain, network, operator, instruction).await?;
    let (standing, _) = read().await?;
    let (provider, standing) = standing.context("the registration cannot be found")?;
    Ok((provider, standing.newest().registration.nonce))
}

#[cfg(test)]
mod tests {
    use super::family;

    #[test]
    fn families_are_what_names_begin_with() {
        let names = [
            "llama3.2:3b",
            "gpt-4o-mini",
            "meta/llama-3.1-8b",
            "qwen2.5",
            "4x",
        ];
        let families = ["llama", "gpt", "llama", "qwen", "4x"];
        for (name, expected) in names.into_iter().zip(families) {
            assert_eq!(family(name), expected);
        }
    }
}
