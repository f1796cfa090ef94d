//! Which headers carry the trace.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use opentelemetry::{
    Context, global,
    propagation::{
        Extractor, Injector, TextMapCompositePropagator, TextMapPropagator,
        text_map_propagator::FieldIter,
    },
};

use super::{builder::Scope, env::Env};
use crate::{
    otel::{BaggagePropagator, TraceContextPropagator},
    propagate::Propagation,
};

const NAME: &str = "OTEL_PROPAGATORS";
const DEFAULT: &str = "tracecontext,baggage";

/// A propagator that the layers and OpenTelemetry's global share.
#[derive(Clone)]
pub(super) struct Shared(Arc<dyn TextMapPropagator + Send + Sync>);

/// What the layers use, and what becomes OpenTelemetry's global.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) layers: Propagation,
    /// `None` leaves the global one as it is.
    pub(super) global: Option<Shared>,
}

/// Whether the global propagator is one that set-up installed.
static OURS: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    TraceContext,
    Baggage,
}

impl Chosen {
    pub(super) fn own(propagator: impl TextMapPropagator + Send + Sync + 'static) -> Self {
        let shared = Arc::new(propagator);
        Self {
            layers: Propagation::Custom(Arc::clone(&shared) as _),
            global: Some(Shared(shared)),
        }
    }

    /// The user's, where one was made the global propagator by hand. It is looked up at each request.
    pub(super) fn users() -> Option<Self> {
        let is_set = global::get_text_map_propagator(|set| set.fields().next().is_some());
        (is_set && !OURS.load(Ordering::Relaxed)).then_some(Self {
            layers: Propagation::Global,
            global: None,
        })
    }

    /// Makes a propagator of ours the global one.
    pub(super) fn install(propagator: Option<Shared>) {
        if let Some(propagator) = propagator {
            OURS.store(true, Ordering::Relaxed);
            global::set_text_map_propagator(propagator);
        }
    }

    /// `OTEL_PROPAGATORS`, else for the whole process the user's global one, else W3C Trace Context and Baggage.
    pub(super) fn from_env(env: &Env, scope: Scope) -> Self {
        if scope == Scope::Process
            && env.text(NAME).is_none()
            && let Some(users) = Self::users()
        {
            return users;
        }
        let formats = formats(env);
        let global = composite(&formats);
        if formats.len() == 2 {
            return Self {
                layers: Propagation::W3c,
                global: Some(Shared(Arc::new(global))),
            };
        }
        Self::own(global)
    }
}

fn formats(env: &Env) -> Vec<Format> {
    let default = || vec![Format::TraceContext, Format::Baggage];
    let Some(words) = env.list(NAME) else {
        return default();
    };
    let mut formats = Vec::new();
    let mut refused = Vec::new();
    let mut none = false;
    for word in &words {
        let format = match word.to_ascii_lowercase().as_str() {
            "tracecontext" => Format::TraceContext,
            "baggage" => Format::Baggage,
            "none" => {
                none = true;
                continue;
            }
            "b3" | "b3multi" | "jaeger" | "xray" | "xray-lambda" | "ottrace" => {
                refused.push((word, "is not supported"));
                continue;
            }
            _ => {
                refused.push((word, "is no known propagator"));
                continue;
            }
        };
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    if none && !formats.is_empty() {
        let instead = "none is ignored";
        env.wrong(NAME, &words.join(","), "has none among others", instead);
    }
    let is_default = formats.is_empty() && !none;
    if is_default {
        formats = default();
    }
    for (word, why) in refused {
        let instead = match (is_default, formats.as_slice()) {
            (true, _) => format!("{DEFAULT} is used instead"),
            (false, []) => "nothing is propagated".to_owned(),
            (false, _) => "the others are used".to_owned(),
        };
        env.wrong(NAME, word, why, &instead);
    }
    formats
}

fn composite(formats: &[Format]) -> TextMapCompositePropagator {
    let propagators = formats
        .iter()
        .map(|format| -> Box<dyn TextMapPropagator + Send + Sync> {
            match format {
                Format::TraceContext => Box::new(TraceContextPropagator::new()),
                Format::Baggage => Box::new(BaggagePropagator::new()),
            }
        });
    TextMapCompositePropagator::new(propagators.collect())
}

impl TextMapPropagator for Shared {
    fn inject_context(&self, context: &Context, injector: &mut dyn Injector) {
        self.0.inject_context(context, injector);
    }

    fn extract_with_context(&self, context: &Context, extractor: &dyn Extractor) -> Context {
        self.0.extract_with_context(context, extractor)
    }

    fn fields(&self) -> FieldIter<'_> {
        self.0.fields()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
