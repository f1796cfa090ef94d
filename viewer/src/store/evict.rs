//! Room for what is new: the oldest traces of the service that uses most go first.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{
    Gate,
    known::Known,
    sums::{self, Sums},
};

/// Traces that go in one step, and logs.
const STEP: i64 = 64;
const LOGS: i64 = 128;

/// Removes until the store is below its limit. Whether it has removed any.
pub(super) fn make_room(
    connection: &mut Connection,
    limit: u64,
    known: &mut Known,
    gate: &Gate,
) -> rusqlite::Result<bool> {
    let mut has_removed = false;
    while used(connection)? > limit {
        let _alone = gate.as_ref().map(|gate| gate.blocking_write());
        let transaction = connection.transaction()?;
        let removed = step(&transaction, known)?;
        transaction.commit()?;
        if removed == 0 {
            break;
        }
        has_removed = true;
    }
    Ok(has_removed)
}

/// Forgets all.
pub(super) fn clear(connection: &mut Connection, gate: &Gate) -> rusqlite::Result<()> {
    let _alone = gate.as_ref().map(|gate| gate.blocking_write());
    let transaction = connection.transaction()?;
    for table in [
        "service",
        "origin",
        "operation",
        "trace",
        "span",
        "body",
        "sketch",
        "trace_service",
        "log",
    ] {
        transaction.execute(&format!("DELETE FROM {table}"), [])?;
    }
    transaction.commit()
}

/// Bytes of the pages that hold something.
pub(super) fn used(connection: &Connection) -> rusqlite::Result<u64> {
    let free = pages(connection, "freelist_count")?;
    Ok(size(connection)?.saturating_sub(free))
}

/// Bytes of all pages.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<u64> {
    pages(connection, "page_count")
}

fn pages(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((number(name)? * number("page_size")?).cast_unsigned())
}

fn step(transaction: &Transaction<'_>, known: &mut Known) -> rusqlite::Result<usize> {
    let heaviest: Option<(i64, bool)> = transaction
        .prepare_cached(
            "SELECT id, log_bytes * 2 > bytes - name_bytes FROM service ORDER BY bytes DESC LIMIT 1",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((service, is_logs)) = heaviest else {
        return Ok(0);
    };
    let mut sums = Sums::default();
    let mut removed = 0;
    if !is_logs {
        removed = remove_traces(transaction, service, &mut sums)?;
    }
    if removed == 0 {
        removed = remove_logs(transaction, service, &mut sums)?;
    }
    sums.write(transaction)?;
    forget(transaction, &sums, known)?;
    Ok(removed)
}

fn remove_traces(
    transaction: &Transaction<'_>,
    service: i64,
    sums: &mut Sums,
) -> rusqlite::Result<usize> {
    // A trace's number grows with its age, near enough, and is the index's own order.
    let oldest: Vec<i64> = transaction
        .prepare_cached(
            "SELECT trace FROM trace_service WHERE service = ?1 ORDER BY trace LIMIT ?2",
        )?
        .query_map(params![service, STEP], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for trace in &oldest {
        remove(transaction, *trace, sums)?;
    }
    Ok(oldest.len())
}

fn remove(transaction: &Transaction<'_>, trace: i64, sums: &mut Sums) -> rusqlite::Result<()> {
    let mut statement = transaction
        .prepare_cached("DELETE FROM trace_service WHERE trace = ?1 RETURNING service, bytes")?;
    let mut rows = statement.query([trace])?;
    while let Some(row) = rows.next()? {
        sums.charge(row.get(0)?, -row.get::<_, i64>(1)?);
    }
    let mut statement = transaction.prepare_cached(
        "DELETE FROM log WHERE trace_id = (SELECT trace_id FROM trace WHERE id = ?1)
         RETURNING service, origin, length(body)",
    )?;
    let mut rows = statement.query([trace])?;
    while let Some(row) = rows.next()? {
        sums.charge_log(row.get(0)?, -sums::log_weight(row.get::<_, i64>(2)?));
        *sums.origins.entry(row.get(1)?).or_default() -= 1;
    }
    let mut statement =
        transaction.prepare_cached("DELETE FROM span WHERE trace = ?1 RETURNING operation")?;
    let mut rows = statement.query([trace])?;
    while let Some(row) = rows.next()? {
        *sums.operations.entry(row.get(0)?).or_default() -= 1;
    }
    let mut statement =
        transaction.prepare_cached("DELETE FROM body WHERE trace = ?1 RETURNING origin")?;
    let mut rows = statement.query([trace])?;
    while let Some(row) = rows.next()? {
        *sums.origins.entry(row.get(0)?).or_default() -= 1;
    }
    for query in [
        "DELETE FROM sketch WHERE trace = ?1",
        "DELETE FROM trace WHERE id = ?1",
    ] {
        transaction.prepare_cached(query)?.execute([trace])?;
    }
    Ok(())
}

fn remove_logs(
    transaction: &Transaction<'_>,
    service: i64,
    sums: &mut Sums,
) -> rusqlite::Result<usize> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM log WHERE id IN
         (SELECT id FROM log WHERE service = ?1 ORDER BY id LIMIT ?2)
         RETURNING origin, length(body)",
    )?;
    let mut rows = statement.query([service, LOGS])?;
    let mut removed = 0;
    while let Some(row) = rows.next()? {
        sums.charge_log(service, -sums::log_weight(row.get::<_, i64>(1)?));
        *sums.origins.entry(row.get(0)?).or_default() -= 1;
        removed += 1;
    }
    Ok(removed)
}

