//! Nothing is read past `Setup::lookup`, neither here nor by the SDK: a process whose environment says much does the same
//! as one whose environment says nothing.

use std::{
    env::current_exe,
    process::Command,
    sync::{Arc, Mutex},
};

use opentelemetry::{KeyValue, global, trace::Span, trace::Tracer};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};
use throughline::otel::SetupExt;

use crate::setup;

/// What the SDK would make of each, were it asked.
const SAYS: [(&str, &str); 9] = [
    ("OTEL_SDK_DISABLED", "true"),
    ("OTEL_TRACES_SAMPLER", "always_off"),
    ("OTEL_RESOURCE_ATTRIBUTES", "past=1"),
    ("OTEL_SERVICE_NAME", "past"),
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1"),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1"),
    ("OTEL_BSP_MAX_QUEUE_SIZE", "1"),
    ("OTEL_BSP_SCHEDULE_DELAY", "x"),
    ("OTEL_PROPAGATORS", "none"),
];

/// Keeps what is exported, and of which resource.
#[derive(Clone, Debug, Default)]
struct Kept {
    resource: Arc<Mutex<Vec<String>>>,
    spans: Arc<Mutex<Vec<String>>>,
}

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.iter().map(|span| {
            let (attributes, events) = (span.attributes.len(), span.events.len());
            format!("{} {attributes} {events}", span.name)
        });
        self.spans.lock().unwrap().extend(spans);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let said = resource
            .iter()
            .filter(|(key, value)| key.as_str() == "past" || value.as_str() == "past");
        let said = said.map(|(key, value)| format!("{key}={value}"));
        self.resource.lock().unwrap().extend(said);
    }
}

#[test]
fn the_process_has_no_say() {
    let output = Command::new(current_exe().unwrap())
        .args(["--exact", "past::child", "--ignored", "--nocapture"])
        .envs(SAYS)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("resource []"), "{said}");
    assert!(said.contains(r#"spans ["a 3 2", "b 3 2"]"#), "{said}");
    assert!(
        said.contains(r#"fields ["baggage", "traceparent", "tracestate"]"#),
        "{said}"
    );
    assert!(said.contains("warnings []"), "{said}");
}

#[test]
#[ignore = "runs in a process of its own"]
fn child() {
    for (name, value) in SAYS {
        #[allow(clippy::disallowed_methods, reason = "that it is set is the point")]
        let set = std::env::var(name);
        assert_eq!(set.as_deref(), Ok(value));
    }
    let kept = Kept::default();
    let (setup, warnings) = setup(&[]);
    let telemetry = setup.exporter(kept.clone()).init().unwrap();
    for name in ["a", "b"] {
        let mut span = global::tracer("by hand").start(name);
        for index in 0..3 {
            span.set_attribute(KeyValue::new(format!("k{index}"), 1));
        }
        span.add_event("one", Vec::new());
        span.add_event("two", Vec::new());
        span.end();
    }
    let mut fields = global::get_text_map_propagator(|propagator| {
        propagator.fields().map(str::to_owned).collect::<Vec<_>>()
    });
    fields.sort();
    println!("fields {fields:?}");
    println!("warnings {:?}", warnings.all());
    // It sends what is queued.
    drop(telemetry);
    println!("resource {:?}", kept.resource.lock().unwrap());
    println!("spans {:?}", kept.spans.lock().unwrap());
}
