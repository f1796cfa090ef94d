use super::{
    super::tests::{Lines, extract as extracted, found, ids, inject, local, remote},
    *,
};

const LOW: u64 = 0x64fe_8b2a_57d3_eff7;
const HIGH: u64 = 0x6543_21fe_0000_0000;
const SPAN: u64 = 0xe457_b5a2_e4d8_6bd1;

/// `x-datadog-` in front of each name.
fn lines(lines: &[(&str, &str)]) -> Lines {
    let full = |(name, value): &(&str, &str)| (format!("X-Datadog-{name}"), (*value).to_owned());
    Lines(lines.iter().map(full).collect())
}

fn read_one(given: &[(&str, &str)]) -> Option<(String, Decision)> {
    let given = lines(given);
    let given: Vec<_> = given.map().into_iter().collect();
    found(&DatadogPropagator::new(), &given)
}

fn sent(context: &Context) -> Vec<(String, String)> {
    let mut lines = inject(&DatadogPropagator::new(), context).0;
    for (name, _) in &mut lines {
        *name = name.replace("x-datadog-", "");
    }
    lines
}

fn value<'a>(sent: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = sent.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| &**value)
}

#[test]
fn reads_decimal_ids_and_the_priority() {
    let (trace_id, span_id) = (LOW.to_string(), SPAN.to_string());
    let given = [("Trace-Id", &*trace_id), ("Parent-Id", &*span_id)];
    for (priority, flags, decision) in [
        (Some("-1"), "00", Decision::Drop),
        (Some("0"), "00", Decision::Drop),
        (Some("1"), "01", Decision::Keep),
        (Some("2"), "01", Decision::Keep),
        (Some(" 2 "), "01", Decision::Keep),
        (Some("high"), "00", Decision::Deferred),
        (Some(""), "00", Decision::Deferred),
        (None, "00", Decision::Deferred),
    ] {
        let mut given = given.to_vec();
        given.extend(priority.map(|priority| ("Sampling-Priority", priority)));
        let want = format!("{LOW:032x}-{SPAN:016x}-{flags}");
        assert_eq!(read_one(&given), Some((want, decision)), "{priority:?}");
        given.push(("Tags", "_dd.p.dm=-4,_dd.p.tid=654321fe00000000"));
        let want = format!("{HIGH:016x}{LOW:016x}-{SPAN:016x}-{flags}");
        assert_eq!(read_one(&given), Some((want, decision)), "{priority:?}");
    }
    for tid in ["", "654321fe", "654321fe000000000", "nonsense 16 long"] {
        let tags = format!("_dd.p.tid={tid}");
        let (ids, _) = read_one(&[&given[..], &[("Tags", &tags)]].concat()).unwrap();
        assert!(ids.starts_with(&format!("{LOW:032x}")), "{ids}");
    }
}

#[test]
fn a_trace_id_alone_is_that_of_a_trace_that_begins_here() {
    let trace_id = LOW.to_string();
    let want = Some((format!("{LOW:032x}"), Decision::Keep));
    let given = [("Trace-Id", &*trace_id), ("Sampling-Priority", "1")];
    assert_eq!(read_one(&given), want);
    assert_eq!(
        read_one(&[&given[..], &[("Parent-Id", "0")]].concat()),
        want
    );
}

#[test]
fn refuses_what_is_malformed() {
    for (trace_id, span_id) in [
        ("", "1"),
        ("0", "1"),
        ("-1", "1"),
        ("+1", "1"),
        ("1.0", "1"),
        ("0x1", "1"),
        ("18446744073709551616", "1"),
        ("1", "18446744073709551616"),
        ("1", "x"),
        ("1", ""),
        ("４", "1"),
    ] {
        assert_eq!(
            read_one(&[("Trace-Id", trace_id), ("Parent-Id", span_id)]),
            None
        );
    }
    assert_eq!(
        read_one(&[("Parent-Id", "1"), ("Sampling-Priority", "1")]),
        None
    );
}

#[test]
fn writes_both_halves() {
    let whole = (u128::from(HIGH) << 64) | u128::from(LOW);
    for (flags, priority) in [(0, "0"), (1, "1"), (2, "0"), (3, "1")] {
        let sent = sent(&local(whole, SPAN, flags));
        assert_eq!(value(&sent, "trace-id"), Some(&*LOW.to_string()));
        assert_eq!(value(&sent, "parent-id"), Some(&*SPAN.to_string()));
        assert_eq!(value(&sent, "sampling-priority"), Some(priority));
        assert_eq!(value(&sent, "tags"), Some("_dd.p.tid=654321fe00000000"));
        assert_eq!(sent.len(), 4);
    }
    assert_eq!(sent(&local(u128::from(LOW), SPAN, 1)).len(), 3);
    assert_eq!(sent(&Context::new()), []);
}

