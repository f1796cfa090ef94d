//! Whatever `traceparent` and `tracestate` lines a peer sends: no panic, and what is accepted goes out and in again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use throughline::otel::{
    TraceContextPropagator,
    opentelemetry::{
        Context,
        propagation::{Extractor, TextMapPropagator},
    },
};

struct Lines<'a>(Vec<(&'a str, &'a str)>);

impl Extractor for Lines<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|line| line.0 == key).map(|line| line.1)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|line| line.0).collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        Some(
            self.0
                .iter()
                .filter(|line| line.0 == key)
                .map(|line| line.1)
                .collect(),
        )
    }
}

fuzz_target!(|text: &str| {
    let lines = Lines(
        text.lines()
            .filter_map(|line| line.split_once(": "))
            .collect(),
    );
    let propagator = TraceContextPropagator::new();
    let context = propagator.extract_with_context(&Context::new(), &lines);

    let mut carrier = std::collections::HashMap::new();
    propagator.inject_context(&context, &mut carrier);
    let again = propagator.extract_with_context(&Context::new(), &carrier);
    assert_eq!(ids(&context), ids(&again));

    let mut third = std::collections::HashMap::new();
    propagator.inject_context(&again, &mut third);
    assert_eq!(carrier, third);
});

fn ids(context: &Context) -> String {
    throughline::otel::span_ids(context).to_string()
}
