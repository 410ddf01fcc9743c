//! The store in an SQLite file: the rules, within one transaction each.

use futures::future::{BoxFuture, FutureExt};
use rusqlite::{OptionalExtension, Row as Columns, Transaction, params};

use super::rules::{Counter, Row, Slot, take_all};
use super::{Attempt, Attempted, CountKey, Operations, Reserve, Reserved, Settle, StoreError};
use crate::otp::challenge::Id;
use crate::store::sqlite::{NOW_US, Sqlite};

/// Tables of this store in a file that others use, too.
#[derive(Clone)]
pub(super) struct SqliteCodes(pub(super) Sqlite);

/// SQLite's own clock, read while the lock is held; milliseconds since 1970.
fn now(tx: &Transaction<'_>) -> rusqlite::Result<i64> {
    tx.query_row(&format!("SELECT {NOW_US} / 1000"), [], |row| row.get(0))
}

fn slot(row: &Columns<'_>, code: usize, expires: usize) -> rusqlite::Result<Option<Slot>> {
    let code = row.get::<_, Option<[u8; 32]>>(code)?;
    let expires = row.get(expires)?;
    Ok(code.map(|code| Slot { code, expires }))
}

fn challenge(tx: &Transaction<'_>, id: &Id) -> rusqlite::Result<Option<Row>> {
    tx.prepare_cached(
        "SELECT context, attempts, max_attempts, used_at, serial, sent, pending, code, expires, code_before,
                before_expires, begun, forgotten_at FROM kwtsms_otp WHERE id = ?1",
    )?
    .query_row([id], |row| {
        Ok(Row {
            context: row.get(0)?,
            attempts: row.get(1)?,
            max_attempts: row.get(2)?,
            used_at: row.get(3)?,
            serial: row.get(4)?,
            sent: row.get(5)?,
            pending: row.get(6)?,
            newest: slot(row, 7, 8)?,
            before: slot(row, 9, 10)?,
            begun: row.get(11)?,
            forgotten_at: row.get(12)?,
        })
    })
    .optional()
}

fn write_challenge(tx: &Transaction<'_>, id: &Id, row: &Row) -> rusqlite::Result<()> {
    let code = |slot: Option<Slot>| slot.map(|slot| slot.code);
    let expires = |slot: Option<Slot>| slot.map_or(0, |slot| slot.expires);
    tx.prepare_cached(
        "INSERT OR REPLACE INTO kwtsms_otp (id, context, attempts, max_attempts, used_at, serial, sent, pending, code,
            expires, code_before, before_expires, begun, forgotten_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        id,
        row.context,
        row.attempts,
        row.max_attempts,
        row.used_at,
        row.serial,
        row.sent,
        row.pending,
        code(row.newest),
        expires(row.newest),
        code(row.before),
        expires(row.before),
        row.begun,
        row.forgotten_at,
    ])?;
    Ok(())
}

fn counter(tx: &Transaction<'_>, key: &CountKey) -> rusqlite::Result<Option<Counter>> {
    tx.prepare_cached("SELECT n, verified, expires, forgotten_at FROM kwtsms_otp_count WHERE key = ?1")?
        .query_row([key], |row| {
            Ok(Counter {
                n: row.get(0)?,
                verified: row.get(1)?,
                expires: row.get(2)?,
                forgotten_at: row.get(3)?,
            })
        })
        .optional()
}

fn write_counter(tx: &Transaction<'_>, key: &CountKey, counter: Counter) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT OR REPLACE INTO kwtsms_otp_count (key, n, verified, expires, forgotten_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![key, counter.n, counter.verified, counter.expires, counter.forgotten_at])?;
    Ok(())
}

