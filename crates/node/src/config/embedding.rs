//! `[embedding]` of llmnet.toml: what makes vectors for `/v1/embeddings`. It is the operator's own: no respondent, no pay.
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

use std::path::Path;

use serde::Deserialize;

use super::Model;

/// What makes vectors. It is configured as a model is, but for what only a respondent has.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct Embedding(pub(crate) Model);

/// Settings of a respondent, which this is none of.
const OF_RESPONDENTS: [&str; 3] = ["domains", "samples", "price"];

impl TryFrom<toml::Table> for Embedding {
    type Error = String;

    fn try_from(table: toml::Table) -> Result<Self, String> {
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
            .map(Self)
            .map_err(|error: toml::de::Error| error.message().to_owned())
    }
}

impl Embedding {
    pub(crate) fn resolve(&mut self, directory: &Path) {
        self.0.resolve(directory);
    }
}
