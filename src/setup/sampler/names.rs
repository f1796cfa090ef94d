//! Something for each name, of a bounded number of names.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

/// What is known by name. Reading shares a lock for as long as it takes to look.
#[derive(Debug)]
pub(in crate::setup) struct Names<T> {
    known: RwLock<HashMap<Box<str>, T>>,
    limit: usize,
}

impl<T> Names<T> {
    pub(in crate::setup) fn new(known: HashMap<Box<str>, T>, limit: usize) -> Self {
        Self {
            known: RwLock::new(known),
            limit,
        }
    }

    /// What `look` says of this name's, which is made if there is none yet. `None` where there is none and no more room.
    pub(in crate::setup) fn with<R>(
        &self,
        name: &str,
        make: impl FnOnce() -> T,
        look: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = known.get(name) {
            return Some(look(one));
        }
        if known.len() >= self.limit {
            return None;
        }
        drop(known);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.limit && !known.contains_key(name) {
            return None;
        }
        Some(look(known.entry(name.into()).or_insert_with(make)))
    }

    /// Shows this name's, if there is one.
    pub(in crate::setup) fn peek<R>(&self, name: &str, look: impl FnOnce(&T) -> R) -> Option<R> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(look)
    }

    /// Shows all of them.
    pub(in crate::setup) fn each(&self, mut show: impl FnMut(&str, &T)) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for (name, one) in &*known {
            show(name, one);
        }
    }
}
