//! Whose spans and logs are: a resource, encoded once, and the scopes within it.

use std::sync::Arc;

use opentelemetry_proto::tonic::{common::v1::InstrumentationScope, resource::v1::Resource};
use prost::Message;

use crate::{
    batch::{Group, LONGEST_NAME, cut, text_of},
    print::Print,
    store::{Sketches, StoreError},
};

/// Makes the groups of a batch. The store has a resource once for each of its scopes: what that takes is counted here.
#[derive(Debug)]
pub(crate) struct Origins {
    left: usize,
}

/// A resource, whose scopes share it.
#[derive(Debug)]
pub(crate) struct Origin {
    service: Arc<str>,
    resource: Arc<[u8]>,
    /// Of the resource.
    print: Print,
}

/// The resources of a request's groups are no longer than this together: as a whole request, unpacked.
const LARGEST: usize = 64 << 20;

impl Default for Origins {
    fn default() -> Self {
        Self { left: LARGEST }
    }
}

impl Origins {
    /// A group of a scope with spans or logs, still without them.
    pub(crate) fn group(
        &mut self,
        origin: &Origin,
        scope: &InstrumentationScope,
    ) -> Result<Group, StoreError> {
        let left = self.left.checked_sub(origin.resource.len());
        self.left = left.ok_or(StoreError::TooLarge)?;
        let scope = scope.encode_to_vec();
        Ok(Group {
            service: Arc::clone(&origin.service),
            resource: Arc::clone(&origin.resource),
            print: origin.print.clone().and(&scope).number(),
            scope,
            sketches: Sketches::default(),
            spans: Vec::new(),
            logs: Vec::new(),
        })
    }
}

impl Origin {
    pub(crate) fn of(resource: &Resource) -> Self {
        let service = resource
            .attributes
            .iter()
            .find(|attribute| attribute.key == "service.name")
            .and_then(|attribute| attribute.value.as_ref())
            .map(text_of)
            .filter(|name| !name.is_empty());
        let service = service.as_deref().unwrap_or("unknown_service");
        let bytes = resource.encode_to_vec();
        Self {
            service: cut(service, LONGEST_NAME).into(),
            print: Print::default().and(&bytes),
            resource: bytes.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::EntityRef,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    };

    use super::*;
    use crate::batch::Batch;

    #[test]
    fn a_resource_is_encoded_once_for_the_scopes_that_have_spans() {
        let of_scope = |spans: usize| ScopeSpans {
            spans: vec![
                Span {
                    trace_id: vec![1; 16],
                    span_id: vec![1; 8],
                    ..Span::default()
                };
                spans
            ],
            ..ScopeSpans::default()
        };
        let of_resource = ResourceSpans {
            resource: Some(Resource {
                entity_refs: vec![EntityRef::default(); 500],
                ..Resource::default()
            }),
            scope_spans: [0, 1, 0, 1, 0].map(of_scope).into(),
            ..ResourceSpans::default()
        };
        let batch = Batch::of_spans(vec![of_resource]).unwrap();
        let [one, other] = &*batch.groups else {
            panic!("{batch:?}");
        };
        assert!(Arc::ptr_eq(&one.resource, &other.resource));
        assert!(batch.weight() > 2000, "the store has it twice");
    }
}
