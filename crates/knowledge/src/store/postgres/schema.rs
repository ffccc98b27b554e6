//! Tables of a store in PostgreSQL, made where they are not there or are of another version: all can be built again.

use postgres::{Client, Error, Transaction};

/// Changes with the tables, and with the analysis of text.
const VERSION: i32 = 1;

/// Terms are compared byte by byte, as they are everywhere else. The one row of `state` is of generation -1 until the tables
/// have followed a record for the first time.
const TABLES: &str = "
CREATE TABLE passages(id bigint PRIMARY KEY, tag bigint NOT NULL);
CREATE TABLE postings(
    term text COLLATE \"C\" NOT NULL,
    passage bigint NOT NULL REFERENCES passages(id),
    count integer NOT NULL,
    length integer NOT NULL,
    PRIMARY KEY(term, passage)
);
CREATE INDEX postings_by_passage ON postings(passage);
CREATE TABLE frequencies(term text COLLATE \"C\" PRIMARY KEY, passages bigint NOT NULL);
CREATE INDEX frequencies_by_passages ON frequencies(passages DESC, term);
CREATE TABLE models(
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE \"C\" NOT NULL UNIQUE,
    dimensions integer NOT NULL
);
CREATE TABLE state(
    version integer NOT NULL,
    generation bigint NOT NULL,
    passages bigint NOT NULL,
    words bigint NOT NULL,
    last bigint NOT NULL
);
";

/// Makes all that is not there. `schema` is of letters, digits and _ alone.
pub(super) fn prepare(client: &mut Client, schema: &str, lock: i64) -> Result<(), Error> {
    let mut transaction = client.transaction()?;
    // Of two that come to an empty database at once, one makes it all and the other finds it made.
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&lock])?;
    let there = |transaction: &mut Transaction<'_>, sql: &str, name: &str| {
        let row = transaction.query_one(sql, &[&name])?;
        row.try_get::<_, bool>(0)
    };
    // Asked first: who may not make an extension or a schema may well use one that is there.
    let extension = "SELECT EXISTS(SELECT 1 FROM pg_extension WHERE extname = $1)";
    if !there(&mut transaction, extension, "vector")? {
        transaction.batch_execute("CREATE EXTENSION IF NOT EXISTS vector")?;
    }
    let made = "SELECT EXISTS(SELECT 1 FROM pg_namespace WHERE nspname = $1)";
    if !there(&mut transaction, made, schema)? {
        transaction.batch_execute(&format!("CREATE SCHEMA {schema}"))?;
    }
    let of_extension = transaction.query_one(
        "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
         WHERE extname = 'vector'",
        &[],
    )?;
    let of_extension: String = of_extension.try_get(0)?;
    transaction.batch_execute(&format!("SET search_path = {schema}, {of_extension}"))?;
    let tables =
        "SELECT EXISTS(SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'state')";
    if there(&mut transaction, tables, schema)? {
        let found = transaction.query_opt("SELECT version FROM state", &[])?;
        let found: Option<i32> = found.map(|row| row.try_get(0)).transpose()?;
        if found == Some(VERSION) {
            return transaction.commit();
        }
        transaction.batch_execute(&format!(
            "DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}"
        ))?;
    }
    fill(&mut transaction)?;
    transaction.commit()
}

/// Makes the tables, which follow nothing yet.
fn fill(transaction: &mut Transaction<'_>) -> Result<(), Error> {
    transaction.batch_execute(TABLES)?;
    transaction.execute("INSERT INTO state VALUES ($1, -1, 0, 0, 0)", &[&VERSION])?;
    Ok(())
}

/// Drops all and makes it anew.
pub(super) fn begin_anew(client: &mut Client, schema: &str) -> Result<(), Error> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!(
        "DROP SCHEMA {schema} CASCADE; CREATE SCHEMA {schema}"
    ))?;
    fill(&mut transaction)?;
    transaction.commit()
}
