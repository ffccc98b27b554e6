//! `llmnet wallet new`: a key that money can be sent to.

use clap::Args;

use super::{Output, Owner};
use crate::{cli::code, keystore};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    owner: Owner,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let Owner {
        key: file,
        passphrase,
    } = &arguments.owner;
    let passphrase = passphrase.source().new_one("the new key")?;
    let key = keystore::generate()?;
    keystore::write(file, &key, &passphrase)?;
    let (shown, account) = (file.display(), key.public_key());
    let text = format!(
        "{account}  {shown}\n\nBack it up with its passphrase, each in a place of its own: nobody can restore it."
    );
    output.result(
        &text,
        &serde_json::json!({ "account": account, "key": file }),
    )?;
    Ok(code::OK)
}
