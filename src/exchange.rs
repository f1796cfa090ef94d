//! One value that is born with a request, travels from future to body, and ends exactly once.
//!
//! It knows nothing of services, futures or bodies: whatever drives it enters its context, tells it the head of the
//! response, and ends it. Dropping it is the cancelled case.

mod clock;
mod state;

use std::{borrow::Cow, sync::Arc, thread, time::Duration};

use http::HeaderValue;
use opentelemetry::{Context, trace::SpanContext};

pub(crate) use self::state::State;
use self::{clock::Clock, state::Held};
use crate::{
    axum_extensions::Matched,
    captured::Headers,
    config::Side,
    decision,
    head::{RequestHead, ResponseHead},
    outcome::End,
    protocol::Protocol,
    semconv::method::Method,
    span::{Attributes, Start, Started},
    telemetry::{Handle, SamplerReads},
};

/// The owner of an exchange. Whoever holds it last ends it.
#[derive(Debug, Default)]
pub(crate) enum Exchange {
    /// The request is not traced.
    #[default]
    None,
    /// Nobody watches it: its span is not recorded and there is no hook. Its context goes on to whom the service calls.
    Passing(Context),
    Live(Arc<State>),
}

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
    /// Headers to record where the layer lists none.
    pub(crate) listed: Option<Arc<Headers>>,
}

/// Ends the exchange if the code it guards panics. The panic goes on.
struct OnPanic<'a> {
    state: &'a State,
    already: bool,
}

impl Exchange {
    /// Starts the span. `name` and `describe` are called only for a span that is recorded, or for a sampler that reads
    /// what they make.
    pub(crate) fn start(
        telemetry: &Handle,
        mut begin: Begin<'_>,
        name: impl FnOnce(&Begin<'_>) -> Cow<'static, str>,
        describe: impl FnOnce(&Begin<'_>, &mut Attributes),
    ) -> Self {
        let decided = decision::of(begin.parent);
        let follows = telemetry.sampler() == SamplerReads::Flag;
        let is_watched = begin.side.is_watched();
        if follows && !is_watched && decided == Some(false) {
            return Self::Passing(Started::refused(begin.parent).context);
        }
        let clock = Clock::now();
        // A hook may replace what the layer sets, so that waits.
        let has_hooks = begin.side.common().has_hooks();
        let early = match telemetry.sampler() {
            SamplerReads::Flag => decided == Some(true) && !has_hooks,
            SamplerReads::Parent | SamplerReads::Name => false,
            SamplerReads::Everything => true,
        };
        let link = begin.link.take();
        let mut attributes = if early {
            Attributes::roomy()
        } else {
            Attributes::default()
        };
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
        let is_named = early || decided != Some(false) || telemetry.sampler() == SamplerReads::Name;
        let first_name = match name.take_if(|_| is_named) {
            Some(name) => name(&begin),
            None => Cow::Borrowed("HTTP"),
        };
        let mut held = Held::default();
        if early && has_hooks {
            held.fixed = attributes.keys();
        }
        let span = if follows && decided == Some(false) {
            Started::refused(begin.parent)
        } else {
            telemetry.start(Start {
                name: first_name,
                kind: begin.side.kind(),
                time: clock.wall,
                parent: begin.parent,
                link,
                attributes: early.then(|| attributes.take()),
                describe: (!has_hooks).then_some(&mut describe),
            })
        };
        if span.recording {
            if let Some(name) = name {
                span.rename(name(&begin));
            }
            describe(&mut attributes);
        } else if !is_watched {
            return Self::Passing(span.context);
        }
        let state = State::new(begin, clock, span, held, &mut attributes);
        Self::Live(Arc::new(state))
    }

    /// Runs a step of the exchange under its context. If the step panics, that is the end of the exchange.
    pub(crate) fn enter<T>(&self, step: impl FnOnce() -> T) -> T {
        match self {
            Self::None => step(),
            Self::Passing(context) => {
                let _context = context.clone().attach();
                step()
            }
            Self::Live(state) => {
                let _panicked = OnPanic {
                    state,
                    already: thread::panicking(),
                };
                let _context = state.span().enter();
                step()
            }
        }
    }

    /// The context that goes on to whom the service calls.
    pub(crate) fn context(&self) -> Option<&Context> {
        match self {
            Self::None => None,
            Self::Passing(context) => Some(context),
            Self::Live(state) => Some(state.context()),
        }
    }

    /// The head of the response is there. If the connection becomes something else with it, that is the end: the span
    /// covers the handshake.
    pub(crate) fn head(&mut self, head: &ResponseHead<'_>) {
        let Self::Live(state) = self else { return };
        state.head(head);
        if state.is_upgrade(head.status()) {
            self.end(|| End::Upgraded);
        }
    }

    /// The head of the response says how long its body is, which does not say so itself.
    pub(crate) fn declare(&self, size: Option<u64>) {
        if let (Self::Live(state), Some(size)) = (self, size) {
            state.declare(size);
        }
    }

    /// The body of the response says how long it is, and whether it is over already. Ends the exchange if there is none
    /// to come.
    pub(crate) fn expect(&mut self, size: Option<u64>, is_over: bool) {
        let is_over = match self {
            Self::None => true,
            Self::Passing(_) => is_over,
            Self::Live(state) => state.expect(size, is_over),
        };
        if is_over {
            self.end(|| End::Complete(None));
        }
    }

    /// A data frame of the response's body passed. Says whether it was the last one.
    pub(crate) fn count(&self, bytes: usize) -> bool {
        match self {
            Self::Live(state) => state.count(bytes),
            Self::None | Self::Passing(_) => false,
        }
    }

    /// The header that tells a caller the server's span, where the layer is to send it (W3C Trace Context Level 3,
    /// draft, `Server-Timing`).
    pub(crate) fn server_timing(&self) -> Option<HeaderValue> {
        let Self::Live(state) = self else { return None };
        match state.side() {
            Side::Server(config) if config.server_timing => {
                let ids = state.span().ids();
                ids.is_valid()
                    .then(|| HeaderValue::try_from(format!("trace;desc={ids}")).ok())
                    .flatten()
            }
            Side::Server(_) | Side::Client(_) => None,
        }
    }

    /// The end. Whatever comes after it changes nothing. How it ended is worked out for someone to learn of it.
    pub(crate) fn end<'e>(&mut self, end: impl FnOnce() -> End<'e>) {
        // What is dropped here has ended, so the drop adds nothing.
        if let Self::Live(state) = &std::mem::take(self)
            && state.is_live()
        {
            state.end(end());
        }
    }

    /// Whether the end is still to come, and someone to learn of it.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Whether it has ended, or never was.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Self::Live(state) = self {
            state.end(End::Cancelled);
        }
    }
}

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if !self.already && thread::panicking() {
            self.state.end(End::Panicked);
        }
    }
}
