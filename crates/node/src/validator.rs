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

use std::{net::SocketAddr, path::PathBuf};

use llmnet_chain::beacon_anchor;
use llmnet_types::{bond::ADDRESS_LENGTH_MAX, codec::Text, signature::PublicKey};

use self::founding::Founder;
use crate::{
    directory::{self, InitError},
    keystore::{self, Passphrase},
};

/// The file of settings in a validator's directory.
pub const SETTINGS: &str = "validator.toml";
/// The key that votes.
pub const NODE_KEY: &str = "node.key";
/// The key that owns the bond.
pub const OPERATOR_KEY: &str = "operator.key";
/// The public part.
pub const FOUNDER: &str = "founder.json";

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

/// Makes a validator's directory with new keys. Nothing that is there is ever written over.
///
/// # Errors
/// See [`InitError`].
pub fn init(plan: &Plan, passphrase: &Passphrase) -> Result<Founder, InitError> {
    let directory = &plan.directory;
    directory::make(directory, &[SETTINGS, FOUNDER, NODE_KEY, OPERATOR_KEY])?;
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
    directory::write(&directory.join(FOUNDER), &founder.to_json())?;
    let settings = settings::template(&founder.node, plan);
    directory::write(&directory.join(SETTINGS), &settings)?;
    Ok(founder)
}