fn reserve(tx: &Transaction<'_>, reserve: &Reserve) -> rusqlite::Result<Reserved> {
    let now = now(tx)?;
    let mut row = match (reserve.begin, challenge(tx, &reserve.id)?) {
        (Some(attempts), None) => Row::begin(reserve, attempts, now),
        (None, Some(row)) if row.takes_another(reserve, now) => row,
        _ => return Ok(Reserved::Ended),
    };
    let counters: Vec<Counter> = reserve
        .counts
        .iter()
        .map(|count| Ok(counter(tx, &count.key)?.unwrap_or_default()))
        .collect::<rusqlite::Result<_>>()?;
    let mut places = counters.into_iter();
    let taken = match take_all(&reserve.counts, now, |_| places.next().unwrap_or_default()) {
        Ok(taken) => taken,
        Err(full) => return Ok(Reserved::Limited { full }),
    };
    for (count, counter) in reserve.counts.iter().zip(taken) {
        write_counter(tx, &count.key, counter)?;
    }
    let expires_in_ms = row.push(reserve, now);
    write_challenge(tx, &reserve.id, &row)?;
    Ok(Reserved::Taken { serial: row.serial, expires_in_ms, attempts_left: row.max_attempts - row.attempts })
}

fn settle(tx: &Transaction<'_>, settle: &Settle) -> rusqlite::Result<()> {
    let now = now(tx)?;
    for change in &settle.changes {
        if let Some(counter) = counter(tx, &change.key)? {
            write_counter(tx, &change.key, counter.change(change.give_back, change.ends_in_ms, now))?;
        }
    }
    if let Some(mut row) = challenge(tx, &settle.id)? {
        row.settle(settle);
        write_challenge(tx, &settle.id, &row)?;
    }
    Ok(())
}

fn attempt(tx: &Transaction<'_>, attempt: &Attempt) -> rusqlite::Result<Attempted> {
    let now = now(tx)?;
    let Some(mut row) = challenge(tx, &attempt.id)? else { return Ok(Attempted::NotFound) };
    let mut failures = counter(tx, &attempt.failures.key)?.unwrap_or_default();
    let attempted = row.attempt(&mut failures, attempt, now);
    match attempted {
        Attempted::Right | Attempted::Wrong { .. } | Attempted::Superseded { .. } => {
            write_challenge(tx, &attempt.id, &row)?;
            write_counter(tx, &attempt.failures.key, failures)?;
        }
        _ => {} // nothing was compared
    }
    if attempted == Attempted::Right
        && let Some(counter) = counter(tx, &attempt.unverified)?
    {
        write_counter(tx, &attempt.unverified, counter.verify(row.sent))?;
    }
    Ok(attempted)
}

fn sweep(tx: &Transaction<'_>) -> rusqlite::Result<u64> {
    let now = now(tx)?;
    let challenges = tx.execute("DELETE FROM kwtsms_otp WHERE forgotten_at <= ?1", [now])?;
    let counts = tx.execute("DELETE FROM kwtsms_otp_count WHERE forgotten_at <= ?1", [now])?;
    Ok((challenges + counts) as u64)
}

impl Operations for SqliteCodes {
    fn reserve(&self, asked: Reserve) -> BoxFuture<'static, Result<Reserved, StoreError>> {
        let db = self.0.clone();
        async move { Ok(db.write(move |tx| reserve(tx, &asked)).await?) }.boxed()
    }

    fn settle(&self, asked: Settle) -> BoxFuture<'static, Result<(), StoreError>> {
        let db = self.0.clone();
        async move { Ok(db.write(move |tx| settle(tx, &asked)).await?) }.boxed()
    }

    fn attempt(&self, asked: Attempt) -> BoxFuture<'static, Result<Attempted, StoreError>> {
        let db = self.0.clone();
        async move { Ok(db.write(move |tx| attempt(tx, &asked)).await?) }.boxed()
    }

    fn sweep(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
        let db = self.0.clone();
        async move { Ok(db.write(sweep).await?) }.boxed()
    }

    fn name(&self) -> &'static str {
        "SQLite"
    }
}
