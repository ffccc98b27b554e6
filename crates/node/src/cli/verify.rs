//! `llmnet verify FILE`: whether a receipt holds, offline.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use llmnet_protocol::replay::replay;
use llmnet_types::{
    document::{DOCUMENT_LENGTH_MAX, Finality, ReceiptDocument, Verified},
    id::NetworkId,
};

use super::{cite, code, output::Output};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The receipt file, - for standard input
    file: PathBuf,
    /// The network you trust; any other is refused
    #[arg(long, value_name = "ID")]
    network: Option<NetworkId>,
}

/// The receipt file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", path.display())]
pub(super) struct Unreadable {
    path: PathBuf,
    source: std::io::Error,
}

pub(super) fn run(arguments: &Arguments, output: &Output) -> anyhow::Result<u8> {
    let bytes = read(&arguments.file)?;
    let (document, verified) = check(&bytes, arguments.network.as_ref())?;
    let citations = citations(&document)?;
    let trusted = arguments.network.is_some();
    let json = serde_json::json!({
        "verified": verified,
        "trusted": trusted,
        "citations": citations,
    });
    output.result(&text(&document, &verified, trusted, citations), &json)?;
    Ok(exit_code(&verified))
}

/// Checks signatures, proof and rules.
pub(super) fn check(
    bytes: &[u8],
    network: Option<&NetworkId>,
) -> anyhow::Result<(ReceiptDocument, Verified)> {
    let document = ReceiptDocument::from_bytes(bytes)?;
    let verified = document.verify(network)?;
    replay(&document).context("the receipt is signed, but not by the rules")?;
    Ok((document, verified))
}

/// How many passages the answer cites, each of them proven.
fn citations(document: &ReceiptDocument) -> anyhow::Result<usize> {
    let candidates = &document.receipt.selection.candidates;
    let cited = cite::cited(document, false);
    for evidence in &cited {
        let root = evidence.citation.root;
        // Of what was shown, `explain` says whether it was announced: the ledger has to be asked.
        let announced = candidates.iter().any(|candidate| candidate.corpus == root)
            || document
                .shared
                .iter()
                .any(|shown| shown.evidence == *evidence);
        anyhow::ensure!(
            announced && evidence.holds(),
            "the answer cites {:?} under root {root}, which is of nobody who could be asked",
            evidence.passage.title.as_str()
        );
    }
    Ok(cited.len())
}

pub(super) const fn exit_code(verified: &Verified) -> u8 {
    match verified.finality {
        Finality::Final { .. } => code::OK,
        Finality::Signed => code::NOT_FINAL,
    }
}

fn text(
    document: &ReceiptDocument,
    verified: &Verified,
    trusted: bool,
    citations: usize,
) -> String {
    let receipt = &document.receipt;
    let trust = if trusted {
        "the one you named"
    } else {
        "compare it with the one you trust, or name it with --network"
    };
    let finality = match verified.finality {
        Finality::Final { height } => format!("settled, and final in block {height}"),
        Finality::Signed => {
            "signed by its coordinator, NOT YET FINAL: the file has no proof of settlement"
                .to_owned()
        }
    };
    let cited = match citations {
        0 => "nothing".to_owned(),
        1 => "1 passage, proven to stand in its corpus".to_owned(),
        more => format!("{more} passages, each proven to stand in its corpus"),
    };
    format!(
        "network   {network} ({trust})\n\
         receipt   {id}\n\
         standing  {finality}\n\
         answer    sha256 {response}, {length} bytes, as in the file\n\
         panel     {seats} seats, selected by the rule from {candidates} candidates at height {height}\n\
         verdict   {conclusion:?}, as the transcript gives it\n\
         cites     {cited}\n\
         charge    {charge} credits{shown}",
        network = verified.network,
        id = verified.receipt,
        response = receipt.response,
        length = document.answer.len(),
        seats = receipt.seats.len(),
        candidates = receipt.selection.candidates.len(),
        height = receipt.selection.height,
        conclusion = receipt.verdict.conclusion,
        charge = receipt.charges.total.credits(),
        shown = match document.shared.len() {
            0 => String::new(),
            count => format!(
                "\nshown     {count} passages of experts' documents, each where it says, by every seat's own commitment"
            ),
        },
    )
}

/// A receipt file's bytes, or the beginning of what is too long to be one.
pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let limit = u64::try_from(DOCUMENT_LENGTH_MAX)?.saturating_add(1);
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .take(limit)
            .read_to_end(&mut bytes)?;
    } else {
        let opened = std::fs::File::open(file);
        opened
            .and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
            .map_err(|source| Unreadable {
                path: file.to_owned(),
                source,
            })?;
    }
    Ok(bytes)
}