/// Names are strangers' words: those that nothing uses any more go as well.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    sums: &Sums,
    known: &mut Known,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM operation WHERE id = ?1 AND uses <= 0 RETURNING service, kind, name",
    )?;
    for operation in sums.operations.keys() {
        let mut rows = statement.query([operation])?;
        while let Some(row) = rows.next()? {
            known.forget_operation(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str()?);
        }
    }
    let mut statement = transaction.prepare_cached(
        "DELETE FROM origin WHERE id = ?1 AND uses <= 0 RETURNING service, print",
    )?;
    let mut services = Vec::new();
    for origin in sums.origins.keys() {
        let mut rows = statement.query([origin])?;
        while let Some(row) = rows.next()? {
            services.push(row.get::<_, i64>(0)?);
            known.forget_origin(row.get(1)?);
        }
    }
    let mut statement = transaction.prepare_cached(
        "DELETE FROM service WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM origin WHERE service = ?1)
         AND NOT EXISTS (SELECT 1 FROM operation WHERE service = ?1) RETURNING name",
    )?;
    for service in services {
        let mut rows = statement.query([service])?;
        while let Some(row) = rows.next()? {
            known.forget_service(row.get_ref(0)?.as_str()?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Place, open};

    /// Names are no reason to take traces for logs: they go with whatever has them.
    #[test]
    fn logs_that_weigh_more_than_spans_go_first_whatever_their_names_weigh() {
        for (logs, left) in [(450, (1, 0)), (150, (0, 1))] {
            let (mut connection, _) = open::open(&Place {
                file: None,
                limit: 1 << 20,
            })
            .unwrap();
            connection
                .execute_batch(&format!(
                    "INSERT INTO service (id, name, bytes, log_bytes, name_bytes)
                     VALUES (1, 'chatty', 5000, {logs}, 4200);
                     INSERT INTO origin (id, service, print, resource, scope, uses) VALUES (1, 1, 0, x'', x'', 2);
                     INSERT INTO trace (id, trace_id, start, finish, spans, errors) VALUES (1, x'01', 0, 0, 0, 0);
                     INSERT INTO trace_service (service, trace, spans, errors, bytes) VALUES (1, 1, 0, 0, 350);
                     INSERT INTO log (print, time, severity, service, origin, body) VALUES (0, 0, 0, 1, 1, x'');",
                ))
                .unwrap();
            let transaction = connection.transaction().unwrap();
            step(&transaction, &mut Known::default()).unwrap();
            let count = |table| {
                let query = format!("SELECT count(*) FROM {table}");
                transaction.query_row(&query, [], |row| row.get::<_, i64>(0))
            };
            let kept = (count("trace").unwrap(), count("log").unwrap());
            assert_eq!(kept, left, "{logs} bytes of logs");
        }
    }
}
