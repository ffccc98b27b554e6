//! Making a network in an empty directory, in an order that a crash cannot spoil: the version file comes
//! last, and without it the next start begins anew.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    time::SystemTime,
};

use llmnet_chain::beacon_anchor;
use llmnet_ledger::{Genesis, GenesisValidator};
use llmnet_types::{
    codec::{List, Text},
    id::Digest,
    params::Params,
    units::Amount,
};

use super::{HomeError, LAYOUT, VALIDATORS, failed, read, read_genesis};
use crate::{
    anchor::Anchors, config::Config, experts::RESPONDENTS, keys::Keys, models::MODELS_MAX,
};

/// What the gateway's account starts with.
const REQUESTER: Amount = Amount(1_000_000 * Amount::CREDIT.0);
/// What everybody else's does: bonds and transaction fees.
const OTHERS: Amount = Amount(1_000 * Amount::CREDIT.0);

/// What may be in a directory whose network is not made yet: the user's configuration, documents and keys, and all
/// that a crash may leave.
const BEGUN: [&str; 8] = [
    "knowledge",
    "lock",
    "llmnet.toml",
    "seed",
    "seed.partial",
    "genesis.json",
    "genesis.partial",
    "version.partial",
];

pub(super) fn directory(path: &Path) -> Result<(), HomeError> {
    fs::create_dir_all(path).map_err(failed("create", path))?;
    let foreign = fs::read_dir(path)
        .map_err(failed("read", path))?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .any(|name| !is_begun(Path::new(&name)));
    if foreign && !path.join("version").exists() {
        return Err(HomeError::Foreign {
            path: path.display().to_string(),
        });
    }
    Ok(())
}

/// Keys are what a configuration names as `file::NAME.key`.
fn is_begun(name: &Path) -> bool {
    let is_key = name.extension().is_some_and(|ending| ending == "key");
    is_key || BEGUN.iter().any(|known| name == Path::new(known))
}

/// Writes a file so that it is either there whole or not at all, also after a power failure.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let partial = path.with_extension("partial");
    let write = || {
        let mut options = File::options();
        options.create(true).truncate(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(failed("write", path))
}

pub(super) fn read_seed(path: &Path) -> Result<[u8; 32], HomeError> {
    let file = path.join("seed");
    let text = read(&file)?;
    let seed: Digest = text.trim().parse().map_err(|error| HomeError::Damaged {
        path: file.display().to_string(),
        why: format!("{error}"),
    })?;
    Ok(seed.0)
}

pub(super) fn network(path: &Path) -> Result<(), HomeError> {
    let seed = if path.join("seed").exists() {
        read_seed(path)?
    } else {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| HomeError::Damaged {
            path: "the system's source of randomness".to_owned(),
            why: error.to_string(),
        })?;
        write(&path.join("seed"), format!("{}\n", Digest(seed)).as_bytes())?;
        seed
    };
    let config = Config::read(path)?;
    let file = path.join("genesis.json");
    let genesis = match config.chain.nodes.is_empty() {
        true => {
            let genesis = genesis(&Keys::new(seed), &config);
            write(&file, genesis.to_json().as_bytes())?;
            genesis
        }
        // Somebody else made it.
        false if file.exists() => read_genesis(path)?,
        false => {
            let path = path.display().to_string();
            return Err(HomeError::NoGenesis { path });
        }
    };
    let version = format!("llmnet {LAYOUT}\n{}\n", genesis.id());
    write(&path.join("version"), version.as_bytes())
}

/// Epochs of a committee's term: an hour of a network that is idle.
const TERM_EPOCHS: u32 = 64;

fn genesis(keys: &Keys, config: &Config) -> Genesis {
    let validators = (0..VALIDATORS).map(|number| {
        let key = keys.validator(number);
        GenesisValidator {
            beacon: Some(beacon_anchor(key.to_seed())),
            ..GenesisValidator::plain(key.public_key(), OTHERS)
        }
    });
    let mut validators: Vec<_> = validators.collect();
    validators.sort_by_key(|validator| validator.node);
    let respondents = RESPONDENTS
        .iter()
        .map(|respondent| (*respondent).to_owned());
    let models = (0..MODELS_MAX).map(|number| format!("model-{number}"));
    let operators = respondents
        .chain(models)
        .map(|name| (keys.operator(&name).public_key(), OTHERS));
    let accounts = operators.chain([
        (keys.requester().public_key(), REQUESTER),
        (keys.coordinator().public_key(), OTHERS),
    ]);
    let epoch_blocks = config.chain.epoch_blocks.get();
    let local = Params::local();
    Genesis {
        name: Text::truncated("local"),
        validators: List::truncated(validators),
        params: Params {
            epoch_blocks,
            term_epochs: TERM_EPOCHS,
            coordinator_bond_min: Amount::CREDIT,
            checkpoint_blocks: local.checkpoint_blocks.min(epoch_blocks),
            ..local
        },
        beacon: keys.beacon(),
        timestamp_ms: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0)),
        accounts: List::truncated(accounts),
        anchors: List::truncated([
            Anchors::new(keys.clone()).first(keys.coordinator().public_key())
        ]),
    }
}
