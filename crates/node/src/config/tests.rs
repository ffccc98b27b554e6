use std::{fs, time::Duration};

use llmnet_model::backend::api::{Api, Bounds};
use llmnet_types::{
    registration::Price,
    units::{Amount, Tokens},
};

use super::{model::Place, *};
use crate::models;

/// A directory that goes away at the end.
struct Room(std::path::PathBuf);

impl Room {
    fn new(name: &str) -> Self {
        let name = format!("llmnet-config-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn read(text: &str) -> Result<Config, String> {
    toml::from_str(text)
        .map_err(|error| parse_error("llmnet.toml".to_owned(), text, &error).to_string())
}

fn variable(name: &str) -> Option<Place> {
    Some(Place::Variable(name.to_owned()))
}

#[test]
fn what_is_not_said_suits_the_api() {
    let config = read(
        "[[model]]\nname = \"a\"\nbase_url = \"http://127.0.0.1:8000/v1\"\n\
         [[model]]\nname = \"b\"\napi = \"gemini\"\n",
    )
    .unwrap();
    let [local, hosted] = &config.model[..] else {
        panic!("{config:?}");
    };
    assert_eq!((local.api, &local.key), (Api::Compatible, &None));
    assert_eq!(local.bounds, Bounds::of(Api::Compatible));
    assert_eq!(local.price, models::PRICE);
    assert!(local.domains.is_empty());
    assert_eq!(local.samples, 1);
    assert_eq!(hosted.base_url, Api::Gemini.base().unwrap());
    assert_eq!(hosted.key, variable("GEMINI_API_KEY"));
    assert_eq!(hosted.bounds.thinking_tokens, Tokens(4_096));
}

#[test]
fn all_can_be_said() {
    let config = read(
        r#"
        [[model]]
        name = "claude"
        api = "anthropic"
        base_url = "http://127.0.0.1:1/v1"
        key = "env::OTHER_KEY"
        domains = ["medicine", "climate"]
        samples = 11
        price = { call = 1, input_kilo = 2, output_kilo = 3 }
        limits = { input_tokens = 4, output_tokens = 5, thinking_tokens = 6, calls = 7, calls_a_minute = 8 }
        timeouts = { connect_ms = 9, reply_ms = 10, attempt_ms = 11, rest_ms = 12 }
        "#,
    )
    .unwrap();
    let model = &config.model[0];
    assert_eq!(model.api, Api::Anthropic);
    assert_eq!(model.base_url, "http://127.0.0.1:1/v1");
    assert_eq!(model.key, variable("OTHER_KEY"));
    assert_eq!(model.domains.len(), 2);
    assert_eq!(model.samples, 11);
    let price = Price {
        call: Amount(1),
        input_kilo: Amount(2),
        output_kilo: Amount(3),
    };
    assert_eq!(model.price, price);
    let bounds = Bounds {
        input_tokens: Tokens(4),
        output_tokens: Tokens(5),
        thinking_tokens: Tokens(6),
        reply_ms: 10,
        attempt_ms: Some(11),
        rest_ms: 12,
        calls: 7,
        calls_a_minute: Some(8),
    };
    assert_eq!(model.bounds, bounds);
    assert_eq!(model.connect_timeout, Duration::from_millis(9));
}

#[test]
fn a_model_for_embeddings_is_configured_as_a_model_that_is_no_respondent() {
    let config = read(
        "[embedding]\nname = \"text-embedding-3-small\"\napi = \"openai\"\nlimits = { calls = 3 }\n",
    );
    let embedding = config.unwrap().embedding.unwrap();
    let Embedding::Served(embedding) = embedding else {
        panic!("{embedding:?}");
    };
    assert_eq!((embedding.api, embedding.bounds.calls), (Api::OpenAi, 3));
    assert_eq!(embedding.key, variable("OPENAI_API_KEY"));
    assert!(read("").unwrap().embedding.is_none());
    let local = read("[embedding]\ndirectory = \"minilm\"\n")
        .unwrap()
        .embedding;
    assert!(matches!(local, Some(Embedding::Directory(path)) if path.ends_with("minilm")));
    let both = "[embedding]\ndirectory = \"minilm\"\nname = \"a\"\n";
    let error = read(both).unwrap_err();
    assert!(error.contains("stands alone"), "{error}");
    const HEAD: &str = "[embedding]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";
    for (line, expected) in [
        (
            "price = { call = 1, input_kilo = 1, output_kilo = 1 }",
            "a model for embeddings has no price: it is no respondent; take it out",
        ),
        (
            "key = \"sk-secret\"",
            "a key never stands in this file itself",
        ),
        ("provider = \"sk-secret\"", "unknown field `provider`"),
    ] {
        let error = read(&format!("{HEAD}{line}\n")).unwrap_err();
        assert!(error.contains(expected), "{line}: {error}");
        assert!(!error.contains("sk-secret"), "{error}");
    }
}

#[test]
fn mistakes_are_told_by_their_line_and_never_quote_a_key() {
    const HEAD: &str = "[[model]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";
    for (line, expected) in [
        (
            "key = \"sk-secret\"",
            "llmnet.toml:4: a key never stands in this file itself; write \"env::NAME\" for a \
             variable or \"file::PATH\" for a file",
        ),
        (
            "key = \"env::sk-secret\"",
            "llmnet.toml:4: after env:: comes the name of a variable, in capitals, digits and \
             underscores",
        ),
        (
            "api = \"bedrock\"",
            "llmnet.toml:4: an api is openai, anthropic, gemini, xai or compatible",
        ),
        (
            "provider = \"sk-secret\"",
            "llmnet.toml:4: unknown field `provider`, expected one of `name`, `api`, `base_url`, \
             `key`, `domains`, `samples`, `price`, `limits`, `timeouts`",
        ),
        (
            "limits = { tokens = 5 }",
            "llmnet.toml:4: unknown field `tokens`, expected one of `input_tokens`, \
             `output_tokens`, `thinking_tokens`, `calls`, `calls_a_minute`",
        ),
        (
            "limits = { calls = 0 }",
            "llmnet.toml:4: invalid value: integer `0`, expected a nonzero u32",
        ),
        (
            "samples = 0",
            "llmnet.toml:4: invalid value: integer `0`, expected a nonzero u8",
        ),
        (
            "samples = 16",
            "llmnet.toml:1: model a is to take more than 15 samples of an answer, which is the most",
        ),
        (
            "timeouts = { reply_ms = 3600001 }",
            "llmnet.toml:1: model a is given more than an hour; no contract waits so long",
        ),
    ] {
        let said = read(&format!("{HEAD}{line}\n")).unwrap_err();
        assert_eq!(said, expected);
        assert!(!said.contains("secret"));
    }
    let said = read("[[model]]\nname = \"a\"\n").unwrap_err();
    assert!(
        said.starts_with("llmnet.toml:1: model a has no base_url"),
        "{said}"
    );
    // A line that is no TOML is not shown either.
    let said = read(&format!("{HEAD}key = sk-secret\n")).unwrap_err();
    assert!(
        said.starts_with("llmnet.toml:4: ") && !said.contains("secret"),
        "{said}"
    );
}

#[test]
fn keys_of_files_are_read_from_beside_the_configuration() {
    let room = Room::new("keys");
    let settings = "[[model]]\nname = \"a\"\nbase_url = \"http://a/v1\"\nkey = \"file::my.key\"\n";
    fs::write(room.0.join("llmnet.toml"), settings).unwrap();
    let config = Config::read(&room.0).unwrap();
    let secret = || config.model[0].secret(&|_| None);
    let said = || format!("{:#}", anyhow::Error::from(secret().unwrap_err()));
    let missing = said();
    assert!(missing.contains("my.key: No such file"), "{missing}");

    let file = room.0.join("my.key");
    fs::write(&file, "sk-of-a-file\nand more\n").unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        let error = secret().unwrap_err();
        assert!(said().contains("(mode 644); chmod 600"), "{}", said());
        assert!(!format!("{error:?}").contains("sk-of"), "{error:?}");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let key = secret().unwrap().unwrap();
    assert_eq!(key, llmnet_model::backend::api::Key::new("sk-of-a-file"));
    assert!(!format!("{config:?} {key:?}").contains("sk-of"));
}

#[test]
fn an_engine_is_named_without_its_password() {
    let config = read(
        "[knowledge]\nengine = \"postgres://llmnet@10.0.0.9/llmnet\"\npassword = \"env::ENGINE_PASSWORD\"\n",
    );
    let knowledge = config.unwrap().knowledge;
    let url = knowledge.engine.clone().unwrap();
    assert_eq!(url.as_str(), "postgres://llmnet@10.0.0.9/llmnet");
    let there = |name: &str| (name == "ENGINE_PASSWORD").then(|| "hidden".to_owned());
    assert_eq!(knowledge.secret(&there).unwrap().unwrap(), "hidden");
    let error = knowledge.secret(&|_| None).unwrap_err().to_string();
    assert!(
        error.contains("[knowledge]") && error.contains("ENGINE_PASSWORD"),
        "{error}"
    );
    assert!(read("").unwrap().knowledge.engine.is_none());
    for (line, reason) in [
        (
            "engine = \"postgres://u:hidden@h/d\"",
            "never stands in an address",
        ),
        (
            "engine = \"postgresql://u@h/d?password=hidden\"",
            "never stands in an address",
        ),
        ("engine = \"mysql://u:hidden@h/d\"", "postgres://USER@HOST"),
        ("password = \"hidden\"", "never stands in this file"),
        ("motor = \"hidden\"", "unknown field"),
    ] {
        let error = read(&format!("[knowledge]\n{line}\n")).unwrap_err();
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}
