//! The one handle that owns a span and its context: the only file of the core that knows a tracer.

pub(crate) mod attributes;
pub(crate) mod exception;
mod ids;

use std::{borrow::Cow, time::SystemTime};

pub(crate) use self::attributes::Attributes;
use self::attributes::ROOM;
pub use self::ids::SpanIds;
use crate::{
    decision,
    telemetry::Ids,
    unrecorded::{self, RANDOM},
};
use opentelemetry::{
    Context, ContextGuard, KeyValue,
    trace::{
        Link, Span, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceFlags,
        TraceId, Tracer,
    },
};

/// What a span starts with.
pub(crate) struct Start<'a> {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) time: SystemTime,
    pub(crate) parent: &'a Context,
    /// A stranger's span that this one refers to without being its child.
    pub(crate) link: Option<SpanContext>,
    /// Built before the start only for a sampler that reads them.
    pub(crate) attributes: Option<Vec<KeyValue>>,
    /// Builds the attributes of a span that turned out to be recorded. Setting them before anyone shares the span needs
    /// no lock.
    pub(crate) describe: Option<&'a mut dyn FnMut(&mut Attributes)>,
}

/// A started span in its context.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) context: Context,
    pub(crate) recording: bool,
}

/// Makes spans; a tracer without its type.
pub(crate) trait SpanSource: Send + Sync {
    fn start(&self, start: Start<'_>, ids: Ids) -> Started;
}

/// A recording root span whose context says that its trace id is random, which the SDK leaves out.
struct RandomRoot<S> {
    span: S,
    context: SpanContext,
}

impl<T> SpanSource for T
where
    T: Tracer + Send + Sync,
    T::Span: Send + Sync + 'static,
{
    fn start(&self, start: Start<'_>, ids: Ids) -> Started {
        let parent = start.parent;
        let before = parent.span().span_context().trace_flags();
        let is_root = !parent.span().span_context().is_valid();
        let mut builder = SpanBuilder::from_name(start.name)
            .with_kind(start.kind)
            .with_start_time(start.time);
        builder.attributes = match start.attributes {
            Some(attributes) => Some(attributes),
            // Room for all that will come, unless the caller's decision says that nothing will.
            None if is_root || before.is_sampled() => Some(Vec::with_capacity(ROOM)),
            None => None,
        };
        if let Some(link) = start.link {
            builder.links = Some(vec![Link::with_context(link)]);
        }

        let chosen = match is_root {
            true => decision::of_root(parent).map(|(_, trace_id)| trace_id),
            false => None,
        };
        let mut span = match chosen {
            Some(trace_id) => {
                decision::with_trace_id(trace_id, || self.build_with_context(builder, parent))
            }
            None => self.build_with_context(builder, parent),
        };
        let recording = span.is_recording();
        if recording && let Some(describe) = start.describe {
            let mut attributes = Attributes::default();
            describe(&mut attributes);
            span.set_attributes(attributes.0.drain(..));
        }
        let made = span.span_context();
        let has_own_id = chosen.is_none_or(|trace_id| trace_id != made.trace_id());
        let random = is_root && ids == Ids::Random && has_own_id;
        let context = match (recording, random) {
            // A tracer without a provider gives nothing of its own: the caller's trace goes on.
            (false, _) if !made.is_valid() => parent.clone(),
            (false, _) => {
                // The SDK forgets the random flag of what it drops.
                let flags = made.trace_flags()
                    | (before & RANDOM)
                    | if random {
                        RANDOM
                    } else {
                        TraceFlags::NOT_SAMPLED
                    };
                parent.with_remote_span_context(with_flags(made, flags))
            }
            (true, false) => parent.with_span(span),
            (true, true) => {
                let context = with_flags(made, made.trace_flags() | RANDOM);
                parent.with_span(RandomRoot { span, context })
            }
        };
        let context = match chosen {
            Some(_) => decision::begun(context),
            None => context,
        };
        Started { context, recording }
    }
}

impl Started {
    /// What a parent-based sampler makes of a caller that refused: a span of an id of its own, not recorded.
    pub(crate) fn refused(parent: &Context) -> Self {
        let span = parent.span();
        let own = match span.span_context() {
            caller if caller.is_valid() => unrecorded::span_context(caller),
            _ => {
                let chosen = decision::of_root(parent).map(|(_, trace_id)| trace_id);
                unrecorded::root(chosen.unwrap_or(TraceId::INVALID))
            }
        };
        Self {
            context: parent.with_remote_span_context(own),
            recording: false,
        }
    }

    /// Makes the context current until the guard is dropped.
    pub(crate) fn enter(&self) -> ContextGuard {
        self.context.clone().attach()
    }

    /// The ids and flags of the span, or of the caller's where no span was made.
    pub(crate) fn ids(&self) -> SpanIds {
        SpanIds::of(&self.context)
    }

    /// Sets all of them, and leaves none.
    pub(crate) fn set(&self, attributes: &mut Attributes) {
        if attributes.0.is_empty() {
            return;
        }
        self.context.span().set_attributes(attributes.0.drain(..));
    }

    pub(crate) fn rename(&self, name: Cow<'static, str>) {
        self.context.span().update_name(name);
    }

    pub(crate) fn event(&self, name: Cow<'static, str>) {
        self.context.span().add_event(name, Vec::new());
    }

    pub(crate) fn fail(&self, description: Cow<'static, str>) {
        self.context
            .span()
            .set_status(Status::Error { description });
    }

    pub(crate) fn end(&self, time: SystemTime) {
        self.context.span().end_with_timestamp(time);
    }
}

impl<S: Span> Span for RandomRoot<S> {
    fn add_event_with_timestamp<T>(
        &mut self,
        name: T,
        timestamp: SystemTime,
        attributes: Vec<KeyValue>,
    ) where
        T: Into<Cow<'static, str>>,
    {
        self.span
            .add_event_with_timestamp(name, timestamp, attributes);
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.span.is_recording()
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    fn set_status(&mut self, status: Status) {
        self.span.set_status(status);
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        self.span.update_name(new_name);
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        self.span.add_link(span_context, attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.span.end_with_timestamp(timestamp);
    }
}

fn with_flags(span_context: &SpanContext, flags: TraceFlags) -> SpanContext {
    SpanContext::new(
        span_context.trace_id(),
        span_context.span_id(),
        flags,
        false,
        span_context.trace_state().clone(),
    )
}
