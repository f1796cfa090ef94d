//! What must hold for any bytes; the tables are in `tests`.

use proptest::prelude::*;

use super::tests::{TRACE, send, through};
use super::*;

/// Level 2 by its grammar, written without a look at the code above.
fn is_valid(header: &str) -> bool {
    let key_chars = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@";
    let members: Vec<&str> = header.split(',').collect();
    let keys: std::collections::HashSet<&str> = members
        .iter()
        .filter_map(|member| member.split('=').next())
        .collect();
    keys.len() == members.len()
        && members.len() <= 32
        && header.len() <= 4096
        && members.iter().all(|member| {
            let parts: Vec<&str> = member.split('=').collect();
            let [key, value] = parts[..] else {
                return false;
            };
            let first = key.chars().next();
            key.len() <= 256
                && value.len() <= 256
                && first.is_some_and(|c| key_chars[..36].contains(c))
                && key.chars().all(|c| key_chars.contains(c))
                && value.chars().all(|c| (0x20..0x7f).contains(&u32::from(c)))
                && value.chars().last().is_some_and(|c| c != ' ')
        })
}

fn nearly_valid() -> impl Strategy<Value = Vec<String>> {
    let member = "[a-c0-1][a-c@]{0,3}=[ -+x]{0,5}[a-z]|[a-c]{1,2}@[a-z@]{0,20}=.?[a-z]| ?|ot=th:8";
    proptest::collection::vec(proptest::collection::vec(member, 0..14), 0..4)
        .prop_map(|lines| lines.into_iter().map(|line| line.join(",")).collect())
}

proptest! {
    #[test]
    fn what_is_accepted_goes_round(lines in nearly_valid()) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        if let Some(sent) = through(&lines) {
            prop_assert!(is_valid(&sent), "{sent:?}");
            prop_assert_eq!(through(&[&sent]), Some(sent));
        }
        // The other way about: no valid list is refused or changed.
        let all = lines.join(",");
        if is_valid(&all) {
            prop_assert_eq!(through(&lines), Some(all));
        }
    }

    #[test]
    fn any_bytes_are_safe(lines: Vec<Vec<u8>>) {
        let (parsed, raw) = read(TRACE, lines.iter().map(Vec::as_slice));
        if let Some(sent) = send(TRACE, parsed, raw.as_deref()) {
            prop_assert!(is_valid(&sent), "{sent:?}");
        }
    }

    #[test]
    fn any_change_leaves_it_valid(
        lines in nearly_valid(),
        inserts: Vec<(String, String)>,
        valid_inserts in proptest::collection::vec("[a-c]{1,2}", 0..40),
        removed in "[a-c]{1,2}",
    ) {
        let (parsed, raw) = read(TRACE, lines.iter().map(|line| line.as_bytes()));
        let mut now = parsed;
        for (key, value) in inserts {
            now = now.insert(key, value).unwrap_or(now);
        }
        for (number, key) in valid_inserts.iter().enumerate() {
            now = now.insert(key.clone(), format!("v{number}")).unwrap_or(now);
        }
        let now = now.delete(removed.clone()).unwrap_or(now);
        if let Some(sent) = send(TRACE, now, raw.as_deref()) {
            prop_assert!(is_valid(&sent), "{sent:?}");
            let gone = sent.split(',').all(|member| member.split('=').next() != Some(&removed));
            prop_assert!(gone, "{removed} in {sent:?}");
        }
    }
}
