//! How traces are found: those that may be what is looked for are looked at one by one, until there are enough.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
};

use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    search::{Found, Search},
    sketch::{GRAM_BYTES, Wanted},
    summary::{Summaries, Trace},
    whole,
    words::{self, Missing},
};

pub(super) fn find(store: &Connection, search: &Search) -> rusqlite::Result<Vec<Found>> {
    if search.limit == 0 {
        return Ok(Vec::new());
    }
    let Some(mut finder) = Finder::new(store, search)? else {
        return Ok(Vec::new());
    };
    let candidates = if search.of_request {
        finder.requested()?
    } else {
        match finder.newest()? {
            Some(next) => finder.others(next)?,
            None => Vec::new(),
        }
    };
    for trace in candidates {
        if finder.look(&trace)?.is_break() {
            break;
        }
    }
    Ok(finder.found)
}

pub(super) struct Finder<'s> {
    pub(super) store: &'s Connection,
    pub(super) search: &'s Search,
    pub(super) service: Option<i64>,
    /// Numbers of the operations that are looked for.
    pub(super) operations: HashSet<i64>,
    pub(super) wanted: Wanted,
    /// Whether its spans have to be looked at.
    pub(super) is_asked: bool,
    /// What each origin does not have of what is looked for.
    origins: HashMap<i64, Missing>,
    summaries: Summaries,
    found: Vec<Found>,
}

impl<'s> Finder<'s> {
    /// `None` if nothing can be found.
    fn new(store: &'s Connection, search: &'s Search) -> rusqlite::Result<Option<Self>> {
        let mut finder = Self {
            store,
            search,
            service: None,
            operations: HashSet::new(),
            wanted: Wanted::default(),
            is_asked: search.operation.is_some() || !Missing::of(search).is_nothing(),
            origins: HashMap::new(),
            summaries: Summaries::default(),
            found: Vec::new(),
        };
        let service = search.service.as_deref().map(words::name);
        if let Some(service) = service {
            finder.service = store
                .prepare_cached("SELECT id FROM service WHERE name = ?1")?
                .query_row([service], |row| row.get(0))
                .optional()?;
            if finder.service.is_none() {
                return Ok(None);
            }
        }
        let operation = search.operation.as_deref().map(words::name);
        if operation.is_some() || search.of_request {
            finder.operations = store
                .prepare_cached(
                    "SELECT id FROM operation
                     WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR service = ?2)",
                )?
                .query_map(params![operation, finder.service], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            if finder.operations.is_empty() {
                return Ok(None);
            }
        }
        if let Some(operation) = operation {
            finder.wanted.operation(service, operation);
        }
        if !Missing::of(search).is_nothing() {
            finder.ask_origins()?;
        }
        Ok(Some(finder))
    }

    /// Resources are few: what they have is found out first.
    fn ask_origins(&mut self) -> rusqlite::Result<()> {
        let mut prints: HashMap<i64, i64> = HashMap::new();
        let mut statement = self
            .store
            .prepare_cached("SELECT id, print, resource FROM origin")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let resource = Resource::decode(row.get_ref(2)?.as_blob()?).unwrap_or_default();
            let mut missing = Missing::of(self.search);
            words::of(&resource.attributes, &mut |key, value| {
                missing.find(self.search, key, value);
            });
            prints.insert(row.get(0)?, row.get(1)?);
            self.origins.insert(row.get(0)?, missing);
        }
        let having = |has: &dyn Fn(&Missing) -> bool| -> Vec<i64> {
            let having = self.origins.iter().filter(|(_, missing)| has(missing));
            having
                .filter_map(|(id, _)| prints.get(id).copied())
                .collect()
        };
        for (index, (key, value)) in self.search.tags.iter().enumerate() {
            let origins = having(&|missing| !missing.lacks_tag(index));
            self.wanted.tag(key, value, &origins);
        }
        if let Some(text) = &self.search.text
            && text.len() >= GRAM_BYTES
        {
            self.wanted
                .text(text, &having(&|missing| !missing.lacks_text()));
        }
        Ok(())
    }

    /// Adds the trace if all holds; breaks when there are enough.
    pub(super) fn look(&mut self, trace: &Trace) -> rusqlite::Result<ControlFlow<()>> {
        if self.is_of_service(trace)? && self.is_like(trace)? && self.has_operation(trace)? {
            let found = self.summaries.of(self.store, trace)?;
            self.found.push(found);
        }
        Ok(if self.found.len() >= self.search.limit {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }

    fn is_of_service(&self, trace: &Trace) -> rusqlite::Result<bool> {
        let Some(service) = self.service else {
            return Ok(true);
        };
        self.store
            .prepare_cached("SELECT 1 FROM trace_service WHERE trace = ?1 AND service = ?2")?
            .exists([trace.number, service])
    }

    fn has_operation(&self, trace: &Trace) -> rusqlite::Result<bool> {
        if self.operations.is_empty() || self.search.of_request {
            return Ok(true);
        }
        let mut statement = self
            .store
            .prepare_cached("SELECT operation FROM span WHERE trace = ?1")?;
        let mut rows = statement.query([trace.number])?;
        while let Some(row) = rows.next()? {
            if self.operations.contains(&row.get(0)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether its attributes and texts are as they are wanted: by its filters, and then by itself.
    fn is_like(&self, trace: &Trace) -> rusqlite::Result<bool> {
        if !self.is_asked {
            return Ok(true);
        }
        let mut missing = Missing::of(self.search);
        let may_be = self.may_be_in(trace)?;
        if !may_be || missing.is_nothing() {
            return Ok(may_be);
        }
        let raw = self
            .search
            .text
            .as_deref()
            .filter(|text| words::is_raw(text));
        let mut statement = self
            .store
            .prepare_cached("SELECT origin, spans FROM body WHERE trace = ?1")?;
        let mut rows = statement.query([trace.number])?;
        while let Some(row) = rows.next()? {
            if let Some(of_origin) = self.origins.get(&row.get(0)?) {
                missing.and(of_origin);
            }
            if missing.is_nothing() {
                return Ok(true);
            }
            let body = row.get_ref(1)?.as_blob()?;
            if missing.is_text_alone() && raw.is_some_and(|text| !words::has_raw(body, text)) {
                continue;
            }
            for span in whole::spans(body) {
                missing.find_text(self.search, words::name(&span.name));
                words::each(&span, |key, value| missing.find(self.search, key, value));
                if missing.is_nothing() {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// By the filters of its parts.
    fn may_be_in(&self, trace: &Trace) -> rusqlite::Result<bool> {
        let mut statement = self
            .store
            .prepare_cached("SELECT bits FROM sketch WHERE trace = ?1")?;
        let mut rows = statement.query([trace.number])?;
        let mut found = 0;
        while found != self.wanted.all()
            && let Some(row) = rows.next()?
        {
            found |= self.wanted.may_be_in(row.get_ref(0)?.as_blob()?);
        }
        Ok(found == self.wanted.all())
    }
}
