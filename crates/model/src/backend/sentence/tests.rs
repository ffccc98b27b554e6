//! A tiny model of random weights, held to a second reading of BERT that is nothing but loops.

use std::{collections::HashMap, fs, path::PathBuf};

use candle_core::Tensor as T;

use super::*;

const SIZE: usize = 8;
const WIDE: usize = 12;
const HEADS: usize = 2;
const LAYERS: usize = 2;
const POSITIONS: usize = 6;
const WORDS: [&str; 8] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "owl", "mouse", "hunts", "night",
];

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

type Weights = HashMap<String, Vec<f32>>;

fn shapes() -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![
        (
            "embeddings.word_embeddings.weight".to_owned(),
            vec![WORDS.len(), SIZE],
        ),
        (
            "embeddings.position_embeddings.weight".to_owned(),
            vec![POSITIONS, SIZE],
        ),
        (
            "embeddings.token_type_embeddings.weight".to_owned(),
            vec![2, SIZE],
        ),
        ("embeddings.LayerNorm.weight".to_owned(), vec![SIZE]),
        ("embeddings.LayerNorm.bias".to_owned(), vec![SIZE]),
    ];
    for layer in 0..LAYERS {
        for (name, out, into) in [
            ("attention.self.query", SIZE, SIZE),
            ("attention.self.key", SIZE, SIZE),
            ("attention.self.value", SIZE, SIZE),
            ("attention.output.dense", SIZE, SIZE),
            ("intermediate.dense", WIDE, SIZE),
            ("output.dense", SIZE, WIDE),
        ] {
            shapes.push((
                format!("encoder.layer.{layer}.{name}.weight"),
                vec![out, into],
            ));
            shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![out]));
        }
        for name in ["attention.output.LayerNorm", "output.LayerNorm"] {
            shapes.push((format!("encoder.layer.{layer}.{name}.weight"), vec![SIZE]));
            shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![SIZE]));
        }
    }
    shapes
}

/// A model's directory; `changes` are made in its config.json.
fn model(name: &str, changes: &[(&str, &str)], first_token: bool) -> (Folder, Weights) {
    let folder =
        std::env::temp_dir().join(format!("llmnet-sentence-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("1_Pooling")).unwrap();
    let mut config = format!(
        r#"{{"model_type":"bert","hidden_act":"gelu","hidden_size":{SIZE},"intermediate_size":{WIDE},
        "layer_norm_eps":1e-12,"max_position_embeddings":{POSITIONS},"num_attention_heads":{HEADS},
        "num_hidden_layers":{LAYERS},"type_vocab_size":2,"vocab_size":{}}}"#,
        WORDS.len()
    );
    for (from, to) in changes {
        assert!(config.contains(from), "{from}");
        config = config.replace(from, to);
    }
    fs::write(folder.join("config.json"), config).unwrap();
    let pooling = format!(
        r#"{{"pooling_mode_cls_token":{first_token},"pooling_mode_mean_tokens":{}}}"#,
        !first_token
    );
    fs::write(folder.join("1_Pooling/config.json"), pooling).unwrap();
    let vocabulary: HashMap<_, _> = WORDS.iter().zip(0..).collect();
    // As MiniLM's: it would cut at 3 and pad to 5, were it believed.
    let tokenizer = serde_json::json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 5 }, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"
        },
        "added_tokens": [],
        "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]
        },
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" }
    });
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let mut state = 42_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5) * 1.5
    };
    let (mut weights, mut tensors) = (Weights::new(), HashMap::new());
    for (name, shape) in shapes() {
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| random()).collect();
        tensors.insert(
            name.clone(),
            T::from_vec(numbers.clone(), shape, &Device::Cpu).unwrap(),
        );
        weights.insert(name, numbers);
    }
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
    (Folder(folder), weights)
}

