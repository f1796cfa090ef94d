use proptest::prelude::*;

use super::*;

/// A straightforward second implementation: split, decode, compare, join.
fn by_the_book(query: &str, hides: impl Fn(&[u8]) -> bool) -> String {
    let parameter = |parameter: &str| match parameter.split_once('=') {
        Some((key, _)) if hides(key.as_bytes()) || hides(&decoded(key)) => {
            format!("{key}=REDACTED")
        }
        _ => parameter.to_owned(),
    };
    query
        .split('&')
        .map(parameter)
        .collect::<Vec<_>>()
        .join("&")
}

fn decoded(key: &str) -> Vec<u8> {
    let (bytes, mut out, mut at) = (key.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = bytes
            .get(at + 1..at + 3)
            .filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        match digits {
            Some(hex) if bytes[at] == b'%' => {
                out.push(u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap());
                at += 3;
            }
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    out
}

fn encoded_key() -> impl Strategy<Value = String> {
    let spell = |(key, choices): (&str, Vec<u8>)| {
        let letters = key.bytes().zip(choices).map(|(byte, choice)| match choice {
            0 => format!("%{byte:02x}"),
            1 => format!("%{byte:02X}"),
            _ => (byte as char).to_string(),
        });
        letters.collect()
    };
    (
        prop::sample::select(&KNOWN_KEYS[..]),
        prop::collection::vec(0..6u8, 20),
    )
        .prop_map(spell)
}

proptest! {
    #[test]
    fn any_query_is_as_by_the_book(query in "(sig|%73ig|Signature|a|%|%6|&|&|=|;|\\+|é|\\PC){0,24}") {
        let known = |key: &[u8]| KNOWN_KEYS.iter().any(|known| known.as_bytes() == key);
        prop_assert_eq!(Redaction::known().query(&query), by_the_book(&query, known));
        prop_assert_eq!(Redaction::all_values().query(&query), by_the_book(&query, |_| true));
        prop_assert_eq!(Redaction::none().query(&query), &*query);
    }

    #[test]
    fn a_planted_secret_never_leaves(
        before in "([a-z%=;]{0,6}&){0,4}",
        key in encoded_key(),
        after in "(&[a-z%=;]{0,6}){0,4}",
        filler in prop_oneof![Just(0usize), 4_000..4_100usize, Just(60_000)],
        user in "[a-z:@%]{0,4}",
    ) {
        let query = format!("{}&{before}{key}={SECRET}{after}", "f".repeat(filler));
        for redaction in [Redaction::known(), Redaction::all_values(), Redaction::keys(["x"]).also(KNOWN_KEYS)] {
            let shown = redaction.query(&query);
            prop_assert!(!shown.contains("s3cr3t"), "{shown}");
            let authority = format!("{user}{SECRET}{user}@h");
            let full = redaction.full(&Url { query: Some(&query), fragment: Some(&query), ..url(&authority) });
            prop_assert!(!full.contains("s3cr3t"), "{full}");
            prop_assert!(full.starts_with("https://REDACTED:REDACTED@h/?"));
        }
        // The others are there, byte for byte.
        let (before, after) = (format!("&{before}{key}="), after);
        if filler == 0 {
            let whole = format!("{before}REDACTED{after}");
            prop_assert_eq!(Redaction::known().query(&query).into_owned(), whole);
        }
    }

    #[test]
    fn any_url_is_shown_without_panic(parts in prop::collection::vec("\\PC{0,20}|.{0,2000}", 5), repeat in 1..4usize) {
        let parts: Vec<String> = parts.iter().map(|part| part.repeat(repeat)).collect();
        let [scheme, authority, path, query, fragment] = &parts[..] else { unreachable!() };
        let url = Url { scheme, authority, path, query: Some(query), fragment: Some(fragment) };
        for redaction in [Redaction::known(), Redaction::none(), Redaction::all_values()] {
            prop_assert!(redaction.full(&url).len() <= MAX_TEXT);
            prop_assert!(redaction.query(query).len() <= MAX_TEXT);
        }
        prop_assert!(path.starts_with(capped(path)));
    }
}
