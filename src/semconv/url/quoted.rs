//! URLs in the text of an error, which likes to quote what was asked for.

use std::borrow::Cow;

/// The text, in which no URL has userinfo, a query or a fragment. How it goes on is not known where a URL is only quoted,
/// so a URL is taken to reach to the next white space, and all of its query for a secret.
pub(crate) fn bare(text: &str) -> Cow<'_, str> {
    let Some((first, mut rest)) = text.split_once("://") else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(first);
    loop {
        out.push_str("://");
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (url, after) = rest.split_at(end);
        let (address, hidden) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
        let (authority, path) = address.split_at(address.find('/').unwrap_or(address.len()));
        match authority.rsplit_once('@') {
            Some((_, host)) => out.extend(["REDACTED@", host]),
            None => out.push_str(authority),
        }
        out.push_str(path);
        if !hidden.is_empty() {
            out.push_str("?REDACTED");
        }
        let Some((before, next)) = after.split_once("://") else {
            out.push_str(after);
            return Cow::Owned(out);
        };
        out.push_str(before);
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::bare;

    #[test]
    fn urls_lose_what_may_be_secret_and_nothing_else_changes() {
        let cases = [
            ("no url: a?b#c@d", "no url: a?b#c@d"),
            ("", ""),
            ("://", "://"),
            ("at http://a/b.", "at http://a/b."),
            ("(http://a/?b=c): refused", "(http://a/?REDACTED refused"),
            (
                "http://u:p@a:1/b#c, x://?y z",
                "http://REDACTED@a:1/b?REDACTED x://?REDACTED z",
            ),
            ("http://a/?next=https://b/?c d", "http://a/?REDACTED d"),
            ("http://u:p)'@a/ @", "http://REDACTED@a/ @"),
        ];
        for (text, want) in cases {
            assert_eq!(bare(text), want);
        }
    }
}
