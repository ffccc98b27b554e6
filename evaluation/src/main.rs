//! Measures retrieval over judged collections: one index, experts in processes of their own, and mistakes to avoid.
//!
//! ```text
//! collection -> stores (one for all, one for each expert) -> systems -> answers -> nDCG@10 -> report
//! ```
//!
//! `just evaluate-retrieval` runs it; `evaluation/README.md` says what the figures mean.

mod collection;
mod expert;
mod measure;
mod remember;
mod report;
mod retrieval;

use std::{path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use llmnet_model::{
    backend::api::{Embeddings, EmbeddingsConfig, Key},
    embedding::Embedder,
};

use collection::Collection;
use remember::Remembering;
use report::{Report, System};
use retrieval::{Answer, BARS, Network, ROUTED, TERMS};

/// How long a call of an embedding model behind HTTP may take.
const EMBEDDING_TIME: Duration = Duration::from_secs(60);

/// Measures retrieval.
#[derive(Debug, Parser)]
#[command(name = "llmnet-evaluation")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer a collection's queries by every system, and report
    Retrieval(Retrieval),
    /// Serve a store over standard input and output (what `retrieval` starts for each expert)
    #[command(hide = true)]
    Expert {
        #[arg(long)]
        store: PathBuf,
        #[arg(long)]
        model_name: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
struct Retrieval {
    /// Where corpus.jsonl[.gz], queries.jsonl and qrels.tsv are
    #[arg(long)]
    collection: PathBuf,
    /// Where the report goes: PREFIX.md and PREFIX.json
    #[arg(long)]
    out: PathBuf,
    /// A directory for stores; what is there is used again
    #[arg(long)]
    work: PathBuf,
    /// At most so many queries
    #[arg(long)]
    queries: Option<usize>,
    /// A sentence transformer's directory in Hugging Face format (needs the feature `local`)
    #[arg(long)]
    model_dir: Option<PathBuf>,
    /// The base of an OpenAI-compatible API that embeds; its key is in LLMNET_EMBEDDING_KEY
    #[arg(long, requires = "model")]
    embeddings: Option<String>,
    /// The model there
    #[arg(long)]
    model: Option<String>,
    /// Fail where one index, by words alone, finds less than this
    #[arg(long, default_value_t = 0.0)]
    bm25_min: f64,
    /// Fail where one index, by words and vectors, finds less than this
    #[arg(long, default_value_t = 0.0)]
    hybrid_min: f64,
    /// Fail where all experts together find less than this share of one index
    #[arg(long, default_value_t = 0.0)]
    fused_min: f64,
    /// Fail where the best two experts find less than this share of it
    #[arg(long, default_value_t = 0.0)]
    routed_min: f64,
    /// Fail where an expert with all documents, without an embedding model, ever had more memory than this, in MiB
    #[arg(long, default_value_t = f64::INFINITY)]
    memory_max: f64,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Expert { store, model_name } => expert::serve(&store, model_name.as_deref()),
        Command::Retrieval(retrieval) => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(Box::pin(run(&retrieval))),
    }
}

#[cfg(feature = "local")]
fn local(directory: &std::path::Path) -> anyhow::Result<Box<dyn Embedder>> {
    let model = llmnet_model::backend::sentence::SentenceModel::open(directory)?;
    Ok(Box::new(model))
}

#[cfg(not(feature = "local"))]
fn local(_: &std::path::Path) -> anyhow::Result<Box<dyn Embedder>> {
    anyhow::bail!("this program was built without the feature `local`; add --features local")
}

fn embedder(arguments: &Retrieval) -> anyhow::Result<Option<Box<dyn Embedder>>> {
    if let Some(directory) = &arguments.model_dir {
        return local(directory).map(Some);
    }
    let Some(base) = &arguments.embeddings else {
        return Ok(None);
    };
    let embeddings = Embeddings::new(&EmbeddingsConfig {
        base: base.clone(),
        model: arguments.model.clone().context("--model names none")?,
        key: std::env::var("LLMNET_EMBEDDING_KEY").ok().map(Key::new),
        time: EMBEDDING_TIME,
    })?;
    Ok(Some(Box::new(embeddings)))
}

async fn run(arguments: &Retrieval) -> anyhow::Result<()> {
    let mut collection = Collection::read(&arguments.collection)?;
    if let Some(most) = arguments.queries {
        collection.thin(most);
    }
    std::fs::create_dir_all(&arguments.work)?;
    let embedder = embedder(arguments)?.map(Remembering::new);
    let embedder = embedder.as_ref().map(|embedder| embedder as &dyn Embedder);
    let model = embedder.map(|embedder| embedder.model().to_owned());

    let domains = collection.domains();
    let mut stores = Vec::new();
    for domain in &domains {
        let path = arguments.work.join(format!("{domain}.sqlite"));
        let own = collection.documents.iter();
        let own = own.filter(|document| document.domain == *domain);
        retrieval::keep(&path, own, embedder).await?;
        stores.push(path);
    }
    let path = arguments.work.join("all.sqlite");
    let all = retrieval::keep(&path, collection.documents.iter(), embedder).await?;

    let scale = match embedder {
        Some(embedder) => retrieval::scale(embedder).await?,
        None => None,
    };
    let by_words = retrieval::asked(&collection, None).await?;
    let by_both = retrieval::asked(&collection, embedder).await?;
    let mut systems = Vec::new();
    let mut measure = |name: &str, hybrid: bool, answers: anyhow::Result<Vec<Answer>>| {
        systems.push(System::new(name, hybrid, &collection, &answers?));
        anyhow::Ok(())
    };
    let kinds = [(false, &by_words), (true, &by_both)];
    let mut experts = Vec::new();
    for (hybrid, asked) in kinds.into_iter().take(if model.is_some() { 2 } else { 1 }) {
        let central = asked.iter().map(|asked| retrieval::central(&all, asked));
        measure("central", hybrid, central.collect())?;
        let model = model.as_deref().filter(|_| hybrid);
        let mut network = Network::start(&stores, model, scale.filter(|_| hybrid))?;
        let before = network.traffic();
        let count = domains.len();
        let fused = asked.iter().map(|asked| network.fused(asked, count));
        measure("fused", hybrid, fused.collect())?;
        let between = network.traffic();
        let routed = asked.iter().map(|asked| network.fused(asked, ROUTED));
        measure("routed", hybrid, routed.collect())?;
        let after = network.traffic();
        let mut shown_mean = Vec::new();
        for bar in BARS {
            let shown = asked.iter().map(|asked| network.shown(asked, bar));
            let shown = shown.collect::<anyhow::Result<Vec<_>>>()?;
            let documents: usize = shown.iter().map(|answer| answer.ranked.len()).sum();
            shown_mean.push((bar, documents as f64 / shown.len().max(1) as f64));
            measure(&format!("shown-{bar}"), hybrid, Ok(shown))?;
        }
        let local = asked.iter().map(|asked| network.local(asked));
        measure("local-statistics", hybrid, local.collect())?;
        let naive = asked.iter().map(|asked| network.naive(asked));
        measure("naive", hybrid, naive.collect())?;
        let catalogue_terms_max = network.terms();
        for terms in TERMS {
            network.shorten(terms);
            let routed = asked.iter().map(|asked| network.fused(asked, ROUTED));
            measure(&format!("routed-{terms}"), hybrid, routed.collect())?;
        }
        experts.push(report::Traffic {
            hybrid,
            catalogue_terms_max,
            shown_mean,
            memory_peak_alone_mib: retrieval::memory_alone(&path, asked, model, &all)?,
            fused_messages: between.0 - before.0,
            fused_bytes: between.1 - before.1,
            routed_messages: after.0 - between.0,
            routed_bytes: after.1 - between.1,
            memory_peak_mib: domains
                .iter()
                .cloned()
                .zip(network.experts.iter().map(expert::Expert::memory_peak_mib))
                .collect(),
        });
    }
    let report = Report::new(&collection, model, systems, experts);
    report.write(&arguments.out)?;
    report.hold(&report::Goals {
        bm25_min: arguments.bm25_min,
        hybrid_min: arguments.hybrid_min,
        fused_min: arguments.fused_min,
        routed_min: arguments.routed_min,
        memory_max_mib: arguments.memory_max,
    })
}
