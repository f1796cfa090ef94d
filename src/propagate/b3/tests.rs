use super::{
    super::tests::{SPAN, TRACE, extract, found, inject, local, remote},
    *,
};

fn single(text: &str) -> Option<(String, Decision)> {
    let found = found(&B3Propagator::single(), &[("b3", text)]);
    // What is read does not depend on what is written.
    assert_eq!(found, self::found(&B3Propagator::multi(), &[("b3", text)]));
    found
}

fn multi(lines: &[(&str, &str)]) -> Option<(String, Decision)> {
    found(&B3Propagator::multi(), lines)
}

#[test]
fn reads_one_header() {
    let parent = "05e3ac9a4f6e3b90";
    for (tail, flags, decision) in [
        ("", "00", Decision::Deferred),
        ("-0", "00", Decision::Drop),
        ("-1", "01", Decision::Keep),
        ("-d", "01", Decision::Debug),
        (&format!("-0-{parent}"), "00", Decision::Drop),
        (&format!("-1-{parent}"), "01", Decision::Keep),
        (&format!("-d-{parent}"), "01", Decision::Debug),
        (&format!("-{parent}"), "00", Decision::Deferred),
    ] {
        let want = (format!("{TRACE}-{SPAN}-{flags}"), decision);
        assert_eq!(
            single(&format!("{TRACE}-{SPAN}{tail}")),
            Some(want.clone()),
            "{tail}"
        );
        assert_eq!(
            single(&format!(" {TRACE}-{SPAN}{tail}\t")),
            Some(want),
            "{tail}"
        );
        let short = format!("{}-{SPAN}{tail}", &TRACE[16..]);
        let want = (format!("{:0>32}-{SPAN}-{flags}", &TRACE[16..]), decision);
        assert_eq!(single(&short), Some(want), "{tail}");
    }
}

#[test]
fn refuses_what_is_malformed() {
    for text in [
        "",
        "-",
        "--",
        "2",
        "D",
        "00",
        "true",
        TRACE,
        &format!("{TRACE}-"),
        &format!("{TRACE}-{}", &SPAN[1..]),
        &format!("{TRACE}-0{SPAN}"),
        &format!("{}-{SPAN}-1", &TRACE[1..]),
        &format!("0{TRACE}-{SPAN}-1"),
        &format!("{TRACE}-{SPAN}-"),
        &format!("{TRACE}-{SPAN}-2"),
        &format!("{TRACE}-{SPAN}-true"),
        &format!("{TRACE}-{SPAN}-1-"),
        &format!("{TRACE}-{SPAN}-1-{}", &SPAN[1..]),
        &format!("{TRACE}-{SPAN}-1-{SPAN}-"),
        &format!("{TRACE}-{SPAN}-1-{SPAN}-1"),
        &format!("{}-{SPAN}-1", "0".repeat(32)),
        &format!("{}-{SPAN}-1", "0".repeat(16)),
        &format!("{TRACE}-{}-1", "0".repeat(16)),
        &format!("{}g-{SPAN}-1", &TRACE[1..]),
        &format!("{TRACE}-+{}-1", &SPAN[1..]),
        &format!("{TRACE}–{SPAN}"),
    ] {
        assert_eq!(single(text), None, "{text:?}");
    }
}

