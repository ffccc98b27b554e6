//! A small server of OpenAI's shape that answers from the prompt it is sent, or does not.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What only this server says.
pub(crate) const WORDS: &str = "A parrot was asked";

#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    Answer,
    /// Says A once, then B twice, and so on.
    Waver,
    /// Knows that it is B, and prefers the first of two.
    Know,
    /// Takes a prompt and never says anything.
    Hang,
    /// Says 500.
    Fail,
    /// Answers, and makes vectors of what texts are about.
    Mean,
    /// Answers, and is never done with thinking over what its peers said.
    Ponder,
}

/// What it was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls {
    pub(crate) lists: usize,
    pub(crate) answers: usize,
    pub(crate) revisions: usize,
    pub(crate) judgements: usize,
    pub(crate) models: Vec<String>,
    pub(crate) keys: Vec<String>,
}

pub(crate) struct Server {
    address: SocketAddr,
    calls: Arc<Mutex<Calls>>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Calls::default()));
        let shared = Arc::clone(&calls);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, manner, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            calls,
            serving,
        }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn calls(&self) -> Calls {
        self.calls.lock().unwrap().clone()
    }
}

/// One request of a connection: whoever wants another comes again.
async fn serve(mut stream: TcpStream, manner: Manner, calls: Arc<Mutex<Calls>>) {
    let Some((head, body)) = read(&mut stream).await else {
        return;
    };
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_key = name.eq_ignore_ascii_case("authorization");
        is_key.then(|| value.trim().to_owned())
    });
    calls.lock().unwrap().keys.extend(key);
    let (status, reply) = if head.starts_with("GET /v1/models ") {
        calls.lock().unwrap().lists += 1;
        let list = json!({ "object": "list", "data": [{ "id": super::NAME, "object": "model" }] });
        ("200 OK", list)
    } else if head.starts_with("POST /v1/chat/completions ") {
        let alone = alone(&body);
        let text = match &alone {
            Some(_) => String::new(),
            None => complete(&body, manner, &calls),
        };
        match manner {
            Manner::Answer | Manner::Mean if alone.is_some() => {
                ("200 OK", alone.unwrap_or_default())
            }
            Manner::Hang => return std::future::pending().await,
            Manner::Fail => ("500 Internal Server Error", json!({ "error": {} })),
            Manner::Ponder if text.contains("keep") => return std::future::pending().await,
            Manner::Answer | Manner::Waver | Manner::Know | Manner::Mean | Manner::Ponder => {
                ("200 OK", completion(&text))
            }
        }
    } else if head.starts_with("POST /v1/embeddings ") {
        match manner {
            Manner::Fail => ("500 Internal Server Error", json!({ "error": {} })),
            Manner::Mean => ("200 OK", vectors(&body, |text, _| meaning(text))),
            _ => ("200 OK", vectors(&body, ruled)),
        }
    } else {
        ("404 Not Found", json!({ "error": {} }))
    };
    let reply = reply.to_string();
    let length = reply.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n"
    );
    let _ = stream.write_all((head + &reply).as_bytes()).await;
}

/// Of an input its length and its place.
fn ruled(text: &str, index: usize) -> Vec<f32> {
    vec![text.len() as f32, index as f32]
}

/// What a text is about, of what this server knows, beside its words: as a model would have it.
pub(crate) fn meaning(text: &str) -> Vec<f32> {
    const SUBJECTS: [&[&str]; 2] = [
        &[
            "brigantine",
            "keelson",
            "larch",
            "ballast",
            "seams",
            "vessel",
            "timber",
            "spine",
        ],
        &[
            "sourdough",
            "dough",
            "bread",
            "yeast",
            "spelt",
            "rye",
            "loaf",
            "crumb",
        ],
    ];
    const WORDS: usize = 32;
    let mut vector = vec![0.0_f32; SUBJECTS.len() + WORDS];
    let lower = text.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphabetic());
    for word in words.filter(|word| word.len() > 3) {
        for (place, subject) in SUBJECTS.iter().enumerate() {
            vector[place] += if subject.contains(&word) { 3.0 } else { 0.0 };
        }
        let place = word
            .bytes()
            .fold(7_usize, |sum, byte| sum * 31 % 8_191 + usize::from(byte));
        vector[SUBJECTS.len() + place % WORDS] += 1.0;
    }
    vector
}

fn vectors(body: &Value, of: impl Fn(&str, usize) -> Vec<f32>) -> Value {
    let inputs = body["input"].as_array().unwrap();
    let vector = |(index, input): (usize, &Value)| {
        let vector = of(input.as_str().unwrap_or_default(), index);
        json!({ "object": "embedding", "index": index, "embedding": vector })
    };
    let data: Vec<Value> = inputs.iter().enumerate().map(vector).collect();
    let usage = json!({ "prompt_tokens": 9, "total_tokens": 9 });
    json!({ "object": "list", "data": data, "model": body["model"], "usage": usage })
}

fn completion(text: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": text },
            "finish_reason": "stop",
        }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 10, "total_tokens": 20 },
    })
}

/// What it says where it may call tools, or must keep to a form: it calls the first tool for each city that is asked
/// for, then repeats what came of it; and of a form it has one answer.
fn alone(body: &Value) -> Option<Value> {
    let tool = body["tools"][0]["function"]["name"].as_str();
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let last = messages.last()?;
    let content = last["content"].as_str().unwrap_or_default();
    if last["role"] == "tool" {
        return Some(completion(&format!("It says: {content}.")));
    }
    if body["response_format"]["type"].is_string() {
        return Some(completion(r#"{"city":"Paris","degrees":18}"#));
    }
    let tool = tool?;
    let cities = ["Paris", "Rome"].into_iter();
    let cities = cities.filter(|city| content.contains(city));
    let calls = cities.enumerate().map(|(place, city)| {
        let arguments =
            json!({ "city": city, "unit": "degrees Celsius, as everywhere else in the world" });
        json!({
            "id": format!("call_{place}"),
            "type": "function",
            "function": { "name": tool, "arguments": arguments.to_string() },
        })
    });
    let calls: Vec<Value> = calls.collect();
    let mut reply = completion("");
    reply["choices"][0] = json!({
        "index": 0,
        "message": { "role": "assistant", "content": null, "tool_calls": calls },
        "finish_reason": "tool_calls",
    });
    Some(reply)
}

/// What it says to a prompt.
fn complete(body: &Value, manner: Manner, calls: &Mutex<Calls>) -> String {
    let mut calls = calls.lock().unwrap();
    calls
        .models
        .extend(body["model"].as_str().map(ToOwned::to_owned));
    let messages = body["messages"].as_array().unwrap();
    let text = |message: &Value| message["content"].as_str().unwrap_or_default().to_owned();
    let (system, question) = (text(&messages[0]), text(messages.last().unwrap()));
    if system.contains("\"better\"") {
        calls.judgements += 1;
        // Whichever answer cites something, so that it says the same in both orders.
        let better = if system.contains("\nProven citation of answer 2\n") {
            2
        } else {
            1
        };
        json!({ "better": better }).to_string()
    } else if system.contains("\"convinced_by\"") {
        calls.revisions += 1;
        json!({ "keep": true }).to_string()
    } else {
        calls.answers += 1;
        match manner {
            Manner::Waver if calls.answers % 3 == 1 => "A".to_owned(),
            Manner::Waver | Manner::Know => "It is (B).".to_owned(),
            _ => format!("{WORDS}: {question}"),
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream
            .read(&mut part)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            let body = serde_json::from_str(body).unwrap_or(Value::Null);
            return Some((head.to_owned(), body));
        }
    }
}
