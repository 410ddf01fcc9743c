//! Statements that both databases understand, for modules whose rows are the same in both.
//!
//! A statement is written once: parameters as `$1`, `{now}` for the store's clock in microseconds since 1970,
//! `{share}` and `{skip}` for the row locks that PostgreSQL needs and SQLite, which writes one transaction at a time,
//! does not.

use std::borrow::Cow;

use super::error::StoreError;
use super::open::{Backend, Store};
use super::sqlite;

/// A value that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row that was read, cell by cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row(Vec<Cell>);

impl Row {
    /// A whole number; 0 where there is none.
    pub(crate) fn int(&self, at: usize) -> i64 {
        self.maybe_int(at).unwrap_or_default()
    }

    pub(crate) fn maybe_int(&self, at: usize) -> Option<i64> {
        match self.0.get(at) {
            Some(Cell::Int(value)) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn text(&self, at: usize) -> String {
        self.maybe_text(at).unwrap_or_default()
    }

    pub(crate) fn maybe_text(&self, at: usize) -> Option<String> {
        match self.0.get(at) {
            Some(Cell::Text(value)) => Some(value.clone()),
            _ => None,
        }
    }

    pub(crate) fn bytes(&self, at: usize) -> &[u8] {
        match self.0.get(at) {
            Some(Cell::Bytes(value)) => value,
            _ => &[],
        }
    }
}

/// One statement of a transaction.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    sql: Cow<'static, str>,
    values: Vec<Value>,
    must: bool,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Self {
        Self { sql: sql.into(), values, must: false }
    }

    /// It has to give a row, or the whole transaction is rolled back.
    pub(crate) fn must(mut self) -> Self {
        self.must = true;
        self
    }

    fn text(&self, dialect: &Dialect) -> String {
        let sql = self.sql.replace("{now}", dialect.now).replace("{share}", dialect.share);
        let sql = sql.replace("{skip}", dialect.skip);
        if dialect.sign == "$" { sql } else { sql.replace('$', dialect.sign) }
    }
}

struct Dialect {
    sign: &'static str,
    now: &'static str,
    share: &'static str,
    skip: &'static str,
}

const SQLITE: Dialect = Dialect { sign: "?", now: sqlite::NOW_US, share: "", skip: "" };

/// `statement_timestamp()` and not `clock_timestamp()`, which keeps an index from being used.
#[cfg(feature = "postgres")]
const POSTGRES: Dialect = Dialect {
    sign: "$",
    now: "CAST(extract(epoch FROM statement_timestamp()) * 1000000 AS bigint)",
    share: "FOR SHARE",
    skip: "FOR UPDATE SKIP LOCKED",
};

#[cfg(test)]
tokio::task_local! {
    /// The statements that ran within, each with the plan that the database made for it.
    pub(crate) static PLANS: std::sync::Mutex<Vec<(String, String)>>;
}

#[cfg(test)]
impl Store {
    async fn tell_plans(&self, statements: &[Statement]) {
        if PLANS.try_with(|_| ()).is_err() {
            return;
        }
        for statement in statements {
            let rows = match self.backend() {
                Backend::Sqlite(db) => {
                    let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql);
                    let explain = Statement::new(sql, statement.values.clone());
                    db.read(move |tx| on_sqlite(tx, &explain)).await
                }
                #[cfg(feature = "postgres")]
                Backend::Postgres(db) => {
                    let sql = format!("EXPLAIN {}", statement.sql);
                    on_postgres(db, &Statement::new(sql, statement.values.clone())).await
                }
            };
            // The plan's line is the last cell on SQLite and the only one on PostgreSQL.
            let lines: Vec<_> = rows.unwrap().iter().map(|row| row.text(row.0.len() - 1)).collect();
            PLANS.with(|plans| plans.lock().unwrap().push((statement.sql.to_string(), lines.join("\n"))));
        }
    }
}

impl Store {
    /// Runs statements in one transaction, durable when it returns. `None` if a statement that had to give a row gave
    /// none: then nothing was done.
    ///
    /// On PostgreSQL those of which none has to give a row are written together, in one round trip: what they lock is
    /// held for no longer than the server takes.
    pub(crate) async fn run(&self, statements: Vec<Statement>) -> Result<Option<Vec<Vec<Row>>>, StoreError> {
        #[cfg(test)]
        self.tell_plans(&statements).await;
        match self.backend() {
            Backend::Sqlite(db) => {
                db.write(move |tx| {
                    tx.execute_batch("SAVEPOINT guarded")?;
                    let mut all = Vec::with_capacity(statements.len());
                    for statement in &statements {
                        let rows = on_sqlite(tx, statement)?;
                        if statement.must && rows.is_empty() {
                            tx.execute_batch("ROLLBACK TO guarded")?;
                            return Ok(None);
                        }
                        all.push(rows);
                    }
                    Ok(Some(all))
                })
                .await
            }
            #[cfg(feature = "postgres")]
            Backend::Postgres(db) => {
                if let [one] = statements.as_slice() {
                    let rows = on_postgres(db, one).await?;
                    return Ok((!one.must || !rows.is_empty()).then(|| vec![rows]));
                }
                if statements.iter().any(|statement| statement.must) {
                    super::postgres::answered(in_transaction(db, &statements)).await
                } else {
                    let rows = db
                        .query_all(
                            &statements
                                .iter()
                                .map(|one| (one.text(&POSTGRES), bound(one)))
                                .collect::<Vec<_>>(),
                        )
                        .await?;
                    Ok(Some(rows.iter().map(|rows| rows.iter().map(from_postgres).collect()).collect()))
                }
            }
        }
    }

