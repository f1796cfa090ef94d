//! One value that is born with a request, travels from future to body, and ends exactly once.
//!
//! It knows nothing of services, futures or bodies: whatever drives it enters its context, tells it the head of the
//! response, and ends it. Dropping it is the cancelled case.

mod clock;
mod course;
mod current;
mod measured;
mod owner;
mod progress;
mod state;

use std::{
    borrow::Cow,
    mem,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::HeaderValue;
use opentelemetry::{Context, trace::SpanContext};

use self::{clock::Clock, state::Told};
pub(crate) use self::{
    current::current,
    owner::{Owner, Slot},
    state::State,
};
use crate::{
    axum_extensions::Matched,
    captured::Headers,
    config::Side,
    conventions::measured::Asked,
    decision,
    head::{RequestHead, ResponseHead},
    outcome::End,
    protocol::Protocol,
    semconv::method::Method,
    span::{Attributes, Start, Started},
    telemetry::{Handle, SamplerReads},
};

/// An exchange in the hands of whoever drives it; the last one ends it.
#[derive(Debug, Default)]
pub(crate) enum Exchange {
    /// The request is not traced.
    #[default]
    None,
    /// Nobody watches it: its span is not recorded and there is no hook. Its context goes on to whom the service calls.
    Passing(Context),
    Live(Owner),
}

/// How a request starts an exchange, which takes over what it keeps.
#[derive(Debug)]
pub(crate) struct Begin<'a> {
    pub(crate) side: Side,
    pub(crate) protocol: Protocol,
    pub(crate) method: Method,
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) route: Option<&'a Matched>,
    /// How long the caller waits, where it says so.
    pub(crate) deadline: Option<Duration>,
    /// Where it is measured, what that needs of the request.
    pub(crate) measured: Option<Asked>,
    /// Headers to record where the layer lists none.
    pub(crate) listed: Option<Arc<Headers>>,
}

/// Ends the exchange, unless it is forgotten: a step that panics has nobody to do that. The panic goes on.
struct OnPanic<'a>(State<'a>);

impl Exchange {
    /// An exchange whose span is not recorded. It is live only for someone who learns of it all the same.
    pub(crate) fn unrecorded(begin: &mut Begin<'_>, context: Context) -> Self {
        if !begin.is_watched() {
            return Self::Passing(context);
        }
        let span = Started {
            context,
            recording: false,
        };
        let mut owner = Owner::new(begin, Instant::now(), span);
        if begin.side.common().has_hooks() {
            // Nobody asks it when.
            let wall = SystemTime::UNIX_EPOCH;
            owner.tell(Told::new(begin, wall, false, Vec::new()));
            if let Some(state) = owner.state() {
                state.request(begin.head, &mut Attributes::default());
            }
        }
        Self::Live(owner)
    }

