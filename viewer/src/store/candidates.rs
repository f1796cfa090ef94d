//! Which traces may be what is looked for: the newest, then those that a filter lets pass; or those of certain requests.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use rusqlite::params;

use super::{find::Finder, stats::MOST_REQUESTS, summary::Trace};

/// Traces that are looked at one by one: what is frequent is found among them. A text that is too short for a filter is
/// looked for in these alone.
const NEWEST: usize = 2_000;

/// What can be told by the row alone.
const FITS: &str =
    "start <= ?1 AND start >= ?2 AND finish - start BETWEEN ?3 AND ?4 AND errors >= ?5";

impl Finder<'_> {
    /// Looks at the newest; where to go on, if they were not enough.
    pub(super) fn newest(&mut self) -> rusqlite::Result<Option<i64>> {
        let query = format!(
            "SELECT id, trace_id, start, finish, spans, errors FROM trace WHERE {FITS} ORDER BY start DESC"
        );
        let mut statement = self.store.prepare_cached(&query)?;
        let (to, rest) = self.bounds();
        let mut rows = statement.query(params![to, rest.0, rest.1, rest.2, rest.3])?;
        let can_jump = self.service.is_some() || self.is_asked;
        let mut seen = 0;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let trace = Trace::of(row)?;
            // Those that began at the same time are looked at together.
            if seen >= NEWEST && can_jump && last != Some(trace.start) {
                return Ok(Some(trace.start));
            }
            if self.look(&trace)?.is_break() {
                return Ok(None);
            }
            seen += 1;
            last = Some(trace.start);
        }
        Ok(None)
    }

    /// Those that began at this time or earlier and may be what is looked for, the newest first.
    pub(super) fn others(&self, to: i64) -> rusqlite::Result<Vec<Trace>> {
        let (_, rest) = self.bounds();
        let mut found = Vec::new();
        let mut one = self.store.prepare_cached(&format!(
            "SELECT id, trace_id, start, finish, spans, errors FROM trace WHERE {FITS} AND id = ?6"
        ))?;
        let mut add = |number: i64| -> rusqlite::Result<()> {
            let mut rows = one.query(params![to, rest.0, rest.1, rest.2, rest.3, number])?;
            if let Some(row) = rows.next()? {
                found.push(Trace::of(row)?);
            }
            Ok(())
        };
        if !self.wanted.is_empty() {
            let mut statement = self
                .store
                .prepare_cached("SELECT trace, bits FROM sketch")?;
            let mut rows = statement.query([])?;
            // One walk as the rows lie: what parts of a trace have is put together.
            let mut parts: HashMap<i64, u64> = HashMap::new();
            while let Some(row) = rows.next()? {
                let found = self.wanted.may_be_in(row.get_ref(1)?.as_blob()?);
                if found != 0 {
                    *parts.entry(row.get(0)?).or_default() |= found;
                }
            }
            for (trace, found) in parts {
                if found == self.wanted.all() {
                    add(trace)?;
                }
            }
        } else if let Some(service) = self.service
            && !self.is_asked
        {
            let mut statement = self
                .store
                .prepare_cached("SELECT trace FROM trace_service WHERE service = ?1")?;
            let mut rows = statement.query([service])?;
            while let Some(row) = rows.next()? {
                add(row.get(0)?)?;
            }
        }
        found.sort_by_key(|trace| Reverse((trace.start, trace.number)));
        Ok(found)
    }

    /// Those with a request that fits, the newest first.
    pub(super) fn requested(&self) -> rusqlite::Result<Vec<Trace>> {
        let mut statement = self.store.prepare_cached(
            "SELECT trace FROM span WHERE operation = ?6 AND kind IN (2, 5) AND start <= ?1 AND start >= ?2
             AND finish - start BETWEEN ?3 AND ?4 AND error >= ?5 ORDER BY start DESC LIMIT ?7",
        )?;
        let (to, rest) = self.bounds();
        let mut traces: HashSet<i64> = HashSet::new();
        for operation in &self.operations {
            let mut rows = statement.query(params![
                to,
                rest.0,
                rest.1,
                rest.2,
                rest.3,
                operation,
                MOST_REQUESTS
            ])?;
            while let Some(row) = rows.next()? {
                traces.insert(row.get(0)?);
            }
        }
        let mut one = self.store.prepare_cached(
            "SELECT id, trace_id, start, finish, spans, errors FROM trace WHERE id = ?1",
        )?;
        let mut found = Vec::new();
        for trace in traces {
            found.push(one.query_row([trace], Trace::of)?);
        }
        found.sort_by_key(|trace| Reverse((trace.start, trace.number)));
        Ok(found)
    }

    /// The latest start; then the earliest, the durations, and the fewest errors.
    fn bounds(&self) -> (i64, (i64, i64, i64, i64)) {
        let search = self.search;
        (
            search.to.unwrap_or(i64::MAX),
            (
                search.from.unwrap_or(i64::MIN),
                search.shortest.unwrap_or(i64::MIN),
                search.longest.unwrap_or(i64::MAX),
                i64::from(search.errors_only),
            ),
        )
    }
}
