//! How the tables come to what the record has.
//!
//! Numbers of passages only grow and are never used again, so as a rule the new ones are those behind the last. Where
//! that is not all, numbers and tags of both sides are compared: passages went, or the record is another copy of itself.
//! Each batch is a transaction of its own, and the mark is written last: who is stopped in between goes on from there.

use std::collections::BTreeMap;

use postgres::Error;

use super::{
    super::{
        StoreError,
        engine::{Analysed, Embedded, EngineError, Mark, Record},
    },
    session::{Alone, STATEMENT_TIME_MAX_MS, Session, Worker},
};
use crate::bm25::Counts;

/// How many passages one transaction takes over.
const PASSAGES_BATCH: usize = 1_000;
/// How many vectors.
const VECTORS_BATCH: usize = 500;
/// The most numbers of a vector that pgvector's index takes.
const INDEXED_DIMENSIONS_MAX: usize = 2_000;

/// What was followed to; `None` before the first time.
pub(super) fn mark(session: &mut Session<'_>) -> Result<Option<Mark>, Error> {
    let sql = "SELECT generation, passages, words, last FROM state WHERE generation >= 0";
    let row = session.client.query_opt(sql, &[])?;
    row.map(|row| {
        let count = |column| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(Mark {
            generation: count(0)?,
            passages: count(1)?,
            words: count(2)?,
            last: row.try_get(3)?,
        })
    })
    .transpose()
}

/// Takes over all that is missing, and drops what went.
pub(super) fn follow(
    worker: &Worker,
    record: &Record,
    approximate_from: u64,
) -> Result<(), StoreError> {
    take_over(&worker.alone()?, record, approximate_from)
}

fn take_over(alone: &Alone<'_>, record: &Record, approximate_from: u64) -> Result<(), StoreError> {
    // Read first: what comes while we work is for the next time.
    let mark = record.mark()?;
    let before = alone.call(self::mark)?;
    if before == Some(mark) {
        return Ok(());
    }
    // This record was never there: another copy of it was followed.
    if before.is_some_and(|before| before.generation >= mark.generation) {
        alone.call(|session| session.begin_anew())?;
    }
    let joined = add_behind_last(alone, record)?;
    if !joined || alone.call(count)? != mark.passages {
        compare(alone, record)?;
    }
    for embedded in record.models()? {
        follow_vectors(alone, record, &embedded, approximate_from)?;
    }
    alone.call(move |session| {
        session.client.execute(
            "UPDATE state SET generation = $1, passages = $2, words = $3, last = $4",
            &[
                &signed(mark.generation),
                &signed(mark.passages),
                &signed(mark.words),
                &mark.last,
            ],
        )
    })?;
    Ok(())
}

/// Adds what has larger numbers than all that is here, if what is last here is in the record; says whether it is.
fn add_behind_last(alone: &Alone<'_>, record: &Record) -> Result<bool, StoreError> {
    let last = alone.call(|session| {
        let sql = "SELECT id, tag FROM passages ORDER BY id DESC LIMIT 1";
        let row = session.client.query_opt(sql, &[])?;
        row.map(|row| Ok::<_, Error>((row.try_get::<_, i64>(0)?, row.try_get::<_, i64>(1)?)))
            .transpose()
    })?;
    let mut from = match last {
        None => 0,
        Some((id, tag)) => {
            let same = record.after(id - 1, 1)?;
            if !same
                .iter()
                .any(|passage| (passage.id, passage.tag) == (id, tag))
            {
                return Ok(false);
            }
            id
        }
    };
    loop {
        let batch = record.after(from, PASSAGES_BATCH)?;
        let Some(last) = batch.last() else {
            return Ok(true);
        };
        from = last.id;
        add(alone, &batch)?;
    }
}

