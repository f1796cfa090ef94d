//! One value that is born with a request, travels from future to body, and ends exactly once.
//!
//! It knows nothing of services, futures or bodies: whatever drives it enters its context, tells it the head of the
//! response, and ends it. Dropping it is the cancelled case.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderValue, StatusCode};
use opentelemetry::{
    Context, Key,
    trace::{SpanContext, TraceContextExt},
};

use crate::{
    axum_extensions::Matched,
    config::Side,
    conventions::{self, Ended},
    guard::guarded,
    head::{RequestHead, ResponseHead},
    outcome::{End, Ending, Outcome, Verdict},
    protocol::Protocol,
    semconv::{self, Sink, method::Method, names, rpc::Status},
    span::{Attributes, Start, Started},
    span_mut::{Override, SpanMut},
    telemetry::{Handle, SamplerReads},
    value::Value,
};

/// The owner of an exchange, or of none where the request is not traced. Whoever holds it last ends it.
#[derive(Debug, Default)]
pub(crate) struct Exchange(Option<Arc<State>>);

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
    held: Option<Box<Mutex<Held>>>,
    early: OnceLock<Status>,
    deadline: Option<Duration>,
    /// What the request's method says of the response: `HEAD` has no body, `CONNECT` becomes a tunnel.
    is_head: bool,
    is_connect: bool,
    /// How many bytes the body says it has; [`UNKNOWN`] where it does not.
    expected: AtomicU64,
}

/// No body is this long.
const UNKNOWN: u64 = u64::MAX;

/// How a request starts an exchange.
#[derive(Debug)]
pub(crate) struct Begin<'a> {
    pub(crate) side: Side,
    pub(crate) protocol: Protocol,
    pub(crate) method: Method,
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) route: Option<&'a Matched>,
    pub(crate) parent: &'a Context,
    pub(crate) link: Option<SpanContext>,
    /// How long the caller waits, where it says so.
    pub(crate) deadline: Option<Duration>,
}

/// The attributes of a recorded span that has hooks. They wait for its end, because a hook may replace what is there and
/// a span cannot.
#[derive(Debug, Default)]
struct Held {
    attributes: Attributes,
    /// What a sampler had to see is on the span already, and stays.
    fixed: Vec<Key>,
}

/// The route as the router matched it, and as a handler named it, which wins.
#[derive(Debug, Default)]
struct Routes {
    matched: OnceLock<Matched>,
    named: OnceLock<Arc<str>>,
    /// Whether it was known when the span got its name.
    in_name: bool,
}

/// The one reading of the clocks at the start. Durations are monotonic; the wall clock only says when.
#[derive(Clone, Copy, Debug)]
struct Clock {
    wall: SystemTime,
    monotonic: Instant,
}

/// Ends the exchange if the code it guards panics. The panic goes on.
struct OnPanic<'a> {
    state: &'a State,
    already: bool,
}

