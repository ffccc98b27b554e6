//! `llmnet respondent join`: from nothing to serving, in one command; and from one promise to another.

use std::{sync::Arc, time::Duration};

use clap::Args;
use llmnet_chain::{client::ChainClient, query};
use llmnet_ledger::query as ledger;
use llmnet_types::{
    bond::Role,
    params::Params,
    signature::PrivateKey,
    transaction::Instruction,
    units::{Amount, Score},
};

use super::{
    Common, PassphraseArguments, init, role,
    run::{Serve, node_key, serve},
};
use crate::{
    cli::{code, output::Output, place::PATIENCE, signals::Signals},
    models,
    network::{
        funding::{self, Need},
        submit,
    },
    remote::Remote,
    respondent::{
        backing::Backing,
        registering::{Registered, register, registered},
        settings::{FILES, Settings},
        updating::{Change, changes, update},
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
    /// Only say what the ledger would be told, and what that costs
    #[arg(long)]
    dry_run: bool,
    /// Where the domains are others: end the registration, with its reputation, and make another
    #[arg(long)]
    anew: bool,
    #[command(flatten)]
    passphrase: PassphraseArguments,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let mut signals = Signals::new()?;
    let directory = role::directory::<Settings>(common);
    let file = directory.join(FILES.settings);
    if !file.exists() {
        anyhow::ensure!(
            !arguments.dry_run,
            "there is no respondent in {} yet; llmnet respondent init makes one, and tells the ledger nothing",
            directory.display()
        );
        let made = arguments.new.make(common, &arguments.passphrase).await?;
        output.note(&init::told(&made, &directory));
    } else if arguments.new.is_said() {
        anyhow::bail!(
            "{} is there already and says what this respondent is; change it there, or name another --dir",
            file.display()
        );
    }
    let settings: Settings = role::settings(common)?;
    let key = node_key(&settings, &arguments.passphrase)?;
    let backing = settings.source.backing(&key, &models::environment)?;
    let remote = Remote::connect(settings.nodes.clone(), &settings.genesis, PATIENCE).await?;
    let chain: Arc<dyn ChainClient> = Arc::new(remote);
    let joining = Joining {
        arguments,
        settings: &settings,
        key: &key,
        backing: &backing,
        chain: &*chain,
        output,
    };
    let standing = registered(&*chain, settings.node).await?;
    if arguments.dry_run {
        return joining.foretell(standing.as_ref()).await;
    }
    let standing = match standing {
        None => joining.register(&mut signals).await?,
        Some(standing) => joining.renew(standing, &mut signals).await?,
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
    serve(
        &settings,
        ready,
        &arguments.passphrase,
        &mut signals,
        output,
    )
    .await
}

/// What is needed to have the ledger say what answers.
struct Joining<'a> {
    arguments: &'a Arguments,
    settings: &'a Settings,
    key: &'a PrivateKey,
    backing: &'a Backing,
    chain: &'a dyn ChainClient,
    output: &'a Output,
}

impl Joining<'_> {
    fn operator(&self) -> anyhow::Result<PrivateKey> {
        self.arguments.passphrase.key(&self.settings.operator_key)
    }

    async fn params(&self) -> anyhow::Result<Params> {
        Ok(query(self.chain, |state| ledger::params(state)).await?.1)
    }

    /// The bond for all domains.
    fn bond(&self) -> Amount {
        let domains = u64::try_from(self.backing.domains.len()).unwrap_or(u64::MAX);
        Amount(self.settings.bond.0.saturating_mul(domains))
    }

    /// Registers, once its operator has the money.
    async fn register(&self, signals: &mut Signals) -> anyhow::Result<Registered> {
        let Self {
            settings,
            backing,
            output,
            chain,
            ..
        } = *self;
        let operator = self.operator()?;
        let least = self.params().await?.bond_min;
        anyhow::ensure!(
            settings.bond >= least,
            "the settings post {} credits for each domain, and this network wants {} at least; change bond",
            settings.bond.credits(),
            least.credits()
        );
        let bond = self.bond();
        let need = Need {
            account: operator.public_key(),
            what: format!(
                "the operator of {}: {} for {} domains, and fees",
                settings.node.short(),
                bond.credits(),
                backing.domains.len()
            ),
            amount: Amount(bond.0.saturating_add(FEES.0)),
        };
        let progress = output.progress();
        let told = need.clone();
        let waiting = funding::wait(
            chain,
            need,
            Duration::from_secs(self.arguments.wait),
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
        let keys = (&operator, self.key);
        register(chain, settings.genesis.id(), keys, backing, settings.bond).await
    }

    /// Has a registration that stands say what answers now.
    async fn renew(
        &self,
        standing: Registered,
        signals: &mut Signals,
    ) -> anyhow::Result<Registered> {
        let Self {
            backing,
            output,
            chain,
            ..
        } = *self;
        let changes = changes(&standing.registration, backing);
        if changes.is_empty() {
            output.note("it is registered already");
            return Ok(standing);
        }
        let lines = lines(&changes, &self.params().await?).join("\n");
        let network = self.settings.genesis.id();
        if changes.iter().any(is_of_domains) {
            anyhow::ensure!(
                self.arguments.anew,
                "a registration keeps the domains that its bond stands for (REG-5), and the settings name others:\n\
                 {lines}\nllmnet respondent join --anew ends it, with its reputation, and makes another"
            );
            let operator = self.operator()?;
            let provider = standing.provider;
            output.note(&format!(
                "number {provider} ends, and another begins:\n{lines}"
            ));
            submit(chain, network, &operator, Instruction::Retire { provider }).await?;
            return self.register(signals).await;
        }
        output.note(&format!(
            "the registration is told what answers now:\n{lines}"
        ));
        let operator = self.operator()?;
        let keys = (&operator, self.key);
        let standing = update(chain, network, keys, &standing, backing).await?;
        output.note(&format!(
            "all of that is in force from block {} on",
            standing.from
        ));
        Ok(standing)
    }

    /// Says what the ledger would be told.
    async fn foretell(&self, standing: Option<&Registered>) -> anyhow::Result<u8> {
        let node = self.settings.node;
        let Some(standing) = standing else {
            let domains: Vec<String> = self
                .backing
                .domains
                .iter()
                .map(ToString::to_string)
                .collect();
            let (bond, domains) = (self.bond().credits(), domains.join(", "));
            let text = format!(
                "{node} would be registered for {domains} with {}, for a bond of {bond} credits",
                &*self.backing.model.name
            );
            let json = serde_json::json!({ "node": node, "registered": false, "bond": bond, "changes": [] });
            self.output.result(&text, &json)?;
            return Ok(code::OK);
        };
        let params = self.params().await?;
        let changes = changes(&standing.registration, self.backing);
        let how = match (changes.is_empty(), changes.iter().any(is_of_domains)) {
            (true, _) => "and nothing is to be changed",
            (_, true) => "and would end for another, with --anew alone:",
            (_, false) => "and would say from the next epoch on, documents from the next block on:",
        };
        let mut text = vec![format!(
            "{node} is registered as number {}, {how}",
            standing.provider
        )];
        text.extend(lines(&changes, &params));
        let told = changes.iter().map(|change| {
            let costs = f64::from(change.costs(&params).get()) / f64::from(Score::ONE.get());
            serde_json::json!({ "of": change.subject(), "change": change.to_string(), "costs": costs })
        });
        let json = serde_json::json!({
            "node": node,
            "registered": true,
            "provider": standing.provider,
            "changes": told.collect::<Vec<_>>(),
        });
        self.output.result(&text.join("\n"), &json)?;
        Ok(code::OK)
    }
}

const fn is_of_domains(change: &Change) -> bool {
    matches!(change, Change::Domains { .. })
}

/// A line for each change, with its cost in reputation.
fn lines(changes: &[Change], params: &Params) -> Vec<String> {
    let line = |change: &Change| match change.costs(params) {
        Score::ZERO => format!("  {change}"),
        share => format!(
            "  {change}; it costs {}% of the good evidence (REP-7)",
            share.get() / 100
        ),
    };
    changes.iter().map(line).collect()
}
