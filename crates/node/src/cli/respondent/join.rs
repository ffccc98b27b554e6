//! `llmnet respondent join`: from nothing to serving, in one command.

use std::{sync::Arc, time::Duration};

use clap::Args;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_types::{bond::Role, units::Amount};

use super::{
    Common, PassphraseArguments, directory, init,
    run::{Serve, node_key, serve},
    settings,
};
use crate::{
    cli::{output::Output, place::PATIENCE, signals::Signals},
    keystore, models,
    network::funding::{self, Need},
    remote::Remote,
    respondent::{
        registering::{register, registered},
        settings::SETTINGS,
    },
};

/// What is kept for the fees of transactions, beyond the bond: registering and leaving cost thousandths.
const FEES: Amount = Amount::CREDIT;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    new: init::New,
    /// How long to wait for the operator's money
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    wait: u64,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let mut signals = Signals::new()?;
    let directory = directory(common);
    let file = directory.join(SETTINGS);
    if !file.exists() {
        let made = arguments.new.make(common, &arguments.passphrase).await?;
        output.note(&init::told(&made, &directory.display().to_string()));
    } else if arguments.new.is_said() {
        anyhow::bail!(
            "{} is there already and says what this respondent is; change it there, or name another --dir",
            file.display()
        );
    }
    let settings = settings(common)?;
    let key = node_key(&settings, &arguments.passphrase)?;
    let backing = settings.source.backing(&key, &models::environment)?;
    let network = settings.genesis.id();
    let remote = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let chain: Arc<dyn ChainClient> = Arc::new(remote);
    let standing = match registered(&*chain, settings.node).await? {
        Some(standing) => {
            standing.check(&backing)?;
            output.note("it is registered already");
            standing
        }
        None => {
            let file = settings.operator_key.display().to_string();
            let passphrase = arguments.passphrase.source().known(&file)?;
            let operator = keystore::read(&settings.operator_key, &passphrase)?;
            drop(passphrase);
            let least = query(&*chain, |state| ledger::params(state).bond_min)
                .await?
                .1;
            anyhow::ensure!(
                settings.bond >= least,
                "the settings post {} credits for each domain, and this network wants {} at least; change bond",
                settings.bond.credits(),
                least.credits()
            );
            let domains = u64::try_from(backing.domains.len()).unwrap_or(u64::MAX);
            let bond = Amount(settings.bond.0.saturating_mul(domains));
            let need = Need {
                account: operator.public_key(),
                what: format!(
                    "the operator of {}: {} for {domains} domains, and fees",
                    settings.node.short(),
                    bond.credits()
                ),
                amount: Amount(bond.0.saturating_add(FEES.0)),
            };
            let progress = output.progress();
            let told = need.clone();
            let waiting = funding::wait(
                &*chain,
                need,
                Duration::from_secs(arguments.wait),
                |balance| {
                    if balance == Amount::ZERO {
                        output.note(&format!(
                            "\nThe operator's account needs money for the bond. Whoever has some sends it:\n\n\
                             \x20 llmnet wallet send --to {} --amount {}\n",
                            told.account,
                            told.amount.credits()
                        ));
                    }
                    progress.step(&format!(
                        "waiting for the operator's money: {} of {} credits",
                        balance.credits(),
                        told.amount.credits()
                    ));
                },
            );
            tokio::select! {
                done = waiting => done?,
                () = signals.any() => anyhow::bail!("interrupted; the same command goes on from here"),
            }
            progress.step("registering");
            register(&*chain, network, (&operator, &key), &backing, settings.bond).await?
        }
    };
    let node = settings.node;
    let bond = query(&*chain, move |state| {
        ledger::bond(state, &node, Role::Respondent)
    });
    let bond = bond.await?.1.map_or(Amount::ZERO, |bond| bond.standing);
    output.note(&format!(
        "registered as number {}, with a bond of {} credits",
        standing.provider,
        bond.credits()
    ));
    let ready = Serve {
        key,
        backing,
        standing,
        chain,
    };
    serve(&settings, ready, &mut signals, output).await
}
