//! OpenTelemetry's carriers over our heads and over header maps, for propagators that are not ours.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};

use crate::head::RequestHead;

/// Reads a request's head.
pub(crate) struct HeadCarrier<'a, 'h>(&'a RequestHead<'h>);

/// Writes into the headers of a request. A value that no header can hold is left out.
pub(crate) struct HeadersCarrier<'a>(&'a mut HeaderMap);

impl<'a, 'h> HeadCarrier<'a, 'h> {
    pub(crate) fn new(head: &'a RequestHead<'h>) -> Self {
        Self(head)
    }
}

impl<'a> HeadersCarrier<'a> {
    pub(crate) fn new(headers: &'a mut HeaderMap) -> Self {
        Self(headers)
    }
}

impl Extractor for HeadCarrier<'_, '_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.header(key)
    }

    fn keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        self.0.headers().each(&mut |name, _| {
            if keys.last() != Some(&name) {
                keys.push(name);
            }
        });
        keys
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let name = HeaderName::from_bytes(key.as_bytes()).ok()?;
        let mut values = Vec::new();
        self.0.headers().all(&name, &mut |value| {
            values.extend(std::str::from_utf8(value).ok());
        });
        (!values.is_empty()).then_some(values)
    }
}

impl Injector for HeadersCarrier<'_> {
    fn set(&mut self, key: &str, value: String) {
        if value.is_empty() {
            return;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(key.as_bytes()),
            HeaderValue::try_from(value),
        ) {
            self.0.insert(name, value);
        }
    }

    fn reserve(&mut self, additional: usize) {
        self.0.reserve(additional);
    }
}
