//! What the commands of all roles have in common that live in a directory of their own: where it is, its keys, how a
//! new one is told of, what its process says of itself, when its bond returns.

use std::path::{Path, PathBuf};

use llmnet_ledger::record::Bond;
use llmnet_types::{
    params::{Params, UNBOND_EPOCHS},
    units::Epoch,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Common;
use crate::{
    coordinator::settings as coordinator,
    directory::{Files, Made, NODE_KEY},
    home,
    respondent::settings as respondent,
    settings::Mistakes,
    validator,
};

/// The settings of a role, as its commands find them.
pub(super) trait Role: Sized {
    /// The role's name, and that of its directory where none is named.
    const NAME: &'static str;
    /// The file of settings.
    const FILE: &'static str;

    /// Reads them.
    fn read(path: &Path) -> Result<Self, Mistakes>;
}

impl Role for coordinator::Settings {
    const NAME: &'static str = "coordinator";
    const FILE: &'static str = coordinator::FILES.settings;

    fn read(path: &Path) -> Result<Self, Mistakes> {
        Self::read(path)
    }
}

impl Role for respondent::Settings {
    const NAME: &'static str = "respondent";
    const FILE: &'static str = respondent::FILES.settings;

    fn read(path: &Path) -> Result<Self, Mistakes> {
        Self::read(path)
    }
}

impl Role for validator::settings::Settings {
    const NAME: &'static str = "validator";
    const FILE: &'static str = validator::SETTINGS;

    fn read(path: &Path) -> Result<Self, Mistakes> {
        Self::read(path)
    }
}

/// The role's directory.
pub(super) fn directory<R: Role>(common: &Common) -> PathBuf {
    let default = || home::data_directory().join(R::NAME);
    common.dir.clone().unwrap_or_else(default)
}

/// The settings in it.
pub(super) fn settings<R: Role>(common: &Common) -> anyhow::Result<R> {
    Ok(R::read(&directory::<R>(common).join(R::FILE))?)
}

/// A role that was made: its accounts and files, for people.
pub(super) fn told<R: Role>(made: &Made, directory: &Path, files: Files, backup: &str) -> String {
    let shown = directory.display();
    let Files {
        settings,
        account,
        account_key,
    } = files;
    format!(
        "A {role} is made in {shown}.\n\n\
         \x20 network    {network}\n\
         \x20 node       {node}  {shown}/{NODE_KEY}\n\
         \x20 {account:<10} {paying}  {shown}/{account_key}\n\
         \x20 settings   {shown}/{settings}\n\n\
         Back up the keys and their passphrase, each in a place of its own: {backup}Nobody can restore them.",
        role = R::NAME,
        network = made.network,
        node = made.node,
        paying = made.account,
    )
}

/// The same for programs.
pub(super) fn told_json(made: &Made, directory: &Path, files: Files) -> Value {
    let mut json = json!({
        "directory": directory,
        "network": made.network,
        "node": made.node,
    });
    json[files.account] = json!(made.account);
    json
}

/// A part of a process, by its own word.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Part {
    name: String,
    ready: bool,
    detail: String,
}

/// A line for each part.
pub(super) fn lines(parts: &[Part]) -> impl Iterator<Item = String> {
    parts.iter().map(|part| {
        let sign = if part.ready { "" } else { "NOT WELL: " };
        format!("{:<24}{sign}{}", part.name, part.detail)
    })
}

/// When what was taken from a bond returns: lines for people, a list for programs.
pub(super) fn returning(bond: &Bond, params: &Params, epoch: Epoch) -> (String, Value) {
    let first = |free: &Epoch| free.0.saturating_mul(params.epoch_length());
    let mut text = String::new();
    for (free, amount) in &bond.leaving {
        text.push_str(&format!(
            "\n{} credits return to {} by themselves with block {}, in epoch {free} ({epoch} is now)",
            amount.credits(),
            bond.operator,
            first(free)
        ));
    }
    text.push_str(&format!(
        "\nUntil then, {UNBOND_EPOCHS} epochs after leaving, they can be slashed for what was signed before: keep \
         the keys as safe as ever. llmnet wallet show tells of them."
    ));
    let leaving = bond.leaving.iter().map(
        |(free, amount)| json!({ "amount": amount.credits(), "free": free, "height": first(free) }),
    );
    (text, Value::Array(leaving.collect()))
}