    /// Starts the span. `name` and `describe` are called only for a span that is recorded, or for a sampler that reads
    /// what they make.
    pub(crate) fn start(
        telemetry: &Handle,
        begin: &mut Begin<'_>,
        parent: &Context,
        link: Option<SpanContext>,
        name: impl FnOnce(&Begin<'_>) -> Cow<'static, str>,
        describe: impl FnOnce(&Begin<'_>, &mut Attributes),
    ) -> Self {
        let decided = decision::of(parent);
        if telemetry.sampler() == SamplerReads::Flag && decided == Some(false) {
            return Self::unrecorded(begin, Started::refused(parent).context);
        }
        let clock = Clock::now();
        // A hook may replace what the layer sets, so that waits.
        let has_hooks = begin.side.common().has_hooks();
        let early = match telemetry.sampler() {
            SamplerReads::Flag => decided == Some(true) && !has_hooks,
            SamplerReads::Parent | SamplerReads::Name => false,
            SamplerReads::Everything => true,
        };
        let mut attributes = if early {
            Attributes::roomy()
        } else {
            Attributes::default()
        };
        let mut describe = Some(describe);
        let mut describe = |attributes: &mut Attributes| {
            if let Some(describe) = describe.take() {
                describe(begin, attributes);
            }
        };
        if early {
            describe(&mut attributes);
        }
        let mut name = Some(name);
        let is_named = early || decided != Some(false) || telemetry.sampler() == SamplerReads::Name;
        let first_name = match name.take_if(|_| is_named) {
            Some(name) => name(begin),
            None => Cow::Borrowed("HTTP"),
        };
        let fixed = match early && has_hooks {
            true => attributes.keys(),
            false => Vec::new(),
        };
        let span = telemetry.start(Start {
            name: first_name,
            kind: begin.side.kind(),
            time: clock.wall,
            parent,
            link,
            attributes: early.then(|| attributes.take()),
            describe: (!has_hooks).then_some(&mut describe),
        });
        if span.recording {
            if let Some(name) = name {
                span.rename(name(begin));
            }
            describe(&mut attributes);
        } else if !begin.is_watched() {
            return Self::Passing(span.context);
        }
        let is_recorded = span.recording;
        let mut owner = Owner::new(begin, clock.monotonic, span);
        if is_recorded || has_hooks {
            owner.tell(Told::new(begin, clock.wall, is_recorded, fixed));
        }
        if let Some(state) = owner.state() {
            state.request(begin.head, &mut attributes);
        }
        Self::Live(owner)
    }

    /// Runs a step of the exchange under its context. If the step panics, that is the end of the exchange.
    pub(crate) fn enter<T>(&self, step: impl FnOnce() -> T) -> T {
        match self {
            Self::None => step(),
            Self::Passing(context) => {
                let _context = context.clone().attach();
                step()
            }
            Self::Live(owner) => {
                let Some((slot, state)) = owner.shared() else {
                    return step();
                };
                let on_panic = OnPanic(state);
                let _context = state.span().enter();
                let _current = state.is_measured().then(|| current::enter(slot));
                let stepped = step();
                mem::forget(on_panic);
                stepped
            }
        }
    }

    /// The context that goes on to whom the service calls.
    pub(crate) fn context(&self) -> Option<&Context> {
        match self {
            Self::None => None,
            Self::Passing(context) => Some(context),
            Self::Live(owner) => owner.state().map(State::context),
        }
    }

    /// The head of the response is there. If the connection becomes something else with it, that is the end: the span
    /// covers the handshake.
    pub(crate) fn head(&mut self, head: &ResponseHead<'_>) {
        let Some(state) = self.state() else { return };
        state.head(head);
        if state.progress().is_upgrade(head.status()) {
            self.end(|_| End::Upgraded);
        }
    }

    /// The head of the response says how long its body is, which does not say so itself.
    pub(crate) fn declare(&self, size: impl FnOnce() -> Option<u64>) {
        if let Some(state) = self.state() {
            state.declare(size);
        }
    }

    /// The body of the response says how long it is, and whether it is over already. Ends the exchange if there is none
    /// to come.
    pub(crate) fn expect(&mut self, size: Option<u64>, is_over: bool) {
        if self.is_over() {
            return;
        }
        self.declare(|| size);
        let is_bodiless = self
            .state()
            .is_some_and(|state| state.progress().is_bodiless());
        if is_over || is_bodiless {
            self.end(|_| End::Complete(None));
        }
    }

    /// A data frame of the response's body passed. Says whether it was the last one.
    pub(crate) fn count(&self, bytes: usize) -> bool {
        self.state()
            .is_some_and(|state| state.progress().count(bytes))
    }

    /// The header that tells a caller the server's span, where the layer is to send it (W3C Trace Context Level 3,
    /// draft, `Server-Timing`).
    #[inline]
    pub(crate) fn server_timing(&self) -> Option<HeaderValue> {
        let state = self.state()?;
        match state.side() {
            Side::Server(config) if config.server_timing => timing(state),
            Side::Server(_) | Side::Client(_) => None,
        }
    }

    /// The end. Whatever comes after it changes nothing. How it ended is worked out for someone to learn of it; its words
    /// if `end` is told that a span will carry them.
    pub(crate) fn end<'e>(&mut self, end: impl FnOnce(bool) -> End<'e>) {
        // What is dropped here has ended, so the drop adds nothing.
        if let Some(state) = mem::take(self).state()
            && state.is_live()
        {
            state.end(end(state.span().recording));
        }
    }

    /// Whether the end is still to come, and someone to learn of it.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    fn state(&self) -> Option<State<'_>> {
        match self {
            Self::Live(owner) => owner.state(),
            Self::None | Self::Passing(_) => None,
        }
    }

    /// Whether it has ended, or never was.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl Begin<'_> {
    /// Whether anyone learns of the exchange if its span is not recorded.
    fn is_watched(&self) -> bool {
        self.measured.is_some() || self.side.is_watched()
    }
}

#[cold]
fn timing(state: State<'_>) -> Option<HeaderValue> {
    let ids = state.span().ids();
    ids.is_valid()
        .then(|| HeaderValue::try_from(format!("trace;desc={ids}")).ok())
        .flatten()
}

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        self.0.end(End::Panicked);
    }
}
