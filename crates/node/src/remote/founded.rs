//! The genesis of a network that is known by its id alone: whoever tells it, its digest says whether it is the one.

use std::time::Duration;

use anyhow::Context;
use llmnet_ledger::Genesis;
use llmnet_types::id::NetworkId;

use crate::settings::GENESIS_LENGTH_MAX;

/// How long a node may take to tell it.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Another network than was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{url} is a node of network {found}, and not of {expected}")]
pub struct OtherNetwork {
    /// Who was asked.
    pub url: String,
    /// Its network.
    pub found: NetworkId,
    /// The network that was meant.
    pub expected: NetworkId,
}

/// The genesis that the node at this address tells, whichever it is.
///
/// # Errors
/// It does not answer, or with something else.
pub async fn told(url: &str) -> anyhow::Result<Genesis> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .timeout(TIMEOUT)
        .build()?;
    let address = format!("{}/v1/ledger/genesis", url.trim_end_matches('/'));
    let read = async {
        let mut response = http.get(address).send().await?.error_for_status()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            anyhow::ensure!(
                length <= GENESIS_LENGTH_MAX,
                "it is longer than any genesis"
            );
        }
        Ok(Genesis::from_json(&String::from_utf8(bytes)?)?)
    };
    read.await
        .with_context(|| format!("{url} does not tell its network's genesis"))
}

/// The genesis of this network, by the first of these nodes that tells it.
///
/// # Errors
/// None does.
pub async fn founded(urls: &[String], network: NetworkId) -> anyhow::Result<Genesis> {
    let mut last = anyhow::anyhow!("no node of the network is named");
    for url in urls {
        match told(url).await {
            Ok(genesis) if genesis.id() == network => return Ok(genesis),
            Ok(genesis) => {
                last = OtherNetwork {
                    url: url.clone(),
                    found: genesis.id(),
                    expected: network,
                }
                .into();
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
