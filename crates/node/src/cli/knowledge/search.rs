//! `llmnet knowledge search`: what an expert would find, with the proofs it would cite.

use std::path::PathBuf;

use clap::Args;
use llmnet_knowledge::{
    analysis::Query,
    folder,
    load::Kind,
    store::{Filter, Wanted},
};
use serde_json::json;

use super::{
    super::{Common, code, output::Output},
    Expert,
    embedding::Embedding,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to look for
    question: String,
    #[command(flatten)]
    expert: Expert,
    /// How many passages
    #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=50))]
    number: u16,
    /// Only below this folder
    #[arg(long, value_name = "FOLDER")]
    below: Option<PathBuf>,
    /// Only files of this kind, by the end of their names, as pdf
    #[arg(long, value_name = "ENDING")]
    kind: Option<String>,
    /// Only under this licence
    #[arg(long, value_name = "SPDX")]
    licence: Option<String>,
    /// Only current up to this day or later, in days since 1970-01-01
    #[arg(long, value_name = "DAY")]
    since_day: Option<u32>,
    #[command(flatten)]
    embedding: Embedding,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let store = arguments.expert.open(common)?;
    let kind = match &arguments.kind {
        Some(ending) => {
            let name = PathBuf::from(format!("x.{ending}"));
            let kind = Kind::of(&name);
            Some(
                kind.ok_or_else(|| anyhow::anyhow!("files *.{ending} are not read"))?
                    .name()
                    .to_owned(),
            )
        }
        None => None,
    };
    let filter = Filter {
        below: arguments.below.as_deref().map(folder::origin),
        kind,
        licence: arguments.licence.clone(),
        since_day: arguments.since_day,
    };
    let vector = match arguments.embedding.embedder(common)? {
        Some(embedder) => {
            let vectors = embedder.embed(&[&arguments.question]).await?;
            vectors
                .into_iter()
                .next()
                .map(|vector| (embedder.model().to_owned(), vector))
        }
        None => None,
    };
    let query = Query::new(&arguments.question);
    let hits = store.best(&Wanted {
        query: &query,
        vector: vector
            .as_ref()
            .map(|(model, vector)| (model.as_str(), vector.as_slice())),
        statistics: &store.statistics_of(&query)?,
        limit: usize::from(arguments.number),
        filter: &filter,
    })?;
    let proofs = store.proofs()?;
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for (rank, hit) in hits.iter().enumerate() {
        let Some(evidence) = store.cite(&proofs, hit.id)? else {
            continue;
        };
        let passage = &evidence.passage;
        let origins = store.origins_of(hit.id)?;
        text.push(format!(
            "{}. {} | {}\n   {}\n   {}, passage {} of {}\n",
            rank + 1,
            passage.document,
            passage.title,
            passage.text.replace('\n', "\n   "),
            origins.join(", "),
            evidence.citation.path.index + 1,
            evidence.citation.path.size,
        ));
        rows.push(json!({
            "digest": passage.digest(),
            "lexical": hit.lexical,
            "dense": hit.dense,
            "origins": origins,
            "evidence": evidence,
        }));
    }
    if rows.is_empty() {
        text.push("nothing found".to_owned());
    }
    output.result(text.join("\n").trim_end(), &json!({ "data": rows }))?;
    Ok(code::OK)
}
