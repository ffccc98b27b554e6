//! The engine that is always there: FTS5 in the record's own file, vectors compared one by one in memory.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use rusqlite::{Connection, params};

use super::{
    Hit, StoreError,
    engine::{Engine, Record, Search},
    read,
    vectors::Matrix,
};
use crate::{
    analysis::Query,
    bm25::{self, Counts, Statistics},
};

/// How many passages FTS5 proposes for each one wanted. It ranks by this store's own statistics, scores are by shared
/// ones: what is near the edge may change sides.
const PROPOSED: usize = 4;

/// SQLite itself. What changes the record changes this within the same transaction.
pub(super) struct Embedded {
    record: Record,
    matrices: Mutex<Vec<Arc<Matrix>>>,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").finish_non_exhaustive()
    }
}

impl Embedded {
    pub(super) fn new(record: Record) -> Self {
        Self {
            record,
            matrices: Mutex::default(),
        }
    }

    /// All vectors of a model as they stand; read anew only where something changed.
    fn matrix(&self, model: &str) -> Result<Option<Arc<Matrix>>, StoreError> {
        let mut kept = self.matrices.lock().map_err(|_| StoreError::Poisoned)?;
        let mut connection = self.record.connection()?;
        let transaction = connection.transaction()?;
        let generation = read::generation(&transaction)?;
        kept.retain(|matrix| matrix.is_as_of(generation));
        if let Some(matrix) = kept.iter().find(|matrix| matrix.is_of(model)) {
            return Ok(Some(Arc::clone(matrix)));
        }
        let matrix = Matrix::read(&transaction, model)?.map(Arc::new);
        kept.extend(matrix.clone());
        Ok(matrix)
    }
}

impl Engine for Embedded {
    fn follow(&self, _: &Record) -> Result<(), StoreError> {
        Ok(())
    }

    fn search(&self, search: &Search<'_>) -> Result<Vec<Hit>, StoreError> {
        let limit = search.limit;
        let matrix = match search.vector {
            Some((model, vector)) => self
                .matrix(model)?
                .filter(|matrix| matrix.dimensions() == vector.len()),
            None => None,
        };
        let connection = self.record.connection()?;
        let proposed = propose(&connection, search.query, limit * PROPOSED, search.allowed)?;
        let mut lexical = BTreeMap::new();
        for id in proposed {
            lexical.insert(id, score(&connection, search, id)?);
        }
        let mut best: Vec<(i64, f64)> = lexical.iter().map(|(id, score)| (*id, *score)).collect();
        best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        best.truncate(limit);
        let mut ids: Vec<i64> = best.into_iter().map(|(id, _)| id).collect();
        if let (Some(matrix), Some((_, vector))) = (&matrix, search.vector) {
            let nearest = matrix.nearest(vector, limit, search.allowed);
            ids.extend(nearest.into_iter().map(|(id, _)| id));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut hits = Vec::with_capacity(ids.len());
        for id in ids {
            let lexical = match lexical.get(&id) {
                Some(known) => *known,
                None => score(&connection, search, id)?,
            };
            let dense = search
                .vector
                .and_then(|(_, vector)| matrix.as_ref()?.cosine(id, vector));
            hits.push(Hit { id, lexical, dense });
        }
        Ok(hits)
    }

    fn statistics_of(&self, query: &Query) -> Result<Statistics, StoreError> {
        let connection = self.record.connection()?;
        let mut statistics = read::totals(&connection)?;
        let mut statement =
            connection.prepare_cached("SELECT doc FROM vocabulary WHERE term = ?1")?;
        for term in &query.terms {
            let mut rows = statement.query([term])?;
            if let Some(row) = rows.next()? {
                statistics.counts.insert(term.clone(), read::count(row, 0)?);
            }
        }
        Ok(statistics)
    }

    fn statistics(&self, terms_max: usize) -> Result<Statistics, StoreError> {
        let connection = self.record.connection()?;
        let mut statistics = read::totals(&connection)?;
        let mut statement = connection
            .prepare_cached("SELECT term, doc FROM vocabulary ORDER BY doc DESC, term LIMIT ?1")?;
        let limit = i64::try_from(terms_max).unwrap_or(i64::MAX);
        let rows = statement.query_map([limit], |row| Ok((row.get(0)?, read::count(row, 1)?)))?;
        statistics.counts = rows.collect::<Result<_, _>>()?;
        Ok(statistics)
    }

    fn centroid(&self, model: &str) -> Result<Option<Vec<f32>>, StoreError> {
        Ok(self.matrix(model)?.and_then(|matrix| matrix.mean()))
    }
}

/// Numbers of passages that share a term with the question, best first by this store's own statistics.
fn propose(
    connection: &Connection,
    query: &Query,
    limit: usize,
    allowed: Option<&[i64]>,
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
        if is_allowed(allowed, id) {
            ids.push(id);
            if ids.len() >= limit {
                break;
            }
        }
    }
    Ok(ids)
}

/// A passage's BM25 score, from the terms that are stored of it.
fn score(connection: &Connection, search: &Search<'_>, id: i64) -> Result<f64, StoreError> {
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
        search.query,
        title.split_ascii_whitespace(),
        text.split_ascii_whitespace(),
    );
    Ok(bm25::score(search.query, &counts, search.statistics))
}

/// Whether a passage is looked at; those that are stand in order.
fn is_allowed(allowed: Option<&[i64]>, id: i64) -> bool {
    allowed.is_none_or(|allowed| allowed.binary_search(&id).is_ok())
}

impl Matrix {
    /// The nearest passages, best first, among those allowed.
    fn nearest(&self, vector: &[f32], limit: usize, allowed: Option<&[i64]>) -> Vec<(i64, f32)> {
        let mut scores: Vec<(i64, f32)> = self
            .cosines(vector)
            .filter(|(id, _)| is_allowed(allowed, *id))
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
