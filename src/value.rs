//! Attribute values: our own type, so that no other crate's version is part of a user's code.

use std::{borrow::Cow, sync::Arc};

/// The value of a span attribute.
///
/// Text comes borrowed, static or shared; only borrowed text is copied when a span records it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Borrowed text, copied when it is recorded.
    Str(&'a str),
    /// Text of the program itself, never copied.
    Static(&'static str),
    /// Text that several attributes share, never copied.
    Shared(Arc<str>),
    /// Text that is handed over.
    Owned(String),
    /// A whole number.
    I64(i64),
    /// A fractional number.
    F64(f64),
    /// A flag.
    Bool(bool),
    /// Several texts, in order.
    Strs(Vec<String>),
}

impl Value<'_> {
    /// The text, if it is one.
    pub(crate) fn into_text(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Str(text) => Some(text.to_owned().into()),
            Self::Static(text) => Some(text.into()),
            Self::Shared(text) => Some(text.to_string().into()),
            Self::Owned(text) => Some(text.into()),
            Self::I64(_) | Self::F64(_) | Self::Bool(_) | Self::Strs(_) => None,
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

impl From<Arc<str>> for Value<'_> {
    fn from(value: Arc<str>) -> Self {
        Self::Shared(value)
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Owned(value)
    }
}

impl From<Cow<'static, str>> for Value<'_> {
    fn from(value: Cow<'static, str>) -> Self {
        match value {
            Cow::Borrowed(text) => Self::Static(text),
            Cow::Owned(text) => Self::Owned(text),
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<u16> for Value<'_> {
    fn from(value: u16) -> Self {
        Self::I64(value.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::I64(value.into())
    }
}

impl From<u64> for Value<'_> {
    /// What is too large for the protocol's signed number becomes the largest one.
    fn from(value: u64) -> Self {
        Self::I64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value<'_> {
    /// What is too large for the protocol's signed number becomes the largest one.
    fn from(value: usize) -> Self {
        Self::I64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::I64(value.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Vec<String>> for Value<'_> {
    fn from(value: Vec<String>) -> Self {
        Self::Strs(value)
    }
}
