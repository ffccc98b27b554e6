//! Each API against a server on this machine that answers as its maker documents.
//!
//! `golden` pins what is sent, whole, and reads documented replies; `answering` does a seat's work; `faults`
//! plays what goes wrong, for all APIs alike; `secrets` searches all that was said about that for the key.
//! No hosted model was ever asked.

mod answering;
mod embedding;
mod faults;
mod golden;
mod secrets;
mod server;
mod tools;

use llmnet_types::{
    codec::Text,
    request::{ChatMessage, Role, Setting},
    signature::PublicKey,
    way::Way,
};

use super::*;
use server::{Reply, Server, http};

/// Nothing that is told to anybody may have this in it.
const KEY: &str = "sk-hidden-5c1f9a";
/// Nor this.
const QUESTION: &str = "Is anybody reading along?";

fn messages() -> Vec<ChatMessage> {
    let turn = |role, text: &str| ChatMessage {
        role,
        content: Text::new(text).unwrap(),
    };
    vec![
        turn(Role::System, "Be brief."),
        turn(Role::User, "Why?"),
        turn(Role::Assistant, "Because."),
        turn(Role::User, QUESTION),
    ]
}

/// What an OpenAI client may send along, and what it may not.
fn settings() -> Vec<Setting> {
    [
        ("temperature", "1.5"),
        ("top_p", "0.9"),
        ("stop", "[\"END\"]"),
        ("seed", "7"),
        ("model", "\"other\""),
        ("n", "3"),
    ]
    .map(|(name, value)| Setting {
        name: Text::new(name).unwrap(),
        value: Text::new(value).unwrap(),
    })
    .to_vec()
}

fn limits(time_ms: u32) -> Limits {
    Limits {
        time_ms,
        ..Limits::default()
    }
}

fn config(api: Api, server: &Server) -> Config {
    Config {
        key: Some(Key::new(KEY)),
        ..Config::new(api, server.base(), "m-1")
    }
}

fn client(api: Api, server: &Server) -> Client {
    Client::new(config(api, server)).unwrap()
}

async fn complete(client: &Client, time_ms: u32) -> Result<Completion, LanguageError> {
    client
        .complete(&messages(), &settings(), &limits(time_ms))
        .await
}

/// A reply as its maker documents it, with this text.
fn ok(api: Api, text: &str) -> Reply {
    let body = match api {
        Api::OpenAi | Api::Xai | Api::Compatible => golden::chat_completion(text),
        Api::Anthropic => golden::message(text),
        Api::Gemini => golden::generated_content(text),
    };
    http("200 OK", "content-type: application/json\r\n", &body)
}

#[tokio::test]
async fn an_ollama_tells_its_models() {
    let body = r#"{"models":[{"name":"llama3.2:1b","size":1},{"name":"qwen3:4b"}]}"#;
    let server = Server::start(vec![http("200 OK", "", body)]).await;
    let models = detect_ollama(&server.base()).await;
    assert_eq!(models, ["llama3.2:1b", "qwen3:4b"]);
    assert!(server.asked()[0].starts_with("GET /api/tags "));
}

#[tokio::test]
async fn the_first_model_of_a_list_is_found_with_the_key() {
    let body = r#"{"object":"list","data":[{"id":"first","object":"model"},{"id":"second"}]}"#;
    let replies = vec![http("200 OK", "", body), http("401 Unauthorized", "", body)];
    let server = Server::start(replies).await;
    let base = format!("{}/v1", server.base());
    let key = || Some(Key::new("hidden"));
    assert_eq!(first_model(&base, key()).await.as_deref(), Some("first"));
    assert_eq!(first_model(&base, key()).await, None);
    let asked = server.asked()[0].to_lowercase();
    assert!(asked.starts_with("get /v1/models "), "{asked}");
    assert!(asked.contains("authorization: bearer hidden"), "{asked}");
}

#[tokio::test]
async fn a_server_that_may_be_a_gateway_is_told_which_way_a_request_came() {
    let [a, b] = [1, 2].map(|number| PublicKey([number; 32]));
    let way = Way::default().and(a).unwrap().and(b).unwrap();
    let header = format!("{VIA}: {way}\r\n");
    for api in Api::ALL {
        let server = Server::start(vec![ok(api, "a"), ok(api, "b")]).await;
        let client = client(api, &server);
        let along = way::along(way.clone(), complete(&client, 9_000));
        assert_eq!(along.await.unwrap().text, "a", "{api}");
        assert_eq!(complete(&client, 9_000).await.unwrap().text, "b", "{api}");
        let asked = server.asked();
        assert!(asked[0].contains(&header), "{api}: {}", asked[0]);
        assert!(!asked[1].contains(VIA), "{api}: {}", asked[1]);
        // A maker's own need not know.
        let Some(base) = api.base() else { continue };
        for base in [base.to_owned(), format!("{base}/")] {
            let own = Client::new(Config::new(api, base, "m-1")).unwrap();
            assert!(!own.tells_way, "{api}");
        }
    }
}

