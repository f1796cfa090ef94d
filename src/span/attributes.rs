//! Attributes on their way to a span.

use std::borrow::Cow;

use opentelemetry::{Array, Key, KeyValue, StringValue};
use smallvec::SmallVec;

use crate::{
    semconv::{Name, Sink},
    value::Value,
};

/// How many attributes a span has room for without growing: those that the conventions set by default, and some.
pub(super) const ROOM: usize = 16;

/// Attributes on their way to a span. Conventions set each key once; a hook's value replaces what is there.
///
/// They live on the stack and are too large to move: pass them by reference.
#[derive(Debug, Default)]
pub(crate) struct Attributes(pub(super) SmallVec<[KeyValue; ROOM]>);

impl Attributes {
    /// Sets a value, in place of an earlier one of this key.
    pub(crate) fn replace(&mut self, key: Cow<'static, str>, value: Value<'_>) {
        let value = to_otel(value);
        match self.0.iter_mut().find(|kept| kept.key.as_str() == key) {
            Some(kept) => kept.value = value,
            None => self.0.push(KeyValue::new(Key::from(key), value)),
        }
    }

    /// Adds those of other keys than these, and leaves none behind.
    pub(crate) fn fill(&mut self, others: &mut Self) {
        for other in others.0.drain(..) {
            if !self.0.iter().any(|kept| kept.key == other.key) {
                self.0.push(other);
            }
        }
    }

    pub(crate) fn remove(&mut self, keys: &[Key]) {
        self.0.retain(|attribute| !keys.contains(&attribute.key));
    }

    pub(crate) fn retain(&mut self, keeps: impl Fn(&str) -> bool) {
        self.0.retain(|attribute| keeps(attribute.key.as_str()));
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        let keys = self.0.iter().map(|attribute| attribute.key.clone());
        keys.collect()
    }

    /// For a span that is about to start: on the heap, where the span takes them over with room for more.
    pub(crate) fn roomy() -> Self {
        Self(SmallVec::from_vec(Vec::with_capacity(ROOM + 1)))
    }

    /// Hands them over, if they were [`roomy`](Self::roomy) without a copy.
    pub(crate) fn take(&mut self) -> Vec<KeyValue> {
        std::mem::take(&mut self.0).into_vec()
    }
}

impl Sink for Attributes {
    #[inline]
    fn set<'v>(&mut self, name: impl Into<Name>, value: impl Into<Value<'v>>) {
        let key = match name.into() {
            Name::Static(name) => Key::from_static_str(name),
            Name::Shared(name) => Key::from(name),
        };
        self.0.push(KeyValue::new(key, to_otel(value.into())));
    }
}

#[inline]
pub(crate) fn to_otel(value: Value<'_>) -> opentelemetry::Value {
    match value {
        Value::Str(text) => opentelemetry::Value::String(StringValue::from(text.to_owned())),
        Value::Static(text) => opentelemetry::Value::String(StringValue::from(text)),
        Value::Shared(text) => opentelemetry::Value::String(StringValue::from(text)),
        Value::Owned(text) => opentelemetry::Value::String(StringValue::from(text)),
        Value::I64(number) => opentelemetry::Value::I64(number),
        Value::F64(number) => opentelemetry::Value::F64(number),
        Value::Bool(flag) => opentelemetry::Value::Bool(flag),
        Value::Strs(texts) => opentelemetry::Value::Array(Array::String(
            texts.into_iter().map(StringValue::from).collect(),
        )),
    }
}
