//! `llmnet reputation`: how good providers were found, and whether their record follows from the blocks.

mod check;
mod show;

use clap::Args;
use llmnet_gateway::port::ledger::{Audits, Profile, ReputationRow};
use llmnet_types::{
    domain::Domain,
    id::{DomainId, ProviderId},
    reputation::{Prior, Reputation},
    signature::PublicKey,
    units::Score,
};
use serde::{Deserialize, Serialize};

use super::{Common, Models, client::Client, code, output::Output, session::Session};

/// Providers of one page.
const LIMIT: usize = 256;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A provider's number, its key, or the first eight characters of that; all where absent
    #[arg(value_name = "PROVIDER")]
    provider: Option<String>,
    /// In this domain only
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<Domain>,
    /// As selections of this height saw it; as it is now where absent
    #[arg(long, value_name = "HEIGHT")]
    at: Option<u64>,
    /// Execute all blocks again, from genesis on, and compare
    #[arg(long)]
    recompute: bool,
}

/// No provider, or more than one, of this name.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    /// None.
    #[error("there is no provider {0}")]
    Unknown(String),
    /// Several keys begin so.
    #[error("{0} may be any of {1}")]
    Ambiguous(String, String),
}

/// Reputations as the gateway lists them.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Page {
    object: String,
    /// The height of the state they were read from.
    height: u64,
    at: Option<u64>,
    prior: Prior,
    decay: f64,
    data: Vec<Row>,
    next: Option<u64>,
}

/// A provider's reputation in a domain.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    provider: ProviderId,
    node: PublicKey,
    name: String,
    domain_id: DomainId,
    domain: Domain,
    mean: f64,
    lower_bound: f64,
    deviation: f64,
    samples: u32,
    latency_ms: u32,
    ceiling: f64,
    evidence: Evidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<Remembered>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Evidence {
    positive: u64,
    negative: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    height: u64,
    samples: u32,
    latency_ms: u32,
    evidence: Evidence,
    audits: Audited,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Audited {
    long_right: u64,
    long_wrong: u64,
    short_right: u64,
    short_wrong: u64,
}

impl Evidence {
    const fn of(reputation: &Reputation) -> Self {
        Self {
            positive: reputation.positive,
            negative: reputation.negative,
        }
    }
}

impl Audited {
    const fn of(audits: &Audits) -> Self {
        Self {
            long_right: audits.long_right,
            long_wrong: audits.long_wrong,
            short_right: audits.short_right,
            short_wrong: audits.short_wrong,
        }
    }
}

fn ratio(score: Score) -> f64 {
    f64::from(score.get()) / f64::from(Score::ONE.get())
}

impl Row {
    /// A row as the gateway would show it.
    fn of(row: &ReputationRow) -> Self {
        let Profile {
            evidence,
            mean,
            deviation,
            lower_bound,
            ceiling,
        } = row.profile;
        let history = row.history.as_ref().map(|history| {
            let entries = history.iter().map(|entry| Remembered {
                height: entry.height.0,
                samples: entry.evidence.samples,
                latency_ms: entry.evidence.latency_ms,
                evidence: Evidence::of(&entry.evidence),
                audits: Audited::of(&entry.audits),
            });
            entries.collect()
        });
        Self {
            provider: row.provider,
            node: row.node,
            name: row.name.clone(),
            domain_id: row.domain_id,
            domain: row.domain.clone(),
            mean: ratio(mean),
            lower_bound: ratio(lower_bound),
            deviation: ratio(deviation),
            samples: evidence.samples,
            latency_ms: evidence.latency_ms,
            ceiling: ratio(ceiling),
            evidence: Evidence::of(&evidence),
            history,
        }
    }
}

impl Remembered {
    fn reputation(&self) -> Reputation {
        Reputation {
            positive: self.evidence.positive,
            negative: self.evidence.negative,
            samples: self.samples,
            latency_ms: self.latency_ms,
        }
    }
}

/// What is asked for, as the gateway understands it.
#[derive(Debug, Clone)]
struct Query {
    provider: Option<u32>,
    domain: Option<Domain>,
    at: Option<u64>,
}

impl Query {
    fn path(&self, cursor: u64) -> String {
        let mut path = format!("/v1/ledger/reputation?limit={LIMIT}");
        if let Some(provider) = self.provider {
            path.push_str(&format!("&provider={provider}"));
        } else {
            path.push_str(&format!("&cursor={cursor}"));
        }
        if let Some(domain) = &self.domain {
            path.push_str(&format!("&domain={domain}"));
        }
        if let Some(at) = self.at {
            path.push_str(&format!("&at={at}"));
        }
        path
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let models = Models {
        no_models: true,
        ..Models::default()
    };
    let session = Session::open(&common.directory(), &models, output).await?;
    let done = tell(arguments, common, output, &session.client).await;
    session.close().await?;
    done
}

async fn tell(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
    client: &Client,
) -> anyhow::Result<u8> {
    let provider = match &arguments.provider {
        Some(wanted) => Some(provider(client, wanted).await?),
        None => None,
    };
    let query = Query {
        provider,
        domain: arguments.domain.clone(),
        at: arguments.at,
    };
    if arguments.recompute {
        return check::run(&query, common, output, client).await;
    }
    let pages: Vec<Page> = pages(client, &query)
        .await?
        .into_iter()
        .map(|(_, page)| page)
        .collect();
    output.result(&show::text(&pages), &show::json(&pages)?)?;
    Ok(code::OK)
}

/// All pages of an answer with their cursors, each as of its own height.
async fn pages(client: &Client, query: &Query) -> anyhow::Result<Vec<(u64, Page)>> {
    let mut pages: Vec<(u64, Page)> = Vec::new();
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let page: Page = client.read(&query.path(from)).await?;
        cursor = page.next.filter(|next| *next > from);
        pages.push((from, page));
    }
    Ok(pages)
}

#[derive(Deserialize)]
struct Providers {
    data: Vec<Provider>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct Provider {
    id: u32,
    node: PublicKey,
}

/// The number of a provider that a person named.
async fn provider(client: &Client, wanted: &str) -> anyhow::Result<u32> {
    let mut by_key = Vec::new();
    let mut by_number = None;
    let mut cursor = Some(0);
    while let Some(from) = cursor {
        let path = format!("/v1/ledger/providers?limit={LIMIT}&cursor={from}");
        let page: Providers = client.read(&path).await?;
        for provider in &page.data {
            // Fewer characters are more likely a number.
            if wanted.len() >= 8 && provider.node.to_string().starts_with(wanted) {
                by_key.push(provider.id);
            }
            if provider.id.to_string() == wanted {
                by_number = Some(provider.id);
            }
        }
        cursor = page.next.filter(|next| *next > from);
    }
    match (by_key.as_slice(), by_number) {
        ([id], _) => Ok(*id),
        ([], Some(id)) => Ok(id),
        ([], None) => Err(ProviderError::Unknown(wanted.to_owned()).into()),
        (ids, _) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            Err(ProviderError::Ambiguous(wanted.to_owned(), ids.join(", ")).into())
        }
    }
}
