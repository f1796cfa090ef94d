//! Room for what is new: the oldest traces of the service that uses most go first.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::write::Known;

/// Traces, or logs, that go in one step.
const STEP: i64 = 64;

/// Removes until the store is below its limit.
pub(super) fn make_room(
    connection: &mut Connection,
    limit: u64,
    known: &mut Known,
) -> rusqlite::Result<()> {
    while used(connection)? > limit {
        let transaction = connection.transaction()?;
        let removed = step(&transaction, known)?;
        transaction.commit()?;
        if removed == 0 {
            break;
        }
    }
    Ok(())
}

/// Forgets all, and gives the room back.
pub(super) fn clear(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for table in [
        "service",
        "origin",
        "operation",
        "trace",
        "span",
        "trace_service",
        "tag",
        "trace_tag",
        "log",
    ] {
        transaction.execute(&format!("DELETE FROM {table}"), [])?;
    }
    transaction.commit()
}

/// Bytes of the pages that hold something.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number("page_count")? - number("freelist_count")?;
    Ok((pages * number("page_size")?).cast_unsigned())
}

fn step(transaction: &Transaction<'_>, known: &mut Known) -> rusqlite::Result<usize> {
    let heaviest: Option<i64> = transaction
        .prepare_cached("SELECT id FROM service ORDER BY bytes DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(service) = heaviest else {
        return Ok(0);
    };
    // A trace's number grows with its age, near enough, and is the index's own order.
    let oldest: Vec<i64> = transaction
        .prepare_cached(
            "SELECT trace FROM trace_service WHERE service = ?1 ORDER BY trace LIMIT ?2",
        )?
        .query_map(params![service, STEP], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for trace in &oldest {
        remove(transaction, *trace, known)?;
    }
    // Logs of no trace, or of one that never came, are only here.
    let logs = transaction
        .prepare_cached(
            "SELECT log.id, length(log.body), log.origin FROM log JOIN origin ON origin.id = log.origin
             WHERE origin.service = ?1 ORDER BY log.id LIMIT ?2",
        )?
        .query_map(
            params![service, if oldest.is_empty() { STEP * 16 } else { 0 }],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?
        .collect::<Result<Vec<(i64, i64, i64)>, _>>()?;
    let mut bytes = 0;
    for (log, size, _) in &logs {
        transaction
            .prepare_cached("DELETE FROM log WHERE id = ?1")?
            .execute([log])?;
        bytes += size + 200;
    }
    charge(transaction, service, bytes)?;
    for origin in logs
        .iter()
        .map(|(.., origin)| *origin)
        .collect::<HashSet<_>>()
    {
        forget_origin(transaction, origin, known)?;
    }
    Ok(oldest.len() + logs.len())
}

fn remove(transaction: &Transaction<'_>, trace: i64, known: &mut Known) -> rusqlite::Result<()> {
    let parts = transaction
        .prepare_cached("DELETE FROM trace_service WHERE trace = ?1 RETURNING service, bytes")?
        .query_map([trace], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, i64)>, _>>()?;
    for (service, bytes) in parts {
        charge(transaction, service, bytes)?;
    }
    let tags = transaction
        .prepare_cached("DELETE FROM trace_tag WHERE trace = ?1 RETURNING tag")?
        .query_map([trace], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for tag in tags {
        let forgotten = transaction
            .prepare_cached(
                "DELETE FROM tag WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM trace_tag WHERE tag = ?1) RETURNING key, value",
            )?
            .query_row([tag], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(tag) = forgotten {
            known.tags.remove(&tag);
        }
    }
    let logs = transaction
        .prepare_cached(
            "DELETE FROM log WHERE trace_id = (SELECT trace_id FROM trace WHERE id = ?1)
             RETURNING (SELECT service FROM origin WHERE id = origin), length(body)",
        )?
        .query_map([trace], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, i64)>, _>>()?;
    for (service, bytes) in logs {
        charge(transaction, service, bytes + 200)?;
    }
    let spans = transaction
        .prepare_cached("DELETE FROM span WHERE trace = ?1 RETURNING operation, origin")?
        .query_map([trace], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<HashSet<(i64, i64)>, _>>()?;
    transaction
        .prepare_cached("DELETE FROM trace WHERE id = ?1")?
        .execute([trace])?;
    for (operation, origin) in spans {
        forget(transaction, operation, origin, known)?;
    }
    Ok(())
}

/// Names are strangers' words: those that nothing uses any more go as well.
fn forget(
    transaction: &Transaction<'_>,
    operation: i64,
    origin: i64,
    known: &mut Known,
) -> rusqlite::Result<()> {
    let forgotten = transaction
        .prepare_cached(
            "DELETE FROM operation WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM span WHERE operation = ?1)
             RETURNING service, kind, name",
        )?
        .query_row([operation], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    if let Some(operation) = forgotten {
        known.operations.remove(&operation);
    }
    forget_origin(transaction, origin, known)
}

fn forget_origin(
    transaction: &Transaction<'_>,
    origin: i64,
    known: &mut Known,
) -> rusqlite::Result<()> {
    let forgotten: Option<(i64, i64)> = transaction
        .prepare_cached(
            "DELETE FROM origin WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM span WHERE origin = ?1)
             AND NOT EXISTS (SELECT 1 FROM log WHERE origin = ?1)
             RETURNING print, service",
        )?
        .query_row([origin], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((print, service)) = forgotten else {
        return Ok(());
    };
    known.origins.remove(&print);
    let name: Option<String> = transaction
        .prepare_cached(
            "DELETE FROM service WHERE id = ?1
             AND NOT EXISTS (SELECT 1 FROM origin WHERE service = ?1)
             AND NOT EXISTS (SELECT 1 FROM operation WHERE service = ?1) RETURNING name",
        )?
        .query_row([service], |row| row.get(0))
        .optional()?;
    if let Some(name) = name {
        known.services.remove(&name);
    }
    Ok(())
}

fn charge(transaction: &Transaction<'_>, service: i64, bytes: i64) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE service SET bytes = max(0, bytes - ?2) WHERE id = ?1")?
        .execute([service, bytes])?;
    Ok(())
}