#[test]
fn what_came_goes_on_with_its_trace() {
    let (trace_id, span_id) = (LOW.to_string(), SPAN.to_string());
    let given = lines(&[
        ("trace-id", &trace_id),
        ("parent-id", &span_id),
        ("sampling-priority", "2"),
        ("origin", "rum"),
        (
            "tags",
            "_dd.p.tid=654321fe00000000,_dd.p.dm=-4,other=1,_dd.p.usr=a=b,_dd.p.é=1",
        ),
    ]);
    let context = DatadogPropagator::new().extract_with_context(&Context::new(), &given);
    let whole = (u128::from(HIGH) << 64) | u128::from(LOW);

    let kept = sent(&remote(&context, whole, 7, 1, false));
    assert_eq!(value(&kept, "sampling-priority"), Some("2"));
    assert_eq!(value(&kept, "origin"), Some("rum"));
    let tags = "_dd.p.tid=654321fe00000000,_dd.p.dm=-4,_dd.p.usr=a=b";
    assert_eq!(value(&kept, "tags"), Some(tags));
    // We decided otherwise, and it was not they who did.
    let dropped = sent(&remote(&context, whole, 7, 0, false));
    assert_eq!(value(&dropped, "sampling-priority"), Some("0"));
    let tags = "_dd.p.tid=654321fe00000000,_dd.p.usr=a=b";
    assert_eq!(value(&dropped, "tags"), Some(tags));
    // Another trace has none of it.
    let other = sent(&remote(&context, 9, 7, 1, false));
    assert_eq!(value(&other, "sampling-priority"), Some("1"));
    assert_eq!(other.len(), 3);
}

#[test]
fn long_tags_are_left_out() {
    let long = format!("_dd.p.a={},_dd.p.b=1", "x".repeat(510));
    let almost = format!("_dd.p.a={},_dd.p.b=1", "x".repeat(490));
    for (tags, want) in [(&long, None), (&almost, Some(&*almost))] {
        let given = lines(&[("trace-id", "1"), ("parent-id", "2"), ("tags", tags)]);
        let context = DatadogPropagator::new().extract_with_context(&Context::new(), &given);
        assert_eq!(value(&sent(&context), "tags"), want);
    }
    // With the high half of the id the last one has no room.
    let tags = format!("{},_dd.p.tid=0000000000000001", &almost[..480]);
    let given = lines(&[("trace-id", "1"), ("parent-id", "2"), ("tags", &tags)]);
    let context = DatadogPropagator::new().extract_with_context(&Context::new(), &given);
    let sent = sent(&context);
    assert!(value(&sent, "tags").unwrap().len() <= 512);
}

#[test]
fn what_must_be_kept_is_kept_by_a_user_s_wish() {
    let debug = [("b3", &*format!("{LOW:032x}-{SPAN:016x}-d"))];
    let context = extracted(&super::super::b3::B3Propagator::single(), &debug);
    assert_eq!(value(&sent(&context), "sampling-priority"), Some("2"));
    let deferred = [("b3", &*format!("{LOW:032x}-{SPAN:016x}"))];
    let context = extracted(&super::super::b3::B3Propagator::single(), &deferred);
    assert_eq!(value(&sent(&context), "sampling-priority"), None);
}

#[test]
fn the_whole_of_a_trace_id_that_another_format_told_stays() {
    let whole = (u128::from(HIGH) << 64) | u128::from(LOW);
    let before = remote(&Context::new(), whole, SPAN, 3, true);
    let (trace_id, span_id) = (LOW.to_string(), SPAN.to_string());
    let given = lines(&[
        ("trace-id", &trace_id),
        ("parent-id", &span_id),
        ("sampling-priority", "-1"),
        ("origin", "rum"),
    ]);
    let context = DatadogPropagator::new().extract_with_context(&before, &given);
    let want = format!("{whole:032x}-{SPAN:016x}-02");
    assert_eq!(ids(context.span().span_context()), want);
    let sent = sent(&context);
    assert_eq!(value(&sent, "sampling-priority"), Some("-1"));
    assert_eq!(value(&sent, "origin"), Some("rum"));
}
