use std::collections::HashMap;

use opentelemetry::trace::TraceState;

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
pub(super) const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

pub(super) fn extract_one(line: &[u8]) -> Option<SpanContext> {
    let none: [&[u8]; 0] = [];
    extract([line], none).map(|remote| remote.span_context)
}

#[test]
fn reads_every_part() {
    let span_context = extract_one(PARENT.as_bytes()).unwrap();
    assert_eq!(span_context.trace_id(), TraceId::from_hex(TRACE).unwrap());
    assert_eq!(span_context.span_id(), SpanId::from_hex(SPAN).unwrap());
    assert_eq!(span_context.trace_flags(), TraceFlags::SAMPLED);
    assert!(span_context.is_remote());
    assert_eq!(span_context.trace_state(), &TraceState::NONE);
}

#[test]
fn accepts() {
    for line in [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "\t00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "\t 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 \t",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "fe-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
    ] {
        let span_context = extract_one(line.as_bytes()).unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!(traceparent(&span_context), PARENT.as_bytes(), "{line:?}");
    }
}

#[test]
fn refuses() {
    for line in [
        "",
        "-",
        "00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
        // Nothing may follow in version 00.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what-the-future-will-be-like",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        // Versions.
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ".0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0.-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0A-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "+0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "000-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0000-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // Trace ids.
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-.bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47367-00f067aa0ba902b7-01",
        "00-04bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        // Span ids.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-.0f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b.-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b77-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
        // Flags.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-.0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0.",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-+1",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
        // White space is trimmed around, not within.
        "00- bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "\u{b}00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        // Two lines joined by a proxy.
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01,00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        assert_eq!(extract_one(line.as_bytes()), None, "{line:?}");
    }
}

#[test]
fn every_byte_in_every_place() {
    for place in 0..PARENT.len() {
        for byte in 0..=u8::MAX {
            let mut line = PARENT.as_bytes().to_vec();
            line[place] = byte;
            let is_hex = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let expected = match place {
                2 | 35 | 52 => byte == b'-',
                _ => is_hex,
            };
            assert_eq!(
                extract_one(&line).is_some(),
                expected,
                "{byte:#x} at {place}"
            );
            if expected && (3..52).contains(&place) {
                assert_eq!(traceparent(&extract_one(&line).unwrap()), *line);
            }
        }
    }
}

#[test]
fn known_flags_pass_and_others_do_not() {
    for flags in 0..=u8::MAX {
        for version in ["00", "cc"] {
            let line = format!("{version}-{TRACE}-{SPAN}-{flags:02x}");
            let span_context = extract_one(line.as_bytes()).unwrap();
            assert_eq!(span_context.trace_flags().to_u8(), flags & 3);
        }
        // Whatever a tracer of another make left in the flags.
        let span_context = span_context(TraceFlags::new(flags), TraceState::NONE);
        let sent = String::from_utf8(traceparent(&span_context).to_vec()).unwrap();
        assert_eq!(sent, format!("00-{TRACE}-{SPAN}-{:02x}", flags & 3));
    }
}

#[test]
fn a_second_line_makes_it_invalid() {
    let parent = PARENT.as_bytes();
    let none: [&[u8]; 0] = [];
    assert!(extract(none, none).is_none());
    assert!(extract([parent, parent], none).is_none());
    assert!(extract([parent, &b""[..]], none).is_none());
}

#[test]
fn tracestate_is_not_looked_at_without_a_parent() {
    let states = std::iter::from_fn(|| -> Option<&[u8]> { panic!("looked at") });
    assert!(extract([&b"00-bad"[..]], states).is_none());
}

#[test]
fn a_bad_tracestate_leaves_the_parent() {
    let remote = extract([PARENT.as_bytes()], [&b"foo=1,BAR=2"[..]]).unwrap();
    assert_eq!(traceparent(&remote.span_context), PARENT.as_bytes());
    assert_eq!(remote.span_context.trace_state(), &TraceState::NONE);
    assert!(remote.raw.is_none());
}

