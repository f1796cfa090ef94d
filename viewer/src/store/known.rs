//! Numbers of names that were met before, so that they need not be looked up.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use crate::batch::Group;

/// Forgotten when a transaction fails: it took back the numbers.
#[derive(Debug, Default)]
pub(super) struct Known {
    services: HashMap<String, i64>,
    /// By their print.
    origins: HashMap<i64, i64>,
    /// Of a service, by kind and name.
    operations: HashMap<i64, HashMap<String, Vec<(i32, i64)>>>,
    remembered: usize,
}

/// Names remembered at most: strangers make them up.
const REMEMBERED: usize = 20_000;

impl Known {
    pub(super) fn service(
        &mut self,
        transaction: &Transaction<'_>,
        name: &str,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.services.get(name) {
            return Ok(*id);
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO service (name) VALUES (?1)
                 ON CONFLICT (name) DO UPDATE SET name = name RETURNING id",
            )?
            .query_row([name], |row| row.get(0))?;
        self.services.insert(name.to_owned(), id);
        self.remembered += 1;
        Ok(id)
    }

    pub(super) fn origin(
        &mut self,
        transaction: &Transaction<'_>,
        service: i64,
        group: &Group,
    ) -> rusqlite::Result<i64> {
        if let Some(id) = self.origins.get(&group.print) {
            return Ok(*id);
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO origin (service, print, resource, scope) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (print) DO UPDATE SET service = service RETURNING id",
            )?
            .query_row(
                params![service, group.print, group.resource, group.scope],
                |row| row.get(0),
            )?;
        self.origins.insert(group.print, id);
        self.remembered += 1;
        Ok(id)
    }

    pub(super) fn operation(
        &mut self,
        transaction: &Transaction<'_>,
        service: i64,
        kind: i32,
        name: &str,
    ) -> rusqlite::Result<i64> {
        let names = self.operations.entry(service).or_default();
        let kinds = names.get(name).map_or(&[][..], Vec::as_slice);
        if let Some((_, id)) = kinds.iter().find(|(known, _)| *known == kind) {
            return Ok(*id);
        }
        let id = transaction
            .prepare_cached(
                "INSERT INTO operation (service, name, kind) VALUES (?1, ?2, ?3)
                 ON CONFLICT (service, name, kind) DO UPDATE SET kind = kind RETURNING id",
            )?
            .query_row(params![service, name, kind], |row| row.get(0))?;
        names.entry(name.to_owned()).or_default().push((kind, id));
        self.remembered += 1;
        Ok(id)
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(super) fn forget_if_many(&mut self) {
        if self.remembered > REMEMBERED {
            self.forget();
        }
    }

    pub(super) fn forget_service(&mut self, name: &str) {
        self.services.remove(name);
    }

    pub(super) fn forget_origin(&mut self, print: i64) {
        self.origins.remove(&print);
    }

    pub(super) fn forget_operation(&mut self, service: i64, kind: i32, name: &str) {
        if let Some(names) = self.operations.get_mut(&service)
            && let Some(kinds) = names.get_mut(name)
        {
            kinds.retain(|(known, _)| *known != kind);
            if kinds.is_empty() {
                names.remove(name);
            }
        }
    }
}
