use opentelemetry::baggage::Baggage;

use super::{
    super::tests::{Lines, SPAN, TRACE, entries, extract, found, inject, local},
    *,
};

fn read_one(trace_id: &str, span_id: &str, sampled: Option<&str>) -> Option<(String, Decision)> {
    let mut lines = vec![
        ("ot-tracer-traceid", trace_id),
        ("Ot-Tracer-SpanId", span_id),
    ];
    lines.extend(sampled.map(|sampled| ("ot-tracer-sampled", sampled)));
    found(&OtTracePropagator::new(), &lines)
}

#[test]
fn reads_ids_of_any_length_and_the_decision() {
    for (sampled, flags, decision) in [
        (Some("true"), "01", Decision::Keep),
        (Some("True"), "01", Decision::Keep),
        (Some("1"), "01", Decision::Keep),
        (Some("false"), "00", Decision::Drop),
        (Some("0"), "00", Decision::Drop),
        (Some("perhaps"), "00", Decision::Deferred),
        (None, "00", Decision::Deferred),
    ] {
        for (trace, span) in [
            (TRACE, SPAN),
            (&TRACE[16..], SPAN),
            ("64fe8b2a57d3eff7", "457b5a2e4d86bd1"),
            ("64FE8B2A57D3EFF", "1"),
        ] {
            let want = format!("{trace:0>32}-{span:0>16}-{flags}").to_lowercase();
            assert_eq!(read_one(trace, span, sampled), Some((want, decision)));
        }
    }
}

#[test]
fn refuses_what_is_malformed() {
    for (trace, span) in [
        ("", SPAN),
        (TRACE, ""),
        ("0", SPAN),
        (TRACE, "0"),
        (&*format!("0{TRACE}"), SPAN),
        (TRACE, &*format!("0{SPAN}")),
        ("xyz", SPAN),
        (TRACE, "-1"),
    ] {
        assert_eq!(read_one(trace, span, Some("true")), None, "{trace} {span}");
    }
    let alone = [("ot-tracer-traceid", TRACE), ("ot-tracer-sampled", "true")];
    assert_eq!(found(&OtTracePropagator::new(), &alone), None);
}

#[test]
fn writes_the_low_half() {
    let trace_id = u128::from_str_radix(TRACE, 16).unwrap();
    for (flags, sampled) in [(0, "false"), (1, "true"), (2, "false"), (3, "true")] {
        let sent = inject(&OtTracePropagator::new(), &local(trace_id, 0xb7, flags));
        let want = [
            ("ot-tracer-traceid", &TRACE[16..]),
            ("ot-tracer-spanid", "00000000000000b7"),
            ("ot-tracer-sampled", sampled),
        ];
        assert_eq!(sent.map(), want.into());
    }
    assert_eq!(inject(&OtTracePropagator::new(), &Context::new()).0, []);
}

#[test]
fn a_decision_that_nobody_made_is_not_sent_either() {
    let lines = [("ot-tracer-traceid", TRACE), ("ot-tracer-spanid", SPAN)];
    let context = extract(&OtTracePropagator::new(), &lines);
    let sent = inject(&OtTracePropagator::new(), &context);
    assert_eq!(sent.map().get("ot-tracer-sampled"), None);
}

#[test]
fn baggage_goes_as_it_is_upon_what_there_is() {
    let mut baggage = Baggage::new();
    baggage.insert("user", "al ice;100%");
    baggage.insert("lines", "a\nb");
    let context = local(1, 2, 1).with_baggage(baggage);
    let sent = inject(&OtTracePropagator::new(), &context);
    assert_eq!(sent.map().get("ot-baggage-user"), Some(&"al ice;100%"));
    assert_eq!(sent.map().get("ot-baggage-lines"), None);

    let mut before = Baggage::new();
    before.insert("mine", "0");
    before.insert("user", "bob");
    let before = Context::new().with_baggage(before);
    let context = OtTracePropagator::new().extract_with_context(&before, &sent);
    let want = [("mine", "0"), ("user", "al ice;100%")];
    let want = want.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(entries(&context), want.clone().into());
    // Not without ids.
    let lines = Lines::of(&[("ot-baggage-user", "eve")]);
    let context = OtTracePropagator::new().extract_with_context(&context, &lines);
    assert_eq!(entries(&context), want.into());
}
