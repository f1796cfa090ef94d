//! Who calls whom.

use std::{collections::BTreeMap, sync::Arc};

use rusqlite::Connection;

use super::{Store, StoreError};

/// Calls of one service by another in a time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Calls {
    /// The calling service.
    pub parent: Arc<str>,
    /// The called one.
    pub child: Arc<str>,
    /// How many calls.
    pub count: u64,
    /// How many of them failed.
    pub errors: u64,
}

impl Store {
    /// Calls in traces that began between these, in nanoseconds since 1970; by the names.
    pub(crate) async fn calls(&self, from: i64, to: i64) -> Result<Vec<Calls>, StoreError> {
        self.read(move |store| calls(store, from, to)).await
    }
}

/// A span whose parent is of another service is a call.
fn calls(store: &Connection, from: i64, to: i64) -> rusqlite::Result<Vec<Calls>> {
    let mut statement = store.prepare_cached(
        "SELECT caller.name, callee.name, count(*), sum(child.error)
         FROM trace
         JOIN span AS child ON child.trace = trace.id
         JOIN span AS parent ON parent.trace = child.trace AND parent.span_id = child.parent
         JOIN operation AS called ON called.id = child.operation
         JOIN operation AS calling ON calling.id = parent.operation
         JOIN service AS callee ON callee.id = called.service
         JOIN service AS caller ON caller.id = calling.service
         WHERE trace.start BETWEEN ?1 AND ?2 AND called.service <> calling.service
         GROUP BY caller.id, callee.id",
    )?;
    let mut rows = statement.query([from, to])?;
    let mut found = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let key: (String, String) = (row.get(0)?, row.get(1)?);
        found.insert(
            key,
            (
                row.get::<_, i64>(2)?.cast_unsigned(),
                row.get::<_, i64>(3)?.cast_unsigned(),
            ),
        );
    }
    Ok(found
        .into_iter()
        .map(|((parent, child), (count, errors))| Calls {
            parent: parent.into(),
            child: child.into(),
            count,
            errors,
        })
        .collect())
}
