//! `llmnet experts`: who answers, for what, and how good they were found.

use serde_json::Value;

use super::{Common, Models, code, output::Output, session::Session};

pub(super) async fn run(common: &Common, output: &Output) -> anyhow::Result<u8> {
    let models = Models {
        no_models: true,
        ..Models::default()
    };
    let session = Session::open(&common.directory(), &models, output).await?;
    let list = session.client.json("/v1/experts").await;
    session.close().await?;
    let list = list?;
    let rows = list["data"].as_array().cloned().unwrap_or_default();
    let text: Vec<String> = rows.iter().map(row).collect();
    output.result(text.join("\n").trim_end(), &list)?;
    Ok(code::OK)
}

fn row(expert: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let corpus = match expert["corpus"]["passages"].as_u64() {
        Some(passages) => format!(
            "{passages} passages as of {}",
            text(&expert["corpus"]["as_of"])
        ),
        None => "no documents".to_owned(),
    };
    let reachable = if expert["reachable"] == true {
        ""
    } else {
        ", not reachable"
    };
    let mut lines = vec![format!(
        "{name} ({provider}{reachable}): {model}, {corpus}, {call} credits a call",
        name = text(&expert["name"]),
        provider = text(&expert["provider"]),
        model = text(&expert["model"]["name"]),
        call = text(&expert["price"]["call"]),
    )];
    for domain in expert["domains"].as_array().into_iter().flatten() {
        let reputation = &domain["reputation"];
        lines.push(format!(
            "  {:<12} reputation {:.3}, at least {:.3}, {} ratings",
            text(&domain["domain"]),
            reputation["mean"].as_f64().unwrap_or(0.0),
            reputation["lower_bound"].as_f64().unwrap_or(0.0),
            reputation["samples"].as_u64().unwrap_or(0),
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
