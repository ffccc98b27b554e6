//! `llmnet respondent status`: how a respondent is, by the ledger and by its own word.

use clap::Args;
use llmnet_chain::query;
use llmnet_ledger::{State, query as ledger, record::Bond};
use llmnet_types::{
    bond::Role,
    domain::Domain,
    registration::Registration,
    signature::PublicKey,
    units::{Amount, Epoch, Score},
};
use serde::Deserialize;

use super::{Common, role};
use crate::{
    cli::{
        client::{Client, ClientError},
        code,
        output::Output,
        place::PATIENCE,
        role::Part,
    },
    remote::Remote,
    respondent::settings::Settings,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {}

/// What the running process says of itself.
#[derive(Debug, Deserialize)]
struct Told {
    parts: Vec<Part>,
}

/// What the ledger says.
#[derive(Debug)]
struct Found {
    registration: Option<(u32, Registration)>,
    domains: Vec<(Domain, Profile)>,
    bond: Option<Bond>,
    balance: Amount,
    epoch: Epoch,
}

#[derive(Debug)]
struct Profile {
    mean: Score,
    lower_bound: Score,
    samples: u32,
}

fn find(state: &dyn State, node: &PublicKey) -> Found {
    let standing = ledger::provider_of(state, node);
    let domains = standing.iter().flat_map(|(id, provider)| {
        let names = provider.newest().registration.domains.iter();
        names.zip(&provider.domains).map(|(name, domain)| {
            let profile = ledger::profile(state, *id, *domain);
            let profile = Profile {
                mean: profile.mean,
                lower_bound: profile.lower_bound,
                samples: profile.reputation.samples,
            };
            (name.clone(), profile)
        })
    });
    let domains = domains.collect();
    let bond = ledger::bond(state, node, Role::Respondent);
    let operator = bond.as_ref().map(|bond| bond.operator);
    Found {
        domains,
        registration: standing.map(|(id, provider)| (id.0, provider.newest().registration.clone())),
        balance: operator.map_or(Amount::ZERO, |operator| {
            ledger::account(state, &operator).balance
        }),
        bond,
        epoch: ledger::clock(state).epoch,
    }
}

pub(super) async fn run(_: &Arguments, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let settings: Settings = role::settings(common)?;
    let node = settings.node;
    let told = match settings.http {
        Some(http) => {
            let client = Client::new(&format!("http://{http}"))?;
            match client.read::<Told>("/status").await {
                Ok(told) => Some(told.parts),
                Err(ClientError::Unreachable { .. }) => None,
                Err(error) => return Err(error.into()),
            }
        }
        None => None,
    };
    let chain = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let (height, found) = query(&chain, move |state| find(state, &node)).await?;
    let mut lines = vec![
        format!(
            "Network     {}, block {height}, epoch {}",
            settings.genesis.id(),
            found.epoch
        ),
        match &found.registration {
            Some((provider, said)) => format!(
                "This node   {node}: registered as number {provider}, with {} at {} credits a call",
                &*said.model.name,
                said.price.call.credits()
            ),
            None => format!("This node   {node}: not registered"),
        },
    ];
    for (domain, profile) in &found.domains {
        lines.push(format!(
            "Standing    {:<12} mean {}, at least {}, {} ratings",
            domain.to_string(),
            share(profile.mean),
            share(profile.lower_bound),
            profile.samples
        ));
    }
    if let Some(bond) = &found.bond {
        lines.push(format!(
            "Bond        {} credits stand",
            bond.standing.credits()
        ));
        for (free, amount) in &bond.leaving {
            lines.push(format!(
                "            {} credits return in epoch {free}",
                amount.credits()
            ));
        }
        lines.push(format!(
            "Operator    {}: {} credits free",
            bond.operator,
            found.balance.credits()
        ));
    }
    match &told {
        Some(parts) => lines.extend(role::lines(parts)),
        None => lines
            .push("Process     does not run here, or does not tell (http in the settings)".into()),
    }
    let json = serde_json::json!({
        "network": settings.genesis.id(),
        "node": node,
        "height": height,
        "epoch": found.epoch,
        "provider": found.registration.as_ref().map(|(provider, _)| provider),
        "standing": found.domains.iter().map(|(domain, profile)| serde_json::json!({
            "domain": domain,
            "mean": share(profile.mean),
            "lower_bound": share(profile.lower_bound),
            "ratings": profile.samples,
        })).collect::<Vec<_>>(),
        "bond": found.bond.as_ref().map(|bond| bond.standing.credits()),
        "leaving": found.bond.as_ref().map(|bond| bond.leaving.iter().map(|(free, amount)| {
            serde_json::json!({ "free": free, "amount": amount.credits() })
        }).collect::<Vec<_>>()),
        "operator": found.bond.as_ref().map(|bond| bond.operator),
        "balance": found.balance.credits(),
        "parts": told,
    });
    output.result(&lines.join("\n"), &json)?;
    Ok(code::OK)
}

/// A score as it is shown: from 0 to 1.
fn share(score: Score) -> String {
    format!(
        "{:.3}",
        f64::from(score.get()) / f64::from(Score::ONE.get())
    )
}
