//! `llmnet knowledge status` and `list`: what an expert has.

use std::path::PathBuf;

use clap::Args;
use llmnet_knowledge::{folder, store::Held};
use serde_json::{Value, json};

use super::{
    super::{Common, code, output::Output},
    Expert,
};

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Only what is below this folder
    folder: Option<PathBuf>,
    #[command(flatten)]
    expert: Expert,
}

pub(super) fn list(
    arguments: &ListArguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let store = arguments.expert.open(common)?;
    let below = arguments.folder.as_deref().map(folder::origin);
    let held = store.list(&below.unwrap_or_default())?;
    let text: Vec<String> = held
        .iter()
        .map(|held| {
            let Held {
                origin,
                title,
                kind,
                passages,
                ..
            } = held;
            let licence = if held.licence.is_empty() {
                "no licence"
            } else {
                &held.licence
            };
            format!(
                "{origin}\n  {title:?}, {kind}, {passages} passages, day {}, {licence}",
                held.as_of_day
            )
        })
        .collect();
    let rows: Vec<Value> = held
        .iter()
        .map(|held| {
            json!({
                "origin": held.origin,
                "digest": held.digest,
                "title": held.title,
                "kind": held.kind,
                "licence": held.licence,
                "as_of_day": held.as_of_day,
                "bytes": held.bytes,
                "passages": held.passages,
            })
        })
        .collect();
    output.result(&text.join("\n"), &json!({ "data": rows }))?;
    Ok(code::OK)
}

pub(super) fn run(expert: &Expert, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let store = expert.open(common)?;
    let (status, corpus) = (store.status()?, store.proofs()?.registration());
    let share = store.disclosure()?.name();
    let vectors: Vec<Value> = status
        .vectors
        .iter()
        .map(|(model, passages)| json!({ "model": model, "passages": passages }))
        .collect();
    let json = json!({
        "expert": expert.expert.as_str(),
        "origins": status.origins,
        "documents": status.documents,
        "passages": status.passages,
        "words": status.words,
        "bytes": status.bytes,
        "generation": status.generation,
        "share": share,
        "vectors": vectors,
        "corpus": corpus,
    });
    let mut text = format!(
        "{}: {} documents by {} names, {} passages, {} bytes",
        expert.expert.as_str(),
        status.documents,
        status.origins,
        status.passages,
        status.bytes
    );
    if let Some(corpus) = corpus {
        text.push_str(&format!(
            "\nroot {} as of day {}",
            corpus.root, corpus.as_of_day
        ));
    }
    text.push_str(&format!("\nshares {share} with other coordinators"));
    for (model, passages) in &status.vectors {
        text.push_str(&format!("\n{passages} passages embedded by {model}"));
    }
    output.result(&text, &json)?;
    Ok(code::OK)
}
