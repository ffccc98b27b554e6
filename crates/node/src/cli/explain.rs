//! `llmnet explain FILE`: why each seat was chosen, and what everybody else lacked.
//!
//! All that a selection looks at stands on the receipt, so this needs no network. Whether the ledger had the same
//! then is another question: `--recompute` answers it from the blocks.

mod show;

use std::path::PathBuf;

use clap::Args;
use llmnet_ledger::selection::inputs;
use llmnet_protocol::replay::explain;
use llmnet_types::{
    document::ReceiptDocument,
    id::ProviderId,
    passage::Shared,
    selection::{Candidate, SelectionInputs},
};
use serde_json::{Value, json};

use super::{
    Common, Models,
    blocks::{self, Blocks},
    client::Client,
    code,
    output::Output,
    session::Session,
    verify,
};
use crate::{
    coordinator::stood,
    recompute::{Astray, NotFinal, Recomputed},
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The receipt file, - for standard input
    file: PathBuf,
    /// Execute all blocks again, from genesis on, and compare what the panel was selected from
    #[arg(long)]
    recompute: bool,
}

/// What the blocks say of a receipt's selection.
enum Finding {
    /// The same.
    Same { height: u64 },
    /// Something else, in this: what the panel was selected from; what it was shown.
    Differs {
        selection: Vec<String>,
        shown: Vec<String>,
    },
    /// Nothing: the first ones are not kept.
    Pruned { kept_from: u64 },
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let bytes = verify::read(&arguments.file)?;
    let (document, verified) = verify::check(&bytes, None)?;
    let places = explain(&document.receipt)?;
    let mut text = show::text(&document.receipt, &places);
    let mut json = show::json(&document.receipt, &places);
    if !document.shared.is_empty() {
        text.push_str("\n\n");
        text.push_str(&show::shared(&document.shared));
        json["shared"] = show::shared_json(&document.shared);
    }
    json["receipt"] = json!(verified.receipt);
    if !arguments.recompute {
        output.result(&text, &json)?;
        return Ok(code::OK);
    }
    let models = Models {
        no_models: true,
        ..Models::default()
    };
    let session = Session::open(&common.directory(), &models, output).await?;
    let found = recompute(&document, common, output, &session.client).await;
    session.close().await?;
    let (told, value, code) = told(&found?);
    text.push_str("\n\n");
    text.push_str(&told);
    json["recomputed"] = value;
    output.result(&text, &json)?;
    Ok(code)
}

async fn recompute(
    document: &ReceiptDocument,
    common: &Common,
    output: &Output,
    client: &Client,
) -> anyhow::Result<Finding> {
    let genesis = blocks::genesis(common, client).await?;
    anyhow::ensure!(
        document.receipt.network == genesis.id(),
        "the receipt is of network {}, and the directory's is {}",
        document.receipt.network,
        genesis.id()
    );
    let mut recomputed = Recomputed::begin(&genesis)?;
    let mut blocks = Blocks::new(client, output);
    let selection = &document.receipt.selection;
    let mut executed = blocks
        .execute_up_to(&mut recomputed, selection.height)
        .await;
    if executed.is_ok() {
        executed = blocks.check_final(&mut recomputed).await;
    }
    if let Err(error) = executed {
        if let Some(kept_from) = blocks::kept_from(&error) {
            return Ok(Finding::Pruned { kept_from });
        }
        if error.is::<Astray>() || error.is::<NotFinal>() {
            let told = format!("what this node shows does not follow from genesis: {error}");
            return Ok(Finding::Differs {
                selection: vec![told],
                shown: Vec::new(),
            });
        }
        return Err(error);
    }
    let height = selection.height;
    let domains = &selection.domains;
    let differences = match inputs(recomputed.state(), height, domains, selection.classifier) {
        Ok(found) => differences(selection, &found),
        Err(fault) => vec![format!("nothing can be selected from there: {fault}")],
    };
    let shown = not_announced(&document.shared, |shared| {
        stood(recomputed.state(), shared, height)
    });
    Ok(if differences.is_empty() && shown.is_empty() {
        Finding::Same { height: height.0 }
    } else {
        Finding::Differs {
            selection: differences,
            shown,
        }
    })
}

/// Passages that were shown as of a corpus that was not on the ledger then (COR-5).
fn not_announced(shared: &[Shared], stood: impl Fn(&Shared) -> bool) -> Vec<String> {
    let numbered = shared.iter().enumerate();
    let wrong = numbered.filter(|(_, shared)| !stood(shared));
    let told = wrong.map(|(place, shared)| {
        format!(
            "passage {} was shown as of corpus {} of provider {}, which had another then",
            place + 1,
            shared.evidence.citation.root,
            shared.provider
        )
    });
    told.collect()
}

