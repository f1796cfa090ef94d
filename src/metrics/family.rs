//! The series of one instrument: the attributes of each are prepared once, and found again without a copy.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use smallvec::SmallVec;

use super::{
    key::{Key, Owned},
    labels::Labels,
};
use crate::semconv::{
    measure::{Facts, OTHER},
    names::{ERROR_TYPE, SERVER_ADDRESS, SERVER_PORT},
};

/// How many series are kept: as many as an instrument of the SDK has by default, before it stops to tell them apart.
const MOST_SERIES: usize = 2000;

/// How many attributes an instrument has whose values are counted, labels among them.
const MOST_NAMES: usize = 32;

/// The series of an instrument. `S` is what a measurement is recorded by.
#[derive(Debug)]
pub(super) struct Family<S> {
    /// What the metric calls the method, and the route or template.
    method: &'static str,
    target: &'static str,
    table: RwLock<Table<S>>,
}

/// The sets of attributes that have one hash.
type Rows<S> = SmallVec<[(Owned, Arc<S>); 1]>;

#[derive(Debug)]
struct Table<S> {
    rows: HashMap<u64, Rows<S>, BuildHasherDefault<AsIs>>,
    len: usize,
    values: Values,
}

/// The values that each open attribute has had, as hashes: enough to know one again.
#[derive(Debug, Default)]
struct Values {
    of: HashMap<String, HashSet<u64>>,
    seed: RandomState,
}

/// The attributes that lost their values for want of room.
pub(super) type Folded = SmallVec<[String; 0]>;

/// A hash is hashed already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl<S> Family<S> {
    pub(super) fn new(method: &'static str, target: &'static str) -> Self {
        Self {
            method,
            target,
            table: RwLock::new(Table {
                rows: HashMap::default(),
                len: 0,
                values: Values::of([method, target, SERVER_ADDRESS, SERVER_PORT, ERROR_TYPE]),
            }),
        }
    }

    /// The series of a key, made by `make` when it is first seen. At most `limit` values of an open attribute are told
    /// apart; `make` gets `_OTHER` instead of the others, and their attributes are entered in `folded`.
    #[inline]
    pub(super) fn series(
        &self,
        key: &Key<'_>,
        limit: usize,
        folded: &mut Folded,
        make: impl FnOnce(&Key<'_>) -> S,
    ) -> Arc<S> {
        let found = self.read().find(key);
        match found {
            Some(series) => series,
            None => self.admit(key, limit, folded, make),
        }
    }

    #[cold]
    fn admit(
        &self,
        key: &Key<'_>,
        limit: usize,
        folded: &mut Folded,
        make: impl FnOnce(&Key<'_>) -> S,
    ) -> Arc<S> {
        // What must be folded has been seen before, more often than not, and needs no other lock.
        let mut labels = key.labels.clone();
        let facts = {
            let table = self.read();
            let facts = self.fold(&table.values, *key.facts, &mut labels, limit, folded);
            if let Some(series) = table.find(&Key {
                facts: &facts,
                labels: &labels,
            }) {
                return series;
            }
            facts
        };
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        // Others may have taken the room since.
        let facts = self.fold(&table.values, facts, &mut labels, limit, folded);
        let key = Key {
            facts: &facts,
            labels: &labels,
        };
        if let Some(series) = table.find(&key) {
            return series;
        }
        self.keep(&mut table.values, &key);
        let series = Arc::new(make(&key));
        if table.len < MOST_SERIES {
            table.len += 1;
            let row = (Owned::of(&key), Arc::clone(&series));
            table.rows.entry(key.hash()).or_default().push(row);
        }
        series
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<S>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the values that are new where there is no room for another.
    fn fold<'a>(
        &self,
        values: &Values,
        mut facts: Facts<'a>,
        labels: &mut Labels,
        limit: usize,
        folded: &mut Folded,
    ) -> Facts<'a> {
        let mut is_over = |name: &str, value: &str| {
            let is_over = value != OTHER && !values.has_room(name, value, limit);
            if is_over {
                folded.push(name.to_owned());
            }
            is_over
        };
        if is_over(self.method, facts.method) {
            facts.method = OTHER;
        }
        for (name, value) in [
            (self.target, &mut facts.target),
            (SERVER_ADDRESS, &mut facts.host),
            (ERROR_TYPE, &mut facts.error_type),
        ] {
            if let Some(text) = value
                && is_over(name, text)
            {
                *text = OTHER;
            }
        }
        // A number cannot be `_OTHER`.
        if let Some(port) = facts.port
            && !values.has_room(SERVER_PORT, &port, limit)
        {
            folded.push(SERVER_PORT.to_owned());
            facts.port = None;
        }
        labels.retain(|label| {
            if label.value.text() == Some(OTHER)
                || values.has_room(&label.name, &label.value, limit)
            {
                return true;
            }
            folded.push(label.name.clone().into_owned());
            label.value.fold() && values.of.contains_key(&*label.name)
        });
        facts
    }

    fn keep(&self, values: &mut Values, key: &Key<'_>) {
        let facts = key.facts;
        for (name, value) in [
            (self.method, Some(facts.method)),
            (self.target, facts.target),
            (SERVER_ADDRESS, facts.host),
            (ERROR_TYPE, facts.error_type),
        ] {
            if let Some(value) = value.filter(|value| *value != OTHER) {
                values.keep(name, value);
            }
        }
        if let Some(port) = facts.port {
            values.keep(SERVER_PORT, &port);
        }
        for label in key.labels.iter() {
            if label.value.text() != Some(OTHER) {
                values.keep(&label.name, &label.value);
            }
        }
    }
}

impl<S> Table<S> {
    #[inline]
    fn find(&self, key: &Key<'_>) -> Option<Arc<S>> {
        let rows = self.rows.get(&key.hash())?;
        let (_, series) = rows.iter().find(|(kept, _)| kept.is(key))?;
        Some(Arc::clone(series))
    }
}

impl Values {
    /// Attributes that are known from the start: no label takes their place.
    fn of(names: impl IntoIterator<Item = &'static str>) -> Self {
        let names = names.into_iter();
        Self {
            of: names
                .map(|name| (name.to_owned(), HashSet::new()))
                .collect(),
            seed: RandomState::new(),
        }
    }

    fn has_room(&self, name: &str, value: &(impl Hash + ?Sized), limit: usize) -> bool {
        match self.of.get(name) {
            Some(known) => known.len() < limit || known.contains(&self.seed.hash_one(value)),
            None => limit > 0 && self.of.len() < MOST_NAMES,
        }
    }

    fn keep(&mut self, name: &str, value: &(impl Hash + ?Sized)) {
        let hash = self.seed.hash_one(value);
        self.of.entry(name.to_owned()).or_default().insert(hash);
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests;
