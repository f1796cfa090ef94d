//! What a handler or a hook adds to the measurements of its exchange.

use std::{
    borrow::Cow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use opentelemetry::{Key, KeyValue};

use crate::{semconv::measure::OTHER, value::Value};

/// Attributes of the user's own, in the order of their names: the same labels are the same series, however they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Labels(Vec<Label>);

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) name: Cow<'static, str>,
    pub(super) value: Kept,
}

#[derive(Clone, Debug)]
pub(super) enum Kept {
    Static(&'static str),
    Shared(Arc<str>),
    Number(i64),
    Flag(bool),
}

/// An exchange has no more labels than this; further ones are left out.
const MOST: usize = 8;

impl Labels {
    /// Sets a label, in place of an earlier one of this name. A name or value that no label can have changes nothing.
    pub(crate) fn set(&mut self, name: Cow<'static, str>, value: Value<'_>) {
        if name.is_empty() {
            return;
        }
        let value = match value {
            Value::Str(text) => Kept::Shared(text.into()),
            Value::Static(text) => Kept::Static(text),
            Value::Shared(text) => Kept::Shared(text),
            Value::Owned(text) => Kept::Shared(text.into()),
            Value::I64(number) => Kept::Number(number),
            Value::Bool(flag) => Kept::Flag(flag),
            Value::F64(_) | Value::Strs(_) => return,
        };
        match self.0.binary_search_by(|label| label.name.cmp(&name)) {
            Ok(at) => {
                if let Some(label) = self.0.get_mut(at) {
                    label.value = value;
                }
            }
            Err(at) if self.0.len() < MOST => self.0.insert(at, Label { name, value }),
            Err(_) => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets them, and keeps their room.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Keeps what `keep` says, which may change the values.
    pub(super) fn retain(&mut self, keep: impl FnMut(&mut Label) -> bool) {
        self.0.retain_mut(keep);
    }
}

impl Label {
    pub(super) fn key_value(&self) -> KeyValue {
        let key = match &self.name {
            Cow::Borrowed(name) => Key::from_static_str(name),
            Cow::Owned(name) => Key::from(name.clone()),
        };
        match &self.value {
            Kept::Static(text) => KeyValue::new(key, *text),
            Kept::Shared(text) => KeyValue::new(key, Arc::clone(text)),
            Kept::Number(number) => KeyValue::new(key, *number),
            Kept::Flag(flag) => KeyValue::new(key, *flag),
        }
    }
}

impl Kept {
    /// Stands for a value that there is no room for, where it can: a number is left out.
    pub(super) fn fold(&mut self) -> bool {
        let is_text = matches!(self, Self::Static(_) | Self::Shared(_));
        *self = Self::Static(OTHER);
        is_text
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Static(text) => Some(text),
            Self::Shared(text) => Some(text),
            Self::Number(_) | Self::Flag(_) => None,
        }
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(number), Self::Number(other)) => number == other,
            (Self::Flag(flag), Self::Flag(other)) => flag == other,
            _ => self.text().is_some() && self.text() == other.text(),
        }
    }
}

impl Hash for Kept {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Static(text) => text.hash(state),
            Self::Shared(text) => text.hash(state),
            Self::Number(number) => number.hash(state),
            Self::Flag(flag) => flag.hash(state),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_in_order_once_and_not_without_end() {
        let mut labels = Labels::default();
        labels.set("b".into(), Value::Static("1"));
        labels.set("a".into(), Value::I64(2));
        labels.set("b".into(), Value::Bool(true));
        labels.set("c".into(), Value::F64(0.5));
        // Prometheus would refuse the whole page.
        labels.set("".into(), Value::I64(1));
        let seen: Vec<_> = labels.iter().map(Label::key_value).collect();
        assert_eq!(seen, [KeyValue::new("a", 2), KeyValue::new("b", true)]);
        for number in 0..100 {
            labels.set(format!("n{number}").into(), Value::I64(number));
        }
        assert_eq!(labels.iter().count(), MOST);
    }
}
