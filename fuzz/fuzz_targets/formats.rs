//! Whatever headers of any format a peer sends, alone and together: no panic, and what is accepted goes out and in again.
#![no_main]

use std::collections::HashMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use throughline::otel::{
    B3Propagator, DatadogPropagator, JaegerPropagator, OtTracePropagator, XRayLambdaPropagator,
    XRayPropagator,
    opentelemetry::{
        Context,
        propagation::{TextMapCompositePropagator, TextMapPropagator},
        trace::TraceContextExt,
    },
};

#[derive(Arbitrary, Debug)]
struct Headers<'a> {
    lines: Vec<(Name<'a>, &'a str)>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name<'a> {
    B3,
    B3TraceId,
    B3SpanId,
    B3Sampled,
    B3Flags,
    UberTraceId,
    Uberctx(&'a str),
    JaegerBaggage,
    JaegerDebugId,
    OtTraceId,
    OtSpanId,
    OtSampled,
    OtBaggage(&'a str),
    XAmznTraceId,
    DatadogTraceId,
    DatadogParentId,
    DatadogPriority,
    DatadogOrigin,
    DatadogTags,
}

impl Name<'_> {
    fn text(self) -> String {
        match self {
            Self::B3 => "b3",
            Self::B3TraceId => "x-b3-traceid",
            Self::B3SpanId => "x-b3-spanid",
            Self::B3Sampled => "x-b3-sampled",
            Self::B3Flags => "x-b3-flags",
            Self::UberTraceId => "uber-trace-id",
            Self::Uberctx(key) => return format!("uberctx-{key}").to_lowercase(),
            Self::JaegerBaggage => "jaeger-baggage",
            Self::JaegerDebugId => "jaeger-debug-id",
            Self::OtTraceId => "ot-tracer-traceid",
            Self::OtSpanId => "ot-tracer-spanid",
            Self::OtSampled => "ot-tracer-sampled",
            Self::OtBaggage(key) => return format!("ot-baggage-{key}").to_lowercase(),
            Self::XAmznTraceId => "x-amzn-trace-id",
            Self::DatadogTraceId => "x-datadog-trace-id",
            Self::DatadogParentId => "x-datadog-parent-id",
            Self::DatadogPriority => "x-datadog-sampling-priority",
            Self::DatadogOrigin => "x-datadog-origin",
            Self::DatadogTags => "x-datadog-tags",
        }
        .to_owned()
    }
}

type Propagator = Box<dyn TextMapPropagator + Send + Sync>;

fn each(variable: &str) -> [Propagator; 7] {
    let variable = Some(variable.to_owned());
    [
        Box::new(B3Propagator::single()),
        Box::new(B3Propagator::multi()),
        Box::new(JaegerPropagator::new()),
        Box::new(OtTracePropagator::new()),
        Box::new(XRayPropagator::new()),
        Box::new(XRayLambdaPropagator::lookup(move |_| variable.clone())),
        Box::new(DatadogPropagator::new()),
    ]
}

/// What 64 bits can say of it.
fn low(context: &Context) -> (u64, String) {
    let span = context.span();
    let ids = span.span_context();
    let trace = u128::from_be_bytes(ids.trace_id().to_bytes());
    (trace as u64, ids.span_id().to_string())
}

fuzz_target!(|input: (Headers<'_>, &str)| {
    let (headers, variable) = input;
    let lines = headers.lines.iter();
    let carrier: HashMap<_, _> = lines
        .map(|(name, value)| (name.text(), (*value).to_owned()))
        .collect();
    for propagator in each(variable) {
        let context = propagator.extract_with_context(&Context::new(), &carrier);
        let mut sent = HashMap::new();
        propagator.inject_context(&context, &mut sent);
        let again = propagator.extract_with_context(&Context::new(), &sent);
        if context.span().span_context().is_valid() && low(&context).0 != 0 {
            assert_eq!(low(&context), low(&again), "{propagator:?} {sent:?}");
        }
    }
    let all = TextMapCompositePropagator::new(each(variable).into());
    let context = all.extract_with_context(&Context::new(), &carrier);
    let mut sent = HashMap::new();
    all.inject_context(&context, &mut sent);
    for (name, value) in &sent {
        // Values of `ot-baggage-…` go as they are.
        let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        assert!(
            is_plain || name.starts_with("ot-baggage-"),
            "{name}: {value}"
        );
        assert!(!value.chars().any(char::is_control), "{name}: {value:?}");
    }
});
