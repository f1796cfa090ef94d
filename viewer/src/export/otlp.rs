//! OTLP's own shape.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, TracesData};

use super::resources::Resources;
use crate::store::Stored;

/// Spans under their resources and scopes, as they came: each resource once, and each scope once within it.
pub(crate) fn traces_data<'s>(spans: impl IntoIterator<Item = &'s Stored>) -> TracesData {
    let mut resources = Resources::default();
    let mut resource_spans: Vec<ResourceSpans> = Vec::new();
    let mut scopes = HashMap::new();
    for stored in spans {
        let number = resources.number(stored);
        if number == resource_spans.len() {
            resource_spans.push(ResourceSpans {
                resource: Some((*stored.resource).clone()),
                ..ResourceSpans::default()
            });
        }
        let Some(of_resource) = resource_spans.get_mut(number) else {
            continue;
        };
        let scope = *scopes.entry(Arc::as_ptr(&stored.scope)).or_insert_with(|| {
            of_resource.scope_spans.push(ScopeSpans {
                scope: Some((*stored.scope).clone()),
                ..ScopeSpans::default()
            });
            of_resource.scope_spans.len() - 1
        });
        if let Some(of_scope) = of_resource.scope_spans.get_mut(scope) {
            let mut span = stored.span.clone();
            // Left out it would be written as null, which not every reader takes for a message.
            span.status.get_or_insert_default();
            of_scope.spans.push(span);
        }
    }
    TracesData { resource_spans }
}
