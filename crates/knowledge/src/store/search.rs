//! Passages for a question, each with its scores of both kinds.

use rusqlite::{Connection, params};

use super::{Store, StoreError, direction, engine::Search};
use crate::{analysis::Query, bm25::Statistics, fuse};

/// The most passages of a search, for each kind of score.
pub(super) const LIMIT_MAX: usize = 200;
/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The question's terms.
    pub query: &'a Query,
    /// The question as a vector, with the name of its model; without it there are no dense scores.
    pub vector: Option<(&'a str, &'a [f32])>,
    /// By which a term's worth is told: this store's own, or those of a whole network.
    pub statistics: &'a Statistics,
    /// How many passages for each kind of score.
    pub limit: usize,
    /// Which documents are looked at.
    pub filter: &'a Filter,
}

/// Which documents are looked at; the default is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only origins whose name begins so.
    pub below: Option<String>,
    /// Only files of this kind.
    pub kind: Option<String>,
    /// Only under this licence.
    pub licence: Option<String>,
    /// Only documents current up to this day or later.
    pub since_day: Option<u32>,
}

impl Filter {
    /// Whether all documents are looked at.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// A passage that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its number in this store.
    pub id: i64,
    /// Its BM25 score under the statistics asked with; 0 where it has no term of the question.
    pub lexical: f64,
    /// Its cosine to the question's vector; `None` where it or the question has no vector.
    pub dense: Option<f32>,
}

impl Store {
    /// The best passages of each kind of score, both scores on each; in the order of their numbers.
    ///
    /// # Errors
    /// SQLite or the engine failed.
    pub fn search(&self, wanted: &Wanted<'_>) -> Result<Vec<Hit>, StoreError> {
        let allowed = match wanted.filter {
            filter if filter.is_all() => None,
            filter => Some(allowed(&*self.connection()?, filter)?),
        };
        self.engine()?.search(&Search {
            query: wanted.query,
            // What has no direction is near to nothing.
            vector: wanted
                .vector
                .filter(|(_, vector)| direction(vector).is_some()),
            statistics: wanted.statistics,
            limit: wanted.limit.min(LIMIT_MAX),
            allowed: allowed.as_deref(),
        })
    }

    /// The best passages by both kinds of score, fused by rank; best first.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn best(&self, wanted: &Wanted<'_>) -> Result<Vec<Hit>, StoreError> {
        let mut hits = self.search(wanted)?;
        let fused = fuse::hybrid(hits.iter().map(|hit| (hit.lexical, hit.dense)));
        let mut order: Vec<usize> = (0..hits.len()).collect();
        order.sort_by(|a, b| fused[*b].total_cmp(&fused[*a]).then(a.cmp(b)));
        hits = order.into_iter().map(|place| hits[place]).collect();
        hits.truncate(wanted.limit);
        Ok(hits)
    }

    /// The counts that a question needs.
    ///
    /// # Errors
    /// SQLite or the engine failed.
    pub fn statistics_of(&self, query: &Query) -> Result<Statistics, StoreError> {
        self.engine()?.statistics_of(query)
    }

    /// The counts of all terms, at most so many: the most frequent ones, by which a question is routed.
    ///
    /// # Errors
    /// SQLite or the engine failed.
    pub fn statistics(&self, terms_max: usize) -> Result<Statistics, StoreError> {
        self.engine()?.statistics(terms_max)
    }

    /// The mean direction of all passages by a model: where in its space this corpus is. `None` without vectors.
    ///
    /// # Errors
    /// SQLite or the engine failed.
    pub fn centroid(&self, model: &str) -> Result<Option<Vec<f32>>, StoreError> {
        self.engine()?.centroid(model)
    }
}

fn allowed(connection: &Connection, filter: &Filter) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT passage FROM contents
         JOIN documents ON documents.id = contents.document
         JOIN origins ON origins.document = documents.id
         WHERE (?1 IS NULL OR substr(origin, 1, length(?1)) = ?1)
           AND (?2 IS NULL OR kind = ?2)
           AND (?3 IS NULL OR licence = ?3)
           AND (?4 IS NULL OR as_of_day >= ?4)
         ORDER BY passage",
    )?;
    let rows = statement.query_map(
        params![filter.below, filter.kind, filter.licence, filter.since_day],
        |row| row.get(0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}
