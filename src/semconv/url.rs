//! What of a URL may leave: `url.full` and `url.query` with their secrets replaced, and every text of a peer's kept short.
//!
//! OpenTelemetry HTTP semantic conventions 1.45.0, attributes `url.full` and `url.query`.

mod cap;
mod quoted;

use std::borrow::Cow;
use std::sync::Arc;

use cap::Capped;
pub(crate) use cap::{capped, prefix};
pub(crate) use quoted::bare;

/// Which query values are replaced by `REDACTED` before a URL is written to a span.
///
/// Applied to `url.query` of server spans and `url.full` of client spans, once for each recorded request and before any
/// hook can see the attribute. Only the value is replaced: the key, the other parameters, their order and their encoding
/// stay as they were sent. The user name and password of a URL are replaced always, whatever is chosen here.
///
/// A key is compared with case, as sent and percent-decoded: `sig=…` and `%73ig=…` are the same key, `SIG=…` is another.
/// Parameters are separated by `&` only, so a `;` belongs to the value. `sig` without `=` has no value and stays.
/// A fragment, where a client knows one, is treated like a query. A secret in the path is not found.
///
/// ```
/// use throughline::Redaction;
///
/// let more = Redaction::known().also(["token", "code"]); // the seven of OpenTelemetry, and two
/// let mine = Redaction::keys(["token"]);                 // this one only
/// let all = Redaction::all_values();                     // `?a=REDACTED&b=REDACTED`
/// ```
///
/// # Defaults
///
/// [`Redaction::known`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Redaction(Policy);

/// The parts of an absolute URL (RFC 3986 §3), none of them with its delimiter.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Url<'a> {
    pub(crate) scheme: &'a str,
    /// Host and port; may hold userinfo, which never leaves.
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
}

#[derive(Debug, Clone)]
enum Policy {
    Keys {
        keys: Arc<[Box<str>]>,
        /// Bit *n* is set when a key has *n* bytes (the last bit: or more), which settles most keys at once.
        lengths: u64,
    },
    AllValues,
}

impl Redaction {
    /// The keys that OpenTelemetry names (semantic conventions 1.45.0): `X-Amz-Signature`, `X-Amz-Credential`,
    /// `X-Amz-Security-Token`, `AWSAccessKeyId`, `Signature`, `sig`, `X-Goog-Signature`. This is the default.
    pub fn known() -> Self {
        Self::keys(KNOWN_KEYS)
    }

    /// These keys and no others: the list replaces the known one.
    pub fn keys(keys: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        let keys: Arc<[Box<str>]> = keys.into_iter().map(Into::into).collect();
        let lengths = keys
            .iter()
            .fold(0, |bits, key| bits | length_bit(key.as_bytes()));
        Self(Policy::Keys { keys, lengths })
    }

    /// No key at all: queries leave as they are. User names and passwords are still replaced.
    pub fn none() -> Self {
        Self::keys([""; 0])
    }

    /// The value of every parameter. A parameter without `=` is a key, and stays.
    pub fn all_values() -> Self {
        Self(Policy::AllValues)
    }

    /// These keys besides the ones chosen so far.
    pub fn also(self, keys: impl IntoIterator<Item = impl Into<Box<str>>>) -> Self {
        match self.0 {
            Policy::Keys { keys: old, .. } => {
                Self::keys(old.iter().cloned().chain(keys.into_iter().map(Into::into)))
            }
            Policy::AllValues => self,
        }
    }

