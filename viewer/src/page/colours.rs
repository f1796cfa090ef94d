//! A colour for each service.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use crate::store::{Store, StoreError};

/// Colours by service, the same on each page: in the order in which services were first seen, so that the first dozen
/// differ.
#[derive(Debug, Default)]
pub(super) struct Colours(HashMap<String, usize>);

/// As many has the style sheet.
const COLOURS: usize = 12;

impl Colours {
    pub(super) async fn of(store: &Store) -> Result<Self, StoreError> {
        let names = store.services_by_age().await?;
        Ok(Self(names.into_iter().zip(0..).collect()))
    }

    /// The number of the colour. Who is no service has one by the name.
    pub(super) fn of_service(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            hasher.finish() as usize
        }) % COLOURS
    }
}
