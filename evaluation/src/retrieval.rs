//! The systems that are compared, and their answers.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use anyhow::Context as _;
use llmnet_knowledge::{
    analysis,
    bm25::Statistics,
    chunk,
    collaborate::{
        gather::{BEARING_MIN, Bearing, gather},
        merge::{Merged, merge},
        message::{Ask, Catalogue, Found, Reply, Request},
        near::{Scale, UNRELATED},
        route,
    },
    fuse,
    load::{self, Kind},
    store::{Filter, NewDocument, Store, Wanted},
};
use llmnet_model::embedding::Embedder;
use llmnet_types::{
    codec::List,
    id::{Digest, Salt},
    passage::SHARED_MAX,
};

use crate::{
    collection::{Collection, Document, Query},
    expert::Expert,
};

/// How many passages of each kind of score an expert gives, and one list has.
pub(crate) const PASSAGES: usize = 20;
/// How many experts are asked where not all are.
pub(crate) const ROUTED: usize = 2;
/// Bars for what a panel is shown, in hundredths, that are tried.
pub(crate) const BARS: [u32; 6] = [0, 10, 15, 20, 30, 40];
/// Lengths of catalogues, in terms, that are tried.
pub(crate) const TERMS: [usize; 5] = [16_384, 8_192, 4_096, 2_048, 1_024];
/// How many texts are embedded at once.
const BATCH: usize = 32;

/// A question as vectors have it.
pub(crate) struct Asked<'a> {
    query: &'a Query,
    vector: Option<(String, Vec<f32>)>,
}

impl Asked<'_> {
    fn vector(&self) -> Option<(&str, &[f32])> {
        let (model, vector) = self.vector.as_ref()?;
        Some((model.as_str(), vector.as_slice()))
    }
}

/// From where on what a model makes is near.
pub(crate) async fn scale(embedder: &dyn Embedder) -> anyhow::Result<Option<Scale>> {
    Ok(Scale::of(&embedder.embed(&UNRELATED).await?))
}

/// Embeds all questions, once for all systems.
pub(crate) async fn asked<'a>(
    collection: &'a Collection,
    embedder: Option<&dyn Embedder>,
) -> anyhow::Result<Vec<Asked<'a>>> {
    let mut asked = Vec::new();
    for query in &collection.queries {
        let vector = match embedder {
            Some(embedder) => {
                let vectors = embedder.embed(&[&query.text]).await?;
                let vector = vectors.into_iter().next().context("no vector")?;
                Some((embedder.model().to_owned(), vector))
            }
            None => None,
        };
        asked.push(Asked { query, vector });
    }
    Ok(asked)
}

/// Keeps documents in a store on disk, by the way of every file: loader, chunks, one transaction.
pub(crate) async fn keep<'a>(
    path: &Path,
    documents: impl Iterator<Item = &'a Document>,
    embedder: Option<&dyn Embedder>,
) -> anyhow::Result<Arc<Store>> {
    let mut lines = Vec::new();
    for document in documents {
        serde_json::to_writer(&mut lines, document)?;
        lines.push(b'\n');
    }
    let store = Store::open(path, &Salt([1; 32]))?;
    let (digest, bytes) = (Digest::of(&lines), lines.len() as u64);
    let loaded = load::load(Kind::JsonLines, lines)?;
    store.add(
        "corpus.jsonl",
        &NewDocument {
            digest,
            title: "corpus".to_owned(),
            kind: Kind::JsonLines.name().to_owned(),
            licence: String::new(),
            as_of_day: 1,
            bytes,
            sections: chunk::passages(&loaded, "corpus"),
        },
    )?;
    if let Some(embedder) = embedder {
        embed(&store, embedder).await?;
    }
    Ok(Arc::new(store))
}

async fn embed(store: &Store, embedder: &dyn Embedder) -> anyhow::Result<()> {
    loop {
        let texts = store.unembedded(embedder.model(), BATCH)?;
        if texts.is_empty() {
            return Ok(());
        }
        let only: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
        let vectors = embedder.embed(&only).await?;
        let vectors: Vec<_> = texts.iter().map(|text| text.id).zip(vectors).collect();
        store.keep_vectors(embedder.model(), &vectors)?;
    }
}

/// An answer: documents, best first, and how long it took.
pub(crate) struct Answer {
    /// Names of documents.
    pub(crate) ranked: Vec<String>,
    /// Milliseconds.
    pub(crate) time_ms: f64,
}

/// Passages are of documents; a document stands where its best passage does.
fn documents(passages: impl Iterator<Item = String>) -> Vec<String> {
    let mut ranked: Vec<String> = Vec::new();
    for document in passages {
        let id = document.rsplit('/').next().unwrap_or_default().to_owned();
        if !ranked.contains(&id) {
            ranked.push(id);
        }
    }
    ranked
}