    /// `url.query`: the query (without its `?`), redacted and then [`capped`].
    ///
    /// Borrowed, and without allocation, unless a value is replaced. Time is linear in the query's length, and does not
    /// depend on it beyond [`cap::MAX_TEXT`] bytes while nothing is replaced.
    pub(crate) fn query<'a>(&self, query: &'a str) -> Cow<'a, str> {
        let visible = capped(query);
        if self.first_hidden(visible).is_none() {
            return Cow::Borrowed(visible);
        }
        let mut out = Capped::with_capacity(query.len() + self.growth(query));
        self.write(query, &mut out);
        Cow::Owned(out.text)
    }

    /// `url.full`: the absolute URL, redacted and then [`capped`].
    ///
    /// Userinfo becomes `REDACTED:REDACTED` wherever the authority has an `@`, the last of which ends it. The target `*`
    /// (RFC 9110 §7.1) is no path. One allocation.
    pub(crate) fn full(&self, url: &Url<'_>) -> String {
        let (query, fragment) = (
            url.query.unwrap_or_default(),
            url.fragment.unwrap_or_default(),
        );
        let (userinfo, host) = match url.authority.rsplit_once('@') {
            Some((_, host)) => (REDACTED_USERINFO, host),
            None => ("", url.authority),
        };
        let fixed = url.scheme.len()
            + userinfo.len()
            + host.len()
            + url.path.len()
            + "://".len()
            + "/?#".len();
        let variable = query.len() + self.growth(query) + fragment.len() + self.growth(fragment);

        let mut out = Capped::with_capacity(fixed + variable);
        if !url.scheme.is_empty() {
            out.push(url.scheme);
            out.push("://");
        }
        out.push(userinfo);
        out.push(host);
        if url.path != "*" {
            if !url.path.is_empty() && !url.path.starts_with('/') {
                out.push("/");
            }
            out.push(url.path);
        }
        if url.query.is_some() {
            out.push("?");
            self.write(query, &mut out);
        }
        if url.fragment.is_some() {
            out.push("#");
            self.write(fragment, &mut out);
        }
        out.text
    }

    /// Appends a query, redacted, until it ends or `out` is full.
    fn write(&self, query: &str, out: &mut Capped) {
        let mut rest = query;
        while !out.full {
            // What lies beyond the cap cannot become visible before something in front of it is replaced.
            let Some((shown, value)) = self
                .first_hidden(capped(rest))
                .and_then(|at| rest.split_at_checked(at))
            else {
                out.push(rest);
                return;
            };
            out.push(shown);
            out.push(REDACTED);
            rest = value
                .find('&')
                .and_then(|end| value.get(end..))
                .unwrap_or_default();
        }
    }

    /// Where the first value to be replaced begins in `text`, which starts with a parameter or with the `&` before one.
    fn first_hidden(&self, text: &str) -> Option<usize> {
        if matches!(self.0, Policy::Keys { lengths: 0, .. }) {
            return None;
        }
        let bytes = text.as_bytes();
        let (mut key_start, mut encoded) = (0, false);
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'&' => (key_start, encoded) = (at + 1, false),
                b'%' | b'+' => encoded = true,
                b'=' => {
                    // At a second `=` of a parameter this is more than a key, and matches none.
                    let key = bytes.get(key_start..at).unwrap_or_default();
                    if self.hides(key) || (encoded && self.hides_encoded(key)) {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Whether the value of this key is replaced.
    fn hides(&self, key: &[u8]) -> bool {
        match &self.0 {
            Policy::AllValues => true,
            Policy::Keys { keys, lengths } => {
                lengths & length_bit(key) != 0 && keys.iter().any(|known| known.as_bytes() == key)
            }
        }
    }

    /// The same for what a key with `%` or `+` in it means. Cold: inlined, it would slow down the loop over the query.
    #[cold]
    fn hides_encoded(&self, key: &[u8]) -> bool {
        match &self.0 {
            Policy::AllValues => true,
            Policy::Keys { keys, .. } => keys.iter().any(|known| decodes_to(key, known.as_bytes())),
        }
    }

    /// By how many bytes redaction may lengthen this query, for a capacity: many short values are rare.
    fn growth(&self, query: &str) -> usize {
        match self.0 {
            Policy::Keys { lengths: 0, .. } => 0,
            Policy::Keys { .. } => REDACTED.len(),
            Policy::AllValues => {
                REDACTED.len() * query.bytes().filter(|byte| *byte == b'=').count()
            }
        }
    }
}

impl Default for Redaction {
    fn default() -> Self {
        Self::known()
    }
}

fn length_bit(key: &[u8]) -> u64 {
    1 << key.len().min(63)
}

/// Whether `raw` is `key` once percent-decoded (RFC 3986 §2.1); a `+` is also the space of HTML forms.
fn decodes_to(mut raw: &[u8], mut key: &[u8]) -> bool {
    while let [wanted, key_rest @ ..] = key {
        let (byte, raw_rest) = match raw {
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_value(*high) << 4 | hex_value(*low), rest)
            }
            [b'+', rest @ ..] if *wanted == b' ' => (b' ', rest),
            [byte, rest @ ..] => (*byte, rest),
            [] => return false,
        };
        if byte != *wanted {
            return false;
        }
        (raw, key) = (raw_rest, key_rest);
    }
    raw.is_empty()
}

/// The value of a hexadecimal digit.
fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a' - 10),
    }
}

const KNOWN_KEYS: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];

const REDACTED: &str = "REDACTED";
const REDACTED_USERINFO: &str = "REDACTED:REDACTED@";

#[cfg(test)]
mod tests;
