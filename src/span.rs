//! The one handle that owns a span and its context: the only file of the core that knows a tracer.

use std::{borrow::Cow, fmt, time::SystemTime};

use opentelemetry::{
    Array, Context, ContextGuard, Key, KeyValue, StringValue,
    trace::{
        Link, Span, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt,
        TraceFlags, TraceId, Tracer,
    },
};
use smallvec::SmallVec;

use crate::{
    ids,
    semconv::{Name, Sink},
    telemetry::Ids,
    value::Value,
};

/// W3C Trace Context Level 2, section 3.2.2.5.2: the trace id is random.
const RANDOM: TraceFlags = TraceFlags::new(0x02);

/// How many attributes a span has room for without growing: those that the conventions set by default, and some.
const ROOM: usize = 16;

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

/// Attributes on their way to a span, each key once: the first stays, unless a hook replaces it.
///
/// They live on the stack and are too large to move: pass them by reference.
#[derive(Debug, Default)]
pub(crate) struct Attributes(SmallVec<[KeyValue; ROOM]>);

/// The ids of a span: what a log line or an answer to a caller carries.
///
/// [`Display`](fmt::Display) writes them as a `traceparent` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanIds {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
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

        let mut span = self.build_with_context(builder, parent);
        let recording = span.is_recording();
        if recording && let Some(describe) = start.describe {
            let mut attributes = Attributes::default();
            describe(&mut attributes);
            span.set_attributes(attributes.0.drain(..));
        }
        let made = span.span_context();
        let random = is_root && ids == Ids::Random;
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
        Started { context, recording }
    }
}

impl Started {
    /// What a parent-based sampler makes of a caller that refused: a span of an id of its own, not recorded.
    pub(crate) fn refused(parent: &Context) -> Self {
        let span = parent.span();
        let caller = span.span_context();
        let own = SpanContext::new(
            caller.trace_id(),
            ids::unrecorded(),
            caller.trace_flags() & RANDOM,
            false,
            caller.trace_state().clone(),
        );
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

impl SpanIds {
    pub(crate) fn of(context: &Context) -> Self {
        let span = context.span();
        let context = span.span_context();
        Self {
            trace: context.trace_id(),
            span: context.span_id(),
            flags: context.trace_flags(),
        }
    }

    /// Whether there is a trace at all: both ids are other than zero.
    pub fn is_valid(&self) -> bool {
        self.trace != TraceId::INVALID && self.span != SpanId::INVALID
    }

    /// The 16 bytes of the trace id.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace.to_bytes()
    }

    /// The 8 bytes of the span id.
    pub fn span_id(&self) -> [u8; 8] {
        self.span.to_bytes()
    }

    /// The trace id as 32 lower-case hexadecimal digits.
    pub fn trace_id_hex(&self) -> String {
        self.trace.to_string()
    }

    /// The span id as 16 lower-case hexadecimal digits.
    pub fn span_id_hex(&self) -> String {
        self.span.to_string()
    }

    /// Whether the trace is sampled.
    pub fn is_sampled(&self) -> bool {
        self.flags.is_sampled()
    }
}

impl fmt::Display for SpanIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.trace,
            self.span,
            self.flags.to_u8() & 0x03
        )
    }
}

impl Attributes {
    /// Sets a value, in place of an earlier one of this key.
    pub(crate) fn replace(&mut self, key: Cow<'static, str>, value: Value<'_>) {
        let value = to_otel(value);
        match self.0.iter_mut().find(|kept| kept.key.as_str() == key) {
            Some(kept) => kept.value = value,
            None => self.0.push(KeyValue::new(Key::from(key), value)),
        }
    }

    /// Adds those of other keys than these, and leaves none behind.
    pub(crate) fn fill(&mut self, others: &mut Self) {
        for other in others.0.drain(..) {
            if !self.0.iter().any(|kept| kept.key == other.key) {
                self.0.push(other);
            }
        }
    }

    pub(crate) fn remove(&mut self, keys: &[Key]) {
        self.0.retain(|attribute| !keys.contains(&attribute.key));
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        let keys = self.0.iter().map(|attribute| attribute.key.clone());
        keys.collect()
    }

    /// For a span that is about to start: on the heap, where the span takes them over with room for more.
    pub(crate) fn roomy() -> Self {
        Self(SmallVec::with_capacity(ROOM + 1))
    }

    /// Hands them over, if they were [`roomy`](Self::roomy) without a copy.
    pub(crate) fn take(&mut self) -> Vec<KeyValue> {
        std::mem::take(&mut self.0).into_vec()
    }
}

impl Sink for Attributes {
    #[inline]
    fn set<'v>(&mut self, name: impl Into<Name>, value: impl Into<Value<'v>>) {
        let key = match name.into() {
            Name::Static(name) => Key::from_static_str(name),
            Name::Shared(name) => Key::from(name),
        };
        self.0.push(KeyValue::new(key, to_otel(value.into())));
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

#[inline]
pub(crate) fn to_otel(value: Value<'_>) -> opentelemetry::Value {
    match value {
        Value::Str(text) => opentelemetry::Value::String(StringValue::from(text.to_owned())),
        Value::Static(text) => opentelemetry::Value::String(StringValue::from(text)),
        Value::Shared(text) => opentelemetry::Value::String(StringValue::from(text)),
        Value::Owned(text) => opentelemetry::Value::String(StringValue::from(text)),
        Value::I64(number) => opentelemetry::Value::I64(number),
        Value::F64(number) => opentelemetry::Value::F64(number),
        Value::Bool(flag) => opentelemetry::Value::Bool(flag),
        Value::Strs(texts) => opentelemetry::Value::Array(Array::String(
            texts.into_iter().map(StringValue::from).collect(),
        )),
    }
}
