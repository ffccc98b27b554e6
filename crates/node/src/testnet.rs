//! A network of processes on one machine, written ready to start: a directory for each, with keys, settings, ports
//! of its own, and money in the genesis.
//!
//! ```text
//! DIR/passphrase       opens all keys of it: they are as good as unencrypted
//! DIR/wallet.key       an account with money for newcomers
//! DIR/genesis.json     the network
//! DIR/validator-1/ …   as llmnet validator init writes it, with the genesis
//! DIR/coordinator/     as llmnet coordinator init writes it
//! DIR/respondent-1/ …  as llmnet respondent init writes it
//! ```

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use llmnet_ledger::Genesis;
use llmnet_types::{
    codec::Text,
    id::NetworkId,
    signature::{PrivateKey, PublicKey},
    units::Amount,
};

use crate::{
    anchor::Anchors,
    coordinator::settings as coordinator,
    experts::RESPONDENTS,
    keys::Keys,
    keystore::{self, Passphrase},
    network::{chain::free_addresses, roles},
    respondent::{
        coordinators::Named,
        registering::BOND,
        settings::{self as respondent, PlannedSource},
    },
    validator::{
        self,
        founding::{self, Charter, Founder},
    },
};

/// The file of the passphrase.
pub const PASSPHRASE: &str = "passphrase";
/// The file of the key with money for newcomers.
pub const WALLET: &str = "wallet.key";
/// The network.
pub const GENESIS: &str = "genesis.json";

/// What each validator's bond is, and what its operator has besides; what the coordinator and each respondent's
/// operator have for bonds and fees.
const EACH: Amount = Amount(1_000 * Amount::CREDIT.0);
/// What the gateway's account has, and what the wallet has.
const RICH: Amount = Amount(100_000 * Amount::CREDIT.0);

/// What to write.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where: a directory that is empty or not there.
    pub directory: PathBuf,
    /// How many validators.
    pub validators: usize,
    /// How many respondents.
    pub respondents: usize,
    /// Blocks of an epoch.
    pub epoch_blocks: u32,
    /// The pause between blocks while nothing happens.
    pub idle_interval_ms: u32,
}

/// What was written.
#[derive(Debug, Clone)]
pub struct Made {
    /// The network.
    pub network: NetworkId,
    /// Where its coordinator will serve the API.
    pub api: String,
    /// Where the first validator will answer queries.
    pub node: String,
    /// The coordinator.
    pub coordinator: PublicKey,
    /// Where respondents will link to it.
    pub link: SocketAddr,
    /// The account with money for newcomers.
    pub wallet: PublicKey,
    /// An address that is free for one of them.
    pub spare: SocketAddr,
    /// What is to be started, as role and directory, in this order.
    pub processes: Vec<(&'static str, String)>,
}

/// The keys of a role that signs with one and pays or is paid with another.
struct Pair(PrivateKey, PrivateKey);

impl Pair {
    fn generate() -> anyhow::Result<Self> {
        Ok(Self(keystore::generate()?, keystore::generate()?))
    }

