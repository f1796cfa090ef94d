//! `OTEL_CONFIG_FILE`: what a file says is what is done, and what is wrong in it is told with its line and its path.

mod collector;

use std::{
    collections::HashMap,
    env::temp_dir,
    fs,
    path::PathBuf,
    process,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use collector::{Collector, nobody};
use http::{HeaderMap, Request};
use opentelemetry::{KeyValue, metrics::MeterProvider};
use opentelemetry_proto::tonic::{metrics::v1::metric::Data, trace::v1::Span};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use throughline::{
    ServerLayer, Setup, Telemetry,
    otel::{self, SetupExt},
};
use tower::ServiceExt;

/// A file of its own for each test, gone at its end.
struct Config(PathBuf);

impl Config {
    fn new(yaml: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = temp_dir().join(format!("throughline-{}-{count}.yaml", process::id()));
        fs::write(&path, yaml).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// A setup whose environment names this file, and these.
    fn setup(&self, vars: &[(&str, &str)]) -> Setup {
        let mut all = HashMap::from([("OTEL_CONFIG_FILE".to_owned(), self.path().to_owned())]);
        for (name, value) in vars {
            all.insert((*name).to_owned(), (*value).to_owned());
        }
        Setup::new()
            .lookup(move |name| all.get(name).cloned())
            .on_warning(|text| panic!("{text}"))
    }

    /// What is wrong with it, without the file's name.
    fn error(&self) -> String {
        let error = self.setup(&[]).build().unwrap_err().to_string();
        let named = format!("OTEL_CONFIG_FILE={:?}", self.path());
        let rest = error.strip_prefix(&named);
        rest.unwrap_or_else(|| panic!("{error}"))
            .trim_start_matches(", ")
            .to_owned()
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Serves one request; gives back the headers that a client within would send on.
async fn serve(telemetry: &Telemetry, path: &str, headers: &[(&'static str, &str)]) -> HeaderMap {
    let sent = Arc::new(Mutex::new(HeaderMap::new()));
    let (keep, client) = (
        Arc::clone(&sent),
        throughline::ClientLayer::new().telemetry(telemetry),
    );
    let call = tower::Layer::layer(
        &client,
        tower::service_fn(move |request: Request<String>| {
            *keep.lock().unwrap() = request.headers().clone();
            async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }
        }),
    );
    let app = Router::new()
        .route(
            path,
            get(move || {
                let call = call.clone();
                async move {
                    let request = Request::get("http://within.example/").body(String::new());
                    drop(call.oneshot(request.unwrap()).await.unwrap());
                    ""
                }
            }),
        )
        .layer(ServerLayer::new().telemetry(telemetry));
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    drop(app.oneshot(request).await.unwrap());
    let sent = sent.lock().unwrap();
    sent.clone()
}

/// The server spans that this call brought.
fn server_spans(call: &collector::Call) -> Vec<Span> {
    let scopes = call.spans.iter().flat_map(|spans| &spans.scope_spans);
    scopes
        .flat_map(|scope| scope.spans.clone())
        .filter(|span| span.kind == 2)
        .collect()
}

#[tokio::test]
async fn a_file_says_all() {
    let collector = Collector::start();
    let config = Config::new(
        r#"
file_format: "1.0"
attribute_limits:
  attribute_value_length_limit: 9
resource:
  schema_url: https://schema.example/1
  attributes_list: deployment.environment.name=a%20b,service.version=0
  attributes:
    - name: service.name
      value: ${NAME:-nobody}
    - {name: service.version, value: "1.2"}
    - {name: shards, value: [1, 2], type: int_array}
    - {name: left.out, value: ~}
propagator:
  composite: [tracecontext: , b3: ]
  composite_list: b3,baggage
tracer_provider:
  sampler:
    parent_based:
      root: {always_off: }
      remote_parent_sampled: {always_on: }
  processors:
    - batch:
        schedule_delay: 60000
        exporter:
          otlp_http:
            endpoint: ${COLLECTOR}/own/path
            headers_list: a=1,b=1%20
            headers:
              - {name: b, value: "2"}
              - {name: c, value: }
            timeout: 0
instrumentation/development:
  general:
    http:
      server:
        request_captured_headers: [x-tenant]
"#,
    );
    let url = collector.url();
    let telemetry = config
        .setup(&[
            ("NAME", "orders"),
            ("COLLECTOR", &url),
            // Without a say.
            ("OTEL_SERVICE_NAME", "wrong"),
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_TRACES_EXPORTER", "nonsense"),
        ])
        .build()
        .unwrap();
    serve(&telemetry, "/root", &[]).await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("traceparent", parent), ("x-tenant", "abcdefghijkl")];
    let sent = serve(&telemetry, "/a/quite/long/path", &headers).await;
    telemetry.shutdown().await.unwrap();

    assert!(
        sent.contains_key("b3") && sent.contains_key("traceparent"),
        "{sent:?}"
    );
    let calls = collector.calls();
    let [call] = calls.as_slice() else {
        panic!("{calls:?}")
    };
    assert_eq!(call.path, "/own/path");
    assert_eq!(
        (&call.headers["a"], &call.headers["b"]),
        (&"1".parse().unwrap(), &"2".parse().unwrap())
    );
    assert!(!call.headers.contains_key("c"));
    for (key, want) in [
        ("service.name", "orders"),
        ("service.version", "1.2"),
        ("deployment.environment.name", "a b"),
    ] {
        assert_eq!(call.resource(key).as_deref(), Some(want), "{key}");
    }
    let resource = call.spans[0].resource.as_ref().unwrap();
    let keys: Vec<_> = resource
        .attributes
        .iter()
        .map(|attribute| attribute.key.as_str())
        .collect();
    assert!(
        keys.contains(&"shards") && !keys.contains(&"left.out"),
        "{keys:?}"
    );
    assert_eq!(call.spans[0].schema_url, "https://schema.example/1");
    // The root was not sampled; texts have nine characters at most.
    let spans = server_spans(call);
    let [span] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(span.name, "GET /a/quite/long/path");
    let text = |key: &str| {
        let found = span
            .attributes
            .iter()
            .find(|attribute| attribute.key == key);
        format!(
            "{:?}",
            found.unwrap_or_else(|| panic!("{key} of {span:?}")).value
        )
    };
    assert!(
        text("url.path").contains("\"/a/quite/\""),
        "{}",
        text("url.path")
    );
    let tenant = text("http.request.header.x-tenant");
    assert!(tenant.contains("\"abcdefghi\""), "{tenant}");
}

#[tokio::test]
async fn what_a_file_leaves_out_is_not_there() {
    let collector = Collector::start();
    let config = Config::new("file_format: '1.0'");
    let url = collector.url();
    let vars = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str())];
    let telemetry = config.setup(&vars).build().unwrap();
    let sent = serve(
        &telemetry,
        "/a",
        &[(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )],
    )
    .await;
    telemetry.shutdown().await.unwrap();
    assert!(!sent.contains_key("traceparent"), "{sent:?}");
    assert!(collector.calls().is_empty());

    // A trace passes through.
    let config = Config::new("file_format: '1.0'\npropagator: {composite_list: tracecontext}");
    let telemetry = config.setup(&[]).build().unwrap();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = serve(&telemetry, "/a", &[("traceparent", parent)]).await;
    assert_eq!(sent["traceparent"], parent);
}

#[tokio::test]
async fn code_beats_the_file() {
    let collector = Collector::start();
    let yaml = format!(
        "file_format: '1.0'
resource: {{attributes: [{{name: service.name, value: file}}]}}
tracer_provider: {{processors: [simple: {{exporter: {{otlp_http: {{endpoint: {}}}}}}}]}}",
        nobody()
    );
    let config = Config::new(&yaml);
    let setup = config.setup(&[]).service_name("code");
    let telemetry = setup.endpoint(collector.url()).build().unwrap();
    serve(&telemetry, "/a", &[]).await;
    telemetry.shutdown().await.unwrap();
    assert!(!collector.calls().is_empty());
    for call in collector.calls() {
        assert_eq!(call.path, "/v1/traces");
        assert_eq!(call.resource("service.name").as_deref(), Some("code"));
    }

    // A part that only spans have is a wish for spans.
    let exporter = InMemorySpanExporter::default();
    let config = Config::new("file_format: '1.0'");
    let telemetry = config
        .setup(&[])
        .exporter(exporter.clone())
        .build()
        .unwrap();
    serve(&telemetry, "/a", &[]).await;
    telemetry.flush().await.unwrap();
    assert_eq!(exporter.get_finished_spans().unwrap().len(), 2);
    telemetry.shutdown().await.unwrap();
}

/// Every kind of component that the format has and this crate builds.
#[tokio::test]
async fn all_that_is_supported_is_taken() {
    let config = Config::new(
        r#"
file_format: "1.1"
stability: stable
disabled: ${DISABLED:-false}
log_level: info2
attribute_limits: {attribute_count_limit: 12, attribute_value_length_limit: }
resource:
  attributes_list: ${NOTHING}
  detection/development:
    detectors: [service: , host: , process: , container: , k8s: ]
  attributes:
    - {name: s, value: a, type: string}
    - {name: b, value: true, type: bool}
    - {name: i, value: 1, type: int}
    - {name: d, value: 1, type: double}
    - {name: ss, value: [a], type: string_array}
    - {name: bs, value: [true], type: bool_array}
    - {name: ds, value: [1.5], type: double_array}
propagator:
  composite: [tracecontext: , baggage: , b3: , b3multi: , jaeger: , xray: , ottrace: , datadog: ]
tracer_provider:
  limits:
    attribute_value_length_limit: 100
    attribute_count_limit: 10
    event_count_limit: 1
    link_count_limit: 2
    event_attribute_count_limit: 3
    link_attribute_count_limit: 4
  sampler:
    parent_based:
      root: {trace_id_ratio_based: {ratio: 0.5}}
      local_parent_sampled: {trace_id_ratio_based: }
      local_parent_not_sampled: {always_off: }
      remote_parent_not_sampled:
        jaeger_remote/development:
          endpoint: http://localhost:5778/sampling
          interval: 60000
          initial_sampler: {always_off: }
  processors:
    - simple: {exporter: {console: }}
    - batch:
        schedule_delay: 0
        export_timeout: 0
        max_queue_size: 10
        max_export_batch_size: 10
        exporter:
          otlp_grpc:
            endpoint: localhost:4317
            compression: none
            tls: {insecure: true, ca_file: }
    - batch: {exporter: {otlp_http: {encoding: json, compression: gzip}}}
    - batch: {exporter: {zipkin: {endpoint: "http://localhost:9411/api/v2/spans", timeout: 1}}}
meter_provider:
  exemplar_filter: trace_based
  readers:
    - periodic:
        interval: 60000
        timeout: 0
        exporter:
          otlp_http:
            temporality_preference: low_memory
            default_histogram_aggregation: base2_exponential_bucket_histogram
    - periodic: {exporter: {console: {temporality_preference: delta}}}
  views:
    - selector: {instrument_name: "a.*", instrument_type: histogram, unit: s, meter_name: m, meter_version: "1", meter_schema_url: u}
      stream:
        name: b
        description: c
        aggregation_cardinality_limit: 10
        aggregation: {explicit_bucket_histogram: {boundaries: [1, 2.5], record_min_max: false}}
    - selector: {instrument_name: gone}
      stream: {aggregation: {drop: }}
logger_provider:
  limits: {attribute_count_limit: 5}
  processors:
    - simple: {exporter: {console: }}
    - batch: {max_queue_size: 5, exporter: {otlp_http: }}
instrumentation:
  general:
    stability_opt_in_list: ${OTEL_SEMCONV_STABILITY_OPT_IN}
    http:
      client: {request_captured_headers: [a], response_captured_headers: [b]}
"#,
    );
    // Nobody listens, and that may be told: it is built, and that is all.
    let setup = config.setup(&[("DISABLED", "")]).on_warning(|_| {});
    let limit = Duration::from_millis(100);
    match setup.shutdown_timeout(limit).build() {
        Ok(telemetry) => drop(telemetry),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn views_shape_what_is_measured() {
    let collector = Collector::start();
    let yaml = format!(
        r#"
file_format: "1.0"
meter_provider:
  readers:
    - periodic: {{exporter: {{otlp_http: {{endpoint: "{}/v1/metrics"}}}}}}
  views:
    - selector: {{instrument_name: "gone*"}}
      stream: {{aggregation: {{drop: }}}}
    - selector: {{instrument_type: counter, instrument_name: kept}}
      stream: {{name: renamed}}
"#,
        collector.url()
    );
    let telemetry = Config::new(&yaml).setup(&[]).build().unwrap();
    let provider = otel::meter_provider(&telemetry).unwrap();
    let meter = provider.meter("test");
    for name in ["gone.by", "kept", "other"] {
        meter.u64_counter(name).build().add(1, &[]);
    }
    telemetry.shutdown().await.unwrap();
    let exports = collector.wait_for_metrics(1);
    let metrics = exports.iter().flatten().flat_map(collector::metrics);
    let mut names: Vec<_> = metrics
        .map(|metric| metric.name)
        .filter(|name| !name.contains("otel") && !name.contains("throughline"))
        .collect();
    names.sort();
    assert_eq!(names, ["other", "renamed"]);
}

#[tokio::test]
async fn views_choose_the_attributes() {
    let collector = Collector::start();
    let yaml = format!(
        r#"
file_format: "1.0"
tracer_provider: {{processors: []}}
meter_provider:
  readers:
    - periodic: {{exporter: {{otlp_http: {{endpoint: "{}/v1/metrics"}}}}}}
  views:
    - selector: {{instrument_name: http.server.request.duration}}
      stream: {{attribute_keys: {{included: [http.route, none]}}}}
"#,
        collector.url()
    );
    let telemetry = Config::new(&yaml).setup(&[]).build().unwrap();
    for path in ["/a", "/a", "/b"] {
        serve(&telemetry, path, &[]).await;
    }
    telemetry.shutdown().await.unwrap();
    let keys = |name| {
        let Some(Data::Histogram(histogram)) = collector.metric(name).data else {
            panic!("{name} is no histogram");
        };
        let points = histogram.data_points.into_iter();
        let mut keys: Vec<_> = points
            .map(|point| {
                let keys = point.attributes.into_iter().map(|attribute| attribute.key);
                (keys.collect::<Vec<_>>(), point.count)
            })
            .collect();
        keys.sort();
        keys
    };
    let route = || vec!["http.route".to_owned()];
    let server = keys("http.server.request.duration");
    assert_eq!(server, [(route(), 1), (route(), 2)]);
    let client = keys("http.client.request.duration");
    assert!(client[0].0.len() > 1, "{client:?}");
}

#[tokio::test]
async fn attribute_sets_are_bounded() {
    let collector = Collector::start();
    let yaml = format!(
        r#"
file_format: "1.0"
meter_provider:
  readers:
    - periodic:
        exporter: {{otlp_http: {{endpoint: "{}/v1/metrics"}}}}
        cardinality_limits: {{default: 4, counter: 2}}
  views:
    - selector: {{instrument_name: viewed}}
      stream: {{name: viewed}}
    - selector: {{instrument_name: bounded}}
      stream: {{aggregation_cardinality_limit: 1}}
"#,
        collector.url()
    );
    let telemetry = Config::new(&yaml).setup(&[]).build().unwrap();
    let provider = otel::meter_provider(&telemetry).unwrap();
    let meter = provider.meter("test");
    let gauge = meter.u64_gauge("gauge").build();
    let counters =
        ["counter", "viewed", "bounded"].map(|name| (name, meter.u64_counter(name).build()));
    for number in 0..9_i64 {
        let attributes = [KeyValue::new("number", number)];
        gauge.record(1, &attributes);
        for (_, counter) in &counters {
            counter.add(1, &attributes);
        }
    }
    telemetry.shutdown().await.unwrap();
    let exports = collector.wait_for_metrics(1);
    let counted: Vec<_> = exports
        .iter()
        .flatten()
        .flat_map(collector::metrics)
        .filter_map(|metric| match metric.data? {
            Data::Gauge(gauge) => Some((metric.name, gauge.data_points.len())),
            Data::Sum(sum) => Some((metric.name, sum.data_points.len())),
            _ => None,
        })
        .collect();
    // And one for all the others.
    for (name, points) in [("gauge", 5), ("counter", 3), ("viewed", 3), ("bounded", 2)] {
        assert!(counted.contains(&(name.to_owned(), points)), "{counted:?}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_its_path() {
    let mut wrong = Vec::new();
    // Below `file_format`, so that they begin at the second line.
    for (yaml, want) in [
        ("colour: red", "line 2: colour: is not supported"),
        (
            "disabled: yes",
            "line 2: disabled: is neither true nor false",
        ),
        (
            "log_level: loud",
            r#"line 2: log_level: "loud" is no known level"#,
        ),
        ("resource: [a]", "line 2: resource: is no mapping"),
        (
            "resource: {attributes: [{value: a}]}",
            "line 2: resource.attributes[0]: has no name",
        ),
        (
            "resource:\n  attributes:\n    - name: a\n      value: 1",
            "line 5: resource.attributes[0].value: is no text: it wants quotes",
        ),
        (
            "resource: {attributes: [{name: a, value: 1, type: map}]}",
            r#"line 2: resource.attributes[0].type: "map" is no known type"#,
        ),
        (
            "resource: {attributes_list: a}",
            "line 2: resource.attributes_list: member 1 has no =",
        ),
        (
            "resource: {detection/development: {attributes: {included: [a]}}}",
            "line 2: resource.detection/development.attributes: is not supported",
        ),
        (
            "resource: {detection: {detectors: [aws: ]}}",
            "line 2: resource.detection.detectors[0].aws: is not supported",
        ),
        (
            "propagator: {composite: [w3c: ]}",
            r#"line 2: propagator.composite[0].w3c: "w3c" is no known propagator"#,
        ),
        (
            "propagator: {composite_list: 'baggage,w3c'}",
            r#"line 2: propagator.composite_list: "w3c" is no known propagator"#,
        ),
        (
            "tracer_provider: {}",
            "line 2: tracer_provider: has no processors",
        ),
        (
            "tracer_provider: {processors: [batch: ]}",
            "line 2: tracer_provider.processors[0].batch: has no exporter",
        ),
        (
            "tracer_provider:\n  processors:\n    - batch:\n        exporter:\n          otlp_file/development:",
            "line 6: tracer_provider.processors[0].batch.exporter.otlp_file/development: is not supported",
        ),
        (
            "tracer_provider: {processors: [mine: ]}",
            "line 2: tracer_provider.processors[0].mine: is not supported",
        ),
        (
            "tracer_provider: {processors: [{batch: , simple: }]}",
            "line 2: tracer_provider.processors[0]: has not exactly one entry",
        ),
        (
            "tracer_provider: {processors: [batch: {schedule_delay: -1, exporter: {console: }}]}",
            "line 2: tracer_provider.processors[0].batch.schedule_delay: is not from 0 to 4294967295",
        ),
        (
            "tracer_provider: {processors: [batch: {max_queue_size: 1.5, exporter: {console: }}]}",
            "line 2: tracer_provider.processors[0].batch.max_queue_size: is no whole number",
        ),
        (
            "tracer_provider: {processors: [batch: {max_queue_size: 5, max_export_batch_size: 6, exporter: {console: }}]}",
            "line 2: tracer_provider.processors[0].batch: max_export_batch_size is more than max_queue_size",
        ),
        (
            "tracer_provider: {processors: [simple: {exporter: {otlp_http: {endpoint: 'ftp://u:hush@h'}}}]}",
            "line 2: tracer_provider.processors[0].simple.exporter.otlp_http.endpoint: does not begin with http:// or https://",
        ),
        (
            "tracer_provider: {processors: [simple: {exporter: {otlp_http: {headers: [{name: a b, value: hush}]}}}]}",
            "line 2: tracer_provider.processors[0].simple.exporter.otlp_http.headers[0]: has a key that no header can have",
        ),
        (
            "tracer_provider: {processors: [simple: {exporter: {otlp_http: {headers_list: hush}}}]}",
            "line 2: tracer_provider.processors[0].simple.exporter.otlp_http.headers_list: member 1 has no =",
        ),
        (
            "tracer_provider: {processors: [simple: {exporter: {otlp_http: {tls: {insecure: true}}}}]}",
            "line 2: tracer_provider.processors[0].simple.exporter.otlp_http.tls.insecure: is not supported",
        ),
        (
            "tracer_provider: {processors: [simple: {exporter: {otlp_grpc: {tls: {key_file: a}}}}]}",
            "line 2: tracer_provider.processors[0].simple.exporter.otlp_grpc.tls: cert_file and key_file need each other",
        ),
        (
            "tracer_provider: {processors: [], sampler: {trace_id_ratio_based: {ratio: 2}}}",
            "line 2: tracer_provider.sampler.trace_id_ratio_based.ratio: is not a number from 0 to 1",
        ),
        (
            "tracer_provider: {processors: [], sampler: {composite/development: {always_on: }}}",
            "line 2: tracer_provider.sampler.composite/development: is not supported",
        ),
        (
            "tracer_provider: {processors: [], tracer_configurator/development: {}}",
            "line 2: tracer_provider.tracer_configurator/development: is not supported",
        ),
        (
            "meter_provider: {readers: [pull: {exporter: {graphite: }}]}",
            "line 2: meter_provider.readers[0].pull.exporter.graphite: is not supported",
        ),
        (
            "meter_provider: {readers: [], exemplar_filter: always_on}",
            "line 2: meter_provider.exemplar_filter: asks for exemplars, which OpenTelemetry's SDK for Rust does not make",
        ),
        (
            "meter_provider: {readers: [], views: [{selector: {}, stream: {attribute_keys: {included: ['a*']}}}]}",
            "line 2: meter_provider.views[0].stream.attribute_keys.included[0]: is a pattern, and OpenTelemetry's SDK for Rust takes whole keys",
        ),
        (
            "meter_provider: {readers: [], views: [{selector: {}, stream: {attribute_keys: {excluded: [a]}}}]}",
            "line 2: meter_provider.views[0].stream.attribute_keys.excluded: is not supported: OpenTelemetry's SDK for Rust takes what is included",
        ),
        (
            "meter_provider: {readers: [periodic: {exporter: {console: }, cardinality_limits: {default: 0}}]}",
            "line 2: meter_provider.readers[0].periodic.cardinality_limits.default: is not from 1 to 1048576",
        ),
        (
            "meter_provider: {readers: [periodic: {exporter: {console: }, cardinality_limits: {timer: 1}}]}",
            "line 2: meter_provider.readers[0].periodic.cardinality_limits.timer: is not supported",
        ),
        (
            "meter_provider:\n  readers:\n    - periodic: {exporter: {console: }, cardinality_limits: {default: 1}}\n    - periodic: {exporter: {console: }}",
            "line 5: meter_provider.readers[1]: has other cardinality_limits than the one before, and OpenTelemetry's SDK for Rust has the same for all",
        ),
        (
            "meter_provider: {readers: [], views: [{selector: {}, stream: {aggregation_cardinality_limit: 4294967295}}]}",
            "line 2: meter_provider.views[0].stream.aggregation_cardinality_limit: is not from 1 to 1048576",
        ),
        (
            "logger_provider: {processors: [batch: {max_queue_size: 1048577, exporter: {console: }}]}",
            "line 2: logger_provider.processors[0].batch.max_queue_size: is not from 1 to 1048576",
        ),
        (
            "---\ndisabled: true",
            "line 2: a second document is not supported",
        ),
        (
            "logger_provider: {processors: [simple: {exporter: {console: }}], logger_configurator/development: {}}",
            "line 2: logger_provider.logger_configurator/development: is not supported",
        ),
        (
            "instrumentation/development: {rust: {}}",
            "line 2: instrumentation/development.rust: is not supported",
        ),
        (
            "disabled: ${1BAD:-hush}",
            "line 2: ${1BAD:-…} is no reference to a variable: it is written ${NAME} or ${NAME:-default}, and a $ of its own $$",
        ),
        (
            "disabled: false\ndisabled: true",
            "line 3: disabled is there twice",
        ),
    ] {
        let config = Config::new(&format!("file_format: \"1.0\"\n{yaml}\n"));
        let error = config.error();
        if error != want {
            wrong.push(format!("{yaml}\n  says {error}\n  not  {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(
        Config::new("disabled: false").error(),
        "line 1: the file has no file_format"
    );
    assert!(
        Config::new("file_format: '0.4'")
            .error()
            .starts_with(r#"line 1: file_format: "0.4" is not supported"#)
    );
    // All at once.
    let config = Config::new("file_format: '1.0'\na: 1\nb: 2");
    assert_eq!(
        config.error(),
        " cannot be used:\n  line 2: a: is not supported\n  line 3: b: is not supported"
    );
}

/// What is no UTF-8 comes as U+FFFD.
#[test]
fn what_a_file_refers_to_is_text() {
    let yaml = "file_format: '1.0'\n\
                resource:\n  attributes:\n    - name: service.name\n      value: ${NAMED:-tea}\n";
    let config = Config::new(yaml);
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let setup = config.setup(&[("NAMED", "caf\u{fffd}")]);
    let setup = setup.on_warning(move |text| keep.lock().unwrap().push(text.to_owned()));
    let report = setup.build().unwrap().report().to_string();
    assert!(report.contains("resource.service.name = tea"), "{report}");
    let refers = "NAMED, to which the file refers: not set";
    assert!(report.contains(refers), "{report}");
    let told = told.lock().unwrap();
    assert_eq!(*told, ["NAMED=\"…\" is not UTF-8; it is ignored"]);
}

#[test]
fn a_file_that_is_not_there() {
    let missing = "/nowhere/otel.yaml";
    let lookup = |name: &str| (name == "OTEL_CONFIG_FILE").then(|| missing.to_owned());
    let error = Setup::new().lookup(lookup).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"OTEL_CONFIG_FILE="/nowhere/otel.yaml" cannot be read"#
    );
    assert!(format!("{error:?}").contains("No such file"), "{error:?}");
}

#[test]
fn the_older_name_of_the_variable() {
    let config = Config::new("file_format: '1.0'");
    let path = config.path().to_owned();
    let told = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&told);
    let setup = Setup::new()
        .lookup(move |name| (name == "OTEL_EXPERIMENTAL_CONFIG_FILE").then(|| path.clone()))
        .on_warning(move |text| keep.lock().unwrap().push(text.to_owned()));
    drop(setup.build().unwrap());
    assert_eq!(
        *told.lock().unwrap(),
        ["OTEL_EXPERIMENTAL_CONFIG_FILE is an older name of OTEL_CONFIG_FILE; it is followed"]
    );
}