fn linear(weights: &Weights, name: &str, input: &[f64]) -> Vec<f64> {
    let (weight, bias) = (
        &weights[&format!("{name}.weight")],
        &weights[&format!("{name}.bias")],
    );
    let row = |(row, bias): (&[f32], &f32)| {
        row.iter()
            .zip(input)
            .map(|(w, x)| f64::from(*w) * x)
            .sum::<f64>()
            + f64::from(*bias)
    };
    weight.chunks(input.len()).zip(bias).map(row).collect()
}

fn norm(weights: &Weights, name: &str, input: &[f64]) -> Vec<f64> {
    let mean = input.iter().sum::<f64>() / input.len() as f64;
    let variance = input.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / input.len() as f64;
    let (weight, bias) = (
        &weights[&format!("{name}.weight")],
        &weights[&format!("{name}.bias")],
    );
    let scaled = input.iter().map(|x| (x - mean) / (variance + 1e-12).sqrt());
    scaled
        .zip(weight.iter().zip(bias))
        .map(|(x, (w, b))| x * f64::from(*w) + f64::from(*b))
        .collect()
}

/// The error function, by its series: good to ten digits for what is small.
fn erf(x: f64) -> f64 {
    let (mut sum, mut term) = (x, x);
    for n in 1..60 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

fn plus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn states(weights: &Weights, ids: &[usize]) -> Vec<Vec<f64>> {
    let row = |name: &str, at: usize| -> Vec<f64> {
        let numbers = &weights[&format!("embeddings.{name}.weight")][at * SIZE..(at + 1) * SIZE];
        numbers.iter().map(|x| f64::from(*x)).collect()
    };
    let mut states: Vec<Vec<f64>> = ids
        .iter()
        .enumerate()
        .map(|(place, id)| {
            let sum = plus(
                &row("word_embeddings", *id),
                &row("position_embeddings", place),
            );
            norm(
                weights,
                "embeddings.LayerNorm",
                &plus(&sum, &row("token_type_embeddings", 0)),
            )
        })
        .collect();
    for layer in 0..LAYERS {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let each = |part: &str| -> Vec<Vec<f64>> {
            states
                .iter()
                .map(|state| linear(weights, &name(part), state))
                .collect()
        };
        let (query, key, value) = (
            each("attention.self.query"),
            each("attention.self.key"),
            each("attention.self.value"),
        );
        let head = SIZE / HEADS;
        let attended: Vec<Vec<f64>> = (0..states.len())
            .map(|token| {
                let mut out = Vec::new();
                for from in (0..SIZE).step_by(head) {
                    let dot = |other: usize| -> f64 {
                        (from..from + head)
                            .map(|i| query[token][i] * key[other][i])
                            .sum::<f64>()
                            / (head as f64).sqrt()
                    };
                    let weight: Vec<f64> =
                        (0..states.len()).map(|other| dot(other).exp()).collect();
                    let sum: f64 = weight.iter().sum();
                    for i in from..from + head {
                        out.push(
                            (0..states.len())
                                .map(|o| weight[o] / sum * value[o][i])
                                .sum(),
                        );
                    }
                }
                out
            })
            .collect();
        states = states
            .iter()
            .zip(&attended)
            .map(|(state, attended)| {
                let attended = linear(weights, &name("attention.output.dense"), attended);
                let attended = plus(&attended, state);
                let attended = norm(weights, &name("attention.output.LayerNorm"), &attended);
                let wide = linear(weights, &name("intermediate.dense"), &attended);
                let wide: Vec<f64> = wide
                    .iter()
                    .map(|x| x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2)))
                    .collect();
                let narrow = linear(weights, &name("output.dense"), &wide);
                norm(
                    weights,
                    &name("output.LayerNorm"),
                    &plus(&narrow, &attended),
                )
            })
            .collect();
    }
    states
}

fn near(ours: &[f32], expected: &[f64]) {
    assert_eq!(ours.len(), expected.len());
    for (x, y) in ours.iter().zip(expected) {
        assert!((f64::from(*x) - y).abs() < 1e-4, "{ours:?} {expected:?}");
    }
}

