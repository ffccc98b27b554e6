//! A BERT encoder, for one text at a time: nothing is padded, so nothing is masked.

use candle_core::{D, Result, Tensor};
use candle_nn::{
    Embedding, LayerNorm, Linear, Module as _, VarBuilder, embedding, layer_norm, linear,
    ops::softmax_last_dim,
};
use serde::Deserialize;

use super::{OpenError, gelu};

/// What `config.json` says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Config {
    model_type: String,
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    layer_norm_eps: f64,
    max_position_embeddings: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    type_vocab_size: usize,
    vocab_size: usize,
    #[serde(default = "absolute")]
    position_embedding_type: String,
}

fn absolute() -> String {
    "absolute".to_owned()
}

impl Config {
    /// Refuses what would be computed otherwise than the model was trained.
    pub(super) fn check(&self) -> std::result::Result<(), OpenError> {
        let unsupported = |what, found: &str, expected| {
            Err(OpenError::Unsupported {
                what,
                found: found.to_owned(),
                expected,
            })
        };
        if self.model_type != "bert" {
            return unsupported("its model_type", &self.model_type, "bert");
        }
        if self.hidden_act != "gelu" {
            return unsupported("its hidden_act", &self.hidden_act, "gelu");
        }
        if self.position_embedding_type != "absolute" {
            let found = &self.position_embedding_type;
            return unsupported("its position_embedding_type", found, "absolute");
        }
        if self.num_attention_heads == 0
            || !self.hidden_size.is_multiple_of(self.num_attention_heads)
        {
            let found = self.num_attention_heads.to_string();
            return unsupported(
                "its num_attention_heads",
                &found,
                "a divisor of hidden_size",
            );
        }
        Ok(())
    }

    pub(super) const fn positions(&self) -> usize {
        self.max_position_embeddings
    }
}

pub(super) struct Bert {
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    heads: usize,
    query: Linear,
    key: Linear,
    value: Linear,
    attended: Linear,
    attended_norm: LayerNorm,
    wide: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl Bert {
    pub(super) fn new(config: &Config, weights: &VarBuilder<'_>) -> Result<Self> {
        // Some files name the encoder before every weight.
        let weights = if weights.contains_tensor("bert.embeddings.word_embeddings.weight") {
            weights.pp("bert")
        } else {
            weights.clone()
        };
        let size = config.hidden_size;
        let embeddings = weights.pp("embeddings");
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::new(config, &weights.pp(format!("encoder.layer.{layer}"))))
            .collect::<Result<_>>()?;
        Ok(Self {
            words: embedding(config.vocab_size, size, embeddings.pp("word_embeddings"))?,
            positions: embedding(
                config.max_position_embeddings,
                size,
                embeddings.pp("position_embeddings"),
            )?,
            types: embedding(
                config.type_vocab_size,
                size,
                embeddings.pp("token_type_embeddings"),
            )?,
            norm: layer_norm(size, config.layer_norm_eps, embeddings.pp("LayerNorm"))?,
            layers,
        })
    }

    /// The state of each token, from their numbers.
    pub(super) fn forward(&self, ids: &Tensor) -> Result<Tensor> {
        let count = u32::try_from(ids.dim(0)?).unwrap_or(u32::MAX);
        let positions = Tensor::arange(0, count, ids.device())?;
        let states = (self.words.forward(ids)? + self.positions.forward(&positions)?)?;
        let states = (states + self.types.forward(&ids.zeros_like()?)?)?;
        let mut states = self.norm.forward(&states)?;
        for layer in &self.layers {
            states = layer.forward(&states)?;
        }
        Ok(states)
    }
}

impl Layer {
    fn new(config: &Config, weights: &VarBuilder<'_>) -> Result<Self> {
        let (size, wide) = (config.hidden_size, config.intermediate_size);
        let attention = weights.pp("attention");
        let norm = |weights: VarBuilder<'_>| {
            layer_norm(size, config.layer_norm_eps, weights.pp("LayerNorm"))
        };
        Ok(Self {
            heads: config.num_attention_heads,
            query: linear(size, size, attention.pp("self.query"))?,
            key: linear(size, size, attention.pp("self.key"))?,
            value: linear(size, size, attention.pp("self.value"))?,
            attended: linear(size, size, attention.pp("output.dense"))?,
            attended_norm: norm(attention.pp("output"))?,
            wide: linear(size, wide, weights.pp("intermediate.dense"))?,
            narrow: linear(wide, size, weights.pp("output.dense"))?,
            norm: norm(weights.pp("output"))?,
        })
    }

    fn forward(&self, states: &Tensor) -> Result<Tensor> {
        let (tokens, size) = states.dims2()?;
        let head = size / self.heads;
        let by_head = |states: Tensor| {
            states
                .reshape((tokens, self.heads, head))?
                .transpose(0, 1)?
                .contiguous()
        };
        let query = by_head(self.query.forward(states)?)?;
        let key = by_head(self.key.forward(states)?)?;
        let value = by_head(self.value.forward(states)?)?;
        let scores = query.matmul(&key.transpose(D::Minus1, D::Minus2)?.contiguous()?)?;
        let weights = softmax_last_dim(&(scores * (head as f64).powf(-0.5))?)?;
        let attended = weights
            .matmul(&value)?
            .transpose(0, 1)?
            .reshape((tokens, size))?;
        let attended = (self.attended.forward(&attended)? + states)?;
        let attended = self.attended_norm.forward(&attended)?;
        let wide = gelu::all(&self.wide.forward(&attended)?)?;
        self.norm
            .forward(&(self.narrow.forward(&wide)? + attended)?)
    }
}
