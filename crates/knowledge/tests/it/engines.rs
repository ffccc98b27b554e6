//! All engines of a store, held to one plain reading: every passage is looked at, and scored by what it says.
//!
//! SQLite's is always here. That in PostgreSQL needs the feature `postgres` and a server: `just test-postgres` starts a
//! real one.

#[cfg(feature = "postgres")]
mod postgres;

use std::collections::{BTreeMap, BTreeSet};

use llmnet_knowledge::{
    analysis::Query,
    bm25::{self, Counts, Statistics},
    ingest::Section,
    store::{Filter, Hit, NewDocument, Store, Wanted},
};
use llmnet_types::{
    codec::Text,
    id::{Digest, Salt},
    passage::Passage,
};

/// The vocabulary: few words, so that questions meet many passages.
const WORDS: [&str; 24] = [
    "owl", "mouse", "night", "grain", "barn", "field", "wing", "claw", "hunt", "sleep", "moon",
    "wind", "rain", "seed", "root", "leaf", "stone", "river", "fish", "heron", "nest", "egg",
    "song", "dawn",
];
const MODELS: [(&str, usize); 2] = [("small", 6), ("large", 33)];
const SEED: &str = "LLMNET_SEED";

/// SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// From a seed that is printed, and can be given.
    pub(crate) fn new(plus: u64) -> Self {
        let seed: u64 = std::env::var(SEED).map_or(1, |seed| seed.parse().unwrap());
        println!("{SEED}={seed}");
        Self(seed.wrapping_mul(1_000).wrapping_add(plus))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn words(&mut self, most: usize) -> String {
        let count = 1 + self.below(most);
        let words: Vec<&str> = (0..count)
            // Squared: some words are common and some are rare.
            .map(|_| WORDS[self.below(WORDS.len()) * self.below(WORDS.len()) / WORDS.len()])
            .collect();
        words.join(" ")
    }

    fn vector(&mut self, dimensions: usize) -> Vec<f32> {
        (0..dimensions)
            .map(|_| (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
            .collect()
    }

    fn document(&mut self) -> NewDocument {
        let sections: Vec<Section> = (0..=self.below(4))
            .map(|_| Section {
                passage: Passage {
                    document: Text::new("d").unwrap(),
                    title: Text::new(self.words(3)).unwrap(),
                    text: Text::new(self.words(30)).unwrap(),
                },
                terms: String::new(),
            })
            .collect();
        NewDocument {
            digest: Digest::of(&self.next().to_le_bytes()),
            title: "d".to_owned(),
            kind: ["text", "pdf"][self.below(2)].to_owned(),
            licence: ["MIT", "CC0-1.0", ""][self.below(3)].to_owned(),
            as_of_day: self.below(5) as u32,
            bytes: 1,
            sections,
        }
    }
}

/// What was done to a store, as a plain reading needs it.
#[derive(Clone, Default)]
pub(crate) struct Known {
    /// By the name of each origin, with digests of passages.
    origins: BTreeMap<String, (NewDocument, BTreeSet<Digest>)>,
    vectors: BTreeMap<(String, i64), Vec<f32>>,
}

/// Some changes by chance.
pub(crate) fn change(store: &Store, known: &mut Known, random: &mut Random, times: usize) {
    for _ in 0..times {
        let origin = format!("{}/{}", ["a", "b"][random.below(2)], random.below(12));
        if random.below(4) == 0 {
            store.remove(&origin).unwrap();
            known.origins.remove(&origin);
            continue;
        }
        let document = random.document();
        store.add(&origin, &document).unwrap();
        let passages = document.sections.iter();
        let passages = passages.map(|section| section.passage.digest()).collect();
        known.origins.insert(origin, (document, passages));
    }
    for (model, dimensions) in MODELS {
        let missing = store.unembedded(model, 1_000).unwrap();
        // Some stay without.
        let vectors: Vec<(i64, Vec<f32>)> = missing
            .iter()
            .filter(|_| random.below(3) > 0)
            .map(|text| text.id)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|id| (id, random.vector(dimensions)))
            .collect();
        store.keep_vectors(model, &vectors).unwrap();
        for (id, vector) in vectors {
            known.vectors.insert((model.to_owned(), id), vector);
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(x, y)| f64::from(*x) * f64::from(*y))
            .sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// What a search should find: the numbers, each with both scores.
fn plain(store: &Store, known: &Known, wanted: &Wanted<'_>) -> BTreeMap<i64, (f64, Option<f64>)> {
    let filter = wanted.filter;
    let allowed: BTreeSet<&Digest> = known
        .origins
        .iter()
        .filter(|(origin, (document, _))| {
            filter
                .below
                .as_ref()
                .is_none_or(|below| origin.starts_with(below.as_str()))
                && filter
                    .kind
                    .as_ref()
                    .is_none_or(|kind| *kind == document.kind)
                && filter
                    .licence
                    .as_ref()
                    .is_none_or(|licence| *licence == document.licence)
                && filter.since_day.is_none_or(|day| document.as_of_day >= day)
        })
        .flat_map(|(_, (_, passages))| passages)
        .collect();
    let mut all = Vec::new();
    for id in store.proofs().unwrap().ids() {
        let passage = store.passage(*id).unwrap();
        if !allowed.contains(&passage.digest()) {
            continue;
        }
        let lexical = bm25::score(wanted.query, &Counts::of(&passage), wanted.statistics);
        let dense = wanted.vector.and_then(|(model, vector)| {
            let own = known.vectors.get(&(model.to_owned(), *id))?;
            Some(cosine(own, vector))
        });
        all.push((*id, lexical, dense));
    }
    let mut by_words: Vec<_> = all
        .iter()
        .filter(|(_, lexical, _)| *lexical > 0.0)
        .collect();
    by_words.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut by_vector: Vec<_> = all.iter().filter(|(_, _, dense)| dense.is_some()).collect();
    by_vector.sort_by(|a, b| b.2.unwrap().total_cmp(&a.2.unwrap()).then(a.0.cmp(&b.0)));
    let best = by_words
        .into_iter()
        .take(wanted.limit)
        .chain(by_vector.into_iter().take(wanted.limit));
    best.map(|(id, lexical, dense)| (*id, (*lexical, *dense)))
        .collect()
}

/// Holds what was found to the plain reading: the same passages, BM25 to the last bit, cosines to single precision.
fn hold(hits: &[Hit], expected: &BTreeMap<i64, (f64, Option<f64>)>) {
    let found: Vec<i64> = hits.iter().map(|hit| hit.id).collect();
    assert_eq!(found, expected.keys().copied().collect::<Vec<_>>());
    for hit in hits {
        let (lexical, dense) = expected[&hit.id];
        assert_eq!(
            hit.lexical.to_bits(),
            lexical.to_bits(),
            "{hit:?} {lexical}"
        );
        assert_eq!(hit.dense.is_some(), dense.is_some(), "{hit:?}");
        if let (Some(found), Some(expected)) = (hit.dense, dense) {
            assert!(
                (f64::from(found) - expected).abs() < 1e-5,
                "{hit:?} {expected}"
            );
        }
    }
}

/// Everything a store can be asked, against the plain reading. `limits` is how many passages are asked for.
pub(crate) fn check(store: &Store, known: &Known, random: &mut Random, limits: &[usize]) {
    let (mut counts, mut words) = (BTreeMap::<String, u64>::new(), 0);
    let proofs = store.proofs().unwrap();
    for id in proofs.ids() {
        let passage = Counts::of(&store.passage(*id).unwrap());
        words += u64::from(passage.length());
        for term in passage.terms() {
            *counts.entry(term.to_owned()).or_default() += 1;
        }
    }
    let own = Statistics {
        passages: proofs.ids().len() as u64,
        words,
        counts,
    };
    assert_eq!(store.statistics(usize::MAX).unwrap(), own);
    let few = store.statistics(3).unwrap();
    let mut frequent: Vec<(&String, &u64)> = own.counts.iter().collect();
    frequent.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let frequent = frequent.into_iter().take(3);
    assert_eq!(
        few.counts,
        frequent
            .map(|(term, count)| (term.clone(), *count))
            .collect()
    );
    // Statistics of a network: other corpora are in them, and one that does not count as it should.
    let mut shared = own.clone();
    shared.add(&Statistics {
        passages: 1_000,
        words: 31_003,
        counts: own.counts.keys().map(|term| (term.clone(), 7)).collect(),
    });
    let mut counted_wrong = own.clone();
    for count in counted_wrong.counts.values_mut() {
        *count *= 1_000_000;
    }
    let filters = [
        Filter::default(),
        Filter {
            below: Some("a/".to_owned()),
            ..Filter::default()
        },
        Filter {
            kind: Some("pdf".to_owned()),
            since_day: Some(2),
            ..Filter::default()
        },
        Filter {
            licence: Some("no such".to_owned()),
            ..Filter::default()
        },
    ];
    for (filter, statistics) in filters
        .iter()
        .flat_map(|filter| [&own, &shared, &counted_wrong].map(|statistics| (filter, statistics)))
    {
        let query = Query::new(&random.words(6));
        assert_eq!(store.statistics_of(&query).unwrap(), own.of(&query));
        let (model, dimensions) = MODELS[random.below(2)];
        let vector = random.vector(dimensions);
        for vector in [None, Some((model, vector.as_slice()))] {
            for limit in limits {
                let wanted = Wanted {
                    query: &query,
                    vector,
                    statistics,
                    limit: *limit,
                    filter,
                };
                hold(
                    &store.search(&wanted).unwrap(),
                    &plain(store, known, &wanted),
                );
            }
        }
    }
    // What nobody has: no term, no model, another length, no direction.
    let (nothing, owl) = (Query::new("?"), Query::new("owl"));
    for (query, vector) in [
        (&nothing, None),
        (&owl, Some(("no such", [1.0_f32; 6].as_slice()))),
        (&owl, Some(("small", [1.0_f32; 7].as_slice()))),
        (&owl, Some(("small", [0.0_f32; 6].as_slice()))),
        (&owl, Some(("small", [f32::NAN; 6].as_slice()))),
    ] {
        let wanted = Wanted {
            query,
            vector,
            statistics: &own,
            limit: limits[0],
            filter: &Filter::default(),
        };
        let without = Wanted {
            vector: None,
            ..wanted
        };
        hold(
            &store.search(&wanted).unwrap(),
            &plain(store, known, &without),
        );
    }
    for (model, dimensions) in MODELS {
        let mut mean = vec![0.0_f32; dimensions];
        let mut any = false;
        for id in proofs.ids() {
            let Some(vector) = known.vectors.get(&(model.to_owned(), *id)) else {
                continue;
            };
            any = true;
            let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            for (sum, number) in mean.iter_mut().zip(vector) {
                *sum += number / length;
            }
        }
        let centroid = store.centroid(model).unwrap();
        assert_eq!(centroid.is_some(), any);
        if let Some(centroid) = centroid {
            assert!(cosine(&centroid, &mean) > 0.999_99, "{centroid:?} {mean:?}");
        }
    }
    assert_eq!(store.centroid("no such").unwrap(), None);
}

/// From nothing, through changes of every kind, to nothing.
pub(crate) fn live(store: &Store, random: &mut Random, limits: &[usize]) {
    let mut known = Known::default();
    check(store, &known, random, limits);
    for _ in 0..5 {
        change(store, &mut known, random, 12);
        check(store, &known, random, limits);
    }
    for folder in ["a", "b"] {
        store.remove(folder).unwrap();
        known
            .origins
            .retain(|origin, _| !origin.starts_with(folder));
        check(store, &known, random, limits);
    }
}

#[test]
fn sqlite_finds_what_a_plain_reading_finds() {
    for round in 0..3 {
        let store = Store::in_memory(&Salt([3; 32])).unwrap();
        // As many as it ranks by its own statistics before it scores by others': then nothing can be missed.
        live(&store, &mut Random::new(round), &[50, 200]);
    }
}