#[test]
fn gelu_is_what_it_is_defined_to_be() {
    for step in -400..=400 {
        let x = f64::from(step) / 80.0;
        let expected = x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2));
        let ours = f64::from(gelu::gelu(x as f32));
        assert!((ours - expected).abs() < 2e-6, "{x}: {ours} {expected}");
    }
    assert!((gelu::gelu(1e30) / 1e30 - 1.0).abs() < 1e-6);
    assert!(gelu::gelu(-1e3).abs() < 1e-3);
    assert!(gelu::gelu(f32::NAN).is_nan());
}

#[tokio::test]
async fn a_model_computes_what_bert_is_defined_to() {
    let (folder, weights) = model("mean", &[], false);
    let model = SentenceModel::open(&folder.0).unwrap();
    let vectors = model
        .embed(&["Owl hunts", "mouse", "owl owl owl owl owl owl owl owl"])
        .await
        .unwrap();
    let mean = |ids: &[usize]| -> Vec<f64> {
        let states = states(&weights, ids);
        let sum = |at: usize| states.iter().map(|state| state[at]).sum::<f64>();
        (0..SIZE).map(|at| sum(at) / ids.len() as f64).collect()
    };
    near(&vectors[0], &mean(&[2, 4, 6, 3]));
    near(&vectors[1], &mean(&[2, 5, 3]));
    // Cut at what the model has positions for, not at what its tokenizer says.
    near(&vectors[2], &mean(&[2, 4, 4, 4, 4, 3]));
    // Whatever stands beside it, a text has the same vector; in order, however many cores take part.
    assert_eq!(model.embed(&["mouse"]).await.unwrap()[0], vectors[1]);
    let many: Vec<&str> = (0..TEXTS_MAX)
        .map(|place| ["Owl hunts", "mouse"][place % 3 % 2])
        .collect();
    for (text, vector) in many.iter().zip(model.embed(&many).await.unwrap()) {
        assert_eq!(vector, vectors[usize::from(*text == "mouse")]);
    }
    assert!(model.embed(&[]).await.unwrap().is_empty());
    assert!(model.model().starts_with("sentence/"));
}

#[tokio::test]
async fn the_first_token_may_stand_for_all() {
    let (folder, weights) = model("first", &[], true);
    let model = SentenceModel::open(&folder.0).unwrap();
    let vectors = model.embed(&["night"]).await.unwrap();
    near(&vectors[0], &states(&weights, &[2, 7, 3])[0]);
}

#[derive(Deserialize)]
struct Expected {
    vectors: Vec<ExpectedVector>,
}

#[derive(Deserialize)]
struct ExpectedVector {
    text: String,
    vector: Vec<f64>,
}

/// `golden/make.py` had PyTorch compute these, and wrote the model.
#[tokio::test]
async fn vectors_are_those_of_sentence_transformers_itself() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/backend/sentence/golden");
    let model = SentenceModel::open(&golden.join("model")).unwrap();
    let expected: Expected = json(&golden, "expected.json").unwrap();
    assert_eq!(expected.vectors.len(), 5);
    for ExpectedVector { text, vector } in expected.vectors {
        let ours = model.embed(&[&text]).await.unwrap().remove(0);
        // Theirs have length one.
        let length = ours
            .iter()
            .map(|x| f64::from(*x).powi(2))
            .sum::<f64>()
            .sqrt();
        let ours: Vec<f64> = ours.iter().map(|x| f64::from(*x) / length).collect();
        let cosine: f64 = ours.iter().zip(&vector).map(|(x, y)| x * y).sum();
        assert!(cosine > 0.999_999, "{text:?}: {cosine}");
        for (x, y) in ours.iter().zip(&vector) {
            assert!((x - y).abs() < 1e-5, "{text:?}: {ours:?} {vector:?}");
        }
    }
}

