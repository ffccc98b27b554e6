//! `llmnet ask`: a question, its answer, and the proof of it.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use llmnet_ledger::Genesis;
use llmnet_types::{
    document::{Finality, Verified},
    id::NetworkId,
};
use serde_json::{Value, json};

use super::{Common, Models, client::Answer, code, output::Output, session::Session, verify};

/// How long a receipt may take to be final before it is shown as it is.
const FINAL: Duration = Duration::from_secs(15);
/// The most characters shown of an opinion that was not taken; the receipt's file has it whole.
const OPINION_LENGTH_MAX: usize = 240;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What you want to know
    question: String,
    /// llmnet/auto, llmnet/single, llmnet/vote, llmnet/debate, llmnet/mixture or llmnet/expert:DOMAIN
    #[arg(long, default_value = "llmnet/auto")]
    model: String,
    #[command(flatten)]
    models: Models,
}

pub(super) async fn run(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
) -> anyhow::Result<u8> {
    let directory = common.directory();
    let session = Session::open(&directory, &arguments.models, output).await?;
    let done = ask(arguments, common, output, &session).await;
    session.close().await?;
    done
}

async fn ask(
    arguments: &Arguments,
    common: &Common,
    output: &Output,
    session: &Session,
) -> anyhow::Result<u8> {
    let progress = output.progress();
    progress.step("asking the panel");
    let asked = session
        .client
        .ask(&arguments.model, &arguments.question, |step| {
            progress.step(step)
        })
        .await?;
    progress.done();
    if !output.is_json() {
        // The answer does not wait for the chain.
        output.line(&answer_text(&asked))?;
    }
    let declined = asked.llmnet["declined"] == true;
    let Some(id) = asked.llmnet["receipt_id"].as_str() else {
        if output.is_json() {
            output.result("", &json!({ "answer": asked, "verified": null }))?;
        }
        return Ok(code::DECLINED);
    };
    progress.step("waiting for the block that settles it");
    let bytes = session.client.receipt(id, FINAL).await?;
    let trusted = network(common)?;
    let (_, verified) = verify::check(&bytes, Some(&trusted))?;
    let file = save(common, id, &bytes)?;
    if output.is_json() {
        let json = json!({ "answer": asked, "verified": verified, "receipt_file": file });
        output.result("", &json)?;
    } else {
        output.line(&proof_text(&verified, &file))?;
    }
    Ok(if declined {
        code::DECLINED
    } else {
        verify::exit_code(&verified)
    })
}

/// The network of this directory is the one we trust.
fn network(common: &Common) -> anyhow::Result<NetworkId> {
    let file = common.directory().join("genesis.json");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Genesis::from_json(&text)?.id())
}

