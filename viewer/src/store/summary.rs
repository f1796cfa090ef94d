//! What a list says of a trace.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, Row};

use super::search::{Found, Tally};
use crate::ids::TraceId;

/// A row of the table.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) number: i64,
    pub(super) id: TraceId,
    pub(super) start: i64,
    pub(super) finish: i64,
    pub(super) spans: i64,
    pub(super) errors: i64,
}

/// Names of operations that were met before.
#[derive(Debug, Default)]
pub(super) struct Summaries {
    names: HashMap<i64, (String, String)>,
}

impl Summaries {
    pub(super) fn of(&mut self, store: &Connection, trace: &Trace) -> rusqlite::Result<Found> {
        let services = store
            .prepare_cached(
                "SELECT service.name, spans, errors FROM trace_service
                 JOIN service ON service.id = service WHERE trace = ?1 ORDER BY service.name",
            )?
            .query_map([trace.number], |row| {
                Ok(Tally {
                    service: row.get(0)?,
                    spans: row.get(1)?,
                    errors: row.get(2)?,
                })
            })?
            .collect::<Result<_, _>>()?;
        let (root, orphans) = self.roots(store, trace)?;
        Ok(Found {
            id: trace.id,
            start: trace.start,
            finish: trace.finish,
            spans: trace.spans,
            errors: trace.errors,
            orphans,
            root,
            services,
        })
    }

    /// The first span without a parent, or the first of all; and how many miss theirs.
    fn roots(
        &mut self,
        store: &Connection,
        trace: &Trace,
    ) -> rusqlite::Result<((String, String), i64)> {
        let mut statement = store.prepare_cached(
            "SELECT span_id, parent, start, operation FROM span WHERE trace = ?1",
        )?;
        let mut rows = statement.query([trace.number])?;
        let mut ids = HashSet::new();
        let mut parents = Vec::new();
        let mut first: Option<(bool, i64, i64)> = None;
        while let Some(row) = rows.next()? {
            let parent: Option<i64> = row.get(1)?;
            ids.insert(row.get::<_, i64>(0)?);
            parents.extend(parent);
            let this = (parent.is_some(), row.get(2)?, row.get(3)?);
            first = Some(first.map_or(this, |first| first.min(this)));
        }
        let orphans = parents
            .iter()
            .filter(|parent| !ids.contains(parent))
            .count();
        let root = match first {
            Some((.., operation)) => self.name(store, operation)?,
            None => Default::default(),
        };
        Ok((root, orphans as i64))
    }

    fn name(&mut self, store: &Connection, operation: i64) -> rusqlite::Result<(String, String)> {
        if let Some(known) = self.names.get(&operation) {
            return Ok(known.clone());
        }
        let name: (String, String) = store
            .prepare_cached(
                "SELECT service.name, operation.name FROM operation
                 JOIN service ON service.id = service WHERE operation.id = ?1",
            )?
            .query_row([operation], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.names.insert(operation, name.clone());
        Ok(name)
    }
}

impl Trace {
    pub(super) fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            id: TraceId(row.get(1)?),
            start: row.get(2)?,
            finish: row.get(3)?,
            spans: row.get(4)?,
            errors: row.get(5)?,
        })
    }
}
