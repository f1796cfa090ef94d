//! OTLP's own shape.

use std::{collections::HashMap, sync::Arc};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{ResourceSpans, ScopeSpans, TracesData},
};

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
            let mut resource = (*stored.resource).clone();
            resource.attributes.iter_mut().for_each(writable);
            resource_spans.push(ResourceSpans {
                resource: Some(resource),
                ..ResourceSpans::default()
            });
        }
        let Some(of_resource) = resource_spans.get_mut(number) else {
            continue;
        };
        let scope = *scopes.entry(Arc::as_ptr(&stored.scope)).or_insert_with(|| {
            let mut scope = (*stored.scope).clone();
            scope.attributes.iter_mut().for_each(writable);
            of_resource.scope_spans.push(ScopeSpans {
                scope: Some(scope),
                ..ScopeSpans::default()
            });
            of_resource.scope_spans.len() - 1
        });
        if let Some(of_scope) = of_resource.scope_spans.get_mut(scope) {
            let mut span = stored.span.clone();
            // Left out it would be written as null, which not every reader takes for a message.
            span.status.get_or_insert_default();
            span.attributes.iter_mut().for_each(writable);
            for event in &mut span.events {
                event.attributes.iter_mut().for_each(writable);
            }
            for link in &mut span.links {
                link.attributes.iter_mut().for_each(writable);
            }
            of_scope.spans.push(span);
        }
    }
    TracesData { resource_spans }
}

/// JSON has no number that is none, nor an infinite one: it becomes text.
fn writable(attribute: &mut KeyValue) {
    attribute.value.get_or_insert_default();
    let mut waiting: Vec<&mut AnyValue> = attribute.value.iter_mut().collect();
    while let Some(any) = waiting.pop() {
        if let Some(Value::DoubleValue(number)) = any.value
            && !number.is_finite()
        {
            any.value = Some(Value::StringValue(number.to_string()));
        }
        match &mut any.value {
            Some(Value::ArrayValue(list)) => waiting.extend(&mut list.values),
            Some(Value::KvlistValue(list)) => {
                waiting.extend(
                    list.values
                        .iter_mut()
                        .filter_map(|member| member.value.as_mut()),
                );
            }
            _ => {}
        }
    }
}
