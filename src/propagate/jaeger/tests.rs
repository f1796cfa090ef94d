use super::{
    super::tests::{Lines, SPAN, TRACE, entries, extract, found, inject, local, remote},
    *,
};

fn read_one(text: &str) -> Option<(String, Decision)> {
    found(&JaegerPropagator::new(), &[("uber-trace-id", text)])
}

#[test]
fn reads_ids_of_any_length_encoded_or_not() {
    for (text, trace, span) in [
        (format!("{TRACE}:{SPAN}:0:1"), TRACE, SPAN),
        (format!("{TRACE}:{SPAN}:05e3ac9a4f6e3b90:1"), TRACE, SPAN),
        (format!("{TRACE}:{SPAN}::1"), TRACE, SPAN),
        (format!("{TRACE}%3A{SPAN}%3a0%3A1"), TRACE, SPAN),
        (format!(" {TRACE}:{SPAN}:0:01 "), TRACE, SPAN),
        (
            "1234567890abcdef:abc:0:1".to_owned(),
            "1234567890abcdef",
            "abc",
        ),
        ("F:A:0:1".to_owned(), "f", "a"),
        ("%66:%61:0:%31".to_owned(), "f", "a"),
    ] {
        let want = format!("{trace:0>32}-{span:0>16}-01");
        assert_eq!(read_one(&text), Some((want, Decision::Keep)), "{text}");
    }
}

#[test]
fn reads_the_flags() {
    for (flags, byte, decision) in [
        ("0", "00", Decision::Drop),
        ("00", "00", Decision::Drop),
        ("1", "01", Decision::Keep),
        ("3", "01", Decision::Debug),
        ("03", "01", Decision::Debug),
        ("2", "01", Decision::Debug),
        ("4", "00", Decision::Drop),
        ("fd", "01", Decision::Keep),
        ("FF", "01", Decision::Debug),
    ] {
        let want = (format!("{TRACE}-{SPAN}-{byte}"), decision);
        assert_eq!(
            read_one(&format!("{TRACE}:{SPAN}:0:{flags}")),
            Some(want),
            "{flags}"
        );
    }
}

#[test]
fn refuses_what_is_malformed() {
    let long = format!("{TRACE}:{SPAN}:{}:1", "0".repeat(300));
    for text in [
        "",
        ":::",
        "0:0:0:1",
        &format!("{TRACE}:{SPAN}:0"),
        &format!("{TRACE}:{SPAN}:0:"),
        &format!("{TRACE}:{SPAN}:0:1:"),
        &format!("{TRACE}:{SPAN}:0:x"),
        &format!("{TRACE}:{SPAN}:0:001"),
        &format!("{TRACE}:{SPAN}:0:-1"),
        &format!("{TRACE}:0:0:1"),
        &format!("{TRACE}::0:1"),
        &format!(":{SPAN}:0:1"),
        &format!("{}:{SPAN}:0:1", "0".repeat(32)),
        &format!("0{TRACE}:{SPAN}:0:1"),
        &format!("{TRACE}:0{SPAN}:0:1"),
        &format!("{TRACE}g:{SPAN}:0:1"),
        &format!("{TRACE}%253A{SPAN}:0:1"),
        &format!("{TRACE}%ff{SPAN}:0:1"),
        &long,
    ] {
        assert_eq!(read_one(text), None, "{text:?}");
    }
}

#[test]
fn writes_ids_in_full_and_flags_of_its_own() {
    for (flags, digit) in [(0, '0'), (1, '1'), (2, '0'), (3, '1')] {
        let sent = inject(&JaegerPropagator::new(), &local(0x4bf9, 0xb7, flags));
        let want = format!("{:032x}:{:016x}:0:{digit}", 0x4bf9, 0xb7);
        assert_eq!(sent.0, [("uber-trace-id".to_owned(), want)]);
    }
    assert_eq!(inject(&JaegerPropagator::new(), &Context::new()).0, []);
}

#[test]
fn debug_goes_on() {
    let text = format!("{TRACE}:{SPAN}:0:3");
    let context = extract(&JaegerPropagator::new(), &[("uber-trace-id", &text)]);
    let trace_id = u128::from_str_radix(TRACE, 16).unwrap();
    let sent = inject(
        &JaegerPropagator::new(),
        &remote(&context, trace_id, 7, 1, false),
    );
    assert_eq!(sent.0[0].1, format!("{TRACE}:{:016x}:0:3", 7));
}

#[test]
fn a_debug_id_asks_for_a_trace_that_is_kept() {
    let jaeger = JaegerPropagator::new();
    let root = ("0".repeat(32), Decision::Debug);
    assert_eq!(found(&jaeger, &[("jaeger-debug-id", "why")]), Some(root));
    assert_eq!(found(&jaeger, &[("jaeger-debug-id", "")]), None);
    let text = format!("{TRACE}:{SPAN}:0:0");
    let lines = [("jaeger-debug-id", "why"), ("uber-trace-id", &*text)];
    let want = (format!("{TRACE}-{SPAN}-00"), Decision::Drop);
    assert_eq!(found(&jaeger, &lines), Some(want));
}

#[test]
fn reads_baggage_of_both_kinds_upon_what_there_is() {
    let lines = Lines::of(&[
        ("uberctx-user", "al%20ice"),
        ("UberCtx-Tenant", " b%2Cc "),
        ("uberctx-", "no key"),
        ("uberctx-bad key", "1"),
        ("uberct", "1"),
        ("jaeger-baggage", "a=1, b = 2 ,c,=3,d=4=5,é=6"),
    ]);
    let mut before = opentelemetry::baggage::Baggage::new();
    before.insert("mine", "0");
    before.insert("user", "bob");
    before.insert_with_metadata("tenant", "b,c", "p=1");
    let before = Context::new().with_baggage(before);
    let context = JaegerPropagator::new().extract_with_context(&before, &lines);
    let want = [
        ("a", "1"),
        ("b", "2"),
        ("d", "4=5"),
        ("mine", "0"),
        // What it says no better stays as it was.
        ("tenant", "b,c;p=1"),
        ("user", "al ice"),
    ];
    let want = want.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(entries(&context), want.into());
}

#[test]
fn writes_baggage_so_that_any_value_arrives() {
    let mut baggage = opentelemetry::baggage::Baggage::new();
    baggage.insert("user", "al ice, ünd 100% =;");
    let context = Context::new().with_baggage(baggage);
    let sent = inject(&JaegerPropagator::new(), &context);
    let want = "al%20ice%2C%20%C3%BCnd%20100%25%20%3D%3B";
    assert_eq!(sent.0, [("uberctx-user".to_owned(), want.to_owned())]);
}