fn save(common: &Common, id: &str, bytes: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = common.directory().join("receipts");
    let file = folder.join(format!("{id}.json"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&file, bytes))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn answer_text(asked: &Answer) -> String {
    let llmnet = &asked.llmnet;
    let mut lines = vec![asked.content.clone()];
    let list = |key: &str| llmnet[key].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let citations = list("citations");
    if !citations.is_empty() {
        lines.push("\nSources".to_owned());
    }
    for (place, citation) in citations.iter().enumerate() {
        lines.push(format!(
            "  [{}] \"{}\", {}, as of {}, passage {}",
            place + 1,
            text(&citation["title"]),
            text(&citation["document"]),
            text(&citation["as_of"]),
            text(&citation["passage"])
                .chars()
                .take(12)
                .collect::<String>(),
        ));
    }
    let panel = list("panel");
    if !panel.is_empty() {
        lines.push(format!(
            "\nPanel for {}, drawn by the rule at block {}; {}",
            list("domains")
                .iter()
                .map(&text)
                .collect::<Vec<_>>()
                .join(" and "),
            llmnet["height"],
            conclusion(llmnet),
        ));
    }
    for seat in &panel {
        let reputation = &seat["reputation"];
        let voice = match (seat["changed"] == true, seat["agrees"] == true) {
            (true, true) => "was convinced",
            (true, false) => "changed its answer",
            (false, true) => "agrees",
            (false, false) => "differs",
        };
        lines.push(format!(
            "  {:<18} {}  reputation {:.3} ({} ratings)  score {:.2}  earns {}  {voice}",
            text(&seat["name"]),
            text(&seat["provider"]),
            reputation["mean"].as_f64().unwrap_or(0.0),
            reputation["samples"],
            seat["score"].as_f64().unwrap_or(0.0),
            text(&seat["price"]),
        ));
    }
    for skipped in list("skipped") {
        lines.push(format!(
            "  {:<18} {}  {}",
            text(&skipped["name"]),
            text(&skipped["provider"]),
            text(&skipped["reason"]).replace('_', " "),
        ));
    }
    lines.extend(minority_lines(&list("minority"), &panel));
    if llmnet["receipt_id"].is_string() {
        lines.push(format!(
            "\nPrice      {} credits (seats {}, coordinator {}, network {})",
            text(&llmnet["cost"]["total"]),
            text(&llmnet["cost"]["seats"]),
            text(&llmnet["cost"]["coordinator"]),
            text(&llmnet["cost"]["fee"]),
        ));
    }
    lines.join("\n")
}

/// What was said and not taken, by whom, and why they held to it.
fn minority_lines(minority: &[Value], panel: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    if !minority.is_empty() {
        lines.push("\nNot taken".to_owned());
    }
    let texts = |value: &Value| -> Vec<String> {
        let all = value.as_array().into_iter().flatten();
        all.filter_map(|text| text.as_str().map(shortened))
            .collect()
    };
    for dissent in minority {
        let providers = texts(&dissent["providers"]);
        let names = providers.iter().map(|provider| {
            let seat = panel.iter().find(|seat| seat["provider"] == **provider);
            let name = seat.and_then(|seat| seat["name"].as_str());
            format!("{} {provider}", name.unwrap_or("?"))
        });
        lines.push(format!(
            "  {:.0}% of the weight, {}: {}",
            100.0 * dissent["share"].as_f64().unwrap_or(0.0),
            names.collect::<Vec<_>>().join(" and "),
            shortened(dissent["text"].as_str().unwrap_or("?")),
        ));
        let reasons = texts(&dissent["reasons"]);
        lines.extend(reasons.iter().map(|reason| format!("      as {reason}")));
    }
    lines
}

/// A text on one line.
fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(OPINION_LENGTH_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn conclusion(llmnet: &Value) -> String {
    let rounds = llmnet["rounds"].as_u64().unwrap_or(0);
    let debate = match rounds {
        0 => "no debate was needed".to_owned(),
        1 => "one round of debate".to_owned(),
        rounds => format!("{rounds} rounds of debate"),
    };
    let how = match llmnet["conclusion"].as_str() {
        Some("unanimous") => "unanimous",
        Some("vote") => "decided by vote",
        Some("ballots") => "decided by the peers' ballots",
        _ => "no conclusion",
    };
    format!("{how}, {debate}")
}

fn proof_text(verified: &Verified, file: &std::path::Path) -> String {
    let standing = match verified.finality {
        Finality::Final { height } => format!("settled in block {height}, final; the proof holds"),
        Finality::Signed => "signed; its settlement is not final yet, verify it later".to_owned(),
    };
    format!(
        "Receipt    {}\nStanding   {standing}\nNetwork    {}\nSaved      {}\n\
         Check it   llmnet verify {}",
        verified.receipt,
        verified.network,
        file.display(),
        file.display(),
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn opinions_that_were_not_taken_are_shown() {
        let panel = [
            json!({ "provider": "40cc7d62", "name": "climate expert" }),
            json!({ "provider": "9d13f311", "name": "parrot-7b" }),
        ];
        let minority = [
            json!({
                "providers": ["40cc7d62", "9d13f311"],
                "share": 0.312,
                "text": "Rhea,\nas I said.",
                "citations": [],
                "reasons": ["it is larger", "it\nis nearer"],
            }),
            json!({
                "providers": ["03fbadca"],
                "share": 0.05,
                "text": "Iapetus. ".repeat(60),
                "citations": [],
                "reasons": [],
            }),
        ];
        let lines = minority_lines(&minority, &panel);
        let long = lines.last().unwrap();
        assert_eq!(long.matches("Iapetus").count(), 26);
        assert!(long.starts_with("  5% of the weight, ? 03fbadca: Iapetus."));
        assert!(long.ends_with('…'), "{long}");
        expect![[r#"

            Not taken
              31% of the weight, climate expert 40cc7d62 and parrot-7b 9d13f311: Rhea, as I said.
                  as it is larger
                  as it is nearer"#]]
        .assert_eq(&lines[..4].join("\n"));
        assert!(minority_lines(&[], &panel).is_empty());
    }
}
