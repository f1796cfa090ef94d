//! Percent-encoding (RFC 3986, § 2.1), as headers use it.

use std::borrow::Cow;

/// Writes those bytes as they are that `is_plain`, and escapes the others.
pub(crate) fn encode(value: &str, is_plain: impl Fn(u8) -> bool, text: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii() && is_plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(digit(byte >> 4));
            text.push(digit(byte & 0x0f));
        }
    }
}

/// An escape that is not UTF-8 becomes U+FFFD, and one that is no escape stays as it is.
pub(crate) fn decode(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, after)) = decode_byte(rest) {
        bytes.push(byte);
        rest = after;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// RFC 3986 asks producers for upper-case.
fn digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16)
        .unwrap_or('0')
        .to_ascii_uppercase()
}

/// The next byte, of an escape or as it stands, and what follows it.
fn decode_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let nibble = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|n| u8::try_from(n).ok())
    };
    if let [b'%', high, low, rest @ ..] = text
        && let (Some(high), Some(low)) = (nibble(*high), nibble(*low))
    {
        return Some(((high << 4) | low, rest));
    }
    text.split_first().map(|(byte, rest)| (*byte, rest))
}