    /// Runs one statement that writes.
    pub(crate) async fn run_one(
        &self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut done = self.run(vec![Statement::new(sql, values)]).await?.unwrap_or_default();
        Ok(done.pop().unwrap_or_default())
    }

    /// Runs one statement that only reads, beside those that write.
    pub(crate) async fn select(
        &self,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let statement = Statement::new(sql, values);
        #[cfg(test)]
        self.tell_plans(std::slice::from_ref(&statement)).await;
        match self.backend() {
            Backend::Sqlite(db) => db.read(move |tx| on_sqlite(tx, &statement)).await,
            #[cfg(feature = "postgres")]
            Backend::Postgres(db) => on_postgres(db, &statement).await,
        }
    }
}

fn on_sqlite(tx: &rusqlite::Transaction<'_>, statement: &Statement) -> rusqlite::Result<Vec<Row>> {
    use rusqlite::types::{Value as Bound, ValueRef};

    let mut prepared = tx.prepare_cached(&statement.text(&SQLITE))?;
    let columns = prepared.column_count();
    let values = statement.values.iter().cloned().map(|value| match value {
        Value::Int(value) => value.map_or(Bound::Null, Bound::Integer),
        Value::Text(value) => value.map_or(Bound::Null, Bound::Text),
        Value::Bytes(value) => Bound::Blob(value),
    });
    let mut rows = prepared.query(rusqlite::params_from_iter(values))?;
    let mut read = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = (0..columns).map(|at| {
            Ok(match row.get_ref(at)? {
                ValueRef::Null | ValueRef::Real(_) => Cell::Null,
                ValueRef::Integer(value) => Cell::Int(value),
                ValueRef::Text(value) => Cell::Text(String::from_utf8_lossy(value).into_owned()),
                ValueRef::Blob(value) => Cell::Bytes(value.to_vec()),
            })
        });
        read.push(Row(cells.collect::<rusqlite::Result<_>>()?));
    }
    Ok(read)
}

#[cfg(feature = "postgres")]
fn bound(statement: &Statement) -> Vec<super::postgres::Bound<'_>> {
    use tokio_postgres::types::Type;

    statement
        .values
        .iter()
        .map(|value| {
            let bound: super::postgres::Bound<'_> = match value {
                Value::Int(value) => (value, Type::INT8),
                Value::Text(value) => (value, Type::TEXT),
                Value::Bytes(value) => (value, Type::BYTEA),
            };
            bound
        })
        .collect()
}

#[cfg(feature = "postgres")]
async fn in_transaction(
    db: &super::postgres::Postgres,
    statements: &[Statement],
) -> Result<Option<Vec<Vec<Row>>>, StoreError> {
    let mut client = db.client().await?;
    let transaction = client.transaction().await?;
    let mut all = Vec::with_capacity(statements.len());
    for statement in statements {
        let bound = bound(statement);
        let rows = transaction.query_typed(&statement.text(&POSTGRES), &bound).await?;
        if statement.must && rows.is_empty() {
            transaction.rollback().await?;
            client.keep();
            return Ok(None);
        }
        all.push(rows.iter().map(from_postgres).collect());
    }
    transaction.commit().await?;
    client.keep();
    Ok(Some(all))
}

#[cfg(feature = "postgres")]
async fn on_postgres(db: &super::postgres::Postgres, statement: &Statement) -> Result<Vec<Row>, StoreError> {
    let rows = db.query(&statement.text(&POSTGRES), &bound(statement)).await?;
    Ok(rows.iter().map(from_postgres).collect())
}

#[cfg(feature = "postgres")]
fn from_postgres(row: &tokio_postgres::Row) -> Row {
    use tokio_postgres::types::Type;

    let cells = row.columns().iter().enumerate().map(|(at, column)| match *column.type_() {
        Type::INT8 => row.get::<_, Option<i64>>(at).map_or(Cell::Null, Cell::Int),
        Type::INT4 => row.get::<_, Option<i32>>(at).map_or(Cell::Null, |value| Cell::Int(value.into())),
        Type::TEXT => row.get::<_, Option<String>>(at).map_or(Cell::Null, Cell::Text),
        Type::BYTEA => row.get::<_, Option<Vec<u8>>>(at).map_or(Cell::Null, Cell::Bytes),
        _ => Cell::Null,
    });
    Row(cells.collect())
}
