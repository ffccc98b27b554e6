//! Figures as a page to read and as the raw answers they are from.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use anyhow::{Context as _, bail};
use serde::Serialize;

use crate::{
    collection::Collection,
    measure::{Interval, mean, ndcg, of_mean, of_ratio, percentile},
    retrieval::{Answer, PASSAGES, ROUTED},
};

/// How many documents of each answer are kept in the raw output.
const KEPT: usize = 10;

/// One way to answer, over all queries.
#[derive(Debug, Serialize)]
pub(crate) struct System {
    name: String,
    /// By words and vectors, or by words alone.
    hybrid: bool,
    ndcg_at_10: Interval,
    ndcg_by_domain: BTreeMap<String, f64>,
    time_ms_p50: f64,
    time_ms_p95: f64,
    /// nDCG@10 of each query, in order.
    values: Vec<f64>,
    /// The first documents of each answer.
    answers: Vec<Vec<String>>,
}

impl System {
    /// A system by its answers, in the order of the queries.
    pub(crate) fn new(
        name: &str,
        hybrid: bool,
        collection: &Collection,
        answers: &[Answer],
    ) -> Self {
        let queries = &collection.queries;
        let value = |(query, answer): (&crate::collection::Query, &Answer)| {
            ndcg(&answer.ranked, &collection.relevant[&query.id])
        };
        let values: Vec<f64> = queries.iter().zip(answers).map(value).collect();
        let mut by_domain = BTreeMap::<String, Vec<f64>>::new();
        for (query, value) in queries.iter().zip(&values) {
            by_domain
                .entry(query.domain.clone())
                .or_default()
                .push(*value);
        }
        let times: Vec<f64> = answers.iter().map(|answer| answer.time_ms).collect();
        let first = |answer: &Answer| answer.ranked.iter().take(KEPT).cloned().collect();
        Self {
            name: name.to_owned(),
            hybrid,
            ndcg_at_10: of_mean(&values),
            ndcg_by_domain: by_domain
                .into_iter()
                .map(|(domain, values)| (domain, mean(&values)))
                .collect(),
            time_ms_p50: percentile(&times, 50.0),
            time_ms_p95: percentile(&times, 95.0),
            values,
            answers: answers.iter().map(first).collect(),
        }
    }
}

/// What went between asker and experts.
#[derive(Debug, Serialize)]
pub(crate) struct Traffic {
    pub(crate) hybrid: bool,
    /// Terms that the longest catalogue counts.
    pub(crate) catalogue_terms_max: usize,
    /// By the bar for what a panel is shown, of how many documents that is on average.
    pub(crate) shown_mean: Vec<(u32, f64)>,
    pub(crate) fused_messages: u64,
    pub(crate) fused_bytes: u64,
    pub(crate) routed_messages: u64,
    pub(crate) routed_bytes: u64,
    pub(crate) memory_peak_mib: Vec<(String, Option<f64>)>,
    /// Of one expert's process that has all documents and is asked all queries.
    pub(crate) memory_peak_alone_mib: Option<f64>,
}

/// What figures must reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goals {
    /// nDCG@10 of one index by words.
    pub(crate) bm25_min: f64,
    /// nDCG@10 of one index by words and vectors, where there is a model.
    pub(crate) hybrid_min: f64,
    /// All experts' share of one index of the same kind.
    pub(crate) fused_min: f64,
    /// The same of the best few.
    pub(crate) routed_min: f64,
    /// An expert's memory with all documents, without a model, in MiB.
    pub(crate) memory_max_mib: f64,
}

/// All figures.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    documents: usize,
    model: Option<String>,
    queries: Vec<String>,
    systems: Vec<System>,
    /// Against one index of the same kind, by name of system.
    ratios: Vec<(String, bool, Interval)>,
    traffic: Vec<Traffic>,
}

impl Report {
    pub(crate) fn new(
        collection: &Collection,
        model: Option<String>,
        systems: Vec<System>,
        traffic: Vec<Traffic>,
    ) -> Self {
        let central = |hybrid| {
            systems
                .iter()
                .find(|system| system.name == "central" && system.hybrid == hybrid)
        };
        let ratios = systems
            .iter()
            .filter(|system| system.name != "central")
            .filter_map(|system| {
                let central = central(system.hybrid)?;
                let ratio = of_ratio(&system.values, &central.values);
                Some((system.name.clone(), system.hybrid, ratio))
            })
            .collect();
        Self {
            documents: collection.documents.len(),
            model,
            queries: collection
                .queries
                .iter()
                .map(|query| query.id.clone())
                .collect(),
            ratios,
            systems,
            traffic,
        }
    }

    fn ratio(&self, name: &str, hybrid: bool) -> Option<Interval> {
        let found = self
            .ratios
            .iter()
            .find(|(other, kind, _)| other == name && *kind == hybrid);
        found.map(|(_, _, ratio)| *ratio)
    }

