//! What the ids make of a line: nothing but themselves, whatever is in it.

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState},
};
use proptest::prelude::*;
use serde_json::Value;
use throughline::logs::WithTraceIds;
use tracing_subscriber::{
    Registry,
    fmt::{self, FormatEvent, FormatFields, format},
    layer::SubscriberExt,
    registry,
};

use crate::kept::Kept;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn traced(flags: u8) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::from_hex(SPAN).unwrap(),
        TraceFlags::new(flags),
        true,
        TraceState::NONE,
    ))
}

/// What is written of these events by a format with these fields.
fn written<E, N>(event: E, fields: N, colours: bool, log: impl FnOnce()) -> String
where
    E: FormatEvent<Registry, N> + Send + Sync + 'static,
    N: for<'a> FormatFields<'a> + Send + Sync + 'static,
{
    let kept = Kept::default();
    let lines = fmt::layer()
        .with_writer(kept.clone())
        .with_ansi(colours)
        .fmt_fields(fields)
        .event_format(event);
    tracing::subscriber::with_default(registry().with(lines), log);
    kept.text()
}

fn say(message: &str, value: &str) {
    tracing::info_span!("outer", value, more = tracing::field::Empty).in_scope(|| {
        tracing::Span::current().record("more", 7);
        tracing::warn!(value, number = 1, debug = ?message, "{message}");
    });
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z{}\n\" ]{0,12}", any::<String>()]
}

proptest! {
    #[test]
    fn text_is_followed_by_the_ids(message in texts(), value in texts(), colours: bool) {
        let ids = format!("trace_id={TRACE} span_id={SPAN} trace_flags=01");
        let (before, after) = if colours { (" \u{1b}[2m", "\u{1b}[0m") } else { (" ", "") };
        let ids = format!("{before}{ids}{after}\n").replace(" \u{1b}[2m", "\u{1b}[2m ");

        let plain = format().without_time();
        let without = written(plain.clone(), format::DefaultFields::new(), colours, || say(&message, &value));
        let _current = traced(1).attach();
        let with = written(WithTraceIds::new(plain), format::DefaultFields::new(), colours, || say(&message, &value));
        prop_assert_eq!(with.strip_suffix(&ids), Some(without.trim_end_matches('\n')));

        let compact = format().without_time().compact();
        let with = written(WithTraceIds::new(compact.clone()), format::DefaultFields::new(), colours, || say(&message, &value));
        drop(_current);
        let without = written(compact, format::DefaultFields::new(), colours, || say(&message, &value));
        prop_assert_eq!(with.strip_suffix(&ids), Some(without.trim_end_matches('\n')));
    }

    #[test]
    fn json_stays_json(message in texts(), value in texts(), flatten: bool, spans: bool) {
        let json = format().json().without_time().flatten_event(flatten).with_current_span(spans).with_span_list(spans);
        let without = written(json.clone(), format::JsonFields::new(), false, || say(&message, &value));
        let _current = traced(1).attach();
        let with = written(WithTraceIds::new(json), format::JsonFields::new(), false, || say(&message, &value));

        let without: Value = serde_json::from_str(&without).unwrap();
        let mut with: Value = serde_json::from_str(&with).unwrap();
        let object = with.as_object_mut().unwrap();
        for (key, value) in [("trace_id", TRACE), ("span_id", SPAN), ("trace_flags", "01")] {
            prop_assert_eq!(object.remove(key), Some(Value::from(value)), "{}", key);
        }
        prop_assert_eq!(with, without);
    }
}

#[test]
fn an_object_may_be_empty_otherwise() {
    let json = format()
        .json()
        .without_time()
        .flatten_event(true)
        .with_level(false)
        .with_target(false);
    let _current = traced(0).attach();
    let with = written(
        WithTraceIds::new(json),
        format::JsonFields::new(),
        false,
        || tracing::info!({}),
    );
    assert_eq!(
        with,
        format!("{{\"trace_id\":\"{TRACE}\",\"span_id\":\"{SPAN}\",\"trace_flags\":\"00\"}}\n")
    );
}

#[test]
fn flags_are_those_that_trace_context_defines() {
    let _current = traced(0xff).attach();
    let with = written(
        WithTraceIds::new(format()),
        format::DefaultFields::new(),
        false,
        || tracing::info!("sold"),
    );
    assert!(with.ends_with(" trace_flags=03\n"), "{with}");
}

#[test]
fn the_pretty_format_has_them_on_a_line_of_their_own() {
    let _current = traced(1).attach();
    let with = written(
        WithTraceIds::new(format().pretty()),
        format::Pretty::default(),
        false,
        || tracing::info!("sold"),
    );
    let line = format!("\n    with trace_id: {TRACE}, span_id: {SPAN}, trace_flags: 01\n");
    assert!(
        with.trim_end_matches('\n').contains(line.trim_end()),
        "{with}"
    );
    assert!(with.ends_with("\n\n"), "{with:?}");
}
