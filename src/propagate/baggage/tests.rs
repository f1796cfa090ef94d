use std::collections::{BTreeMap, HashMap};

use opentelemetry::baggage::BaggageMetadata;

use super::*;

pub(super) type Entries = BTreeMap<String, (String, String)>;

pub(super) fn entries(baggage: &Baggage) -> Entries {
    let entry = |(key, (value, metadata)): (&opentelemetry::Key, &(_, BaggageMetadata))| {
        let value: &opentelemetry::StringValue = value;
        (
            key.to_string(),
            (value.to_string(), metadata.as_str().to_owned()),
        )
    };
    baggage.iter().map(entry).collect()
}

fn parsed(lines: &[&str]) -> Entries {
    parse(lines.iter().map(|line| line.as_bytes()))
        .map(|baggage| entries(&baggage))
        .unwrap_or_default()
}

fn expected(list: &[(&str, &str, &str)]) -> Entries {
    let owned = |(key, value, metadata): &(&str, &str, &str)| {
        (
            (*key).to_owned(),
            ((*value).to_owned(), (*metadata).to_owned()),
        )
    };
    list.iter().map(owned).collect()
}

fn one(key: &str, value: &str, metadata: &str) -> Baggage {
    let mut baggage = Baggage::new();
    baggage.insert_with_metadata(key.to_owned(), value.to_owned(), metadata);
    baggage
}

#[test]
fn reads() {
    for (lines, list) in [
        (
            &["SomeKey=SomeValue"][..],
            &[("SomeKey", "SomeValue", "")][..],
        ),
        (
            &["a=1,b=2", "c=3"],
            &[("a", "1", ""), ("b", "2", ""), ("c", "3", "")],
        ),
        (&["", "a=1"], &[("a", "1", "")]),
        (&["a=1,,b=2,"], &[("a", "1", ""), ("b", "2", "")]),
        // `=` belongs to the value.
        (&["k=Some=Value=="], &[("k", "Some=Value==", "")]),
        (&["k="], &[("k", "", "")]),
        // White space.
        (
            &["k \t = \t v \t ; \t p \t , \t k2 \t = \t v2 \t "],
            &[("k", "v", "p"), ("k2", "v2", "")],
        ),
        (
            &["userId =   alice", "a = DF%2028, b = false"],
            &[
                ("userId", "alice", ""),
                ("a", "DF 28", ""),
                ("b", "false", ""),
            ],
        ),
        // Metadata is opaque: everything after the first `;`, as it came.
        (
            &["k=v;p1;p2=x=y ; p3 = z,l=w;q"],
            &[("k", "v", "p1;p2=x=y ; p3 = z"), ("l", "w", "q")],
        ),
        (&["k=v;p=%41%20"], &[("k", "v", "p=%41%20")]),
        (&["k=v;"], &[("k", "v", "")]),
        (&["k=v;p="], &[("k", "v", "p=")]),
        // Metadata that is not a list of properties goes, the member stays.
        (
            &["k=v;;p", "l=w;a b", "m=x;=y", "n=z;p=a b"],
            &[
                ("k", "v", ""),
                ("l", "w", ""),
                ("m", "x", ""),
                ("n", "z", ""),
            ],
        ),
        // Percent-encoding, of values and not of keys.
        (
            &["k=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29"],
            &[("k", "\t \"';=asdf!@#$%^&*()", "")],
        ),
        (&["k=%c3%BC%E2%82%AC"], &[("k", "ü€", "")]),
        (&["k=%2541"], &[("k", "%41", "")]),
        (&["k=a%ffb%C3"], &[("k", "a\u{fffd}b\u{fffd}", "")]),
        (
            &["k=%zz%4%,l=%%41%+1%"],
            &[("k", "%zz%4%", ""), ("l", "%A%+1%", "")],
        ),
        (&["%41=1,A=2"], &[("%41", "1", ""), ("A", "2", "")]),
        (
            &["!#$%&'*+-.^_`|~aZ09=v"],
            &[("!#$%&'*+-.^_`|~aZ09", "v", "")],
        ),
        // Case matters, and the last of a name wins with its metadata.
        (&["k=1;p,K=2,k=3", "k=4"], &[("k", "4", ""), ("K", "2", "")]),
    ] {
        assert_eq!(parsed(lines), expected(list), "{lines:?}");
    }
}

#[test]
fn skips_a_malformed_member() {
    for member in [
        "k", "=v", " = v", "k k=v", "k\"=v", "k(=v", "ü=v", "k=a b", "k=\"v\"", "k=a\\b", "k=ü",
        "k=\u{7f}", "k=a\tb", ";p", "k;p=v", "a/b=v", "k=\u{1}",
    ] {
        let line = format!("a=1,{member},b=2");
        assert_eq!(
            parsed(&[&line]),
            expected(&[("a", "1", ""), ("b", "2", "")]),
            "{member:?}"
        );
        assert!(parse([member.as_bytes()]).is_none(), "{member:?}");
    }
    let baggage = parse([&b"a=1,k=\xff,b=2"[..], b"\xff=1"]).unwrap();
    assert_eq!(
        entries(&baggage),
        expected(&[("a", "1", ""), ("b", "2", "")])
    );
}