/// Compares all numbers and tags: drops what is not in the record, adds what is not here.
fn compare(alone: &Alone<'_>, record: &Record) -> Result<(), StoreError> {
    let here = alone.call(|session| {
        let rows = session.client.query("SELECT id, tag FROM passages", &[])?;
        rows.iter()
            .map(|row| Ok((row.try_get::<_, i64>(0)?, row.try_get::<_, i64>(1)?)))
            .collect::<Result<BTreeMap<_, _>, Error>>()
    })?;
    let there: BTreeMap<_, _> = record.tags()?.into_iter().collect();
    let gone: Vec<i64> = here
        .iter()
        .filter(|(id, tag)| there.get(id) != Some(tag))
        .map(|(id, _)| *id)
        .collect();
    for batch in gone.chunks(PASSAGES_BATCH) {
        drop_passages(alone, batch.to_vec())?;
    }
    let missing = there.iter().filter(|(id, tag)| here.get(id) != Some(tag));
    let missing: Vec<i64> = missing.map(|(id, _)| *id).collect();
    for batch in missing.chunks(PASSAGES_BATCH) {
        let mut passages = Vec::with_capacity(batch.len());
        for id in batch {
            let found = record.after(id - 1, 1)?;
            passages.extend(found.into_iter().filter(|passage| passage.id == *id));
        }
        add(alone, &passages)?;
    }
    Ok(())
}

fn count(session: &mut Session<'_>) -> Result<u64, Error> {
    let row = session
        .client
        .query_one("SELECT count(*) FROM passages", &[])?;
    row.try_get::<_, i64>(0).map(i64::unsigned_abs)
}

/// Rows of a batch, column by column.
#[derive(Default)]
struct Rows {
    ids: Vec<i64>,
    tags: Vec<i64>,
    terms: Vec<String>,
    passages: Vec<i64>,
    counts: Vec<i32>,
    lengths: Vec<i32>,
}

fn add(alone: &Alone<'_>, batch: &[Analysed]) -> Result<(), EngineError> {
    let mut rows = Rows::default();
    for passage in batch {
        let counts = Counts::of_terms(
            passage.title.split_ascii_whitespace(),
            passage.text.split_ascii_whitespace(),
        );
        rows.ids.push(passage.id);
        rows.tags.push(passage.tag);
        for (term, count) in counts.each() {
            rows.terms.push(term.to_owned());
            rows.passages.push(passage.id);
            rows.counts.push(i32::try_from(count).unwrap_or(i32::MAX));
            rows.lengths
                .push(i32::try_from(counts.length()).unwrap_or(i32::MAX));
        }
    }
    alone.call(move |session| {
        let mut transaction = session.client.transaction()?;
        transaction.execute(
            "INSERT INTO passages(id, tag) SELECT * FROM unnest($1::bigint[], $2::bigint[])",
            &[&rows.ids, &rows.tags],
        )?;
        transaction.execute(
            "INSERT INTO postings(term, passage, count, length)
             SELECT * FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::integer[])",
            &[&rows.terms, &rows.passages, &rows.counts, &rows.lengths],
        )?;
        transaction.execute(
            "INSERT INTO frequencies(term, passages)
             SELECT term, count(*) FROM unnest($1::text[]) AS came(term) GROUP BY term
             ON CONFLICT(term) DO UPDATE SET passages = frequencies.passages + excluded.passages",
            &[&rows.terms],
        )?;
        transaction.commit()
    })
}

fn drop_passages(alone: &Alone<'_>, ids: Vec<i64>) -> Result<(), EngineError> {
    alone.call(move |session| {
        let mut transaction = session.client.transaction()?;
        transaction.execute(
            "WITH gone AS (DELETE FROM postings WHERE passage = ANY($1) RETURNING term),
                  fewer AS (SELECT term, count(*) AS passages FROM gone GROUP BY term)
             UPDATE frequencies SET passages = frequencies.passages - fewer.passages
             FROM fewer WHERE frequencies.term = fewer.term",
            &[&ids],
        )?;
        transaction.execute("DELETE FROM frequencies WHERE passages <= 0", &[])?;
        // Vectors go with their passages.
        transaction.execute("DELETE FROM passages WHERE id = ANY($1)", &[&ids])?;
        transaction.commit()
    })
}