impl Exchange {
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Starts the span. `name` and `describe` are called only for a span that is recorded, or for a sampler that reads
    /// what they make.
    pub(crate) fn start(
        telemetry: &Handle,
        mut begin: Begin<'_>,
        name: impl FnOnce(&Begin<'_>) -> Cow<'static, str>,
        describe: impl FnOnce(&Begin<'_>, &mut Attributes),
    ) -> Self {
        let clock = Clock::now();
        let early = telemetry.sampler() == SamplerReads::Everything;
        let link = begin.link.take();
        let mut attributes = Attributes::default();
        let mut describe = Some(describe);
        let mut describe = |attributes: &mut Attributes| {
            if let Some(describe) = describe.take() {
                describe(&begin, attributes);
            }
        };
        if early {
            describe(&mut attributes);
        }
        let mut name = Some(name);
        let first_name = match name.take_if(|_| early || !refused(begin.parent)) {
            Some(name) => name(&begin),
            None => Cow::Borrowed("HTTP"),
        };
        // A hook may replace what the layer sets, so that waits.
        let has_hooks = begin.side.common().has_hooks();
        let mut held = Held::default();
        if early && has_hooks {
            held.fixed = attributes.keys();
        }
        let span = telemetry.start(Start {
            name: first_name,
            kind: begin.side.kind(),
            time: clock.wall,
            parent: begin.parent,
            link,
            attributes: early.then(|| attributes.take()),
            describe: (!has_hooks).then_some(&mut describe),
        });
        if span.recording {
            if let Some(name) = name {
                span.rename(name(&begin));
            }
            describe(&mut attributes);
        }

        let state = State {
            route: Routes {
                matched: begin
                    .route
                    .map(|route| OnceLock::from(route.clone()))
                    .unwrap_or_default(),
                named: OnceLock::new(),
                in_name: begin.route.is_some(),
            },
            held: (has_hooks && span.recording).then(|| Box::new(Mutex::new(held))),
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
            is_head: begin.head.method() == "HEAD",
            is_connect: begin.head.method() == "CONNECT",
            expected: AtomicU64::new(UNKNOWN),
        };
        state.unhold(&mut attributes);
        if let Some(hook) = &state.side.common().on_request {
            guarded(|| hook(begin.head, &mut state.span_mut(&mut attributes)));
        }
        state.set(&mut attributes);
        Self(Some(Arc::new(state)))
    }

    /// Runs a step of the exchange under its context. If the step panics, that is the end of the exchange.
    pub(crate) fn enter<T>(&self, step: impl FnOnce() -> T) -> T {
        let Some(state) = &self.0 else { return step() };
        let _panicked = OnPanic {
            state,
            already: thread::panicking(),
        };
        let _context = state.span.enter();
        step()
    }

    /// The head of the response is there. If the connection becomes something else with it, that is the end: the span
    /// covers the handshake.
    pub(crate) fn head(&mut self, head: &ResponseHead<'_>) {
        let Some(state) = &self.0 else { return };
        state.head(head);
        let status = head.status();
        if status == StatusCode::SWITCHING_PROTOCOLS || (state.is_connect && status.is_success()) {
            self.end(End::Upgraded);
        }
    }

    /// The body of the response says how long it is. Ends the exchange if there is none to come.
    pub(crate) fn expect(&mut self, size: Option<u64>, is_over: bool) {
        let Some(state) = &self.0 else { return };
        let size = size.filter(|_| state.protocol == Protocol::Http);
        // Nobody polls a body that is over or empty, or that the protocol has no room for.
        if is_over || size == Some(0) || state.is_bodiless() {
            self.end(End::Complete(None));
        } else if let Some(size) = size {
            state.expected.store(size, Relaxed);
        }
    }

    /// A data frame of the response's body passed. Says whether it was the last one by the length that was expected:
    /// whoever sends a body of known length does not ask for more.
    pub(crate) fn count(&self, bytes: usize) -> bool {
        let Some(state) = &self.0 else { return false };
        // One writer: no need for an addition that is atomic as a whole.
        let sum = state.body_size.load(Relaxed).saturating_add(bytes as u64);
        state.body_size.store(sum, Relaxed);
        sum == state.expected.load(Relaxed)
    }

    /// The header that tells a caller the server's span, where the layer is to send it (W3C Trace Context Level 3,
    /// draft, `Server-Timing`).
    pub(crate) fn server_timing(&self) -> Option<HeaderValue> {
        let state = self.0.as_ref()?;
        match &state.side {
            Side::Server(config) if config.server_timing => {
                HeaderValue::try_from(format!("trace;desc={}", state.span.ids())).ok()
            }
            Side::Server(_) | Side::Client(_) => None,
        }
    }

    /// The end. Whatever comes after it changes nothing.
    pub(crate) fn end(&mut self, end: End<'_>) {
        if let Some(state) = self.0.take() {
            state.end(end);
        }
    }

    pub(crate) fn state(&self) -> Option<&Arc<State>> {
        self.0.as_ref()
    }

    /// Whether the end is still to come.
    pub(crate) fn is_live(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|state| !state.ended.load(Relaxed))
    }
}

impl State {
    pub(crate) fn context(&self) -> &Context {
        &self.span.context
    }

