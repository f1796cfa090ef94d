//! What a hook may do to a span.

use std::{borrow::Cow, fmt::Display};

use crate::{
    outcome::Failure,
    remarks::{Override, Remarks},
    semconv::names,
    span::{Attributes, SpanIds, Started, exception},
    value::Value,
};

/// The span of an exchange, in the hands of a hook, or of a handler by [`request_span`](crate::request_span).
///
/// What a hook sets wins over what the layer sets, before or after it, and over what an earlier hook set: each key comes
/// once. Only the attributes of the request stay as they are where a sampler has seen them, as OpenTelemetry's global
/// provider may: see [`otel::Pipeline::sampler_reads_parent_only`](crate::otel::Pipeline::sampler_reads_parent_only).
/// Setting `error.type` is [`set_error`](Self::set_error). A span that is not recorded takes nothing.
#[derive(Debug)]
pub struct SpanMut<'a> {
    span: &'a Started,
    attributes: &'a mut Attributes,
    remarks: &'a Remarks,
    is_measured: bool,
}

impl<'a> SpanMut<'a> {
    pub(crate) fn new(
        span: &'a Started,
        attributes: &'a mut Attributes,
        remarks: &'a Remarks,
        is_measured: bool,
    ) -> Self {
        Self {
            span,
            attributes,
            remarks,
            is_measured,
        }
    }

    /// Whether the span is recorded. If not, there is no need to work out values.
    pub fn is_recording(&self) -> bool {
        self.span.recording
    }

    /// The ids of the span.
    pub fn ids(&self) -> SpanIds {
        self.span.ids()
    }

    /// Sets an attribute, in place of another value of this key.
    pub fn set<'v>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        if key == names::ERROR_TYPE {
            return match value.into_text() {
                Some(error_type) => self.set_error(error_type),
                None => self,
            };
        }
        if self.span.recording {
            self.attributes.replace(key, value);
        }
        self
    }

    /// Adds an attribute to the request's metrics, not to the span, in place of another value of this key. It is there for
    /// spans that are not recorded too. [`label`](crate::label) says which values are good ones.
    pub fn label<'v>(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Value<'v>>,
    ) -> &mut Self {
        if self.is_measured {
            self.remarks.label(key.into(), value.into());
        }
        self
    }

    /// Renames the span. The last name stays; a route that is found later renames it once more.
    pub fn set_name(&mut self, name: impl Into<Cow<'static, str>>) -> &mut Self {
        if self.span.recording {
            self.span.rename(name.into());
        }
        self
    }

    /// Adds an event that happens now.
    pub fn add_event(&mut self, name: impl Into<Cow<'static, str>>) -> &mut Self {
        if self.span.recording {
            self.span.event(name.into());
        }
        self
    }

    /// Has the exchange end as an error whatever its status says, with this `error.type`: a word of few values.
    pub fn set_error(&mut self, error_type: impl Into<Cow<'static, str>>) -> &mut Self {
        self.decide(Override::Error(error_type.into(), None))
    }

    /// Has the exchange end as an error whatever its status says, and tells which: `error.type` is found by what the error
    /// is (its type, or what broke), the status description is its text, URLs redacted, and the event `exception` has both. A
    /// message that must not leave the service is [`set_error`](Self::set_error)'s case, which tells no text.
    pub fn record_error<E: Display + 'static>(&mut self, error: &E) -> &mut Self {
        let Failure {
            error_type,
            message,
            ..
        } = exception::record(&self.span.context, error);
        self.decide(Override::Error(error_type, Some(message.into())))
    }

    /// Has the exchange end as no error: a `404` that was to be expected, say.
    pub fn clear_error(&mut self) -> &mut Self {
        self.decide(Override::NoError)
    }

    fn decide(&mut self, verdict: Override) -> &mut Self {
        self.remarks.decide(verdict);
        self
    }
}
