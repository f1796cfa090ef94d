//! What must hold for any bytes; the tables are in `tests`.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::tests::entries;
use super::*;

/// The header by its grammar, written without a look at the code above.
fn is_valid(header: &str) -> bool {
    let token_chars = "!#$%&'*+-.^_`|~0123456789";
    let token = |text: &str| {
        let tchar = |c: char| c.is_ascii_alphabetic() || token_chars.contains(c);
        !text.is_empty() && text.chars().all(tchar)
    };
    let octets = |text: &str| {
        text.chars()
            .all(|c| c > ' ' && c < '\u{7f}' && !"\",;\\".contains(c))
    };
    let ows = |text: &str| text.trim_matches(|c| c == ' ' || c == '\t').to_owned();
    let pair = |text: &str| {
        text.split_once('=')
            .map(|(key, value)| (ows(key), ows(value)))
    };
    header.len() <= 8192
        && header.split(',').count() <= 64
        && header.split(',').all(|member| {
            let mut parts = member.split(';');
            let first = parts.next().and_then(pair);
            first.is_some_and(|(key, value)| token(&key) && octets(&value) && escaped(&value))
                && parts.all(|part| match pair(part) {
                    Some((key, value)) => token(&key) && octets(&value),
                    None => token(&ows(part)),
                })
        })
}

/// Every `%` begins an escape.
fn escaped(value: &str) -> bool {
    value
        .split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.chars().take(2).all(|c| c.is_ascii_hexdigit()))
}

fn nearly_valid() -> impl Strategy<Value = Vec<String>> {
    let member =
        "[a-c%]{1,2} ?= ?([ -~]|%[0-9A-F]{2}|%){0,6}(; ?[a-c]{1,2}(=[!-~]{0,3})?){0,2}|[ -~]{0,8}";
    proptest::collection::vec(proptest::collection::vec(member, 0..40), 0..4)
        .prop_map(|lines| lines.into_iter().map(|line| line.join(",")).collect())
}

proptest! {
    #[test]
    fn what_is_accepted_goes_round(lines in nearly_valid()) {
        if let Some(baggage) = parse(lines.iter().map(|line| line.as_bytes())) {
            let sent = encode(&baggage).unwrap();
            prop_assert!(is_valid(&sent), "{sent:?}");
            prop_assert_eq!(sent.len(), encoded_len(&baggage));
            let again = parse([sent.as_bytes()]).unwrap();
            prop_assert_eq!(entries(&again), entries(&baggage));
        }
    }

    #[test]
    fn any_bytes_are_safe(lines: Vec<Vec<u8>>) {
        if let Some(baggage) = parse(lines.iter().map(Vec::as_slice)) {
            let sent = encode(&baggage).unwrap();
            prop_assert!(is_valid(&sent), "{sent:?}");
        }
    }

    #[test]
    fn any_value_goes_there_and_back(set: HashMap<String, (String, String)>, key in "[a-z!]{1,9}", value: String) {
        let mut baggage = Baggage::new();
        for (key, (value, metadata)) in set {
            baggage.insert_with_metadata(key, value, metadata.as_str());
        }
        baggage.insert(key, value);
        let sent = encode(&baggage).unwrap();
        prop_assert!(is_valid(&sent), "{sent:?}");
        prop_assert_eq!(sent.len() < encoded_len(&baggage), encoded_len(&baggage) > MAX_LEN);
        let values = |baggage: &Baggage| -> BTreeMap<String, String> {
            entries(baggage).into_iter().map(|(key, (value, _))| (key, value)).collect()
        };
        prop_assert_eq!(values(&parse([sent.as_bytes()]).unwrap()), values(&baggage));
    }
}
