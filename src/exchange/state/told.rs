//! What a span and hooks are told of the phases of their exchange.

use std::{
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use http::StatusCode;
use opentelemetry::Key;

use super::{
    Begun, State,
    held::{Held, Hold},
};
use crate::{
    captured::Headers,
    config::Side,
    conventions::{self, Ended},
    exchange::Begin,
    guard::guarded,
    head::{RequestHead, ResponseHead},
    outcome::{End, Ending, Outcome, Verdict},
    protocol::Protocol,
    semconv::{self, Sink, method::Method, names},
    span::Attributes,
    value::Value,
};

/// What telling needs besides.
#[derive(Debug)]
pub(in crate::exchange) struct Told {
    pub(super) method: Method,
    /// When it began, where that is recorded.
    pub(super) wall: SystemTime,
    pub(super) deadline: Option<Duration>,
    pub(super) listed: Option<Arc<Headers>>,
    pub(super) hold: Hold,
}

impl Told {
    /// `fixed`: what the span has already and keeps.
    pub(in crate::exchange) fn new(
        begin: &mut Begin<'_>,
        wall: SystemTime,
        is_recorded: bool,
        fixed: Vec<Key>,
    ) -> Self {
        Self {
            method: begin.method.clone(),
            wall,
            deadline: begin.deadline,
            listed: begin.listed.take(),
            hold: match is_recorded && begin.side.common().has_hooks() {
                true => Held::with(fixed),
                false => Hold::new(),
            },
        }
    }
}

impl State<'_> {
    /// The attributes of the request are made; its hook sees them before anyone else does.
    pub(in crate::exchange) fn request(self, head: &RequestHead<'_>, attributes: &mut Attributes) {
        self.unhold(attributes);
        if let Some(hook) = &self.begun.side.common().on_request {
            guarded(|| hook(head, &mut self.span_mut(attributes)));
        }
        self.set(attributes);
    }

    // The untold are many: theirs are short functions.
    #[inline(never)]
    pub(super) fn tell_head(self, told: &Told, head: &ResponseHead<'_>) {
        let Begun {
            span,
            side,
            protocol,
            ..
        } = self.begun;
        let mut attributes = Attributes::default();
        if span.recording {
            let listed = told.listed.as_deref();
            conventions::response(*protocol, side, head, listed, &mut attributes);
        }
        self.unhold(&mut attributes);
        if let Some(hook) = &side.common().on_response {
            guarded(|| hook(head, &mut self.span_mut(&mut attributes)));
        }
        self.set(&mut attributes);
    }

    #[inline(never)]
    pub(super) fn tell_end(self, told: &Told, duration: Duration, ended: &Ended<'_>, end: End<'_>) {
        let Begun {
            span,
            side,
            protocol,
            ..
        } = self.begun;
        let ending = end.ending();
        let mut attributes = Attributes::default();
        if span.recording {
            let is_late = told.deadline.is_some_and(|deadline| duration >= deadline);
            conventions::ended(*protocol, side, &end, is_late, &mut attributes);
        }
        let mut verdict = conventions::verdict(*protocol, side, ended, end, &mut attributes);
        self.course.remarks.overrule(&mut verdict);
        if span.recording {
            self.describe_end(told, ended.status, ending, &verdict, &mut attributes);
        }
        self.unhold(&mut attributes);
        if let Some(hook) = &side.common().on_end {
            let outcome = Outcome {
                ending,
                status: ended.status,
                error_type: verdict.error_type.as_deref(),
                duration,
                body_size: self.course.progress.size(),
            };
            guarded(|| hook(&outcome, &mut self.span_mut(&mut attributes)));
            self.course.remarks.overrule(&mut verdict);
        }
        self.measure(ended, duration, &verdict);
        if !span.recording {
            return;
        }
        if let Some(error_type) = verdict.error_type {
            attributes.replace(names::ERROR_TYPE.into(), error_type.into());
            span.fail(verdict.description);
        }
        if let Some(held) = told.hold.get() {
            attributes.remove(&held.lock().unwrap_or_else(PoisonError::into_inner).fixed);
        }
        span.set(&mut attributes);
        span.end(told.wall + duration);
    }

    /// What only the end knows. The route is written here, once, because until here a handler may name it.
    fn describe_end(
        self,
        told: &Told,
        status: Option<StatusCode>,
        ending: Ending,
        verdict: &Verdict,
        attributes: &mut Attributes,
    ) {
        let Begun {
            span,
            side,
            protocol,
            ..
        } = self.begun;
        if let Some(status) = status
            && *protocol == Protocol::Http
        {
            attributes.set(names::HTTP_RESPONSE_STATUS_CODE, status.as_u16());
        }
        if let Some(route) = self.course.routes.latest()
            && *protocol == Protocol::Http
        {
            if self.course.routes.is_late() {
                span.rename(semconv::server::name(&told.method, Some(route)));
            }
            attributes.set(names::HTTP_ROUTE, route);
        }
        // A client that reads no further than a failing status has been told by that.
        let is_told = matches!((side, protocol), (Side::Client(_), Protocol::Http))
            && verdict.error_type.is_some();
        if let Some(mark) = ending.mark().filter(|_| !is_told) {
            attributes.set(names::ENDING, Value::Static(mark));
        }
        if side.common().body_sizes && *protocol == Protocol::Http {
            let size = i64::try_from(self.course.progress.size()).unwrap_or(i64::MAX);
            attributes.set(names::HTTP_RESPONSE_BODY_SIZE, size);
        }
    }
}
