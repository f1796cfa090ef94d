//! OTLP's own shape.

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, TracesData};

use crate::store::Stored;

/// Spans under their resources and scopes, as they came.
pub(crate) fn traces_data<'s>(spans: impl IntoIterator<Item = &'s Stored>) -> TracesData {
    let mut found: Vec<(&Stored, ResourceSpans)> = Vec::new();
    for stored in spans {
        let at = found
            .iter()
            .position(|(first, _)| Arc::ptr_eq(&first.resource, &stored.resource));
        let group = match at.and_then(|at| found.get_mut(at)) {
            Some((_, group)) => group,
            None => {
                found.push((
                    stored,
                    ResourceSpans {
                        resource: Some((*stored.resource).clone()),
                        scope_spans: vec![ScopeSpans {
                            scope: Some((*stored.scope).clone()),
                            ..ScopeSpans::default()
                        }],
                        ..ResourceSpans::default()
                    },
                ));
                let Some((_, group)) = found.last_mut() else {
                    continue;
                };
                group
            }
        };
        // A resource and a scope are stored as one.
        if let Some(scope) = group.scope_spans.first_mut() {
            scope.spans.push(stored.span.clone());
        }
    }
    TracesData {
        resource_spans: found.into_iter().map(|(_, group)| group).collect(),
    }
}
