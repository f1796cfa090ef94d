//! Several references: the parent and links, as OpenTracing's `ChildOf` and `FollowsFrom`.

use opentelemetry::{
    Context as OtelContext, KeyValue,
    trace::{Link, Span, SpanContext, SpanKind, TraceContextExt, Tracer},
};
use throughline::{Context, otel::ContextExt};

use crate::{
    app::{App, is_root},
    common::{is_child, named},
};

/// A link as the OpenTracing shim of OpenTelemetry writes it.
fn reference(span_context: SpanContext, kind: &'static str) -> Link {
    let attributes = vec![KeyValue::new("opentracing.ref_type", kind)];
    Link::new(span_context, attributes, 0)
}

#[test]
fn one_parent_and_any_number_of_links() {
    let app = App::new();
    let contexts = ["ordered", "paid", "stocked"].map(|name| {
        let span = app.tracer.start(name);
        OtelContext::new().with_span(span)
    });
    let [ordered, paid, stocked] = &contexts;
    let links = vec![
        reference(ordered.span().span_context().clone(), "child_of"),
        reference(paid.span().span_context().clone(), "follows_from"),
    ];
    let builder = app.tracer.span_builder("ship").with_links(links);
    let mut span = builder.start_with_context(&app.tracer, ordered);
    // One that turns up later is there too, though no sampler has seen it.
    span.add_link(stocked.span().span_context().clone(), Vec::new());
    span.end();
    drop(contexts);

    let ended = app.ended();
    let ship = named(&ended, "ship");
    assert!(is_child(ship, named(&ended, "ordered")));
    let linked: Vec<_> = ship.links.iter().map(|link| &link.span_context).collect();
    let wanted = ["ordered", "paid", "stocked"].map(|name| &named(&ended, name).span_context);
    assert_eq!(linked, wanted);
    let kinds: Vec<_> = ship
        .links
        .iter()
        .flat_map(|link| &link.attributes)
        .map(|kv| kv.value.to_string())
        .collect();
    assert_eq!(kinds, ["child_of", "follows_from"]);
}

#[test]
fn what_follows_in_a_trace_of_its_own_has_a_link_and_no_parent() {
    let app = App::new();
    let request = OtelContext::new().with_span(app.tracer.start("request"));
    let _request = request.attach();
    let cause = OtelContext::map_current(|context| context.span().span_context().clone());
    let later = Context::root().in_scope(|| {
        let builder = app.tracer.span_builder("nightly");
        let mut span = builder
            .with_kind(SpanKind::Internal)
            .with_links(vec![Link::with_context(cause.clone())])
            .start(&app.tracer);
        span.end();
        span.span_context().trace_id()
    });
    assert_ne!(later, cause.trace_id());
    let ended = app.ended();
    let nightly = named(&ended, "nightly");
    assert!(is_root(nightly));
    assert_eq!(nightly.links[0].span_context, cause);
}

#[test]
fn a_reference_that_came_in_a_message_is_remote() {
    let app = App::new();
    let headers = [(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )];
    let sender = Context::extract(headers);
    let mut span = app.tracer.start_with_context("process", sender.as_otel());
    span.end();
    let process = app.only();
    assert!(process.parent_span_is_remote);
    assert_eq!(process.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(
        process.span_context.trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
}