    /// Writes PREFIX.md and PREFIX.json.
    pub(crate) fn write(&self, prefix: &Path) -> anyhow::Result<()> {
        if let Some(folder) = prefix.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let page = self.page()?;
        let mut raw = serde_json::to_vec(self)?;
        raw.push(b'\n');
        let write = |extension: &str, bytes: &[u8]| {
            let path = prefix.with_extension(extension);
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))
        };
        write("json", &raw)?;
        write("md", page.as_bytes())?;
        use std::io::Write as _;
        Ok(std::io::stdout().write_all(page.as_bytes())?)
    }

    fn page(&self) -> anyhow::Result<String> {
        let mut page = String::new();
        let (queries, documents) = (self.queries.len(), self.documents);
        writeln!(
            page,
            "# Retrieval: {queries} queries, {documents} documents\n"
        )?;
        let model = self.model.as_deref().unwrap_or("none");
        writeln!(
            page,
            "Generated by `llmnet-evaluation retrieval`; do not edit. Embedding model: {model}. Intervals: 95%, by \
             drawing\nqueries anew 10,000 times. {PASSAGES} passages of each kind of score from each expert; routed \
             to {ROUTED} experts.\n"
        )?;
        writeln!(
            page,
            "| system | by | nDCG@10 | interval | of one index | interval | p50 ms | p95 ms |"
        )?;
        writeln!(page, "|---|---|---|---|---|---|---|---|")?;
        for system in &self.systems {
            let by = by(system.hybrid);
            let Interval { value, low, high } = system.ndcg_at_10;
            write!(
                page,
                "| {} | {by} | {value:.4} | {low:.3} to {high:.3} ",
                system.name
            )?;
            match self.ratio(&system.name, system.hybrid) {
                Some(Interval { value, low, high }) => {
                    write!(page, "| {value:.4} | {low:.3} to {high:.3} ")?;
                }
                None => write!(page, "| | ")?,
            }
            writeln!(
                page,
                "| {:.1} | {:.1} |",
                system.time_ms_p50, system.time_ms_p95
            )?;
        }
        writeln!(page, "\nBy domain:\n")?;
        for system in &self.systems {
            let domains: Vec<_> = system
                .ndcg_by_domain
                .iter()
                .map(|(domain, value)| format!("{domain} {value:.3}"))
                .collect();
            writeln!(
                page,
                "- {}, {}: {}",
                system.name,
                by(system.hybrid),
                domains.join(", ")
            )?;
        }
        for traffic in &self.traffic {
            let share = traffic.routed_messages as f64 / traffic.fused_messages.max(1) as f64;
            writeln!(
                page,
                "\nMessages, {}: {} ({:.1} MB) where all experts are asked, {} ({:.1} MB) where {ROUTED} are: {:.0}%.",
                by(traffic.hybrid),
                traffic.fused_messages,
                traffic.fused_bytes as f64 / 1e6,
                traffic.routed_messages,
                traffic.routed_bytes as f64 / 1e6,
                share * 100.0
            )?;
            let shown = traffic.shown_mean.iter();
            let shown: Vec<_> = shown
                .map(|(bar, mean)| format!("{mean:.1} with {bar}"))
                .collect();
            writeln!(
                page,
                "The longest catalogue counts {} terms. By the bar, a panel is shown passages of so many documents on \
                 average: {}.",
                traffic.catalogue_terms_max,
                shown.join(", ")
            )?;
            let memory: Vec<_> = traffic
                .memory_peak_mib
                .iter()
                .map(|(domain, mib)| format!("{domain} {:.0}", mib.unwrap_or(0.0)))
                .collect();
            writeln!(
                page,
                "Peak memory of the experts' processes, MiB: {}.",
                memory.join(", ")
            )?;
            if let Some(mib) = traffic.memory_peak_alone_mib {
                writeln!(
                    page,
                    "Peak memory of one expert's process with all {documents} documents, asked all queries: {mib:.0} MiB."
                )?;
            }
        }
        Ok(page)
    }

    /// Fails where a figure is below what was asked for.
    pub(crate) fn hold(&self, goals: &Goals) -> anyhow::Result<()> {
        let central = |hybrid| {
            let mut systems = self.systems.iter();
            systems.find(|system| system.name == "central" && system.hybrid == hybrid)
        };
        let mut below = Vec::new();
        let mut check = |what: &str, value: f64, least: f64| {
            if value < least {
                below.push(format!(
                    "{what}: {value:.4} where at least {least} was wanted"
                ));
            }
        };
        for (hybrid, least) in [(false, goals.bm25_min), (true, goals.hybrid_min)] {
            if let Some(system) = central(hybrid) {
                let value = system.ndcg_at_10.value;
                check(&format!("one index by {}", by(hybrid)), value, least);
            }
            for (name, least) in [("fused", goals.fused_min), ("routed", goals.routed_min)] {
                if let Some(ratio) = self.ratio(name, hybrid) {
                    check(&format!("{name}, by {}", by(hybrid)), ratio.value, least);
                }
            }
        }
        let mut words = self.traffic.iter().filter(|traffic| !traffic.hybrid);
        let memory = words.find_map(|traffic| traffic.memory_peak_alone_mib);
        if let Some(memory) = memory.filter(|memory| *memory > goals.memory_max_mib) {
            let most = goals.memory_max_mib;
            below.push(format!(
                "an expert with all documents had {memory:.0} MiB where at most {most:.0} were wanted"
            ));
        }
        if !below.is_empty() {
            bail!("{}", below.join("; "));
        }
        Ok(())
    }
}

const fn by(hybrid: bool) -> &'static str {
    if hybrid { "words and vectors" } else { "words" }
}
