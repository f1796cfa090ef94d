//! What is known of an exchange that someone watches, and what each of its phases makes of it.

mod held;
mod measure;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;
use opentelemetry::{Context, Key};

use self::held::Held;
use super::{
    Begin,
    clock::Clock,
    measured::{self, Measured},
    progress::Progress,
    routes::Routes,
};
use crate::{
    axum_extensions::Matched,
    captured::Headers,
    config::Side,
    conventions::{self, Ended},
    guard::guarded,
    head::{RequestHead, ResponseHead},
    outcome::{End, Ending, Outcome, Verdict},
    protocol::Protocol,
    semconv::{self, Nowhere, Sink, method::Method, names, rpc::Status},
    span::{Attributes, Started},
    span_mut::{Override, SpanMut},
    value::Value,
};

/// What is known of an exchange. The request's own extension shares it, so that a route can be named late.
#[derive(Debug)]
pub(crate) struct State {
    span: Started,
    /// Whether a span or a hook is told of the phases. Else it is live for its end alone.
    is_told: bool,
    side: Side,
    protocol: Protocol,
    method: Method,
    clock: Clock,
    route: Routes,
    progress: Progress,
    ended: AtomicBool,
    verdict: Mutex<Option<Override>>,
    held: OnceLock<Box<Mutex<Held>>>,
    early: OnceLock<Status>,
    deadline: Option<Duration>,
    measured: Option<Measured>,
    listed: Option<Arc<Headers>>,
}

impl State {
    /// The exchange that a span has started.
    #[inline(always)]
    pub(super) fn new(begin: Begin<'_>, clock: Clock, span: Started, fixed: Vec<Key>) -> Self {
        let has_hooks = begin.side.common().has_hooks();
        let active = begin
            .measured
            .as_ref()
            .and_then(|asked| measured::start(asked, &begin.side, begin.protocol));
        let route = Routes::new(begin.route.cloned());
        let progress = Progress::to(begin.head.method());
        let held = Held::cell(fixed, has_hooks && span.recording);
        Self {
            route,
            progress,
            held,
            is_told: span.recording || has_hooks,
            span,
            side: begin.side,
            protocol: begin.protocol,
            method: begin.method,
            clock,
            ended: AtomicBool::new(false),
            verdict: Mutex::new(None),
            early: OnceLock::new(),
            deadline: begin.deadline,
            measured: begin.measured.map(|asked| Measured::new(asked, active)),
            listed: begin.listed,
        }
    }

    /// The attributes of the request are made; its hook sees them before anyone else does.
    pub(super) fn request(&self, head: &RequestHead<'_>, attributes: &mut Attributes) {
        self.unhold(attributes);
        if let Some(hook) = &self.side.common().on_request {
            guarded(|| hook(head, &mut self.span_mut(attributes)));
        }
        self.set(attributes);
    }

    pub(crate) fn context(&self) -> &Context {
        &self.span.context
    }

    pub(super) fn span(&self) -> &Started {
        &self.span
    }

    pub(super) fn side(&self) -> &Side {
        &self.side
    }

    pub(crate) fn is_server(&self) -> bool {
        matches!(self.side, Side::Server(_))
    }

    pub(crate) fn is_told(&self) -> bool {
        self.is_told
    }

    pub(crate) fn is_measured(&self) -> bool {
        self.measured.is_some()
    }

    /// Whether it is the current one of the task that serves it, and neither a span has to say its route nor a metric waits
    /// for one.
    pub(crate) fn is_found_by_its_task(&self) -> bool {
        let has_none = self.protocol != Protocol::Http && !self.is_told;
        self.is_measured() && !self.span.recording && (self.route.is_matched() || has_none)
    }

