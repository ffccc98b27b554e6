//! What is asked of the tables.

use std::collections::BTreeMap;

use postgres::{Client, Error};

use super::{
    super::{Hit, engine::Search},
    follow::{self, written},
    session::Session,
};
use crate::bm25::{LENGTH, SATURATION, Statistics};

/// BM25 as `bm25::score` has it, each operation in its order; terms are summed in the order of the question.
/// $1 terms, $2 their rarities, $3 saturation, $4 what does not depend on length, $5 what does, $6 the mean length.
const SCORES: &str = "
SELECT postings.passage,
       sum(asked.rarity * postings.count * ($3::float8 + 1.0::float8)
           / (postings.count + $3::float8 * ($4::float8 + $5::float8 * (postings.length / $6::float8)))
           ORDER BY asked.place) AS score
FROM unnest($1::text[], $2::float8[]) WITH ORDINALITY AS asked(term, rarity, place)
JOIN postings ON postings.term = asked.term COLLATE \"C\"";

/// How many more passages than wanted are looked at for equal distances.
const EQUALS: u32 = 20;

/// A search that can go to another thread.
pub(super) struct Owned {
    terms: Vec<String>,
    rarities: Vec<f64>,
    length_mean: f64,
    vector: Option<(String, Vec<f32>)>,
    limit: i64,
    allowed: Option<Vec<i64>>,
}

impl Owned {
    pub(super) fn new(search: &Search<'_>) -> Self {
        let terms = search.query.terms.clone();
        Self {
            rarities: terms
                .iter()
                .map(|term| search.statistics.rarity(term))
                .collect(),
            terms,
            length_mean: search.statistics.length_mean(),
            vector: search
                .vector
                .map(|(model, vector)| (model.to_owned(), vector.to_vec())),
            limit: i64::try_from(search.limit).unwrap_or(i64::MAX),
            allowed: search.allowed.map(<[i64]>::to_vec),
        }
    }

    /// The best of each kind of score, both scores on each.
    pub(super) fn hits(&self, session: &mut Session<'_>) -> Result<Vec<Hit>, Error> {
        let client = &mut *session.client;
        let table = self.table(client)?;
        let mut lexical = self.lexical(client)?;
        let mut dense = match &table {
            Some(table) => self.nearest(client, table)?,
            None => BTreeMap::new(),
        };
        let only = |of: &BTreeMap<i64, f64>, other: &BTreeMap<i64, f64>| -> Vec<i64> {
            of.keys()
                .filter(|id| !other.contains_key(id))
                .copied()
                .collect()
        };
        let (near, told) = (only(&dense, &lexical), only(&lexical, &dense));
        let scores = self.scores(client, &near)?;
        lexical.extend(near.into_iter().map(|id| (id, 0.0)));
        lexical.extend(scores);
        if let Some(table) = &table {
            dense.extend(self.cosines(client, table, &told)?);
        }
        let hit = |(id, lexical)| Hit {
            id,
            lexical,
            dense: dense.get(&id).map(|cosine| *cosine as f32),
        };
        Ok(lexical.into_iter().map(hit).collect())
    }

    /// The table of the question's model; `None` where there is no vector of it of that length.
    fn table(&self, client: &mut Client) -> Result<Option<String>, Error> {
        let Some((model, vector)) = &self.vector else {
            return Ok(None);
        };
        let row = client.query_opt(
            "SELECT id FROM models WHERE name = $1 AND dimensions = $2",
            &[model, &i32::try_from(vector.len()).unwrap_or(i32::MAX)],
        )?;
        row.map(|row| row.try_get(0).map(follow::table)).transpose()
    }

    fn lexical(&self, client: &mut Client) -> Result<BTreeMap<i64, f64>, Error> {
        let sql = format!(
            "{SCORES} WHERE $7::bigint[] IS NULL OR postings.passage = ANY($7)
             GROUP BY postings.passage ORDER BY score DESC, postings.passage LIMIT $8"
        );
        self.scored(client, &sql, &self.allowed, self.limit)
    }