fn timed(answer: impl FnOnce() -> anyhow::Result<Vec<String>>) -> anyhow::Result<Answer> {
    let from = Instant::now();
    let ranked = answer()?;
    Ok(Answer {
        ranked,
        time_ms: from.elapsed().as_secs_f64() * 1e3,
    })
}

/// One index over all documents.
pub(crate) fn central(store: &Store, asked: &Asked<'_>) -> anyhow::Result<Answer> {
    timed(|| {
        let query = analysis::Query::new(&asked.query.text);
        let hits = store.best(&Wanted {
            query: &query,
            vector: asked.vector(),
            statistics: &store.statistics_of(&query)?,
            limit: PASSAGES,
            filter: &Filter::default(),
        })?;
        let names: Result<Vec<_>, _> = hits
            .iter()
            .map(|hit| Ok::<_, anyhow::Error>(store.passage(hit.id)?.document.to_string()))
            .collect();
        Ok(documents(names?.into_iter()))
    })
}

/// The experts' processes with what they told of themselves.
pub(crate) struct Network {
    /// In alphabetical order of domains.
    pub(crate) experts: Vec<Expert>,
    catalogues: Vec<Catalogue>,
    routed: Vec<route::Expert>,
    shared: Statistics,
    bearing: Bearing,
}

impl Network {
    /// Starts an expert for each store and hears what it has. Questions have vectors on this scale, if any.
    pub(crate) fn start(
        stores: &[PathBuf],
        model: Option<&str>,
        scale: Option<Scale>,
    ) -> anyhow::Result<Self> {
        let mut experts = Vec::new();
        let mut catalogues = Vec::new();
        for store in stores {
            let mut expert = Expert::start(store, model)?;
            expert.ask(&Request::Catalogue {
                known: Digest::ZERO,
            })?;
            let Reply::Catalogue(Some(catalogue)) = expert.hear()? else {
                anyhow::bail!("an expert without a corpus");
            };
            catalogues.push(*catalogue);
            experts.push(expert);
        }
        let routed: Vec<_> = catalogues.iter().map(route::Expert::new).collect();
        Ok(Self {
            experts,
            catalogues,
            shared: route::shared(&routed),
            routed,
            bearing: Bearing::by(scale),
        })
    }