    /// What a router found after the span had started. The first finding stays.
    pub(crate) fn match_route(&self, route: &Matched) {
        if self.route.matched.get().is_none() {
            let _first = self.route.matched.set(route.clone());
        }
    }

    /// What a handler says its route is. The first word stays, and wins over what a router matched.
    pub(crate) fn name_route(&self, route: Arc<str>) {
        let _first = self.route.named.set(route);
    }

    fn head(&self, head: &ResponseHead<'_>) {
        self.status.store(head.status().as_u16(), Relaxed);
        if let Some(early) = conventions::early_status(self.protocol, head) {
            let _first = self.early.set(early);
        }
        let mut attributes = Attributes::default();
        if self.span.recording {
            conventions::response(self.protocol, &self.side, head, &mut attributes);
        }
        self.unhold(&mut attributes);
        if let Some(hook) = &self.side.common().on_response {
            guarded(|| hook(head, &mut self.span_mut(&mut attributes)));
        }
        self.set(&mut attributes);
    }

    fn end(&self, end: End<'_>) {
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
            self.describe_end(ending, &mut attributes);
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
        if let Some(held) = &self.held {
            attributes.remove(&held.lock().unwrap_or_else(PoisonError::into_inner).fixed);
        }
        self.span.set(&mut attributes);
        self.span.end(self.clock.wall + duration);
    }

    /// Adds the attributes of a phase to those of the phases before, which a hook may have set: they stay.
    fn unhold(&self, attributes: &mut Attributes) {
        if let Some(held) = &self.held {
            let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(attributes, &mut held.attributes);
            attributes.fill(&mut held.attributes);
        }
    }

    /// Sets the attributes of a phase, or holds them for the next one.
    fn set(&self, attributes: &mut Attributes) {
        match &self.held {
            Some(held) => {
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::swap(attributes, &mut held.attributes);
            }
            None => self.span.set(attributes),
        }
    }

    /// What only the end knows. The route is written here, once, because until here a handler may name it.
    fn describe_end(&self, ending: Ending, attributes: &mut Attributes) {
        if let Some(route) = self.route.latest()
            && self.protocol == Protocol::Http
        {
            if self.route.is_late() {
                self.span
                    .rename(semconv::server::name(&self.method, Some(route)));
            }
            attributes.set(names::HTTP_ROUTE, route);
        }
        if let Some(mark) = ending.mark() {
            attributes.set(names::ENDING, Value::Static(mark));
        }
        if self.side.common().body_sizes && self.protocol == Protocol::Http {
            let size = i64::try_from(self.body_size.load(Relaxed)).unwrap_or(i64::MAX);
            attributes.set(names::HTTP_RESPONSE_BODY_SIZE, size);
        }
    }

    fn is_bodiless(&self) -> bool {
        self.is_head || matches!(self.status.load(Relaxed), 204 | 304)
    }

    fn overridden(&self, verdict: Verdict) -> Verdict {
        match &*self.verdict.lock().unwrap_or_else(PoisonError::into_inner) {
            None => verdict,
            Some(Override::NoError) => Verdict::default(),
            Some(Override::Error(error_type)) => {
                Verdict::error(error_type.clone(), verdict.description)
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
            None => self.matched.get().map(Matched::as_str),
        }
    }

    fn is_late(&self) -> bool {
        self.named.get().is_some() || !self.in_name
    }
}

impl Clock {
    fn now() -> Self {
        Self {
            wall: SystemTime::now(),
            monotonic: Instant::now(),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Cancelled);
    }
}

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if !self.already && thread::panicking() {
            self.state.end(End::Panicked);
        }
    }
}

/// Whether the caller decided against sampling. Built-in samplers follow it, so nothing is made before they have.
fn refused(parent: &Context) -> bool {
    let span = parent.span();
    let caller = span.span_context();
    caller.is_valid() && !caller.is_sampled()
}
