use opentelemetry::{SpanId, TraceFlags};

use super::*;

pub(super) const TRACE: TraceId = TraceId::from_bytes([7; 16]);

/// What goes out of a service that receives these lines and changes nothing.
pub(super) fn through(lines: &[&str]) -> Option<String> {
    let (parsed, raw) = read(TRACE, lines.iter().map(|line| line.as_bytes()));
    send(TRACE, parsed, raw.as_deref())
}

pub(super) fn send(
    trace_id: TraceId,
    now: TraceState,
    raw: Option<&RawTraceState>,
) -> Option<String> {
    let span_id = SpanId::from_bytes([1; 8]);
    let span_context = SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, false, now);
    write(&span_context, raw).map(Cow::into_owned)
}

#[test]
fn carries() {
    let all_values: String = (' '..='~').filter(|c| !matches!(c, ',' | '=')).collect();
    let all_keys = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/";
    let z = "z".repeat(256);
    let v = "v".repeat(14);
    let t = "t".repeat(241);
    for (lines, sent) in [
        (vec!["foo=1"], "foo=1"),
        (vec!["foo=1,bar=2"], "foo=1,bar=2"),
        (
            vec!["foo=1,bar=2", "rojo=1,congo=2", "baz=3"],
            "foo=1,bar=2,rojo=1,congo=2,baz=3",
        ),
        // An empty member, an empty line.
        (vec!["a=1,,b=2"], "a=1,b=2"),
        (vec!["a=1, \t ,b=2,"], "a=1,b=2"),
        (vec!["foo=1", ""], "foo=1"),
        (vec!["", "foo=1"], "foo=1"),
        (vec![" \t", "foo=1"], "foo=1"),
        // White space around a member goes, at the start of a value it stays.
        (vec!["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (vec!["\t foo=1 \t"], "foo=1"),
        (vec!["foo= 1,bar=  2"], "foo= 1,bar=  2"),
        (vec!["foo=a b "], "foo=a b"),
        // Keys of Level 2.
        (vec!["foo@=1,bar=2"], "foo@=1,bar=2"),
        (vec!["foo@@bar=1,bar=2"], "foo@@bar=1,bar=2"),
        (vec!["bar=2,a@b@c=1"], "bar=2,a@b@c=1"),
        (vec!["0=1"], "0=1"),
        (vec![&format!("foo=1,{z}=1")], &format!("foo=1,{z}=1")),
        (
            vec![&format!("foo=1,{t}@{v}=1")],
            &format!("foo=1,{t}@{v}=1"),
        ),
        (vec![&format!("foo=1,{t}t@v=1")], &format!("foo=1,{t}t@v=1")),
        (vec![&format!("foo=1,t@{v}v=1")], &format!("foo=1,t@{v}v=1")),
        (
            vec![&format!("{all_keys}={all_values}")],
            &format!("{all_keys}={all_values}"),
        ),
        (vec![&format!("foo={z}")], &format!("foo={z}")),
        // A key that comes twice: the first is the latest.
        (vec!["foo=1,bar=2,foo=3"], "foo=1,bar=2"),
        (vec!["foo=1", "foo=1"], "foo=1"),
    ] {
        assert_eq!(through(&lines).as_deref(), Some(sent), "{lines:?}");
    }
}

#[test]
fn one_invalid_member_discards_the_list() {
    let long = "z".repeat(257);
    for member in [
        "bar",
        "bar=",
        "bar= ",
        "=1",
        "=",
        "foo =1",
        "FOO=1",
        "foo.bar=1",
        "@foo=1",
        "_foo=1",
        "foo==baz",
        "foo=a=b",
        "foo=a\tb",
        "foo=\t1",
        "foo=\u{7f}",
        "foo=ü",
        "fü=1",
        &format!("{long}=1"),
        &format!("foo={long}"),
    ] {
        assert_eq!(through(&[&format!("a=1,{member},b=2")]), None, "{member:?}");
        assert_eq!(through(&["a=1", member]), None, "{member:?}");
    }
    let (parsed, raw) = read(TRACE, [&b"a=1"[..], b"b=\xff"]);
    assert_eq!((parsed, raw.is_none()), (TraceState::NONE, true));
}

#[test]
fn nothing_comes_of_nothing() {
    assert_eq!(write(&SpanContext::NONE, Some(&RawTraceState::NONE)), None);
    for lines in [&[][..], &[""], &["", " "], &[",,"]] {
        assert_eq!(through(lines), None, "{lines:?}");
    }
}

#[test]
fn thirty_two_members_and_no_more() {
    for key in ["k", "k@@"] {
        let members: Vec<String> = (0..33).map(|n| format!("{key}{n}={n}")).collect();
        let fits = members[..32].join(",");
        assert_eq!(through(&[&fits]), Some(fits.clone()));
        assert_eq!(through(&[&members.join(",")]), None);
        assert_eq!(through(&[&fits, &members[32]]), None);
        assert_eq!(
            through(&[&fits, ",", " "]),
            Some(fits),
            "empty members do not count"
        );
    }
}

#[test]
fn samplers_see_what_a_trace_state_can_hold() {
    let (parsed, raw) = read(TRACE, [&b"a@b@c=1,ot=th:8,foo=2"[..]]);
    assert_eq!(parsed.header(), "ot=th:8,foo=2");
    assert!(raw.is_some());
    let (parsed, raw) = read(TRACE, [&b"ot=th:8,foo=2"[..]]);
    assert_eq!(parsed.header(), "ot=th:8,foo=2");
    assert!(raw.is_none(), "kept only where it is needed");
}

#[test]
fn changes_go_first_and_the_rest_keeps_its_order() {
    let (parsed, raw) = read(TRACE, [&b"a@b@c=1,ot=th:8,foo=2,x@@y=3,bar=4"[..]]);
    let raw = raw.as_deref();
    let change = |change: &dyn Fn(&TraceState) -> TraceState| send(TRACE, change(&parsed), raw);
    for (sent, expected) in [
        (
            change(&|state| state.insert("ot", "th:0").unwrap()),
            "ot=th:0,a@b@c=1,foo=2,x@@y=3,bar=4",
        ),
        (
            change(&|state| state.insert("new", "1").unwrap()),
            "new=1,a@b@c=1,ot=th:8,foo=2,x@@y=3,bar=4",
        ),
        (
            change(&|state| {
                state
                    .insert("one", "1")
                    .unwrap()
                    .insert("foo", "2!")
                    .unwrap()
            }),
            "foo=2!,one=1,a@b@c=1,ot=th:8,x@@y=3,bar=4",
        ),
        (
            change(&|state| state.delete("ot").unwrap()),
            "a@b@c=1,foo=2,x@@y=3,bar=4",
        ),
        (
            change(&|state| state.delete("ot").unwrap().insert("bar", "5").unwrap()),
            "bar=5,a@b@c=1,foo=2,x@@y=3",
        ),
        (
            change(&|state| state.insert("foo", "").unwrap()),
            "a@b@c=1,ot=th:8,x@@y=3,bar=4",
        ),
        (change(&|_| TraceState::NONE), "a@b@c=1,x@@y=3"),
        (
            change(&TraceState::clone),
            "a@b@c=1,ot=th:8,foo=2,x@@y=3,bar=4",
        ),
    ] {
        assert_eq!(sent.as_deref(), Some(expected));
    }
}

#[test]
fn a_full_list_loses_its_last_member_to_a_new_one() {
    let members: Vec<String> = (0..32).map(|n| format!("k@@{n}={n}")).collect();
    let (parsed, raw) = read(TRACE, [members.join(",").as_bytes()]);
    let now = parsed.insert("new", "1").unwrap();
    let expected = format!("new=1,{}", members[..31].join(","));
    assert_eq!(send(TRACE, now, raw.as_deref()), Some(expected));
}

#[test]
fn another_trace_does_not_get_the_raw_state() {
    let (parsed, raw) = read(TRACE, [&b"a@b@c=1,foo=2"[..]]);
    let other = TraceId::from_bytes([8; 16]);
    assert_eq!(send(other, TraceState::NONE, raw.as_deref()), None);
    assert_eq!(
        send(other, parsed, raw.as_deref()).as_deref(),
        Some("foo=2")
    );
}

#[test]
fn what_would_spoil_the_list_is_left_out() {
    // `TraceState` takes all of these.
    let state = [
        ("foo", ""),
        ("a", "1"),
        ("", "x"),
        ("b", "x\r\ny"),
        ("c", "ü"),
        ("d", "2 "),
    ];
    let state = TraceState::from_key_value(state).unwrap();
    assert_eq!(send(TRACE, state, None).as_deref(), Some("a=1"));
    let state = TraceState::from_key_value([("foo", "")]).unwrap();
    assert_eq!(send(TRACE, state, None), None);
}

#[test]
fn too_long_a_list_loses_whole_members() {
    let short: Vec<String> = (0..16)
        .map(|n| format!("s{n:02}={}", "v".repeat(100)))
        .collect();
    let long: Vec<String> = (0..16)
        .map(|n| format!("l{n:02}={}", "v".repeat(160)))
        .collect();
    let mixed: Vec<&str> = short
        .iter()
        .zip(&long)
        .flat_map(|(s, l)| [&**s, &**l])
        .collect();
    let sent = through(&[&mixed.join(",")]).unwrap();
    // 16 members of 104, and 14 of 164, with their commas, are 4,014 characters; one more is 4,179.
    let kept = |member: &&&str| !["l14", "l15"].contains(&&member[..3]);
    let expected: Vec<&str> = mixed.iter().filter(kept).copied().collect();
    assert_eq!(sent, expected.join(","));

    // None is longer than 128: they go from the end. 31 of 128 and a comma are 3,998, 32 are 4,127.
    let even: Vec<String> = (0..32)
        .map(|n| format!("k{n:02}={}", "v".repeat(124)))
        .collect();
    assert_eq!(through(&[&even.join(",")]), Some(even[..31].join(",")));
    // The same where a `TraceState` cannot hold them, and where the span's own state is too long.
    let raw: Vec<String> = (0..32)
        .map(|n| format!("@@{n:02}={}", "v".repeat(123)))
        .collect();
    let raw: Vec<String> = raw.iter().map(|member| format!("k{member}")).collect();
    assert_eq!(through(&[&raw.join(",")]), Some(raw[..31].join(",")));
    let own = even.iter().map(|member| member.split_once('=').unwrap());
    let own = TraceState::from_key_value(own).unwrap();
    assert_eq!(send(TRACE, own, None), Some(even[..31].join(",")));
}

#[test]
fn exactly_the_longest_is_kept() {
    // 31 members of 128 with their commas are 3,999: 97 are left.
    let mut members: Vec<String> = (0..31)
        .map(|n| format!("k{n:02}={}", "v".repeat(124)))
        .collect();
    members.push(format!("last={}", "v".repeat(92)));
    let text = members.join(",");
    assert_eq!(text.len(), MAX_LEN);
    assert_eq!(through(&[&text]), Some(text.clone()));
    assert_eq!(
        through(&[&format!("{text}v")]),
        Some(members[..31].join(","))
    );
}

#[test]
fn long_lines_are_no_trouble() {
    let line = "a".repeat(1 << 20);
    assert_eq!(through(&[&line]), None);
    assert_eq!(through(&[&format!("{line}={line}")]), None);
    assert_eq!(through(&[&",".repeat(1 << 20)]), None);
    assert_eq!(through(&[&"a=1,".repeat(1 << 18)]), None);
}
