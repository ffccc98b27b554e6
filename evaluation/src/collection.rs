//! A judged collection on disk: documents, queries, and which documents answer which.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read},
    path::Path,
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

/// A document as the file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Document {
    /// Its name.
    pub(crate) id: String,
    /// The expert it belongs to.
    pub(crate) domain: String,
    /// Its title; may be empty.
    pub(crate) title: String,
    /// Its text; may be empty.
    pub(crate) text: String,
}

/// A question somebody judged documents for.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Query {
    /// Its name.
    pub(crate) id: String,
    /// The expert whose documents were judged.
    pub(crate) domain: String,
    /// What is asked.
    pub(crate) text: String,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Collection {
    /// In the order of the file.
    pub(crate) documents: Vec<Document>,
    /// Those with judgements, in the order of the file.
    pub(crate) queries: Vec<Query>,
    /// The documents that answer each query.
    pub(crate) relevant: BTreeMap<String, BTreeSet<String>>,
}

impl Collection {
    /// Reads `corpus.jsonl` or `corpus.jsonl.gz`, `queries.jsonl` and `qrels.tsv` of a directory.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        let plain = directory.join("corpus.jsonl");
        let documents = if plain.exists() {
            lines(open(&plain)?)?
        } else {
            let file = open(&directory.join("corpus.jsonl.gz"))?;
            lines(flate2::read::MultiGzDecoder::new(file))?
        };
        let mut relevant = BTreeMap::<String, BTreeSet<String>>::new();
        let path = directory.join("qrels.tsv");
        for (at, line) in BufReader::new(open(&path)?).lines().enumerate() {
            let line = line?;
            let mut fields = line.split('\t');
            let (Some(query), Some(document), Some(grade)) =
                (fields.next(), fields.next(), fields.next())
            else {
                bail!(
                    "{}:{}: expected query, document and grade",
                    path.display(),
                    at + 1
                );
            };
            if grade != "0" {
                relevant
                    .entry(query.to_owned())
                    .or_default()
                    .insert(document.to_owned());
            }
        }
        let mut queries: Vec<Query> = lines(open(&directory.join("queries.jsonl"))?)?;
        queries.retain(|query| relevant.contains_key(&query.id));
        Ok(Self {
            documents,
            queries,
            relevant,
        })
    }

    /// The experts, in alphabetical order.
    pub(crate) fn domains(&self) -> Vec<String> {
        let domains: BTreeSet<_> = self
            .documents
            .iter()
            .map(|document| &document.domain)
            .collect();
        domains.into_iter().cloned().collect()
    }

    /// Every so many queries of each domain, so that fewer still are of all domains.
    pub(crate) fn thin(&mut self, most: usize) {
        let step = self.queries.len().div_ceil(most.max(1)).max(1);
        let queries = std::mem::take(&mut self.queries);
        self.queries = queries.into_iter().step_by(step).collect();
    }
}

fn open(path: &Path) -> anyhow::Result<std::fs::File> {
    std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))
}

fn lines<T: for<'a> Deserialize<'a>>(file: impl Read) -> anyhow::Result<Vec<T>> {
    let mut values = Vec::new();
    for (at, line) in BufReader::new(file).lines().enumerate() {
        let line = line?;
        values.push(serde_json::from_str(&line).with_context(|| format!("line {}", at + 1))?);
    }
    Ok(values)
}
