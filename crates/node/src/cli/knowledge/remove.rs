//! `llmnet knowledge remove`: files and folders are forgotten.

use std::path::PathBuf;

use clap::Args;
use llmnet_knowledge::{folder, store::Removed};
use serde_json::json;

use super::{
    super::{Common, code, output::Output},
    Expert,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Files and folders, which need not be there any more
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    expert: Expert,
}

pub(super) fn run(arguments: &Arguments, common: &Common, output: &Output) -> anyhow::Result<u8> {
    let store = arguments.expert.open(common)?;
    let mut all = Removed::default();
    for path in &arguments.paths {
        let removed = store.remove(&folder::origin(path))?;
        if removed.origins == 0 {
            output.note(&format!(
                "nothing was added by the name of {}",
                path.display()
            ));
        }
        all.origins += removed.origins;
        all.documents += removed.documents;
        all.passages += removed.passages;
    }
    let corpus = store.proofs()?.registration();
    let json = json!({
        "origins": all.origins,
        "documents": all.documents,
        "passages": all.passages,
        "corpus": corpus,
    });
    let left = corpus.map_or(0, |corpus| corpus.passages);
    let text = format!(
        "{} files forgotten, {} documents and {} passages with them; {left} passages left",
        all.origins, all.documents, all.passages
    );
    output.result(&text, &json)?;
    Ok(if all.origins == 0 {
        code::FAILED
    } else {
        code::OK
    })
}
