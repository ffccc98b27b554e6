//! A validator of its own: a directory, a key that only its owner can open, and one file that says all else.
//!
//! ```text
//! DIR/validator.toml   the settings; paths in it are relative to it
//! DIR/node.key         the key that votes, encrypted
//! DIR/operator.key     the key that owns the bond, encrypted; better kept elsewhere
//! DIR/founder.json     the public part, for whoever makes the genesis
//! DIR/genesis.json     the network, the same for all its validators
//! DIR/data/            the chain
//! ```
//!
//! Many founders make a genesis ([`founding`]), each starts its validator by its own settings
//! ([`settings`], [`running`]), and nobody needs anything secret of anybody else.

pub mod founding;
pub mod running;
pub mod settings;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use llmnet_chain::beacon_anchor;
use llmnet_types::{bond::ADDRESS_LENGTH_MAX, codec::Text, signature::PublicKey};

use self::founding::Founder;
use crate::keystore::{self, KeyError, Passphrase};

/// The file of settings in a validator's directory.
pub const SETTINGS: &str = "validator.toml";
/// The key that votes.
pub const NODE_KEY: &str = "node.key";
/// The key that owns the bond.
pub const OPERATOR_KEY: &str = "operator.key";
/// The public part.
pub const FOUNDER: &str = "founder.json";
/// Where validators listen where nobody says another port.
pub const LISTEN_PORT: u16 = 7272;

/// What a new validator is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where: a directory that is empty or not there.
    pub directory: PathBuf,
    /// Where others reach it.
    pub address: Text<ADDRESS_LENGTH_MAX>,
    /// Where it listens for them.
    pub listen: SocketAddr,
    /// Where it answers queries.
    pub http: SocketAddr,
    /// Who owns its bond; where absent a key is made for that.
    pub operator: Option<PublicKey>,
}

/// Why no validator is made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something is there.
    #[error("{path} is there already; a validator is made once")]
    Exists {
        /// What.
        path: String,
    },
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The file system says no.
    #[error("cannot write {path}")]
    Io {
        /// What.
        path: String,
        /// Why not.
        source: io::Error,
    },
}

/// Makes a validator's directory with new keys. Nothing that is there is ever written over.
///
/// # Errors
/// See [`InitError`].
pub fn init(plan: &Plan, passphrase: &Passphrase) -> Result<Founder, InitError> {
    let directory = &plan.directory;
    let failed = |path: &Path| {
        let path = path.display().to_string();
        move |source| InitError::Io { path, source }
    };
    for name in [SETTINGS, FOUNDER, NODE_KEY, OPERATOR_KEY] {
        let path = directory.join(name);
        if path.exists() {
            let path = path.display().to_string();
            return Err(InitError::Exists { path });
        }
    }
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.create(directory).map_err(failed(directory))?;

    let node = keystore::generate()?;
    keystore::write(&directory.join(NODE_KEY), &node, passphrase)?;
    let operator = match plan.operator {
        Some(operator) => operator,
        None => {
            let operator = keystore::generate()?;
            keystore::write(&directory.join(OPERATOR_KEY), &operator, passphrase)?;
            operator.public_key()
        }
    };
    let beacon = beacon_anchor(node.to_seed());
    let founder = Founder::new(&node, operator, plan.address.clone(), beacon);
    let write = |name: &str, text: String| {
        let path = directory.join(name);
        fs::write(&path, text).map_err(failed(&path))
    };
    write(FOUNDER, founder.to_json())?;
    write(SETTINGS, settings::template(&founder.node, plan))?;
    Ok(founder)
}