/// Where a receipt says other than the ledger.
fn differences(receipt: &SelectionInputs, ledger: &SelectionInputs) -> Vec<String> {
    let find = |inputs: &'_ SelectionInputs, provider: ProviderId| -> Option<Candidate> {
        let mut candidates = inputs.candidates.iter();
        candidates.find(|found| found.provider == provider).cloned()
    };
    let mut providers: Vec<ProviderId> = [receipt, ledger]
        .iter()
        .flat_map(|inputs| inputs.candidates.iter().map(|candidate| candidate.provider))
        .collect();
    providers.sort_unstable();
    providers.dedup();
    let mut differences = Vec::new();
    if (receipt.epoch, receipt.beacon) != (ledger.epoch, ledger.beacon) {
        differences.push(format!(
            "epoch and beacon are {} and {}, not {} and {}",
            ledger.epoch, ledger.beacon, receipt.epoch, receipt.beacon
        ));
    }
    for provider in providers {
        match (find(receipt, provider), find(ledger, provider)) {
            (Some(said), Some(found)) if said != found => differences.push(format!(
                "provider {provider} had mean {} of {} ratings, price {} and bond {}, not {} of {}, {} and {}",
                show::score(found.mean),
                found.samples,
                found.price.call.credits(),
                found.bond.credits(),
                show::score(said.mean),
                said.samples,
                said.price.call.credits(),
                said.bond.credits(),
            )),
            (Some(_), None) => {
                differences.push(format!("provider {provider} could not be asked then"));
            }
            (None, Some(_)) => {
                differences.push(format!("provider {provider} could be asked, and was left out"));
            }
            _ => {}
        }
    }
    differences
}

fn told(found: &Finding) -> (String, Value, u8) {
    match found {
        Finding::Same { height } => (
            format!(
                "Agreed: {height} blocks from genesis on, executed again, give the same candidates with the same \
                 numbers."
            ),
            json!({ "height": height, "agreed": true }),
            code::OK,
        ),
        Finding::Differs { selection, shown } => {
            let mut told = Vec::new();
            if !selection.is_empty() {
                told.push(format!(
                    "DIFFERS from what the blocks give, for which its coordinator can be slashed (DIS-1):\n  {}",
                    selection.join("\n  ")
                ));
            }
            if !shown.is_empty() {
                told.push(format!(
                    "DIFFERS from what the blocks give, in what its seats were shown (COR-5):\n  {}",
                    shown.join("\n  ")
                ));
            }
            let differences: Vec<&String> = selection.iter().chain(shown).collect();
            (
                told.join("\n"),
                json!({ "agreed": false, "differences": differences }),
                code::DIFFERS,
            )
        }
        Finding::Pruned { kept_from } => (
            blocks::pruned(*kept_from),
            json!({ "kept_from": kept_from }),
            code::PRUNED,
        ),
    }
}

#[cfg(test)]
mod tests {
    use llmnet_types::{
        codec::{List, Text},
        id::Digest,
        registration::Price,
        reputation::Audited,
        signature::PrivateKey,
        units::{Amount, Epoch, Height, Score},
    };

    use super::*;

    fn candidate(provider: u32) -> Candidate {
        let key = PrivateKey::from_seed([7; 32]).public_key();
        Candidate {
            provider: ProviderId(provider),
            node: key,
            nonce: 0,
            operator: key,
            family: Text::truncated("extractive"),
            twin: Digest::ZERO,
            corpus: Digest::ZERO,
            corpus_as_of_day: 0,
            price: Price::default(),
            mean: Score::HALF,
            deviation: Score::ZERO,
            ceiling: Score::ONE,
            audited: Audited::default(),
            lower_bound: Score::HALF,
            samples: 10,
            latency_ms: 0,
            bond: Amount::CREDIT,
        }
    }

    fn selected_from(candidates: Vec<Candidate>) -> SelectionInputs {
        SelectionInputs {
            height: Height(9),
            epoch: Epoch(1),
            beacon: Digest::ZERO,
            domains: List::new(),
            classifier: Digest::ZERO,
            candidates: List::truncated(candidates),
        }
    }

    #[test]
    fn whatever_a_receipt_says_otherwise_is_told() {
        let ledger = selected_from((0..3).map(candidate).collect());
        assert!(differences(&ledger, &ledger).is_empty());

        let mut praised = ledger.clone();
        let mut candidates: Vec<Candidate> = praised.candidates.iter().cloned().collect();
        candidates[1].mean = Score::ONE;
        praised.candidates = List::truncated(candidates);
        let found = differences(&praised, &ledger);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("provider 1 had mean 0.500 of 10 ratings"),
            "{found:?}"
        );

        let invented = selected_from((0..4).map(candidate).collect());
        assert_eq!(
            differences(&invented, &ledger),
            ["provider 3 could not be asked then"]
        );
        assert_eq!(
            differences(&ledger, &invented),
            ["provider 3 could be asked, and was left out"]
        );

        let lucky = SelectionInputs {
            beacon: Digest([1; 32]),
            ..ledger.clone()
        };
        let found = differences(&lucky, &ledger);
        assert!(
            found.len() == 1 && found[0].starts_with("epoch and beacon"),
            "{found:?}"
        );
    }
}
