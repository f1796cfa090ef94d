//! Which spans are of one resource.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::resource::v1::Resource;

use crate::store::Stored;

/// The resources of spans, numbered as they come up. The store has each pair of a resource and a scope on its own, so a
/// resource with two scopes is there twice.
#[derive(Debug, Default)]
pub(super) struct Resources<'s> {
    /// The first span of each.
    pub(super) firsts: Vec<&'s Stored>,
    seen: HashMap<*const Resource, usize>,
}

impl<'s> Resources<'s> {
    /// The number of a span's resource.
    pub(super) fn number(&mut self, stored: &'s Stored) -> usize {
        let firsts = &mut self.firsts;
        *self
            .seen
            .entry(Arc::as_ptr(&stored.resource))
            .or_insert_with(|| {
                let known = firsts
                    .iter()
                    .position(|first| first.resource == stored.resource);
                known.unwrap_or_else(|| {
                    firsts.push(stored);
                    firsts.len() - 1
                })
            })
    }
}