#[tokio::test]
async fn an_operators_bounds_are_kept() {
    let server = Server::start(vec![ok(Api::Compatible, "a"), ok(Api::Compatible, "b")]).await;
    let mut config = config(Api::Compatible, &server);
    config.bounds = Bounds {
        input_tokens: Tokens(50),
        output_tokens: Tokens(20),
        thinking_tokens: Tokens(7),
        reply_ms: 4_000,
        attempt_ms: None,
        rest_ms: 10_000,
        calls: 1,
        calls_a_minute: Some(1),
    };
    let client = Client::new(config).unwrap();
    assert_eq!(
        client.within(&limits(9_000)),
        Limits {
            input_tokens: Tokens(50),
            output_tokens: Tokens(20),
            time_ms: 4_000,
            height: Limits::default().height,
        }
    );
    // A contract may allow less than an operator.
    assert_eq!(client.within(&limits(100)).time_ms, 100);
    assert_eq!(complete(&client, 9_000).await.unwrap().text, "a");
    let body = server.body(0);
    assert_eq!(body["max_tokens"], 27);
    // The second of a minute is one too many, for clones as well.
    assert_eq!(
        complete(&client.clone(), 9_000).await,
        Err(LanguageError::Saturated)
    );
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn configurations_are_checked() {
    let fails = |api: Api, base: &str, model: &str, key: &str| {
        let config = Config {
            key: Some(Key::new(key)),
            ..Config::new(api, base, model)
        };
        Client::new(config).err()
    };
    for api in Api::ALL {
        for base in [
            "ftp://a",
            "nonsense",
            "http://user:secret@a",
            "http://a/v1?key=secret",
            "http://a/v1#x",
        ] {
            assert_eq!(
                fails(api, base, "m", "k"),
                Some(ConfigError::Base),
                "{base}"
            );
        }
        assert_eq!(
            fails(api, "http://a/v1", " ", "k"),
            Some(ConfigError::Model)
        );
        for key in ["", "a\nb", "a b", "ключ"] {
            assert_eq!(fails(api, "http://a/v1", "m", key), Some(ConfigError::Key));
        }
        assert_eq!(fails(api, "http://a/v1", "m", "k"), None);
        assert_eq!(api.name().parse(), Ok(api));
    }
    assert_eq!("OpenAI".parse::<Api>(), Err(UnknownApi));
    for (calls, calls_a_minute) in [(0, None), (1, Some(0)), (1, Some(CALLS_A_MINUTE_MAX + 1))] {
        let mut config = Config::new(Api::Compatible, "http://a/v1", "m");
        config.bounds.calls = calls;
        config.bounds.calls_a_minute = calls_a_minute;
        assert_eq!(Client::new(config).err(), Some(ConfigError::Calls));
    }
}

#[test]
fn bases_lead_where_documented() {
    let url = |api: Api, base: &str, model: &str| api.url(base, model).unwrap().to_string();
    for (api, model, expected) in [
        (
            Api::OpenAi,
            "m",
            "https://api.openai.com/v1/chat/completions",
        ),
        (Api::Xai, "m", "https://api.x.ai/v1/chat/completions"),
        (Api::Anthropic, "m", "https://api.anthropic.com/v1/messages"),
        (
            Api::Gemini,
            "models/m",
            "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent",
        ),
    ] {
        assert_eq!(url(api, api.base().unwrap(), model), expected);
        assert_eq!(
            url(api, &format!("{}/", api.base().unwrap()), model),
            expected
        );
    }
    // As Anthropic's own programs name it.
    assert_eq!(
        url(Api::Anthropic, "https://api.anthropic.com", "m"),
        "https://api.anthropic.com/v1/messages"
    );
    // A name is a name, never a way.
    assert_eq!(
        url(Api::Gemini, "http://a/v1beta", "../../x?key=1#y"),
        "http://a/v1beta/models/..%2F..%2Fx%3Fkey=1%23y:generateContent"
    );
}
