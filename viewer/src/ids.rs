//! Trace and span ids: bytes in the store, hexadecimal digits for people.

use std::fmt::{self, Write as _};

/// 16 bytes. Ids of 8 bytes, as some Zipkin senders have, are padded with zeros in front.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct TraceId(pub [u8; 16]);

/// 8 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// `None` if the length is wrong or all bytes are zero, which OTLP forbids.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let id: [u8; 16] = bytes.try_into().ok()?;
        (id != [0; 16]).then_some(Self(id))
    }

    /// Up to 32 hexadecimal digits of any case.
    pub fn parse(text: &str) -> Option<Self> {
        from_hex::<16>(text).map(Self)
    }
}

impl SpanId {
    /// `None` if the length is wrong or all bytes are zero, which OTLP forbids.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let id: [u8; 8] = bytes.try_into().ok()?;
        (id != [0; 8]).then_some(Self(id))
    }

    /// As the store keeps it.
    pub(crate) fn number(self) -> i64 {
        i64::from_be_bytes(self.0)
    }

    /// Up to 16 hexadecimal digits of any case.
    pub fn parse(text: &str) -> Option<Self> {
        from_hex::<8>(text).map(Self)
    }
}

/// Pads with zeros in front. `None` for nothing, for what is too long, is no digit, or is zero.
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_sound = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_sound || text.len() > 2 * N {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?;
    let bytes = number.to_be_bytes();
    let id: [u8; N] = bytes.get(16 - N..)?.try_into().ok()?;
    (id != [0; N]).then_some(id)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes all that is written.
        write!(text, "{byte:02x}").ok();
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_are_padded_and_wrong_ones_refused() {
        let id = TraceId::parse("00c0FFee").map(|id| id.to_string());
        assert_eq!(id.as_deref(), Some("00000000000000000000000000c0ffee"));
        for wrong in ["", "0", "xyz", "+1", "000000000000000000000000000000001"] {
            assert_eq!(TraceId::parse(wrong), None, "{wrong}");
        }
        assert_eq!(SpanId::from_slice(&[1; 7]), None);
        assert_eq!(SpanId::from_slice(&[0; 8]), None);
    }
}