#[test]
fn writes() {
    for (key, value, metadata, text) in [
        ("k", "v", "", "k=v"),
        ("k", "", "", "k="),
        ("k", "a=b/c:d?e@f[g]", "", "k=a=b/c:d?e@f[g]"),
        ("k", "%41", "", "k=%2541"),
        ("k", "\t \"';,\\%", "", "k=%09%20%22'%3B%2C%5C%25"),
        ("k", "ü€\r\n\u{7f}", "", "k=%C3%BC%E2%82%AC%0D%0A%7F"),
        ("%41", "v", "", "%41=v"),
        (
            "k",
            "v",
            "p1;p2=x=y ; p3 = z;q=%41",
            "k=v;p1;p2=x=y ; p3 = z;q=%41",
        ),
        // Metadata that a user's code set, and that would spoil the header.
        ("k", "v", "p,x=1", "k=v"),
        ("k", "v", "p;;q", "k=v"),
        ("k", "v", "p\r\nq", "k=v"),
        ("k", "v", "p=ü", "k=v"),
        ("k", "v", "p=\"q\"", "k=v"),
    ] {
        assert_eq!(
            encode(&one(key, value, metadata)).as_deref(),
            Some(text),
            "{value:?}"
        );
    }
    assert_eq!(encode(&Baggage::new()), None);
}

#[test]
fn sixty_four_members_all_pass() {
    let members: Vec<String> = (0..70).map(|n| format!("key{n}=value")).collect();
    let sent = encode(&parse([members[..64].join(",").as_bytes()]).unwrap()).unwrap();
    let mut sent: Vec<&str> = sent.split(',').collect();
    sent.sort_unstable();
    let mut all: Vec<&str> = members[..64].iter().map(String::as_str).collect();
    all.sort_unstable();
    assert_eq!(sent, all);

    let too_many = parse([members.join(",").as_bytes()]).unwrap();
    assert_eq!(too_many.len(), 64);
    assert_eq!(encode(&too_many).unwrap().split(',').count(), 64);
}

#[test]
fn eight_kilobytes_all_pass() {
    let longest = format!("a={}", "0123456789".repeat(819));
    assert_eq!(longest.len(), 8192);
    assert_eq!(encode(&parse([longest.as_bytes()]).unwrap()), Some(longest));

    let members: Vec<String> = (0..64)
        .map(|n| format!("{n:02}={}", "v".repeat(124)))
        .collect();
    let text = members.join(",");
    assert_eq!(text.len(), 8191);
    assert_eq!(
        encode(&parse([text.as_bytes()]).unwrap()).unwrap().len(),
        8191
    );
}

#[test]
fn beyond_that_whole_members_are_left_out() {
    // What came in is too much: the member that does not fit goes, the others stay.
    let line = format!("a=1,big={},b=2", "v".repeat(9000));
    assert_eq!(
        parsed(&[&line]),
        expected(&[("a", "1", ""), ("b", "2", "")])
    );

    // What goes out is too much, though `Baggage` took it: 40 members of 304 bytes.
    let mut baggage = Baggage::new();
    for number in 10..50 {
        baggage.insert(format!("{number}"), "ü".repeat(50) + "v");
    }
    assert_eq!(baggage.len(), 40);
    let member = |number: u32| format!("{number}={}v", "%C3%BC".repeat(50));
    let sent = encode(&baggage).unwrap();
    let sent: Vec<&str> = sent.split(',').collect();
    assert_eq!(sent.len(), 26, "8193 / 305");
    let known: Vec<String> = (10..50).map(member).collect();
    assert!(
        sent.iter()
            .all(|member| known.iter().any(|known| known == member))
    );

    // One that fits nowhere is not sent, nor anything in its place.
    assert_eq!(encode(&one("k", &"%".repeat(8000), "")), None);
}

#[test]
fn long_lines_are_no_trouble() {
    assert_eq!(parsed(&[&",".repeat(1 << 20)]), expected(&[]));
    assert_eq!(
        parsed(&[&"a=1,".repeat(1 << 16)]),
        expected(&[("a", "1", "")])
    );
    assert_eq!(
        parsed(&[&format!("k={}", "%".repeat(1 << 20))]),
        expected(&[])
    );
    assert_eq!(
        parsed(&[&format!("k=v;{}", "p;".repeat(1 << 18))]),
        expected(&[("k", "v", "")])
    );
}

#[test]
fn propagator_replaces_the_set_only_when_one_came() {
    let propagator = BaggagePropagator::new();
    let base = Context::new()
        .with_value(7_u8)
        .with_baggage(one("old", "1", ""));
    let old = expected(&[("old", "1", "")]);
    for carrier in [
        vec![],
        vec![("baggage", "")],
        vec![("baggage", "bad"), ("baggage", ",")],
    ] {
        let cx = propagator.extract_with_context(&base, &Lines(carrier));
        assert_eq!(entries(cx.baggage()), old);
    }
    let carrier = Lines(vec![
        ("baggage", "bad"),
        ("baggage", "a=1"),
        ("baggage", "b=2"),
    ]);
    let cx = propagator.extract_with_context(&base, &carrier);
    assert_eq!(
        entries(cx.baggage()),
        expected(&[("a", "1", ""), ("b", "2", "")])
    );
    assert_eq!(cx.get::<u8>(), Some(&7));
}

#[test]
fn propagator_writes() {
    let propagator = BaggagePropagator::new();
    let mut carrier = HashMap::new();
    propagator.inject_context(&Context::new(), &mut carrier);
    assert!(carrier.is_empty());
    let cx = Context::new().with_baggage(one("k", "a b", "p"));
    propagator.inject_context(&cx, &mut carrier);
    assert_eq!(
        carrier,
        HashMap::from([("baggage".to_owned(), "k=a%20b;p".to_owned())])
    );
    assert_eq!(propagator.fields().collect::<Vec<_>>(), ["baggage"]);
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
