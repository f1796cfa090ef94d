//! W3C Baggage: the `baggage` header.
//!
//! Words in quotes are titles of sections of <https://www.w3.org/TR/baggage/>.

use std::sync::LazyLock;

use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};

use super::{merge::Merge, percent};

/// Reads and writes the `baggage` header of W3C Baggage.
///
/// What differs from the propagator of `opentelemetry_sdk` 0.33:
///
/// * all header lines count, not the first;
/// * a value may hold `=` ("value"), and is cut nowhere;
/// * on injection everything that is not a *baggage-octet* is percent-encoded, and so is `%` itself:
///   a literal `%41` arrives as `%41`, not as `A`;
/// * an escape that is not UTF-8 becomes U+FFFD, and one that is no escape (`%zz`) stays as it is;
/// * the metadata of a member goes out as it came in, if it is a list of properties
///   ("property");
/// * beyond 8192 bytes or 64 members ("Limits") whole members are left out, never the lot.
///
/// A malformed member is skipped, and metadata that is not a list of properties is left out of its
/// member. When a key comes twice, the last wins. The set that came replaces the one of the given
/// context; when no valid member came, the context is given back as it was. One that set-up puts beside other formats
/// replaces nothing that those found.
///
/// `Baggage` has no order, so neither has what is sent, nor is it determined which members are left
/// out when there is too much.
#[derive(Clone, Copy, Debug, Default)]
pub struct BaggagePropagator {
    merges: bool,
}

/// Reads the header lines of one request; `None` when they have no valid member.
pub(crate) fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<Baggage> {
    let mut baggage = Baggage::new();
    let members = lines
        .into_iter()
        .flat_map(|line| line.split(|byte| *byte == b','));
    for (key, value, metadata) in members.filter_map(parse_member) {
        // Refuses a key that is no token and what goes beyond the limits, and keeps the others.
        baggage.insert_with_metadata(
            key.to_owned(),
            percent::decode(value).into_owned(),
            metadata,
        );
    }
    (!baggage.is_empty()).then_some(baggage)
}

/// The header to send, `None` when it would be empty.
pub(crate) fn encode(baggage: &Baggage) -> Option<String> {
    let sizes = baggage.iter().map(|(key, (value, metadata))| {
        key.as_str().len() + value.as_str().len() + metadata.as_str().len() + 3
    });
    let mut text = String::with_capacity(sizes.sum());
    for (key, (value, metadata)) in baggage {
        let before = text.len();
        if before > 0 {
            text.push(',');
        }
        text.push_str(key.as_str());
        text.push('=');
        percent::encode(value.as_str(), is_plain, &mut text);
        if is_property_list(metadata.as_str()) {
            text.push(';');
            text.push_str(metadata.as_str());
        }
        if text.len() > MAX_LEN {
            text.truncate(before);
        }
    }
    (!text.is_empty()).then_some(text)
}

/// How long the header would be with every member.
pub(crate) fn encoded_len(baggage: &Baggage) -> usize {
    let members = baggage.iter().map(|(key, (value, metadata))| {
        let escaped = value.as_str().bytes().filter(|byte| !is_plain(*byte));
        let properties = match metadata.as_str() {
            metadata if is_property_list(metadata) => 1 + metadata.len(),
            _ => 0,
        };
        key.as_str().len() + 1 + value.as_str().len() + 2 * escaped.count() + properties
    });
    let commas = baggage.len().saturating_sub(1);
    members.sum::<usize>() + commas
}

impl BaggagePropagator {
    /// The propagator; it has no settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that adds what came to the given context's baggage, for beside formats that carry baggage of their own.
    #[allow(dead_code, reason = "set-up alone combines formats by name")]
    pub(crate) fn merging() -> Self {
        Self { merges: true }
    }
}

impl TextMapPropagator for BaggagePropagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        if let Some(text) = encode(cx.baggage()) {
            injector.set(BAGGAGE, text);
        }
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let lines = extractor.get_all(BAGGAGE).into_iter().flatten();
        match parse(lines.map(str::as_bytes)) {
            Some(baggage) if self.merges => Merge::under(baggage, cx),
            Some(baggage) => cx.with_baggage(baggage),
            None => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        static FIELDS: LazyLock<[String; 1]> = LazyLock::new(|| [BAGGAGE.to_owned()]);
        FieldIter::new(FIELDS.as_slice())
    }
}

/// Key, value (still encoded) and metadata of `key = value ; metadata`. The key may be no token yet:
/// `Baggage` refuses it then.
fn parse_member(member: &[u8]) -> Option<(&str, &str, &str)> {
    let member = str::from_utf8(member).ok()?;
    let (pair, metadata) = member.split_once(';').unwrap_or((member, ""));
    let (key, value) = pair.split_once('=')?;
    let (key, value, metadata) = (trim(key), trim(value), trim(metadata));
    let metadata = if is_property_list(metadata) {
        metadata
    } else {
        ""
    };
    is_octets(value).then_some((key, value, metadata))
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// Whether all of `a; b = c` are properties: a token, or a token and a value.
fn is_property_list(metadata: &str) -> bool {
    metadata.split(';').all(|property| {
        let (key, value) = property.split_once('=').unwrap_or((property, ""));
        is_token(trim(key)) && is_octets(trim(value))
    })
}

/// `token` of RFC 7230, § 3.2.6.
pub(crate) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| match byte {
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~' => true,
        _ => byte.is_ascii_alphanumeric(),
    };
    !text.is_empty() && text.bytes().all(is_tchar)
}

fn is_octets(text: &str) -> bool {
    text.bytes().all(is_octet)
}

/// `baggage-octet` of "Definition".
fn is_octet(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

/// Whether it goes out as it is.
fn is_plain(byte: u8) -> bool {
    is_octet(byte) && byte != b'%'
}

const BAGGAGE: &str = "baggage";

/// The bytes of the combined header that must be propagated ("Limits"), and the most we send.
pub(crate) const MAX_LEN: usize = 8192;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
