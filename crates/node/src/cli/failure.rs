//! What to do about an error, by whose it is.

use llmnet_chain::StartError;
use llmnet_gateway::TlsError;
use llmnet_model::backend::api;
use llmnet_types::document::DocumentError;

use crate::{
    config::ConfigError,
    coordinator::journal::JournalError,
    directory::InitError,
    home::HomeError,
    keystore::{KeyError, PassphraseError},
    network::Unfunded,
    settings,
};

use super::{blocks, client::ClientError, knowledge, reputation, verify::Unreadable};

/// The next step, where one is known.
pub(super) fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(error) = cause.downcast_ref::<HomeError>() {
            return home(error);
        }
        if let Some(error) = cause.downcast_ref::<DocumentError>() {
            return document(error);
        }
        if let Some(error) = cause.downcast_ref::<ClientError>() {
            return client(error);
        }
        if let Some(error) = cause.downcast_ref::<KeyError>() {
            return Some(settings::mend(error).to_owned());
        }
        if let Some(error) = cause.downcast_ref::<PassphraseError>() {
            return Some(passphrase(error));
        }
        if let Some(error) = cause.downcast_ref::<InitError>() {
            return Some(init(error));
        }
        if let Some(StartError::Address { .. } | StartError::NoAddress { .. }) =
            cause.downcast_ref::<StartError>()
        {
            return None;
        }
        if cause.downcast_ref::<StartError>().is_some() {
            return Some("name another directory with --dir".to_owned());
        }
        if let Some(error) = cause.downcast_ref::<ConfigError>() {
            return Some(config(error));
        }
        if cause.downcast_ref::<knowledge::NothingAdded>().is_some() {
            let add = "llmnet knowledge add FILES --expert NAME, or name the directory with --dir";
            return Some(add.to_owned());
        }
        if cause.downcast_ref::<TlsError>().is_some() {
            return Some("mend [gateway.tls] of the settings".to_owned());
        }
        if cause.downcast_ref::<api::ConfigError>().is_some() {
            return Some(
                "mend llmnet.toml or the variables that name a model, or say --no-models"
                    .to_owned(),
            );
        }
        if cause.downcast_ref::<Unfunded>().is_some() {
            return Some(
                "ask whoever has money there: llmnet wallet send, with each of these lines"
                    .to_owned(),
            );
        }
        if cause.downcast_ref::<JournalError>().is_some() {
            return Some(
                "restore coordinator.db of the network's directory from a copy, or name another \
                 directory with --dir"
                    .to_owned(),
            );
        }
        if cause.downcast_ref::<Unreadable>().is_some() {
            return Some(
                "name a receipt file: llmnet ask saves one, llmnet receipt prints one".to_owned(),
            );
        }
        if cause.downcast_ref::<reputation::ProviderError>().is_some() {
            return Some(
                "llmnet reputation lists all, with their numbers and the first characters of \
                 their keys"
                    .to_owned(),
            );
        }
        if cause.downcast_ref::<blocks::OtherNetwork>().is_some() {
            return Some("name the directory of that network with --dir".to_owned());
        }
        let io = cause.downcast_ref::<std::io::Error>()?;
        (io.kind() == std::io::ErrorKind::AddrInUse)
            .then(|| "choose another port with --port, 0 for any free one".to_owned())
    })
}

fn home(error: &HomeError) -> Option<String> {
    Some(match error {
        HomeError::Io { .. } => "name a directory you may write to with --dir".to_owned(),
        HomeError::Busy { .. } => {
            "use the running network, or stop it, or name another directory with --dir".to_owned()
        }
        HomeError::NoGenesis { .. } => {
            "put the network's genesis.json there, from somebody you trust, or take nodes out of \
             llmnet.toml"
                .to_owned()
        }
        HomeError::Layout { .. } => {
            "use the version of llmnet that made it, or name another directory with --dir"
                .to_owned()
        }
        HomeError::Network { .. } | HomeError::Damaged { .. } => {
            "restore it from a copy, or name another directory with --dir".to_owned()
        }
        HomeError::Foreign { .. } => "name an empty directory, or a new one, with --dir".to_owned(),
        HomeError::Config(error) => config(error),
    })
}

fn passphrase(error: &PassphraseError) -> String {
    match error {
        PassphraseError::File(error) => settings::mend(error),
        PassphraseError::Terminal(_) | PassphraseError::Nowhere => {
            "name a file that has it with --passphrase-file, or set LLMNET_PASSPHRASE"
        }
        PassphraseError::Short { .. } | PassphraseError::Length => "choose another passphrase",
        PassphraseError::Differ => "type it again",
    }
    .to_owned()
}

fn init(error: &InitError) -> String {
    match error {
        InitError::Key(error) => settings::mend(error),
        InitError::Exists { .. } | InitError::Io { .. } => "name another directory with --dir",
    }
    .to_owned()
}

fn config(error: &ConfigError) -> String {
    match error {
        ConfigError::Read { .. } => "name a directory you may read and write with --dir",
        ConfigError::Parse { .. } | ConfigError::Open { .. } => {
            "mend llmnet.toml in the network's directory"
        }
        ConfigError::Key { .. } => {
            "put the key there, or take the model out of llmnet.toml, or say --no-models"
        }
        ConfigError::Password { .. } => {
            "put the password there, or take [knowledge] out of llmnet.toml"
        }
    }
    .to_owned()
}

fn document(error: &DocumentError) -> Option<String> {
    Some(match error {
        DocumentError::Network { .. } => {
            "if you trust that network too, name its id with --network".to_owned()
        }
        _ => "ask for the receipt again: llmnet receipt ID".to_owned(),
    })
}

fn client(error: &ClientError) -> Option<String> {
    match error {
        ClientError::Refused { hint, .. } => hint.clone(),
        ClientError::Unreachable { .. } => {
            Some("look whether the network still runs: llmnet up".to_owned())
        }
        ClientError::Malformed(_) => None,
    }
}
