//! Passages for a question, each with its scores of both kinds.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, params};

use super::{Store, StoreError, vectors::Matrix};
use crate::{
    analysis::Query,
    bm25::{self, Counts, Statistics},
    fuse,
};

/// The most passages of a search, for each kind of score.
pub(super) const LIMIT_MAX: usize = 200;
/// How many passages FTS5 proposes for each one wanted. It ranks by this store's own statistics, scores are by shared
/// ones: what is near the edge may change sides.
const PROPOSED: usize = 4;

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
    /// SQLite failed.
    pub fn search(&self, wanted: &Wanted<'_>) -> Result<Vec<Hit>, StoreError> {
        let limit = wanted.limit.min(LIMIT_MAX);
        let matrix = match wanted.vector {
            Some((model, vector)) => self
                .matrix(model)?
                .filter(|matrix| matrix.dimensions() == vector.len()),
            None => None,
        };
        let connection = self.connection()?;
        let allowed = match wanted.filter {
            filter if filter.is_all() => None,
            filter => Some(allowed(&connection, filter)?),
        };
        let proposed = propose(
            &connection,
            wanted.query,
            limit * PROPOSED,
            allowed.as_ref(),
        )?;
        let mut lexical = BTreeMap::new();
        for id in proposed {
            lexical.insert(id, score(&connection, wanted, id)?);
        }
        let mut best: Vec<(i64, f64)> = lexical.iter().map(|(id, score)| (*id, *score)).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(limit);
        let mut ids: Vec<i64> = best.into_iter().map(|(id, _)| id).collect();
        if let (Some(matrix), Some((_, vector))) = (&matrix, wanted.vector) {
            let nearest = matrix.nearest(vector, limit, allowed.as_ref());
            ids.extend(nearest.into_iter().map(|(id, _)| id));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut hits = Vec::with_capacity(ids.len());
        for id in ids {
            let lexical = match lexical.get(&id) {
                Some(score) => *score,
                None => score(&connection, wanted, id)?,
            };
            let dense = wanted
                .vector
                .and_then(|(_, vector)| matrix.as_ref()?.cosine(id, vector));
            hits.push(Hit { id, lexical, dense });
        }
        Ok(hits)
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
}

/// Numbers of passages that share a term with the question, best first by this store's own statistics.
fn propose(
    connection: &Connection,
    query: &Query,
    limit: usize,
    allowed: Option<&HashSet<i64>>,
) -> Result<Vec<i64>, StoreError> {
    if query.terms.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    // Terms are letters and digits, and a quoted string has no operators: no question can say anything else to FTS5.
    let quoted: Vec<_> = query
        .terms
        .iter()
        .map(|term| format!("\"{}\"", term.replace('"', "")))
        .collect();
    let mut statement = connection.prepare_cached(
        "SELECT rowid FROM lexical WHERE lexical MATCH ?1 ORDER BY bm25(lexical, ?2, 1.0), rowid LIMIT ?3",
    )?;
    // What a filter leaves out may stand first, so all are read then until enough are left.
    let bound = match allowed {
        None => i64::try_from(limit).unwrap_or(i64::MAX),
        Some(_) => -1,
    };
    let weight = f64::from(bm25::TITLE_WEIGHT);
    let mut rows = statement.query(params![quoted.join(" OR "), weight, bound])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if allowed.is_none_or(|allowed| allowed.contains(&id)) {
            ids.push(id);
            if ids.len() >= limit {
                break;
            }
        }
    }
    Ok(ids)
}

/// A passage's BM25 score, from the terms that are stored of it.
fn score(connection: &Connection, wanted: &Wanted<'_>, id: i64) -> Result<f64, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT title, text FROM lexical WHERE rowid = ?1")?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else {
        return Ok(0.0);
    };
    let words = |column| {
        let text = row.get_ref(column)?.as_str();
        text.map_err(|_| StoreError::Damaged("terms that are no text"))
    };
    let (title, text) = (words(0)?, words(1)?);
    let counts = Counts::within(
        wanted.query,
        title.split_ascii_whitespace(),
        text.split_ascii_whitespace(),
    );
    Ok(bm25::score(wanted.query, &counts, wanted.statistics))
}

fn allowed(connection: &Connection, filter: &Filter) -> Result<HashSet<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT passage FROM contents
         JOIN documents ON documents.id = contents.document
         JOIN origins ON origins.document = documents.id
         WHERE (?1 IS NULL OR substr(origin, 1, length(?1)) = ?1)
           AND (?2 IS NULL OR kind = ?2)
           AND (?3 IS NULL OR licence = ?3)
           AND (?4 IS NULL OR as_of_day >= ?4)",
    )?;
    let rows = statement.query_map(
        params![filter.below, filter.kind, filter.licence, filter.since_day],
        |row| row.get(0),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Matrix {
    /// The nearest passages, best first, among those allowed.
    fn nearest(
        &self,
        vector: &[f32],
        limit: usize,
        allowed: Option<&HashSet<i64>>,
    ) -> Vec<(i64, f32)> {
        let mut scores: Vec<(i64, f32)> = self
            .cosines(vector)
            .filter(|(id, _)| allowed.is_none_or(|allowed| allowed.contains(id)))
            .collect();
        let better = |a: &(i64, f32), b: &(i64, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if limit < scores.len() {
            scores.select_nth_unstable_by(limit, better);
            scores.truncate(limit);
        }
        scores.sort_by(better);
        scores
    }
}
