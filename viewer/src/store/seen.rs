//! The spans of many traces, one trace after the other.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use rusqlite::Connection;

pub(super) const SERVER: i32 = 2;
pub(super) const CLIENT: i32 = 3;

/// A span of a trace that is looked at; its service by number.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: i64,
    pub(super) parent: Option<i64>,
    pub(super) service: i64,
    pub(super) kind: i32,
    pub(super) start: i64,
    pub(super) duration: u64,
    pub(super) is_error: bool,
    /// Whom it says it calls: a number of the names that were met.
    pub(super) peer: Option<usize>,
}

/// Spans of each trace that began between these, by their ids: traces that came last are first. With as many spans as
/// this it ends. Returns the names of those who are called, as they are kept.
pub(super) fn each_trace(
    store: &Connection,
    from: i64,
    to: i64,
    most: usize,
    mut tell: impl FnMut(&[Seen]),
) -> rusqlite::Result<Vec<String>> {
    let traces: HashSet<i64> = store
        .prepare_cached("SELECT id FROM trace WHERE start BETWEEN ?1 AND ?2")?
        .query_map([from, to], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let range = (traces.iter().min().copied(), traces.iter().max().copied());
    // One walk over the table is faster than a search for each trace.
    let mut statement = store.prepare_cached(
        "SELECT trace, span_id, parent, service, kind, start, finish, error, peer
         FROM span WHERE trace BETWEEN ?1 AND ?2 ORDER BY trace DESC, span_id DESC, print DESC",
    )?;
    let mut rows = statement.query([range.0, range.1])?;
    let mut spans = Vec::new();
    let mut current = None;
    let mut seen = 0;
    let mut names: HashMap<String, usize> = HashMap::new();
    while let Some(row) = rows.next()? {
        let trace: i64 = row.get(0)?;
        if current != Some(trace) {
            spans.reverse();
            tell(&spans);
            spans.clear();
            current = traces.contains(&trace).then_some(trace);
            if seen >= most {
                break;
            }
        }
        if current.is_none() {
            continue;
        }
        seen += 1;
        let peer = row
            .get_ref(8)?
            .as_str_or_null()?
            .map(|name| match names.get(name) {
                Some(number) => *number,
                None => {
                    let number = names.len();
                    names.insert(name.to_owned(), number);
                    number
                }
            });
        let start: i64 = row.get(5)?;
        spans.push(Seen {
            id: row.get(1)?,
            parent: row.get(2)?,
            service: row.get(3)?,
            kind: row.get(4)?,
            start,
            duration: row.get::<_, i64>(6)?.abs_diff(start),
            is_error: row.get(7)?,
            peer,
        });
    }
    spans.reverse();
    tell(&spans);
    let mut all: Vec<_> = names.into_iter().collect();
    all.sort_unstable_by_key(|(_, number)| *number);
    Ok(all.into_iter().map(|(name, _)| name).collect())
}

/// The span's parent, among those of its trace. A server's span that has its client's id is below it.
pub(super) fn parent<'s>(spans: &'s [Seen], span: &Seen) -> Option<&'s Seen> {
    if span.kind == SERVER
        && let Some(half) = named(spans, span.id).find(|other| other.kind == CLIENT)
    {
        return Some(half);
    }
    let parent = span.parent?;
    let all = || named(spans, parent);
    // Of two halves the one that goes on is the server's; its service goes on by itself.
    all()
        .rfind(|other| other.service == span.service)
        .or_else(|| all().rfind(|other| other.kind == SERVER))
        .or_else(|| all().next_back())
}

/// All of this id.
fn named(spans: &[Seen], id: i64) -> std::slice::Iter<'_, Seen> {
    let first = spans.partition_point(|span| span.id < id);
    let all = spans.get(first..).unwrap_or_default();
    let count = all.partition_point(|span| span.id == id);
    all.get(..count).unwrap_or_default().iter()
}

/// Names of the services, by number.
pub(super) fn services(store: &Connection) -> rusqlite::Result<HashMap<i64, Arc<str>>> {
    store
        .prepare_cached("SELECT id, name FROM service")?
        .query_map([], |row| {
            Ok((row.get(0)?, Arc::from(row.get::<_, String>(1)?)))
        })?
        .collect()
}
