//! `--recompute`: fetches genesis and blocks, executes all of it again, and compares what comes of it with
//! what the network says.

mod compare;

use llmnet_ledger::Genesis;
use llmnet_types::units::Height;
use serde_json::json;

use super::{LIMIT, Page, Query, Row, pages, show};
use crate::{
    cli::{
        Common,
        blocks::{self, Blocks},
        client::{Client, ClientError},
        code,
        output::Output,
    },
    recompute::{Astray, NotFinal, Recomputed},
};
use compare::Difference;

/// What was found.
enum Finding {
    /// Everything agrees, or differs in this; the rows as they are by the blocks.
    Compared(Vec<Difference>, Vec<Row>),
    /// The ledger forgot the height that was asked about; these are as they were by the blocks.
    Remembered(Vec<Row>),
}

pub(super) async fn run(
    query: &Query,
    common: &Common,
    output: &Output,
    client: &Client,
) -> anyhow::Result<u8> {
    let genesis = blocks::genesis(common, client).await?;
    let mut recomputed = Recomputed::begin(&genesis)?;
    let mut blocks = Blocks::new(client, output);
    let checked = match check(query, client, &mut blocks, &mut recomputed).await {
        Ok(found) => blocks.check_final(&mut recomputed).await.map(|()| found),
        Err(error) => Err(error),
    };
    match checked {
        Ok(found) => tell(output, query, &genesis, &recomputed, &found),
        Err(error) => tell_failure(output, error),
    }
}

async fn check(
    query: &Query,
    client: &Client,
    blocks: &mut Blocks<'_>,
    recomputed: &mut Recomputed,
) -> anyhow::Result<Finding> {
    if let Some(at) = query.at
        && forgotten(client, query).await?
    {
        // The state of its own height is the last that tells.
        blocks.execute_up_to(recomputed, Height(at)).await?;
        let rows = compare::rows(recomputed.state(), query, 0, usize::MAX)?;
        return Ok(Finding::Remembered(rows));
    }
    // The long way first: what is read afterwards is then only a few blocks ahead.
    let newest = blocks.newest().await?;
    blocks.execute_up_to(recomputed, Height(newest)).await?;
    let mut differences = Vec::new();
    let mut rows = Vec::new();
    for (cursor, page) in pages(client, query).await? {
        blocks
            .execute_up_to(recomputed, Height(page.height))
            .await?;
        // Later pages are of later blocks, or of the same one: the state only moves on.
        anyhow::ensure!(
            recomputed.height() == Height(page.height),
            "the node's pages go back in time"
        );
        let ours = compare::rows(recomputed.state(), query, cursor, LIMIT)?;
        compare::page(&ours, &page.data, &mut differences);
        rows.extend(page.data);
    }
    let status = client.json("/v1/ledger/status").await?;
    let height = status["height"].as_u64().unwrap_or_default();
    blocks.execute_up_to(recomputed, Height(height)).await?;
    compare::status(recomputed.state(), &status, &mut differences);
    Ok(Finding::Compared(differences, rows))
}

/// Whether the ledger remembers reputations of the height asked about no more.
async fn forgotten(client: &Client, query: &Query) -> anyhow::Result<bool> {
    match client.read::<Page>(&query.path(0)).await {
        Ok(_) => Ok(false),
        Err(ClientError::Refused { code, .. }) if code == "forgotten" => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Blocks that do not follow from genesis, or are not kept, are an answer as well.
fn tell_failure(output: &Output, error: anyhow::Error) -> anyhow::Result<u8> {
    if let Some(kept_from) = blocks::kept_from(&error) {
        let json = json!({ "recomputed": false, "kept_from": kept_from });
        output.result(&blocks::pruned(kept_from), &json)?;
        return Ok(code::PRUNED);
    }
    if error.is::<Astray>() || error.is::<NotFinal>() {
        let text = format!("DIFFERS: what this node shows does not follow from genesis. {error}");
        let json = json!({
            "recomputed": true,
            "compared": false,
            "agreed": false,
            "fault": error.to_string(),
        });
        output.result(&text, &json)?;
        return Ok(code::DIFFERS);
    }
    Err(error)
}

fn tell(
    output: &Output,
    query: &Query,
    genesis: &Genesis,
    recomputed: &Recomputed,
    found: &Finding,
) -> anyhow::Result<u8> {
    let height = recomputed.height();
    let (rows, differences, verdict) = match found {
        Finding::Compared(differences, rows) if differences.is_empty() => {
            let verdict = format!(
                "Agreed: {height} blocks from genesis on, executed again, give these {} reputations, \
                 and where all money is.",
                rows.len()
            );
            (rows, &[][..], verdict)
        }
        Finding::Compared(differences, rows) => {
            let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let verdict = format!(
                "DIFFERS from what {height} blocks from genesis on give:\n  {}",
                lines.join("\n  ")
            );
            (rows, differences.as_slice(), verdict)
        }
        Finding::Remembered(rows) => {
            let verdict = format!(
                "Recomputed from {height} blocks. The ledger remembers that height no more, so there \
                 is nothing to compare with."
            );
            (rows, &[][..], verdict)
        }
    };
    let compared = matches!(found, Finding::Compared(..));
    let shown: Vec<&Row> = rows.iter().collect();
    let electorate = recomputed.electorate();
    let quorum = electorate.map_or(0, |electorate| electorate.committee.quorum());
    let text = format!(
        "{}\n\n{verdict}\nBlock {height} is final: at least {quorum} validators of the committee that \
         this gives signed it.\nNetwork {}",
        show::table(&shown),
        genesis.id(),
    );
    let json = json!({
        "recomputed": true,
        "network": genesis.id(),
        "height": height,
        "at": query.at,
        "compared": compared,
        "agreed": compared && differences.is_empty(),
        "differences": differences,
        "data": rows,
    });
    output.result(&text, &json)?;
    Ok(if differences.is_empty() {
        code::OK
    } else {
        code::DIFFERS
    })
}