#[test]
fn reads_many_headers() {
    let ids = [("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)];
    for (more, flags, decision) in [
        (&[][..], "00", Decision::Deferred),
        (&[("X-B3-Sampled", "0")][..], "00", Decision::Drop),
        (&[("X-B3-Sampled", "false")], "00", Decision::Drop),
        (&[("X-B3-Sampled", "1")], "01", Decision::Keep),
        (&[("X-B3-Sampled", "True")], "01", Decision::Keep),
        (&[("X-B3-Sampled", "maybe")], "00", Decision::Deferred),
        (&[("X-B3-Flags", "1")], "01", Decision::Debug),
        (&[("X-B3-Flags", "0")], "00", Decision::Deferred),
        (
            &[("X-B3-Flags", "1"), ("X-B3-Sampled", "0")],
            "01",
            Decision::Debug,
        ),
        (
            &[("X-B3-Flags", "0"), ("X-B3-Sampled", "1")],
            "01",
            Decision::Keep,
        ),
        (
            &[("X-B3-ParentSpanId", "05e3ac9a4f6e3b90")],
            "00",
            Decision::Deferred,
        ),
    ] {
        let want = (format!("{TRACE}-{SPAN}-{flags}"), decision);
        assert_eq!(multi(&[&ids, more].concat()), Some(want), "{more:?}");
    }
    for lines in [
        &[("x-b3-traceid", TRACE)][..],
        &[("x-b3-spanid", SPAN), ("x-b3-sampled", "1")],
        &[("x-b3-traceid", TRACE), ("x-b3-sampled", "0")],
        &[("x-b3-traceid", "12"), ("x-b3-spanid", SPAN)],
        &[
            ("x-b3-traceid", TRACE),
            ("x-b3-spanid", "12"),
            ("x-b3-flags", "1"),
        ],
        &[("x-b3-sampled", "perhaps")],
    ] {
        assert_eq!(multi(lines), None, "{lines:?}");
    }
}

#[test]
fn a_decision_may_come_alone() {
    let none = "0".repeat(32);
    for (text, header, value, decision) in [
        ("0", "x-b3-sampled", "0", Decision::Drop),
        ("1", "x-b3-sampled", "1", Decision::Keep),
        ("d", "x-b3-flags", "1", Decision::Debug),
    ] {
        assert_eq!(single(text), Some((none.clone(), decision)));
        assert_eq!(multi(&[(header, value)]), Some((none.clone(), decision)));
        // Where nobody begins the trace, it goes on alone.
        let context = extract(&B3Propagator::single(), &[("b3", text)]);
        let sent = inject(&B3Propagator::single(), &context);
        assert_eq!(sent.0, [("b3".to_owned(), text.to_owned())]);
        let sent = inject(&B3Propagator::multi(), &context);
        assert_eq!(sent.0, [(header.to_owned(), value.to_owned())]);
    }
}

#[test]
fn one_header_counts_before_many() {
    let other = "11111111111111111111111111111111";
    let many = [("x-b3-traceid", other), ("x-b3-spanid", SPAN)];
    let one = format!("{TRACE}-{SPAN}-1");
    let (ids, _) = multi(&[&many[..], &[("b3", &one)]].concat()).unwrap();
    assert!(ids.starts_with(TRACE));
    let (ids, _) = multi(&[&many[..], &[("b3", "nonsense")]].concat()).unwrap();
    assert!(ids.starts_with(other));
}

#[test]
fn writes_the_decision_and_never_a_random_flag() {
    for (flags, digit) in [(0, '0'), (1, '1'), (2, '0'), (3, '1')] {
        let context = local(0x4bf9, 0xb7, flags);
        let want = format!("{:032x}-{:016x}-{digit}", 0x4bf9, 0xb7);
        let sent = inject(&B3Propagator::single(), &context);
        assert_eq!(sent.0, [("b3".to_owned(), want)]);
        let sent = inject(&B3Propagator::multi(), &context);
        let want = [
            ("x-b3-traceid", &*format!("{:032x}", 0x4bf9)),
            ("x-b3-spanid", &*format!("{:016x}", 0xb7)),
            ("x-b3-sampled", &*digit.to_string()),
        ];
        assert_eq!(sent.map(), want.into());
    }
    let nothing = inject(&B3Propagator::single(), &Context::new());
    assert_eq!(nothing.0, []);
}

#[test]
fn debug_and_deferral_are_the_trace_s_and_the_span_s() {
    let debug = format!("{TRACE}-{SPAN}-d");
    let context = extract(&B3Propagator::single(), &[("b3", &debug)]);
    let trace_id = u128::from_str_radix(TRACE, 16).unwrap();
    // A child of our own that the sampler dropped all the same, another trace.
    let child = remote(&context, trace_id, 7, 0, false);
    let sent = inject(&B3Propagator::single(), &child);
    assert_eq!(sent.0[0].1, format!("{TRACE}-{:016x}-d", 7));
    let sent = inject(&B3Propagator::multi(), &child);
    assert_eq!(sent.map().get("x-b3-flags"), Some(&"1"));
    assert_eq!(sent.map().get("x-b3-sampled"), None);
    let other = remote(&context, 5, 7, 1, false);
    let sent = inject(&B3Propagator::single(), &other);
    assert_eq!(sent.0[0].1, format!("{:032x}-{:016x}-1", 5, 7));

    let deferred = format!("{TRACE}-{SPAN}");
    let context = extract(&B3Propagator::single(), &[("b3", &deferred)]);
    let sent = inject(&B3Propagator::single(), &context);
    assert_eq!(sent.0[0].1, deferred);
    let sent = inject(&B3Propagator::multi(), &context);
    assert_eq!(sent.map().len(), 2);
    // Once we have decided, it is decided.
    let child = remote(&context, trace_id, 7, 0, false);
    let sent = inject(&B3Propagator::single(), &child);
    assert_eq!(sent.0[0].1, format!("{TRACE}-{:016x}-0", 7));
}

#[test]
fn what_is_malformed_leaves_the_context_as_it_was() {
    let before = local(1, 2, 3);
    let lines = super::super::tests::Lines::of(&[("b3", "nonsense")]);
    let after = B3Propagator::single().extract_with_context(&before, &lines);
    assert_eq!(after.span().span_context(), before.span().span_context());
    // And a decision alone says nothing of a trace that another format found.
    let lines = super::super::tests::Lines::of(&[("b3", "0")]);
    let after = B3Propagator::single().extract_with_context(&before, &lines);
    assert_eq!(after.span().span_context(), before.span().span_context());
    assert_eq!(decision::of(&after), Some(true));
}
