//! Whatever `baggage` a peer sends: no panic, and what is accepted goes out and in again.
#![no_main]

use std::collections::{BTreeMap, HashMap};

use libfuzzer_sys::fuzz_target;
use throughline::otel::{
    BaggagePropagator,
    opentelemetry::{Context, baggage::BaggageExt, propagation::TextMapPropagator},
};

fn entries(context: &Context) -> BTreeMap<String, String> {
    let entries = context.baggage().iter();
    entries
        .map(|(key, (value, metadata))| (key.to_string(), format!("{value};{}", metadata.as_str())))
        .collect()
}

fuzz_target!(|line: &str| {
    let propagator = BaggagePropagator::new();
    let carrier = HashMap::from([("baggage".to_owned(), line.to_owned())]);
    let context = propagator.extract_with_context(&Context::new(), &carrier);

    let mut carrier = HashMap::new();
    propagator.inject_context(&context, &mut carrier);
    assert!(
        carrier
            .get("baggage")
            .is_none_or(|line| line.len() <= 8192 && line.is_ascii())
    );
    let again = propagator.extract_with_context(&Context::new(), &carrier);
    // What does not fit is left out by whole members; the rest is as it was.
    let (before, after) = (entries(&context), entries(&again));
    assert!(
        after
            .iter()
            .all(|(key, value)| before.get(key) == Some(value))
    );
    if before
        .iter()
        .map(|(key, value)| 3 * (key.len() + value.len()) + 2)
        .sum::<usize>()
        <= 8192
    {
        assert_eq!(before, after);
    }
});