#[test]
fn lengths_and_pooling_are_read_as_they_are_written_by_any_version() {
    let (folder, _) = model("editions", &[], false);
    let write = |file: &str, text: &str| fs::write(folder.0.join(file), text).unwrap();
    assert_eq!(length(&folder.0, 6).unwrap(), 6);
    write("tokenizer_config.json", r#"{"model_max_length":5}"#);
    assert_eq!(length(&folder.0, 6).unwrap(), 5);
    let endless = r#"{"model_max_length":1000000000000000019884624838656}"#;
    write("tokenizer_config.json", endless);
    assert_eq!(length(&folder.0, 6).unwrap(), 6);
    write(
        "sentence_bert_config.json",
        r#"{"transformer_task":"feature-extraction"}"#,
    );
    assert_eq!(length(&folder.0, 6).unwrap(), 6);
    write(
        "sentence_bert_config.json",
        r#"{"max_seq_length":4,"do_lower_case":false}"#,
    );
    assert_eq!(length(&folder.0, 6).unwrap(), 4);
    for (said, read) in [
        (
            r#"{"pooling_mode":"mean","embedding_dimension":8}"#,
            Some(Pooling::Mean),
        ),
        (r#"{"pooling_mode":"cls"}"#, Some(Pooling::First)),
        (r#"{"pooling_mode":["cls","mean"]}"#, None),
        (r#"{"pooling_mode":"max"}"#, None),
        (
            r#"{"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":false}"#,
            Some(Pooling::Mean),
        ),
        (r#"{"pooling_mode_cls_token":true}"#, Some(Pooling::First)),
        (
            r#"{"pooling_mode_mean_tokens":true,"pooling_mode_max_tokens":true}"#,
            None,
        ),
        ("{}", None),
    ] {
        write("1_Pooling/config.json", said);
        assert_eq!(Pooling::read(&folder.0).ok(), read, "{said}");
    }
}

#[test]
fn what_else_is_done_to_vectors_is_refused_where_it_changes_them() {
    let (folder, _) = model("modules", &[], false);
    let write = |file: &str, text: &str| fs::write(folder.0.join(file), text).unwrap();
    let modules = r#"[{"type":"a.Transformer"},{"type":"b.c.Pooling"},{"type":"Normalize"}]"#;
    write("modules.json", modules);
    let prompts = r#"{"default_prompt_name":null,"prompts":{"query":"query: "}}"#;
    write("config_sentence_transformers.json", prompts);
    SentenceModel::open(&folder.0).unwrap();
    write("modules.json", &modules.replace("Normalize", "x.Dense"));
    let error = SentenceModel::open(&folder.0).unwrap_err().to_string();
    assert!(error.contains("Dense"), "{error}");
    write("modules.json", modules);
    write(
        "config_sentence_transformers.json",
        &prompts.replace("null", r#""query""#),
    );
    let error = SentenceModel::open(&folder.0).unwrap_err().to_string();
    assert!(error.contains("default_prompt_name"), "{error}");
}

#[test]
fn what_would_be_computed_otherwise_is_refused() {
    for (from, to) in [
        (r#""model_type":"bert""#, r#""model_type":"mpnet""#),
        (r#""hidden_act":"gelu""#, r#""hidden_act":"relu""#),
        (r#""num_attention_heads":2"#, r#""num_attention_heads":3"#),
        (
            r#""type_vocab_size":2"#,
            r#""type_vocab_size":2,"position_embedding_type":"relative_key""#,
        ),
    ] {
        let (folder, _) = model("refused", &[(from, to)], false);
        let refused = SentenceModel::open(&folder.0);
        assert!(
            matches!(refused, Err(OpenError::Unsupported { .. })),
            "{to}"
        );
    }
    let (folder, _) = model("missing", &[], false);
    fs::remove_file(folder.0.join("model.safetensors")).unwrap();
    let error = SentenceModel::open(&folder.0).unwrap_err().to_string();
    assert!(error.starts_with("model.safetensors: "), "{error}");
}
