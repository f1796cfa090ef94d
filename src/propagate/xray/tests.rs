use std::sync::{Arc, Mutex};

use super::{
    super::tests::{Lines, extract as extracted, found, ids, inject, local, remote},
    *,
};

const ROOT: &str = "Root=1-5759e988-bd862e3fe1be46a994272793";
const TRACE: &str = "5759e988bd862e3fe1be46a994272793";
const SPAN: &str = "53995c3f42cd8ad8";

fn read_one(text: &str) -> Option<(String, Decision)> {
    found(&XRayPropagator::new(), &[("X-Amzn-Trace-Id", text)])
}

fn sent(context: &Context) -> Option<String> {
    let mut lines = inject(&XRayPropagator::new(), context).0;
    assert!(lines.len() < 2);
    lines.pop().map(|(_, value)| value)
}

#[test]
fn reads_the_parts_in_any_order() {
    for (text, flags, decision) in [
        (
            format!("{ROOT};Parent={SPAN};Sampled=1"),
            "01",
            Decision::Keep,
        ),
        (
            format!("{ROOT};Parent={SPAN};Sampled=0"),
            "00",
            Decision::Drop,
        ),
        (
            format!("{ROOT};Parent={SPAN};Sampled=?"),
            "00",
            Decision::Deferred,
        ),
        (
            format!("{ROOT};Parent={SPAN};Sampled="),
            "00",
            Decision::Deferred,
        ),
        (format!("{ROOT};Parent={SPAN}"), "00", Decision::Deferred),
        (
            format!("Sampled=1;Parent={SPAN};{ROOT}"),
            "01",
            Decision::Keep,
        ),
        (
            format!(" Parent={SPAN} ; Sampled=1 ;\t{ROOT} ;"),
            "01",
            Decision::Keep,
        ),
        (
            format!(
                "Self=1-67891234-12456789abcdef012345678;{ROOT};Parent={SPAN};Sampled=1;Lineage=a87bd80c:1|68fd508a:5"
            ),
            "01",
            Decision::Keep,
        ),
        (
            format!("{ROOT};nonsense;Parent={SPAN};;Sampled=1"),
            "01",
            Decision::Keep,
        ),
    ] {
        let want = (format!("{TRACE}-{SPAN}-{flags}"), decision);
        assert_eq!(read_one(&text), Some(want), "{text}");
    }
    let text = format!("Root=1-759e988-bd862e3fe1be46a994272793;Parent={SPAN};Sampled=1");
    let want = format!("0{}-{SPAN}-01", &TRACE[1..]);
    assert_eq!(read_one(&text), Some((want, Decision::Keep)));
}

#[test]
fn refuses_what_is_malformed() {
    for text in [
        "",
        ";",
        "Root=",
        &format!("Parent={SPAN};Sampled=1"),
        &format!("{ROOT};Parent={};Sampled=1", &SPAN[1..]),
        &format!("{ROOT};Parent=;Sampled=1"),
        &format!("{ROOT};Parent=xyz95c3f42cd8ad8;Sampled=1"),
        &format!("{ROOT};Parent={SPAN};Sampled=2"),
        &format!("{ROOT};Parent={SPAN};Sampled=10"),
        &format!("{ROOT}0;Parent={SPAN};Sampled=1"),
        &format!("Root=2-5759e988-bd862e3fe1be46a994272793;Parent={SPAN};Sampled=1"),
        &format!("Root=1-5759e988bd862e3fe1be46a994272793;Parent={SPAN};Sampled=1"),
        &format!("Root=1--bd862e3fe1be46a994272793;Parent={SPAN};Sampled=1"),
        &format!("Root=1-05759e988-bd862e3fe1be46a994272793;Parent={SPAN};Sampled=1"),
        &format!("Root=1-00000000-000000000000000000000000;Parent={SPAN};Sampled=1"),
        &format!("{ROOT}é;Parent={SPAN};Sampled=1"),
    ] {
        assert_eq!(read_one(text), None, "{text:?}");
    }
}

