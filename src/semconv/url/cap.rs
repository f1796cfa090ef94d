//! The cap on text that a peer controls.

/// A text that takes what fits into [`MAX_TEXT`] and, once something was cut, nothing more.
pub(super) struct Capped {
    pub(super) text: String,
    pub(super) full: bool,
}

/// Cuts text that a peer controls at [`MAX_TEXT`] bytes, at a character boundary.
///
/// Redact first, cut then. [`Redaction`](super::Redaction) has done both.
pub(crate) fn capped(text: &str) -> &str {
    prefix(text, MAX_TEXT)
}

impl Capped {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        let text = String::with_capacity(bytes.min(MAX_TEXT));
        Self { text, full: false }
    }

    pub(super) fn push(&mut self, text: &str) {
        if !self.full {
            let fitting = prefix(text, MAX_TEXT - self.text.len());
            self.text.push_str(fitting);
            self.full = fitting.len() < text.len();
        }
    }
}

/// The longest start of `text` that has at most `max` bytes and ends between two characters.
pub(crate) fn prefix(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The most bytes that one text of a peer's (a path, a query, a URL, a header) may have in a span.
///
/// hyper takes URLs of up to 65,534 bytes; collectors cut or refuse attributes long before that.
pub(super) const MAX_TEXT: usize = 4_096;