    const fn both(&self) -> (&PrivateKey, &PrivateKey) {
        (&self.0, &self.1)
    }
}

/// Writes a network.
///
/// # Errors
/// The directory is not empty, or cannot be written; ports are missing.
pub fn write(plan: &Plan, mut on_step: impl FnMut(&str)) -> anyhow::Result<Made> {
    let at = |name: &str| plan.directory.join(name);
    let shown = plan.directory.display();
    let is_empty = match fs::read_dir(&plan.directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !plan.directory.exists(),
    };
    anyhow::ensure!(
        is_empty,
        "{shown} is not empty; name a directory that is, or a new one"
    );
    let passphrase = new_passphrase(&plan.directory)?;
    // Two for each validator, two for the coordinator, one for each respondent and one for a newcomer.
    let mut addresses = free_addresses(2 * plan.validators + 2 + plan.respondents + 1)?.into_iter();
    let mut next = || {
        addresses
            .next()
            .context("there are as many as were asked for")
    };

    let (mut founders, mut nodes) = (Vec::new(), Vec::new());
    let validators: Vec<String> = (1..=plan.validators)
        .map(|number| format!("validator-{number}"))
        .collect();
    for name in &validators {
        on_step(&format!("making {name}"));
        let (listen, http) = (next()?, next()?);
        let planned = validator::Plan {
            directory: at(name),
            address: Text::truncated(&listen.to_string()),
            listen,
            http,
            operator: None,
        };
        founders.push(validator::init(&planned, &passphrase)?);
        nodes.push(format!("http://{http}"));
    }
    let (http, link) = (next()?, next()?);
    let own = Pair::generate()?;
    let wallet = keystore::generate()?;
    keystore::write(&at(WALLET), &wallet, &passphrase)?;
    // Who has money stands in the genesis, so all keys come first.
    let respondents: Vec<(String, Pair)> = (1..=plan.respondents)
        .map(|number| anyhow::Ok((format!("respondent-{number}"), Pair::generate()?)))
        .collect::<Result<_, _>>()?;
    let mut accounts = vec![
        (own.0.public_key(), EACH),
        (own.1.public_key(), RICH),
        (wallet.public_key(), RICH),
    ];
    let operators = respondents.iter().map(|(_, pair)| pair.1.public_key());
    accounts.extend(operators.map(|operator| (operator, EACH)));
    let genesis = genesis(plan, &founders, accounts, &own.0)?;
    write_file(&at(GENESIS), &genesis.to_json())?;
    for name in &validators {
        write_file(&at(name).join(GENESIS), &genesis.to_json())?;
        hurry(&at(name).join(validator::SETTINGS), plan.idle_interval_ms)?;
    }

    on_step("making the coordinator");
    let planned = coordinator::Plan {
        directory: at("coordinator"),
        genesis: genesis.clone(),
        nodes: nodes.clone(),
        http,
        listen: link,
        address: Text::truncated(&link.to_string()),
        bond: roles::BOND,
        // The experts in the box look things up.
        patient: false,
    };
    let coordinator = coordinator::init(&planned, own.both(), &passphrase)?.node;
    // Neighbours know each other's domains, so the first three make a panel.
    for ((name, pair), expert) in respondents.iter().zip(RESPONDENTS.iter().cycle()) {
        on_step(&format!("making {name}"));
        let planned = respondent::Plan {
            directory: at(name),
            genesis: genesis.clone(),
            nodes: nodes.clone(),
            http: next()?,
            bond: BOND,
            source: PlannedSource::Expert((*expert).to_owned()),
            // They find the coordinator on the ledger.
            coordinators: Named::new(),
        };
        respondent::init(&planned, pair.both(), &passphrase)?;
    }
    let validators = validators.into_iter().map(|name| ("validator", name));
    let respondents = respondents
        .into_iter()
        .map(|(name, _)| ("respondent", name));
    Ok(Made {
        network: genesis.id(),
        api: format!("http://{http}"),
        node: nodes.into_iter().next().context("there is a validator")?,
        coordinator,
        link,
        wallet: wallet.public_key(),
        spare: next()?,
        processes: validators
            .chain([("coordinator", "coordinator".to_owned())])
            .chain(respondents)
            .collect(),
    })
}

fn genesis(
    plan: &Plan,
    founders: &[Founder],
    accounts: Vec<(PublicKey, Amount)>,
    coordinator: &PrivateKey,
) -> anyhow::Result<Genesis> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let keys = Keys::new(coordinator.to_seed());
    let charter = Charter {
        name: Text::truncated("testnet"),
        timestamp_ms: now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        params: founding::params(Some(plan.epoch_blocks), None),
        bond: EACH,
        balance: EACH,
        accounts,
        // Whoever makes all keys may anchor the coordinator at once: it need not wait for an epoch.
        anchors: vec![Anchors::new(keys).first(coordinator.public_key())],
    };
    founding::found(founders, &charter).context("so many validators and blocks make no network")
}

/// A new passphrase, in a file that is its owner's alone.
fn new_passphrase(directory: &Path) -> anyhow::Result<Passphrase> {
    let (passphrase, text) = Passphrase::random()?;
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    let mut options = fs::File::options();
    options.create_new(true).write(true);
    #[cfg(unix)]
    {
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    let path = directory.join(PASSPHRASE);
    let write = || {
        folder.create(directory)?;
        std::io::Write::write_all(&mut options.open(&path)?, text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(passphrase)
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Sets the pause between a validator's blocks.
fn hurry(settings: &Path, idle_interval_ms: u32) -> anyhow::Result<()> {
    let text = fs::read_to_string(settings)?;
    let set = format!("idle_interval_ms = {idle_interval_ms}");
    write_file(settings, &text.replace("idle_interval_ms = 1000", &set))
}
