//! Header lists read from their right end, and the quoted strings of RFC 7239.

use std::borrow::Cow;

/// The last [`MAX_ELEMENTS`] elements of a list that is spread over any number of header lines, and its first.
#[derive(Debug)]
pub(super) struct List<'a> {
    first: &'a [u8],
    ring: [&'a [u8]; MAX_ELEMENTS],
    seen: usize,
}

/// An element of a [`List`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    /// 0 is the last element.
    FromRight(usize),
}

impl<'a> List<'a> {
    /// Elements separated by commas and nothing else: `X-Forwarded-*`.
    pub(super) fn plain(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut list = Self::default();
        for element in lines.flat_map(|line| line.split(|byte| *byte == b',')) {
            list.push(element);
        }
        list
    }

    /// Elements of `Forwarded` (RFC 7239 §4), where a quoted string may hold commas.
    ///
    /// A line with an open quote becomes one element that says nothing, and hides all that is left of it. A client could
    /// otherwise open a quote that swallows what the proxy appends, and have its own element be the last.
    pub(super) fn quoted(lines: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut list = Self::default();
        for line in lines {
            if !split_unquoted(line, b',', |element| list.push(element)) {
                list.seen = 0;
                list.push(UNREADABLE);
            }
        }
        list
    }

    pub(super) fn get(&self, place: Place) -> Option<&'a [u8]> {
        match place {
            Place::First => (self.seen > 0).then_some(self.first),
            Place::FromRight(distance) if distance < self.len() => self
                .ring
                .get((self.seen - 1 - distance) % MAX_ELEMENTS)
                .copied(),
            Place::FromRight(_) => None,
        }
    }

    /// The element at `place`, else the only one: for lists that one proxy of several may have written.
    pub(super) fn get_or_only(&self, place: Place) -> Option<&'a [u8]> {
        self.get(if self.seen == 1 { Place::First } else { place })
    }

    /// How many elements can be reached from the right.
    pub(super) fn len(&self) -> usize {
        self.seen.min(MAX_ELEMENTS)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen == 0
    }

    /// Empty elements do not count (RFC 9110 §5.6.1.2).
    fn push(&mut self, element: &'a [u8]) {
        let element = element.trim_ascii();
        if element.is_empty() {
            return;
        }
        if self.seen == 0 {
            self.first = element;
        }
        if let Some(slot) = self.ring.get_mut(self.seen % MAX_ELEMENTS) {
            *slot = element;
        }
        self.seen += 1;
    }
}

impl Default for List<'_> {
    fn default() -> Self {
        Self {
            first: &[],
            ring: [&[]; MAX_ELEMENTS],
            seen: 0,
        }
    }
}

/// The value of a parameter in an element of `Forwarded`: `name` is compared without case, quotes and escapes are undone.
pub(super) fn parameter<'a>(element: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    let mut found = None;
    let well_formed = split_unquoted(element, b';', |pair| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let (key, value) = (halves.next().unwrap_or_default(), halves.next());
        if found.is_none() && key.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) {
            found = value;
        }
    });
    let value = found.filter(|_| well_formed)?.trim_ascii();
    match value {
        [b'"', inner @ .., b'"'] => unescape(str::from_utf8(inner).ok()?),
        token => str::from_utf8(token).ok().map(Cow::Borrowed),
    }
}

/// Calls `each` for the parts of `text` between separators outside of quoted strings (RFC 9110 §5.6.4); false if the
/// last of these is not closed.
fn split_unquoted<'a>(text: &'a [u8], separator: u8, mut each: impl FnMut(&'a [u8])) -> bool {
    let (mut quoted, mut escaped, mut start) = (false, false, 0);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => {
                each(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    each(text.get(start..).unwrap_or_default());
    !quoted
}

/// Undoes `\x` (RFC 9110 §5.6.4).
fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(char) = rest.next() {
        out.push(if char == '\\' { rest.next()? } else { char });
    }
    Some(Cow::Owned(out))
}

/// Lists are longer than this only when somebody plays with us. A power of two.
pub(super) const MAX_ELEMENTS: usize = 32;

/// Has no parameter, and is no address.
const UNREADABLE: &[u8] = b"?";