    pub(super) fn is_live(&self) -> bool {
        !self.ended.load(Relaxed)
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// How long the body is by its head or by itself. A gRPC answer has its verdict behind the body.
    pub(super) fn declare(&self, size: impl FnOnce() -> Option<u64>) {
        if self.protocol == Protocol::Http
            && let Some(size) = size()
        {
            self.progress.declare(size);
        }
    }

    pub(crate) fn match_route(&self, route: &Matched) {
        self.route.find(route);
    }

    pub(crate) fn name_route(&self, route: Arc<str>) {
        self.route.name(route);
    }

    pub(super) fn head(&self, head: &ResponseHead<'_>) {
        self.progress.head(head.status());
        if let Some(early) = conventions::early_status(self.protocol, head, self.span.recording) {
            let _first = self.early.set(early);
        }
        if let (Side::Client(_), Some(measured)) = (&self.side, &self.measured) {
            measured.answered(head);
        }
        if !self.is_told {
            return;
        }
        let mut attributes = Attributes::default();
        if self.span.recording {
            let listed = self.listed.as_deref();
            conventions::response(self.protocol, &self.side, head, listed, &mut attributes);
        }
        self.unhold(&mut attributes);
        if let Some(hook) = &self.side.common().on_response {
            guarded(|| hook(head, &mut self.span_mut(&mut attributes)));
        }
        self.set(&mut attributes);
    }

    pub(super) fn end(&self, end: End<'_>) {
        if self.ended.swap(true, Relaxed) {
            return;
        }
        let duration = self.clock.monotonic.elapsed();
        let ended = Ended {
            status: self.progress.status(),
            early: self.early.get(),
            is_late: self.deadline.is_some_and(|deadline| duration >= deadline),
            is_recorded: self.span.recording,
            end,
        };
        if self.is_told {
            self.tell_end(duration, ended);
        } else {
            let status = ended.status;
            let verdict = conventions::verdict(self.protocol, &self.side, ended, &mut Nowhere);
            let verdict = self.overridden(verdict);
            self.measure(status, duration, &verdict);
        }
    }

    fn tell_end(&self, duration: Duration, ended: Ended<'_>) {
        let (status, ending) = (ended.status, ended.end.ending());
        let mut attributes = Attributes::default();
        let verdict = conventions::verdict(self.protocol, &self.side, ended, &mut attributes);
        let mut verdict = self.overridden(verdict);
        if self.span.recording {
            self.describe_end(status, ending, &verdict, &mut attributes);
        }
        self.unhold(&mut attributes);
        if let Some(hook) = &self.side.common().on_end {
            let outcome = Outcome {
                ending,
                status,
                error_type: verdict.error_type.as_deref(),
                duration,
                body_size: self.progress.size(),
            };
            guarded(|| hook(&outcome, &mut self.span_mut(&mut attributes)));
            verdict = self.overridden(verdict);
        }
        self.measure(status, duration, &verdict);
        if !self.span.recording {
            return;
        }
        if let Some(error_type) = verdict.error_type {
            attributes.replace(names::ERROR_TYPE.into(), error_type.into());
            self.span.fail(verdict.description);
        }
        if let Some(held) = self.held.get() {
            attributes.remove(&held.lock().unwrap_or_else(PoisonError::into_inner).fixed);
        }
        self.span.set(&mut attributes);
        self.span.end(self.clock.wall + duration);
    }

    /// What only the end knows. The route is written here, once, because until here a handler may name it.
    fn describe_end(
        &self,
        status: Option<StatusCode>,
        ending: Ending,
        verdict: &Verdict,
        attributes: &mut Attributes,
    ) {
        if let Some(status) = status
            && self.protocol == Protocol::Http
        {
            attributes.set(names::HTTP_RESPONSE_STATUS_CODE, status.as_u16());
        }
        if let Some(route) = self.route.latest()
            && self.protocol == Protocol::Http
        {
            if self.route.is_late() {
                self.span
                    .rename(semconv::server::name(&self.method, Some(route)));
            }
            attributes.set(names::HTTP_ROUTE, route);
        }
        // A client that reads no further than a failing status has been told by that.
        let is_told = matches!(
            (&self.side, self.protocol),
            (Side::Client(_), Protocol::Http)
        ) && verdict.error_type.is_some();
        if let Some(mark) = ending.mark().filter(|_| !is_told) {
            attributes.set(names::ENDING, Value::Static(mark));
        }
        if self.side.common().body_sizes && self.protocol == Protocol::Http {
            let size = i64::try_from(self.progress.size()).unwrap_or(i64::MAX);
            attributes.set(names::HTTP_RESPONSE_BODY_SIZE, size);
        }
    }

    fn overridden(&self, verdict: Verdict) -> Verdict {
        match &*self.verdict.lock().unwrap_or_else(PoisonError::into_inner) {
            None => verdict,
            Some(Override::NoError) => Verdict {
                code: verdict.code,
                ..Verdict::default()
            },
            Some(Override::Error(error_type, description)) => Verdict {
                error_type: Some(error_type.clone()),
                description: description.clone().unwrap_or(verdict.description),
                code: verdict.code,
            },
        }
    }

    fn span_mut<'a>(&'a self, attributes: &'a mut Attributes) -> SpanMut<'a> {
        let labels = self.measured.as_ref().map(Measured::labels);
        SpanMut::new(&self.span, attributes, &self.verdict, labels)
    }
}
