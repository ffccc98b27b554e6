use super::*;

/// An environment of these variables alone.
fn with<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + Sync + 'a {
    move |name| {
        let mut all = variables.iter();
        let (_, value) = all.find(|(known, _)| *known == name)?;
        Some((*value).to_owned())
    }
}

async fn found(
    config: &str,
    ollama: &[&str],
    variables: &[(&str, &str)],
) -> anyhow::Result<Vec<Source>> {
    let config: Config = toml::from_str(config).unwrap();
    let ollama: Vec<String> = ollama.iter().map(|name| (*name).to_owned()).collect();
    find(&config, &ollama, &with(variables)).await
}

fn named(sources: &[Source]) -> Vec<(&str, &str)> {
    let named = sources.iter();
    named
        .map(|source| (source.name.as_str(), source.origin.as_str()))
        .collect()
}

const KEYS: [(&str, &str); 4] = [
    ("XAI_API_KEY", "sk-x"),
    ("GEMINI_API_KEY", "sk-g"),
    ("ANTHROPIC_API_KEY", "sk-a"),
    ("OPENAI_API_KEY", "sk-o"),
];

#[tokio::test]
async fn each_key_of_the_environment_seats_a_model() {
    assert!(found("", &[], &[]).await.unwrap().is_empty());
    let sources = found("", &["llama3.2:1b"], &KEYS).await.unwrap();
    assert_eq!(
        named(&sources),
        [
            ("gpt-4o-mini", "OPENAI_API_KEY"),
            ("claude-haiku-4-5", "ANTHROPIC_API_KEY"),
            ("gemini-flash-latest", "GEMINI_API_KEY"),
            ("grok-4.3", "XAI_API_KEY"),
            ("llama3.2:1b", "Ollama"),
        ]
    );
    assert!(sources.iter().all(|source| source.price == PRICE));
    let shown = format!("{sources:?}");
    assert!(!shown.contains("sk-"), "{shown}");

    let variables = [
        ("ANTHROPIC_API_KEY", "sk-a"),
        ("ANTHROPIC_MODEL", "claude-other"),
    ];
    let sources = found("", &[], &variables).await.unwrap();
    assert_eq!(named(&sources), [("claude-other", "ANTHROPIC_API_KEY")]);
    // A base alone is enough where servers want no key, and only there.
    let nobody = "http://127.0.0.1:9/v1";
    let variables = [("OPENAI_BASE_URL", nobody), ("XAI_BASE_URL", nobody)];
    let sources = found("", &[], &variables).await.unwrap();
    assert_eq!(named(&sources), [("gpt-4o-mini", "OPENAI_BASE_URL")]);
}

#[tokio::test]
async fn whoever_configures_a_makers_models_says_which_are_seated() {
    let config = "[[model]]\nname = \"claude-other\"\napi = \"anthropic\"\n\
                  domains = [\"medicine\"]\n\
                  samples = 3\n\
                  price = { call = 1, input_kilo = 2, output_kilo = 3 }\n";
    let sources = found(config, &[], &KEYS[1..3]).await.unwrap();
    assert_eq!(
        named(&sources),
        [
            ("claude-other", "llmnet.toml"),
            ("gemini-flash-latest", "GEMINI_API_KEY"),
        ]
    );
    assert_eq!(sources[0].domains.len(), 1);
    let versions = sources.iter().map(|source| source.answerer.version());
    let sampled: Vec<bool> = versions
        .map(|version| version.starts_with("x3 prompted/"))
        .collect();
    assert_eq!(sampled, [true, false]);
    assert_eq!(sources[0].price.output_kilo, Amount(3));
    let error = found(config, &[], &[]).await.unwrap_err();
    assert_eq!(
        format!("{error:#}"),
        "the key of model claude-other cannot be had: the variable ANTHROPIC_API_KEY is not set"
    );
}

/// The sample that the README names: four families, a respondent each, as in the paper.
#[tokio::test]
async fn the_four_models_of_the_sample_are_seated() {
    let text = include_str!("../../../../examples/four-models.toml");
    let sources = found(text, &[], &KEYS).await.unwrap();
    assert_eq!(sources.len(), 5, "four, and Gemini by its key: {sources:?}");
    let config: Config = toml::from_str(text).unwrap();
    let apis: Vec<Api> = config.model.iter().map(|model| model.api).collect();
    assert_eq!(
        apis,
        [Api::OpenAi, Api::Anthropic, Api::Xai, Api::Compatible]
    );
    for (source, family) in sources.iter().zip(["gpt", "claude", "grok", "llama"]) {
        assert!(source.name.starts_with(family), "{}", source.name);
        assert_eq!(source.origin, "llmnet.toml");
    }
}

#[tokio::test]
async fn more_than_can_be_seated_are_refused() {
    let names: Vec<String> = (0..=MODELS_MAX)
        .map(|number| format!("m{number}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(found("", &names[1..], &[]).await.unwrap().len(), MODELS_MAX);
    let error = found("", &names, &[]).await.unwrap_err().to_string();
    assert!(error.starts_with("9 models are configured"), "{error}");
}