    /// Believes no more than so many terms of each catalogue, the most frequent ones.
    pub(crate) fn shorten(&mut self, terms: usize) {
        let shortened = self.catalogues.iter().map(|catalogue| {
            let mut counts = catalogue.counts.to_vec();
            counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.as_str().cmp(b.0.as_str())));
            counts.truncate(terms);
            route::Expert::new(&Catalogue {
                counts: List::truncated(counts),
                ..catalogue.clone()
            })
        });
        self.routed = shortened.collect();
        self.shared = route::shared(&self.routed);
    }

    /// How many terms the largest catalogue counts.
    pub(crate) fn terms(&self) -> usize {
        let counts = self.catalogues.iter().map(|told| told.counts.len());
        counts.max().unwrap_or(0)
    }

    /// Which experts to ask, best first.
    pub(crate) fn route(&self, asked: &Asked<'_>) -> Vec<usize> {
        let query = analysis::Query::new(&asked.query.text);
        route::order(&query, asked.vector(), &self.routed, &self.shared, |_| true)
    }

    fn hear(
        &mut self,
        asked: &Asked<'_>,
        places: &[usize],
        statistics: &[&Statistics],
    ) -> anyhow::Result<Vec<(Digest, Found)>> {
        for (place, statistics) in places.iter().zip(statistics) {
            let ask = Ask::new(&asked.query.text, statistics, asked.vector(), PASSAGES);
            self.experts[*place].ask(&Request::Ask(Box::new(ask)))?;
        }
        let mut found = Vec::new();
        for place in places {
            let Reply::Found(passages) = self.experts[*place].hear()? else {
                anyhow::bail!("an expert declined");
            };
            found.push((self.catalogues[*place].corpus.root, passages));
        }
        Ok(found)
    }

    /// Asks the best so many experts, under shared statistics; one list, fused once.
    pub(crate) fn fused(&mut self, asked: &Asked<'_>, experts: usize) -> anyhow::Result<Answer> {
        timed(|| {
            let places: Vec<_> = self.route(asked).into_iter().take(experts).collect();
            let shared = self.shared.clone();
            let found = self.hear(asked, &places, &vec![&shared; places.len()])?;
            Ok(names(&merge(&found, PASSAGES)))
        })
    }

    /// What a panel would be shown, each passage with at least so many hundredths of what the question's terms tell. With
    /// the bar that panels have it is what they are shown, every score checked.
    pub(crate) fn shown(&mut self, asked: &Asked<'_>, hundredths: u32) -> anyhow::Result<Answer> {
        timed(|| {
            let places: Vec<_> = self.route(asked).into_iter().take(ROUTED).collect();
            let query = analysis::Query::new(&asked.query.text);
            let shared = self.shared.of(&query);
            let found = self.hear(asked, &places, &vec![&shared; places.len()])?;
            let least = f64::from(hundredths) / 100.0;
            let mut merged = merge(&found, SHARED_MAX);
            let bearing = Bearing {
                words: least,
                ..self.bearing
            };
            merged.retain(|merged| bearing.has(&query, &shared, &merged.scored));
            merged.truncate(SHARED_MAX);
            if (least - BEARING_MIN).abs() < f64::EPSILON {
                let gathered = gather(&query, &shared, &found, bearing, SHARED_MAX, 1);
                let lies: u64 = gathered.records.iter().map(|record| record.wrong).sum();
                anyhow::ensure!(lies == 0, "an honest expert's score was found wrong");
                anyhow::ensure!(
                    gathered.passages == merged,
                    "a panel is shown something else"
                );
            }
            Ok(names(&merged))
        })
    }

    /// The same with each expert's own statistics: scores that cannot quite be compared.
    pub(crate) fn local(&mut self, asked: &Asked<'_>) -> anyhow::Result<Answer> {
        timed(|| {
            let found = self.all_local(asked)?;
            Ok(names(&merge(&found, PASSAGES)))
        })
    }

    /// The mistake to avoid: each expert ranks by itself, and ranks are fused over experts.
    pub(crate) fn naive(&mut self, asked: &Asked<'_>) -> anyhow::Result<Answer> {
        timed(|| {
            let mut ranked: Vec<(f64, String)> = Vec::new();
            for (_, found) in self.all_local(asked)? {
                let scores = found
                    .passages
                    .iter()
                    .map(|scored| (scored.lexical, scored.dense));
                let worth = fuse::hybrid(scores);
                let mut order: Vec<usize> = (0..worth.len()).collect();
                order.sort_by(|a, b| worth[*b].total_cmp(&worth[*a]));
                for (rank, place) in order.into_iter().enumerate() {
                    if let Some(evidence) = found.passages[place].evidence() {
                        let name = evidence.passage.document.to_string();
                        ranked.push((1.0 / (fuse::RANK_OFFSET + rank as f64 + 1.0), name));
                    }
                }
            }
            // Equal ranks of several experts: their order is chance, here by a digest of question and name.
            let chance =
                |name: &str| Digest::tagged("tie", &[asked.query.id.as_bytes(), name.as_bytes()]);
            ranked.sort_by(|a, b| {
                b.0.total_cmp(&a.0)
                    .then_with(|| chance(&a.1).0.cmp(&chance(&b.1).0))
            });
            Ok(documents(ranked.into_iter().map(|(_, name)| name)))
        })
    }

    fn all_local(&mut self, asked: &Asked<'_>) -> anyhow::Result<Vec<(Digest, Found)>> {
        let places: Vec<usize> = (0..self.experts.len()).collect();
        let own: Vec<Statistics> = self
            .routed
            .iter()
            .map(|expert| {
                expert
                    .statistics()
                    .of(&analysis::Query::new(&asked.query.text))
            })
            .collect();
        self.hear(asked, &places, &own.iter().collect::<Vec<_>>())
    }

    /// Messages there and back so far, and their bytes.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let sum = |of: fn(&Expert) -> u64| self.experts.iter().map(of).sum();
        (sum(|expert| expert.messages), sum(|expert| expert.bytes))
    }
}

/// The peak memory, in MiB, of an expert's process that has a store and is asked everything; `None` where the system
/// does not tell.
pub(crate) fn memory_alone(
    path: &Path,
    asked: &[Asked<'_>],
    model: Option<&str>,
    store: &Store,
) -> anyhow::Result<Option<f64>> {
    let mut expert = Expert::start(path, model)?;
    for request in std::iter::once(Ok(Request::Catalogue {
        known: Digest::ZERO,
    }))
    .chain(asked.iter().map(|asked| {
        let statistics = store.statistics_of(&analysis::Query::new(&asked.query.text))?;
        let ask = Ask::new(&asked.query.text, &statistics, asked.vector(), PASSAGES);
        anyhow::Ok(Request::Ask(Box::new(ask)))
    })) {
        expert.ask(&request?)?;
        expert.hear()?;
    }
    Ok(expert.memory_peak_mib())
}

fn names(merged: &[Merged]) -> Vec<String> {
    let shown = merged.iter().filter_map(|merged| merged.scored.evidence());
    documents(shown.map(|evidence| evidence.passage.document.to_string()))
}