fn follow_vectors(
    alone: &Alone<'_>,
    record: &Record,
    embedded: &Embedded,
    approximate_from: u64,
) -> Result<(), StoreError> {
    if embedded.dimensions == 0 {
        return Ok(());
    }
    let (model, dimensions) = (embedded.model.clone(), embedded.dimensions);
    let table = alone.call(move |session| prepare(session, &model, dimensions))?;
    let named = table.clone();
    let held = alone.call(move |session| {
        let sql = format!("SELECT count(*) FROM {named}");
        let row = session.client.query_one(&sql, &[])?;
        row.try_get::<_, i64>(0).map(i64::unsigned_abs)
    })?;
    // None goes but with its passage, and those have gone by now.
    if held != embedded.passages {
        add_vectors(alone, record, &embedded.model, &table)?;
    }
    if embedded.passages >= approximate_from && embedded.dimensions <= INDEXED_DIMENSIONS_MAX {
        // Takes minutes where there are millions, once.
        alone.call(move |session| {
            session.client.batch_execute(&format!(
                "SET statement_timeout = 0;
                 CREATE INDEX IF NOT EXISTS {table}_near ON {table} USING hnsw (vector vector_cosine_ops);
                 SET statement_timeout = {STATEMENT_TIME_MAX_MS};"
            ))
        })?;
    }
    Ok(())
}

fn add_vectors(
    alone: &Alone<'_>,
    record: &Record,
    model: &str,
    table: &str,
) -> Result<(), StoreError> {
    let sql = format!("SELECT passage FROM {table} ORDER BY passage");
    let here = alone.call(move |session| {
        let rows = session.client.query(&sql, &[])?;
        rows.iter()
            .map(|row| row.try_get(0))
            .collect::<Result<Vec<i64>, Error>>()
    })?;
    let mut missing = record.embedded(model)?;
    missing.retain(|id| here.binary_search(id).is_err());
    for batch in missing.chunks(VECTORS_BATCH) {
        let vectors = record.vectors(model, batch)?.into_iter();
        let (ids, texts): (Vec<i64>, Vec<String>) =
            vectors.map(|(id, vector)| (id, written(&vector))).unzip();
        // A passage may have come since passages were taken over: its vector waits with it.
        let sql = format!(
            "INSERT INTO {table}(passage, vector)
             SELECT came.passage, came.vector::vector FROM unnest($1::bigint[], $2::text[]) AS came(passage, vector)
             JOIN passages ON passages.id = came.passage"
        );
        alone.call(move |session| session.client.execute(&sql, &[&ids, &texts]))?;
    }
    Ok(())
}

/// The table of a model's vectors, made where it is not there.
fn prepare(session: &mut Session<'_>, model: &str, dimensions: usize) -> Result<String, Error> {
    let mut transaction = session.client.transaction()?;
    let dimensions = i32::try_from(dimensions).unwrap_or(i32::MAX);
    let known = transaction.query_opt(
        "SELECT id FROM models WHERE name = $1 AND dimensions = $2",
        &[&model, &dimensions],
    )?;
    let id: i32 = match known {
        Some(row) => row.try_get(0)?,
        None => {
            let old =
                transaction.query("DELETE FROM models WHERE name = $1 RETURNING id", &[&model])?;
            for row in old {
                let id: i32 = row.try_get(0)?;
                transaction.batch_execute(&format!("DROP TABLE {}", table(id)))?;
            }
            let row = transaction.query_one(
                "INSERT INTO models(name, dimensions) VALUES ($1, $2) RETURNING id",
                &[&model, &dimensions],
            )?;
            let id: i32 = row.try_get(0)?;
            transaction.batch_execute(&format!(
                "CREATE TABLE {}(
                    passage bigint PRIMARY KEY REFERENCES passages(id) ON DELETE CASCADE,
                    vector vector({dimensions}) NOT NULL
                 )",
                table(id)
            ))?;
            id
        }
    };
    transaction.commit()?;
    Ok(table(id))
}

/// The table of a model's vectors, by the model's number.
pub(super) fn table(model: i32) -> String {
    format!("vectors_{model}")
}

/// A vector as pgvector reads it. Its numbers are written so that they are read as they were.
pub(super) fn written(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join(","))
}

/// SQL's integers have a sign.
fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
