//! A gateway over HTTP, as curl would talk to it.

use std::time::Duration;

use llmnet_types::document::ReceiptDocument;
use serde_json::{Value, json};

use super::{DEADLINE, until};

#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub(crate) url: String,
    http: reqwest::Client,
}

/// An answer's status and body.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    /// What is ours about it.
    pub(crate) fn llmnet(&self) -> &Value {
        &self.body["llmnet"]
    }

    pub(crate) fn text(&self) -> &str {
        let text = &self.body["choices"][0]["message"]["content"];
        text.as_str().unwrap_or_default()
    }

    pub(crate) fn declined(&self) -> bool {
        self.llmnet()["declined"] == true
    }

    pub(crate) fn receipt(&self) -> Option<String> {
        self.llmnet()["receipt_id"].as_str().map(ToOwned::to_owned)
    }

    pub(crate) fn panel(&self) -> Vec<Value> {
        let panel = self.llmnet()["panel"].as_array();
        panel.cloned().unwrap_or_default()
    }

    /// Opinions that were not taken.
    pub(crate) fn minority(&self) -> Vec<String> {
        let minority = self.llmnet()["minority"].as_array();
        let texts = minority.into_iter().flatten();
        let texts = texts.filter_map(|dissent| dissent["text"].as_str());
        texts.map(ToOwned::to_owned).collect()
    }

    /// The titles of what it cites.
    pub(crate) fn cited(&self) -> Vec<String> {
        let citations = self.llmnet()["citations"].as_array();
        let titles = citations.into_iter().flatten();
        let titles = titles.filter_map(|citation| citation["title"].as_str());
        titles.map(ToOwned::to_owned).collect()
    }
}

impl Gateway {
    pub(crate) fn new(url: impl Into<String>) -> Self {
        let http = reqwest::Client::builder().no_proxy();
        Self {
            url: url.into(),
            http: http.timeout(DEADLINE).build().unwrap(),
        }
    }

    /// Asks; the connection may break.
    pub(crate) async fn try_ask(
        &self,
        model: &str,
        question: &str,
    ) -> Result<Answer, reqwest::Error> {
        let body = json!({
            "model": model,
            "messages": [{ "role": "user", "content": question }],
        });
        self.post(&body.to_string()).await
    }

    pub(crate) async fn post(&self, body: &str) -> Result<Answer, reqwest::Error> {
        let url = format!("{}/v1/chat/completions", self.url);
        let request = self
            .http
            .post(url)
            .header("content-type", "application/json");
        let response = request.body(body.to_owned()).send().await?;
        Ok(Answer {
            status: response.status().as_u16(),
            body: response.json().await?,
        })
    }

    /// Asks and expects an answer.
    pub(crate) async fn ask(&self, model: &str, question: &str) -> Answer {
        let answer = self.try_ask(model, question).await.unwrap();
        assert_eq!(answer.status, 200, "{question}: {}", answer.body);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let url = format!("{}{path}", self.url);
        let response = self.http.get(url).send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            body: response.json().await.unwrap(),
        }
    }

    /// A receipt's state and bytes, none where it is not known.
    pub(crate) async fn receipt(
        &self,
        id: &str,
        wait: Duration,
    ) -> Result<Option<(String, Vec<u8>)>, reqwest::Error> {
        let wait = wait.as_millis();
        let url = format!("{}/v1/receipts/{id}?wait_ms={wait}", self.url);
        let response = self.http.get(url).send().await?;
        if response.status().as_u16() == 404 {
            return Ok(None);
        }
        let response = response.error_for_status()?;
        let state = response.headers()["x-llmnet-receipt-state"].to_str();
        let state = state.unwrap().to_owned();
        Ok(Some((state, response.bytes().await?.to_vec())))
    }

    /// A receipt once it is final.
    pub(crate) async fn final_receipt(&self, id: &str) -> Vec<u8> {
        until(&format!("receipt {id} is final"), || async {
            let found = self.receipt(id, Duration::from_secs(5)).await.unwrap();
            let (state, bytes) = found.expect("a receipt that was named is there");
            (state == "final").then_some(bytes)
        })
        .await
    }

    /// Asks what somebody knows; the answer and its final receipt.
    pub(crate) async fn receipt_for(
        &self,
        model: &str,
        question: &str,
    ) -> (Answer, Vec<u8>, ReceiptDocument) {
        let answer = self.ask(model, question).await;
        let id = answer.receipt().expect("somebody was asked");
        let bytes = self.final_receipt(&id).await;
        let document = ReceiptDocument::from_bytes(&bytes).unwrap();
        (answer, bytes, document)
    }
}
