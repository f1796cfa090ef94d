//! What is known of an exchange that someone watches, and what each of its phases makes of it.

mod held;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;
use opentelemetry::Context;

pub(super) use self::held::Held;
use super::{Begin, clock::Clock};
use crate::{
    axum_extensions::Matched,
    captured::Headers,
    config::Side,
    conventions::{self, Ended},
    guard::guarded,
    head::ResponseHead,
    outcome::{End, Ending, Outcome, Verdict},
    protocol::Protocol,
    semconv::{self, Sink, method::Method, names, rpc::Status},
    span::{Attributes, Started},
    span_mut::{Override, SpanMut},
    value::Value,
};

/// What is known of an exchange. The request's own extension shares it, so that a route can be named late.
#[derive(Debug)]
pub(crate) struct State {
    span: Started,
    side: Side,
    protocol: Protocol,
    method: Method,
    clock: Clock,
    route: Routes,
    status: AtomicU16,
    body_size: AtomicU64,
    ended: AtomicBool,
    verdict: Mutex<Option<Override>>,
    held: OnceLock<Box<Mutex<Held>>>,
    early: OnceLock<Status>,
    deadline: Option<Duration>,
    listed: Option<Arc<Headers>>,
    /// What the request's method says of the response: `HEAD` has no body, `CONNECT` becomes a tunnel.
    is_head: bool,
    is_connect: bool,
    /// How many bytes the body says it has; [`UNKNOWN`] where it does not.
    expected: AtomicU64,
}

/// No body is this long.
const UNKNOWN: u64 = u64::MAX;

/// The route as the router matched it, and as a handler named it, which wins.
#[derive(Debug, Default)]
struct Routes {
    /// Known when the span got its name.
    matched: Option<Matched>,
    late: OnceLock<Matched>,
    named: OnceLock<Arc<str>>,
}

impl State {
    /// The exchange that a span has started. A request's hook sees it before anyone else does.
    pub(super) fn new(
        begin: Begin<'_>,
        clock: Clock,
        span: Started,
        held: Held,
        attributes: &mut Attributes,
    ) -> Self {
        let has_hooks = begin.side.common().has_hooks();
        let state = Self {
            route: Routes {
                matched: begin.route.cloned(),
                late: OnceLock::new(),
                named: OnceLock::new(),
            },
            held: Held::cell(held, has_hooks && span.recording),
            span,
            side: begin.side,
            protocol: begin.protocol,
            method: begin.method,
            clock,
            status: AtomicU16::new(0),
            body_size: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            verdict: Mutex::new(None),
            early: OnceLock::new(),
            deadline: begin.deadline,
            listed: begin.listed,
            is_head: begin.head.method() == "HEAD",
            is_connect: begin.head.method() == "CONNECT",
            expected: AtomicU64::new(UNKNOWN),
        };
        state.unhold(attributes);
        if let Some(hook) = &state.side.common().on_request {
            guarded(|| hook(begin.head, &mut state.span_mut(attributes)));
        }
        state.set(attributes);
        state
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

    pub(super) fn is_live(&self) -> bool {
        !self.ended.load(Relaxed)
    }

    /// Whether the connection becomes something else with this status.
    pub(super) fn is_upgrade(&self, status: StatusCode) -> bool {
        status == StatusCode::SWITCHING_PROTOCOLS || (self.is_connect && status.is_success())
    }

    /// How long the body is by its head or by itself. A gRPC answer has its verdict behind the body.
    pub(super) fn declare(&self, size: u64) {
        if self.protocol == Protocol::Http {
            self.expected.store(size, Relaxed);
        }
    }

    /// The body says how long it is. Answers whether there is none to come: nobody polls a body that is over or empty,
    /// or that the protocol has no room for.
    pub(super) fn expect(&self, size: Option<u64>, is_over: bool) -> bool {
        if let Some(size) = size {
            self.declare(size);
        }
        is_over
            || self.expected.load(Relaxed) == 0
            || self.is_head
            || matches!(self.status.load(Relaxed), 204 | 304)
    }

    /// A data frame passed. Answers whether it was the last one by the length that was expected: whoever sends a body of
    /// known length does not ask for more.
    pub(super) fn count(&self, bytes: usize) -> bool {
        // One writer: no need for an addition that is atomic as a whole.
        let sum = self.body_size.load(Relaxed).saturating_add(bytes as u64);
        self.body_size.store(sum, Relaxed);
        sum >= self.expected.load(Relaxed)
    }

    /// What a router found after the span had started. The first finding stays.
    pub(crate) fn match_route(&self, route: &Matched) {
        if self.route.matched.is_none() {
            let _first = self.route.late.set(route.clone());
        }
    }

    /// What a handler says its route is. The first word stays, and wins over what a router matched.
    pub(crate) fn name_route(&self, route: Arc<str>) {
        let _first = self.route.named.set(route);
    }

    pub(super) fn head(&self, head: &ResponseHead<'_>) {
        self.status.store(head.status().as_u16(), Relaxed);
        if let Some(early) = conventions::early_status(self.protocol, head) {
            let _first = self.early.set(early);
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
        let status = StatusCode::from_u16(self.status.load(Relaxed)).ok();
        let ending = end.ending();
        let mut attributes = Attributes::default();
        let ended = Ended {
            status,
            early: self.early.get().cloned(),
            is_late: self.deadline.is_some_and(|deadline| duration >= deadline),
            is_recorded: self.span.recording,
            end,
        };
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
                body_size: self.body_size.load(Relaxed),
            };
            guarded(|| hook(&outcome, &mut self.span_mut(&mut attributes)));
            verdict = self.overridden(verdict);
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
            let size = i64::try_from(self.body_size.load(Relaxed)).unwrap_or(i64::MAX);
            attributes.set(names::HTTP_RESPONSE_BODY_SIZE, size);
        }
    }

    fn overridden(&self, verdict: Verdict) -> Verdict {
        match &*self.verdict.lock().unwrap_or_else(PoisonError::into_inner) {
            None => verdict,
            Some(Override::NoError) => Verdict::default(),
            Some(Override::Error(error_type, description)) => {
                let description = description.clone().unwrap_or(verdict.description);
                Verdict::error(error_type.clone(), description)
            }
        }
    }

    fn span_mut<'a>(&'a self, attributes: &'a mut Attributes) -> SpanMut<'a> {
        SpanMut::new(&self.span, attributes, &self.verdict)
    }
}

impl Routes {
    fn latest(&self) -> Option<&str> {
        match self.named.get() {
            Some(named) => Some(named),
            None => self
                .matched
                .as_ref()
                .or_else(|| self.late.get())
                .map(Matched::as_str),
        }
    }

    fn is_late(&self) -> bool {
        self.named.get().is_some() || self.matched.is_none()
    }
}
