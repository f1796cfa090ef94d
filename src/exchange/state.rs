//! An exchange that someone watches, and what each of its phases makes of it.

mod held;
mod measure;
mod told;

use std::{borrow::Cow, sync::Arc, time::Instant};

use opentelemetry::Context;

pub(super) use self::told::Told;
use super::{course::Course, progress::Progress};
use crate::{
    axum_extensions::Matched,
    config::Side,
    conventions::{self, Ended},
    head::ResponseHead,
    outcome::End,
    protocol::Protocol,
    semconv::Nowhere,
    span::Started,
    value::Value,
};

/// What is known of an exchange: from its begin, and since. The request's own extension leads to it, so that a route can be
/// named late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State<'a> {
    begun: &'a Begun,
    course: &'a Course,
}

/// What an exchange is from its begin on.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) span: Started,
    pub(super) side: Side,
    pub(super) protocol: Protocol,
    pub(super) time: Instant,
}

impl<'a> State<'a> {
    pub(super) fn new(begun: &'a Begun, course: &'a Course) -> Self {
        Self { begun, course }
    }

    pub(crate) fn context(self) -> &'a Context {
        &self.begun.span.context
    }

    pub(super) fn span(self) -> &'a Started {
        &self.begun.span
    }

    pub(super) fn side(self) -> &'a Side {
        &self.begun.side
    }

    pub(crate) fn is_server(self) -> bool {
        matches!(self.begun.side, Side::Server(_))
    }

    pub(crate) fn is_told(self) -> bool {
        self.course.told.is_some()
    }

    pub(crate) fn is_measured(self) -> bool {
        self.course.measured.is_some()
    }

    /// Whether it is the current one of the task that serves it, and neither a span has to say its route nor a metric waits
    /// for one.
    pub(crate) fn is_found_by_its_task(self) -> bool {
        let has_none = self.begun.protocol != Protocol::Http && !self.is_told();
        self.is_measured()
            && !self.begun.span.recording
            && (self.course.routes.is_matched() || has_none)
    }

    pub(super) fn is_live(self) -> bool {
        self.course.is_live()
    }

    pub(super) fn progress(self) -> &'a Progress {
        &self.course.progress
    }

    /// How long the body is by its head or by itself. A gRPC answer has its verdict behind the body.
    pub(super) fn declare(self, size: impl FnOnce() -> Option<u64>) {
        if self.begun.protocol == Protocol::Http
            && let Some(size) = size()
        {
            self.course.progress.declare(size);
        }
    }

    pub(crate) fn match_route(self, route: &Matched) {
        self.course.routes.find(route);
    }

    pub(crate) fn name_route(self, route: Arc<str>) {
        self.course.routes.name(route);
    }

    /// Adds an attribute to what is measured, if it is.
    pub(crate) fn label(self, name: Cow<'static, str>, value: Value<'_>) {
        if self.is_measured() {
            self.course.remarks.label(name, value);
        }
    }

    pub(super) fn head(self, head: &ResponseHead<'_>) {
        let Begun {
            span,
            side,
            protocol,
            ..
        } = self.begun;
        self.course.progress.head(head.status());
        if let Some(early) = conventions::early_status(*protocol, head, span.recording) {
            let _first = self.course.early.set(early);
        }
        if let (Side::Client(_), Some(measured)) = (side, &self.course.measured) {
            measured.answered(head);
        }
        if let Some(told) = &self.course.told {
            self.tell_head(told, head);
        }
    }

    pub(super) fn end(self, end: End<'_>) {
        if !self.course.end() {
            return;
        }
        let duration = self.begun.time.elapsed();
        let ended = Ended {
            status: self.course.progress.status(),
            early: self.course.early.get(),
            is_recorded: self.begun.span.recording,
        };
        match &self.course.told {
            Some(told) => self.tell_end(told, duration, &ended, end),
            None => {
                let Begun { side, protocol, .. } = self.begun;
                let mut verdict = conventions::verdict(*protocol, side, &ended, end, &mut Nowhere);
                self.course.remarks.overrule(&mut verdict);
                self.measure(&ended, duration, &verdict);
            }
        }
    }
}