#[test]
fn a_root_alone_is_the_id_of_a_trace_that_begins_here() {
    for (tail, decision) in [
        ("", Decision::Deferred),
        (";Sampled=?", Decision::Deferred),
        (";Sampled=0", Decision::Drop),
        (";Sampled=1", Decision::Keep),
        (";Parent=0000000000000000;Sampled=1", Decision::Keep),
    ] {
        let text = format!("{ROOT}{tail}");
        assert_eq!(
            read_one(&text),
            Some((TRACE.to_owned(), decision)),
            "{text}"
        );
    }
    // Where nobody begins it, it goes on.
    let text = format!("Self=1-2;{ROOT};Sampled=0");
    let context = extracted(&XRayPropagator::new(), &[("x-amzn-trace-id", &text)]);
    assert_eq!(
        sent(&context).unwrap(),
        format!("{ROOT};Sampled=0;Self=1-2")
    );
}

#[test]
fn writes_ids_and_the_decision() {
    let trace_id = u128::from_str_radix(TRACE, 16).unwrap();
    for (flags, digit) in [(0, '0'), (1, '1'), (2, '0'), (3, '1')] {
        let want = format!("{ROOT};Parent=00000000000000b7;Sampled={digit}");
        assert_eq!(sent(&local(trace_id, 0xb7, flags)), Some(want));
    }
    assert_eq!(sent(&Context::new()), None);
    let text = format!("{ROOT};Parent={SPAN}");
    let context = extracted(&XRayPropagator::new(), &[("x-amzn-trace-id", &text)]);
    assert_eq!(sent(&context), Some(format!("{text};Sampled=?")));
}

#[test]
fn other_parts_go_on_with_their_trace_and_no_other() {
    let trace_id = u128::from_str_radix(TRACE, 16).unwrap();
    let long = "x".repeat(300);
    let text = format!(
        "Self=1-67891234-12456789;{ROOT};Parent={SPAN};Big={long};Odd=a b;Sampled=1;Lineage=a87bd80c:1|68fd508a:5"
    );
    let context = extracted(&XRayPropagator::new(), &[("x-amzn-trace-id", &text)]);
    let child = remote(&context, trace_id, 7, 1, false);
    let want = format!(
        "{ROOT};Parent={:016x};Sampled=1;Self=1-67891234-12456789;Lineage=a87bd80c:1|68fd508a:5",
        7
    );
    assert_eq!(sent(&child), Some(want));
    let other = sent(&remote(&context, 9, 7, 1, false)).unwrap();
    assert!(!other.contains("Lineage"), "{other}");
    // The next caller's parts replace them.
    let text = format!("{ROOT};Parent={SPAN};Sampled=1");
    let lines = Lines::of(&[("x-amzn-trace-id", &text)]);
    let next = XRayPropagator::new().extract_with_context(&context, &lines);
    assert_eq!(sent(&next), Some(text));
}

#[test]
fn on_lambda_the_variable_is_asked_each_time_unless_a_trace_is_there() {
    let variable = Arc::new(Mutex::new(None));
    let asked = Arc::clone(&variable);
    let lambda = XRayLambdaPropagator::lookup(move |name| {
        assert_eq!(name, "_X_AMZN_TRACE_ID");
        asked.lock().unwrap().clone()
    });
    let header = format!("Root=1-11111111-{};Parent={SPAN};Sampled=0", "2".repeat(24));
    let lines = Lines::of(&[("x-amzn-trace-id", &header)]);
    let of_header = format!("11111111{}-{SPAN}-00", "2".repeat(24));
    let of_variable = format!("{TRACE}-{SPAN}-01");
    let read = |base: &Context, lines: &Lines| {
        let context = lambda.extract_with_context(base, lines);
        ids(context.span().span_context())
    };
    let base = Context::new();
    assert_eq!(read(&base, &lines), of_header);
    *variable.lock().unwrap() = Some(String::new());
    assert_eq!(read(&base, &lines), of_header);
    *variable.lock().unwrap() = Some("nonsense".to_owned());
    assert_eq!(read(&base, &lines), of_header);
    *variable.lock().unwrap() = Some(format!("{ROOT};Parent={SPAN};Sampled=1"));
    assert_eq!(read(&base, &lines), of_variable);
    assert_eq!(read(&base, &Lines::default()), of_variable);
    // A trace that was there before is kept, but for a header.
    let before = local(5, 6, 1);
    let kept = ids(before.span().span_context());
    assert_eq!(read(&before, &Lines::default()), kept);
    assert_eq!(read(&before, &lines), of_header);
}
