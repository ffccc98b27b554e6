//! `[embedding]` of llmnet.toml: what makes vectors, for `/v1/embeddings`, for `llmnet knowledge`, and of questions that are
//! looked up at experts. It is the operator's own: no respondent, no pay.
//!
//! ```toml
//! [embedding]
//! name = "text-embedding-3-small"  # as its server knows it, and as clients ask for it
//! api = "openai"                   # openai, xai, or compatible: OpenAI's embeddings at any other server;
//!                                  # compatible where absent
//! base_url = "http://10.0.0.7/v1"  # up to and with the version; its maker's where absent
//! key = "env::OPENAI_API_KEY"      # as of a [[model]]
//! limits = { calls = 8, calls_a_minute = 100 }
//! timeouts = { connect_ms = 3000, reply_ms = 60000, rest_ms = 10000 }
//! ```
//!
//! Or a sentence transformer's directory, run on this machine by a program that has the feature `local`:
//!
//! ```toml
//! [embedding]
//! directory = "minilm"
//! ```

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Model;

/// What makes vectors.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Table")]
pub enum Embedding {
    /// A model at a server, configured as a respondent's is, but for what only a respondent has.
    Served(Box<Model>),
    /// A sentence transformer's directory.
    Directory(PathBuf),
}

/// Settings of a respondent, which this is none of.
const OF_RESPONDENTS: [&str; 3] = ["domains", "samples", "price"];

impl TryFrom<toml::Table> for Embedding {
    type Error = String;

    fn try_from(table: toml::Table) -> Result<Self, String> {
        if let Some(directory) = table.get("directory") {
            let path = directory.as_str().filter(|_| table.len() == 1);
            let path =
                path.ok_or("a directory of a model, in quotes, stands alone: take the rest out")?;
            return Ok(Self::Directory(path.into()));
        }
        if let Some(name) = OF_RESPONDENTS
            .iter()
            .find(|name| table.contains_key(**name))
        {
            return Err(format!(
                "a model for embeddings has no {name}: it is no respondent; take it out"
            ));
        }
        table
            .try_into()
            .map(|model| Self::Served(Box::new(model)))
            .map_err(|error: toml::de::Error| error.message().to_owned())
    }
}

impl Embedding {
    pub(crate) fn resolve(&mut self, directory: &Path) {
        match self {
            Self::Served(model) => model.resolve(directory),
            Self::Directory(path) => *path = directory.join(&path),
        }
    }
}