#[test]
fn propagator_reads_and_writes() {
    let carrier = Lines(vec![
        (
            "traceparent",
            " 02-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-x",
        ),
        ("tracestate", "foo=1 ,"),
        ("tracestate", "a@b@c=2"),
    ]);
    let cx = TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier);
    assert!(cx.span().span_context().is_remote());
    let sent = inject(&cx);
    assert_eq!(sent["traceparent"], format!("00-{TRACE}-{SPAN}-03"));
    assert_eq!(sent["tracestate"], "foo=1,a@b@c=2");
    assert_eq!(sent.len(), 2);
}

#[test]
fn propagator_gives_the_base_back() {
    let propagator = TraceContextPropagator::new();
    let base = Context::new().with_value(7_u8);
    let base = base.with_remote_span_context(span_context(TraceFlags::SAMPLED, TraceState::NONE));
    for lines in [
        vec![],
        vec![("tracestate", "foo=1")],
        vec![("traceparent", "00-bad"), ("tracestate", "foo=1")],
        vec![("traceparent", PARENT), ("traceparent", PARENT)],
    ] {
        let cx = propagator.extract_with_context(&base, &Lines(lines));
        assert_eq!(cx.span().span_context(), base.span().span_context());
        assert_eq!(cx.get::<u8>(), Some(&7));
    }
    let cx = propagator.extract_with_context(&base, &Lines(vec![("traceparent", PARENT)]));
    assert_eq!(cx.get::<u8>(), Some(&7), "other values stay");
}

#[test]
fn propagator_sends_nothing_for_an_invalid_span_and_no_empty_tracestate() {
    assert!(inject(&Context::new()).is_empty());
    let trace_state = TraceState::from_key_value([("foo", "1")]).unwrap();
    let no_span_id = SpanContext::new(
        TraceId::from_hex(TRACE).unwrap(),
        SpanId::INVALID,
        TraceFlags::SAMPLED,
        true,
        trace_state.clone(),
    );
    assert!(inject(&Context::new().with_remote_span_context(no_span_id)).is_empty());

    let emptied = trace_state.delete("foo").unwrap();
    for trace_state in [TraceState::NONE, emptied] {
        let span_context = span_context(TraceFlags::SAMPLED, trace_state);
        let sent = inject(&Context::new().with_remote_span_context(span_context));
        assert_eq!(
            sent,
            HashMap::from([("traceparent".to_owned(), PARENT.to_owned())])
        );
    }
}

#[test]
fn propagator_names_its_fields() {
    let propagator = TraceContextPropagator::new();
    assert_eq!(
        propagator.fields().collect::<Vec<_>>(),
        ["traceparent", "tracestate"]
    );
}

#[test]
fn a_new_parent_hides_the_raw_state_of_an_old_one() {
    let old = extract([PARENT.as_bytes()], [&b"a@b@c=1,foo=1"[..]]).unwrap();
    let cx = old.into_context(&Context::new());
    assert_eq!(tracestate(&cx).unwrap(), "a@b@c=1,foo=1");
    let new = extract([PARENT.as_bytes()], [&b"foo=2"[..]]).unwrap();
    assert_eq!(tracestate(&new.into_context(&cx)).unwrap(), "foo=2");
}

/// A carrier that may have several lines of one name.
struct Lines(Vec<(&'static str, &'static str)>);

impl Extractor for Lines {
    fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key)?.first().copied()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|line| line.0).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let lines = self
            .0
            .iter()
            .filter(|line| line.0 == key)
            .map(|line| line.1);
        let lines: Vec<&str> = lines.collect();
        (!lines.is_empty()).then_some(lines)
    }
}

fn inject(cx: &Context) -> HashMap<String, String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(cx, &mut carrier);
    carrier
}

fn span_context(flags: TraceFlags, trace_state: TraceState) -> SpanContext {
    let trace_id = TraceId::from_hex(TRACE).unwrap();
    SpanContext::new(
        trace_id,
        SpanId::from_hex(SPAN).unwrap(),
        flags,
        true,
        trace_state,
    )
}
