//! `llmnet cite FILE`: the passages that an answer cites, proven, and where they stand in documents of this directory.

use std::{collections::BTreeSet, path::PathBuf};

use clap::Args;
use llmnet_knowledge::store::Around;
use llmnet_types::{
    document::ReceiptDocument,
    id::{Digest, NetworkId},
    message::{Answer, Payload},
    passage::Evidence,
};
use serde_json::json;

use super::{Common, code, output::Output, verify};
use crate::{coordinator::owner, stores};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The receipt file, - for standard input
    file: PathBuf,
    /// The network you trust; any other is refused
    #[arg(long, value_name = "ID")]
    network: Option<NetworkId>,
    /// Cite what any seat cited in the debate, not only the answer that was taken
    #[arg(long)]
    all: bool,
}

pub(super) fn run(arguments: &Arguments, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let bytes = verify::read(&arguments.file)?;
    let (document, verified) = verify::check(&bytes, arguments.network.as_ref())?;
    let cited = cited(&document, arguments.all);
    let (mut text, mut rows) = (Vec::new(), Vec::new());
    for (number, evidence) in cited.iter().enumerate() {
        let passage = &evidence.passage;
        let digest = passage.digest();
        let place = place(common, &digest)?;
        let citation = &evidence.citation;
        let owner = owner(&document.receipt, &document.shared, evidence);
        let day = owner.map(|owner| owner.as_of_day);
        text.push(shown(number + 1, evidence, day, place.as_ref()));
        rows.push(json!({
            "passage": passage,
            "digest": digest,
            "root": citation.root,
            "proven": evidence.holds(),
            "provider": owner.map(|owner| owner.provider),
            "node": owner.map(|owner| owner.node),
            "as_of_day": day,
            "place": place.map(|(expert, around)| json!({
                "expert": expert,
                "origins": around.origins,
                "place": around.place,
                "of": around.of,
                "before": around.before,
                "after": around.after,
            })),
        }));
    }
    if rows.is_empty() {
        text.push("the answer cites nothing".to_owned());
    }
    let json = json!({ "receipt": verified.receipt, "data": rows });
    output.result(text.join("\n\n").trim_end(), &json)?;
    let all_proven = cited.iter().all(Evidence::holds);
    Ok(if all_proven { code::OK } else { code::FAILED })
}

/// What answers cite, each passage once: those with the text that was delivered, or all.
pub(super) fn cited(document: &ReceiptDocument, all: bool) -> Vec<Evidence> {
    let openings = document.transcript.iter().flat_map(|phase| &phase.openings);
    let answers = openings.filter_map(|opening| match &opening.payload {
        Payload::Answer(answer) => Some(answer),
        Payload::Revision(revision) => Some(&revision.answer),
        Payload::Ballot(_) => None,
    });
    let taken = |answer: &&Answer| all || answer.text.as_str() == document.answer.as_str();
    let mut seen = BTreeSet::new();
    let cited = answers.filter(taken).flat_map(|answer| &answer.evidence);
    cited
        .filter(|evidence| seen.insert(evidence.passage.digest()))
        .cloned()
        .collect()
}

/// Where a passage stands in this directory's documents, and whose they are.
fn place(common: &Common, passage: &Digest) -> anyhow::Result<Option<(String, Around)>> {
    let folder = stores::folder(&common.directory());
    for expert in stores::names(&folder) {
        let store = stores::open(&stores::path(&folder, &expert))?;
        if let Some(around) = store.around(passage)? {
            return Ok(Some((expert.as_str().to_owned(), around)));
        }
    }
    Ok(None)
}

fn shown(
    number: usize,
    evidence: &Evidence,
    day: Option<u32>,
    place: Option<&(String, Around)>,
) -> String {
    let passage = &evidence.passage;
    let path = &evidence.citation.path;
    let mut text = format!("{number}. {} | {}\n", passage.document, passage.title);
    let quote = |text: &mut String, mark: &str, words: &str| {
        for line in words.lines() {
            text.push_str(&format!("   {mark} {line}\n"));
        }
    };
    let around = place.map(|(_, around)| around);
    if let Some(before) = around.and_then(|around| around.before.as_ref()) {
        quote(&mut text, " ", &before.text);
    }
    quote(&mut text, "|", &passage.text);
    if let Some(after) = around.and_then(|around| around.after.as_ref()) {
        quote(&mut text, " ", &after.text);
    }
    let proven = if evidence.holds() {
        "proven to stand"
    } else {
        "NOT PROVEN to stand"
    };
    let (index, size, root) = (path.index + 1, path.size, evidence.citation.root);
    text.push_str(&format!(
        "   {proven} as passage {index} of {size} under root {root}"
    ));
    match day {
        Some(day) => text.push_str(&format!(", announced as of day {day}")),
        None => text.push_str(", which nobody on the panel had announced"),
    }
    if let Some((expert, around)) = place {
        let origins = around.origins.join(", ");
        let (place, of) = (around.place + 1, around.of);
        text.push_str(&format!(
            "\n   passage {place} of {of} in {origins}, kept for the expert {expert}"
        ));
    }
    text
}