    fn scores(&self, client: &mut Client, ids: &[i64]) -> Result<BTreeMap<i64, f64>, Error> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "{SCORES} WHERE postings.passage = ANY($7::bigint[]) GROUP BY postings.passage LIMIT $8"
        );
        self.scored(client, &sql, &Some(ids.to_vec()), i64::MAX)
    }

    fn scored(
        &self,
        client: &mut Client,
        sql: &str,
        ids: &Option<Vec<i64>>,
        limit: i64,
    ) -> Result<BTreeMap<i64, f64>, Error> {
        let rows = client.query(
            sql,
            &[
                &self.terms,
                &self.rarities,
                &SATURATION,
                &(1.0 - LENGTH),
                &LENGTH,
                &self.length_mean,
                ids,
                &limit,
            ],
        )?;
        pairs(&rows)
    }

    fn question(&self) -> String {
        let vector = self.vector.as_ref().map(|(_, vector)| vector);
        written(vector.map_or(&[], |vector| vector))
    }

    fn nearest(&self, client: &mut Client, table: &str) -> Result<BTreeMap<i64, f64>, Error> {
        let question = self.question();
        let rows = match &self.allowed {
            // The index knows nothing of a filter and might find too few: all that are allowed are compared.
            Some(allowed) => client.query(
                &format!(
                    "WITH allowed AS MATERIALIZED (
                         SELECT passage, vector <=> $1::text::vector AS distance FROM {table} WHERE passage = ANY($2)
                     )
                     SELECT passage, 1.0::float8 - distance FROM allowed ORDER BY distance, passage LIMIT $3"
                ),
                &[&question, allowed, &self.limit],
            )?,
            // Only an order by distance alone is one that the index gives: of equal ones at the end, a few more are looked at.
            None => client.query(
                &format!(
                    "WITH near AS (
                         SELECT passage, vector <=> $1::text::vector AS distance FROM {table}
                         ORDER BY vector <=> $1::text::vector LIMIT $2::bigint + {EQUALS}
                     )
                     SELECT passage, 1.0::float8 - distance FROM near ORDER BY distance, passage LIMIT $2"
                ),
                &[&question, &self.limit],
            )?,
        };
        pairs(&rows)
    }

    fn cosines(
        &self,
        client: &mut Client,
        table: &str,
        ids: &[i64],
    ) -> Result<BTreeMap<i64, f64>, Error> {
        let sql = format!(
            "SELECT passage, 1.0::float8 - (vector <=> $1::text::vector) FROM {table} WHERE passage = ANY($2)"
        );
        pairs(&client.query(&sql, &[&self.question(), &ids])?)
    }
}

fn pairs(rows: &[postgres::Row]) -> Result<BTreeMap<i64, f64>, Error> {
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

fn totals(client: &mut Client) -> Result<Statistics, Error> {
    let row = client.query_opt("SELECT passages, words FROM state", &[])?;
    let Some(row) = row else {
        return Ok(Statistics::default());
    };
    Ok(Statistics {
        passages: row.try_get::<_, i64>(0)?.unsigned_abs(),
        words: row.try_get::<_, i64>(1)?.unsigned_abs(),
        ..Statistics::default()
    })
}

fn counted(rows: &[postgres::Row]) -> Result<BTreeMap<String, u64>, Error> {
    rows.iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.unsigned_abs())))
        .collect()
}

/// The counts that some terms need.
pub(super) fn statistics_of(
    session: &mut Session<'_>,
    terms: &[String],
) -> Result<Statistics, Error> {
    let rows = session.client.query(
        "SELECT term, passages FROM frequencies WHERE term = ANY($1)",
        &[&terms],
    )?;
    Ok(Statistics {
        counts: counted(&rows)?,
        ..totals(session.client)?
    })
}

/// The counts of the most frequent terms.
pub(super) fn statistics(session: &mut Session<'_>, terms_max: usize) -> Result<Statistics, Error> {
    let limit = i64::try_from(terms_max).unwrap_or(i64::MAX);
    let rows = session.client.query(
        "SELECT term, passages FROM frequencies ORDER BY passages DESC, term LIMIT $1",
        &[&limit],
    )?;
    Ok(Statistics {
        counts: counted(&rows)?,
        ..totals(session.client)?
    })
}

/// The mean of all vectors of a model; `None` of none.
pub(super) fn mean(session: &mut Session<'_>, model: &str) -> Result<Option<Vec<f32>>, Error> {
    let known = session
        .client
        .query_opt("SELECT id FROM models WHERE name = $1", &[&model])?;
    let Some(row) = known else {
        return Ok(None);
    };
    let table = follow::table(row.try_get(0)?);
    let sql = format!("SELECT avg(vector)::real[] FROM {table}");
    session.client.query_one(&sql, &[])?.try_get(0)
}
