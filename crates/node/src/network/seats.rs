//! Registering respondents on the ledger and giving each its inbox.

use std::sync::Arc;

use anyhow::Context;
use llmnet_chain::client::ChainClient;
use llmnet_types::domain::Domain;

use crate::{
    experts::Expert,
    home::Home,
    models::Source,
    respondent::{
        self, Respondent,
        backing::Backing,
        registering::{BOND, register},
    },
    transport::Hub,
};

/// Registers whoever is not yet and starts all of them.
pub(super) async fn take(
    home: &Home,
    chain: &Arc<dyn ChainClient>,
    hub: &Hub,
    experts: Vec<Expert>,
    models: Vec<Source>,
) -> anyhow::Result<()> {
    let domains: Vec<Domain> = experts
        .iter()
        .filter_map(|expert| expert.domains.first().cloned())
        .collect();
    let experts = experts.into_iter();
    let experts = experts.map(|expert| (expert.name.to_owned(), Backing::expert(expert)));
    let models = models.into_iter().enumerate();
    let models = models.map(|(number, source)| {
        let backing = Backing::model(source, &domains);
        (format!("model-{number}"), backing)
    });
    let seats: Vec<(String, Backing)> = experts.chain(models).collect();
    // All registrations travel together: they share a block or two.
    let mut registered = tokio::task::JoinSet::new();
    for (name, backing) in seats {
        let operator = home.keys.operator(&name);
        let node = home.keys.respondent(&name);
        let network = home.genesis.id();
        let chain = Arc::clone(chain);
        let hub = hub.clone();
        registered.spawn(async move {
            let standing = register(&*chain, network, (&operator, &node), &backing, BOND)
                .await
                .with_context(|| format!("{name} cannot be registered"))?;
            let inbox = hub.join(node.public_key());
            let respondent = Respondent {
                network,
                key: node,
                provider: standing.provider,
                nonce: standing.registration.nonce,
                prices: standing.prices,
                answerer: backing.answerer,
                lookups: backing.lookups,
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
