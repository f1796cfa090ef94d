//! `/metrics`: what is served, to whom, for how long, and what happens where it cannot be.

use std::{
    collections::HashMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use opentelemetry::{
    Context, KeyValue, global,
    metrics::{Meter, MeterProvider},
};
use throughline::{Setup, Telemetry, otel};

/// Far more than anything here takes; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer as it was on the wire.
struct Answer {
    head: String,
    body: String,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The value of the only sample of this name with all of these labels.
    #[track_caller]
    fn sample(&self, name: &str, labels: &[&str]) -> f64 {
        let found: Vec<_> = self
            .body
            .lines()
            .filter(|line| line.split(['{', ' ']).next() == Some(name))
            .filter(|line| labels.iter().all(|label| line.contains(label)))
            .collect();
        let [line] = found.as_slice() else {
            panic!("{name} {labels:?}: {found:?} in\n{}", self.body)
        };
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// Asks on a connection of its own, which the server closes.
fn ask(address: SocketAddr, method: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Answer {
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

fn scrape(address: SocketAddr) -> Answer {
    let answer = ask(address, "GET", "/metrics");
    assert_eq!(answer.status(), "200", "{}", answer.head);
    answer
}

#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn setup(port: u16) -> (Setup, Warnings) {
    let vars = HashMap::from([
        ("OTEL_SERVICE_NAME", "shop".to_owned()),
        ("OTEL_TRACES_EXPORTER", "none".to_owned()),
        ("OTEL_LOGS_EXPORTER", "none".to_owned()),
        ("OTEL_METRICS_EXPORTER", "prometheus".to_owned()),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", port.to_string()),
    ]);
    let warnings = Warnings::default();
    let kept = warnings.clone();
    let setup = Setup::new()
        .lookup(move |name| vars.get(name).cloned())
        .on_warning(move |text| kept.0.lock().unwrap().push(text.to_owned()));
    (setup, warnings)
}

/// A pipeline on a free port, and a meter of it.
fn served() -> (Telemetry, SocketAddr, Meter) {
    let telemetry = setup(0).0.build().unwrap();
    let address = telemetry.prometheus_address().unwrap();
    let meter = otel::meter_provider(&telemetry).unwrap().meter("orders");
    (telemetry, address, meter)
}

fn is_free(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_err() && TcpListener::bind(address).is_ok()
}

#[test]
fn what_was_measured_is_served_by_prometheus_rules() {
    let (_telemetry, address, meter) = served();
    let counter = meter.u64_counter("orders.placed").build();
    counter.add(3, &[KeyValue::new("shop.kind", "a\"b\\c\nd")]);
    let histogram = meter
        .f64_histogram("http.server.request.duration")
        .with_unit("s")
        .with_description("Duration of HTTP server requests.")
        .with_boundaries(vec![0.005, 1.0])
        .build();
    for seconds in [0.001, 0.5, 0.5, 7.0] {
        histogram.record(seconds, &[KeyValue::new("http.route", "/orders/{id}")]);
    }

    let answer = scrape(address);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(
        answer.header("content-length").unwrap(),
        answer.body.len().to_string()
    );
    let scope = "otel_scope_name=\"orders\"";
    assert_eq!(
        answer.sample("orders_placed_total", &[scope, r#"shop_kind="a\"b\\c\nd""#]),
        3.0
    );
    let route = "http_route=\"/orders/{id}\"";
    let bucket = "http_server_request_duration_seconds_bucket";
    for (le, want) in [("0.005", 1.0), ("1", 3.0), ("+Inf", 4.0)] {
        let le = format!("le=\"{le}\"");
        assert_eq!(answer.sample(bucket, &[scope, route, &le]), want, "{le}");
    }
    let count = "http_server_request_duration_seconds_count";
    assert_eq!(answer.sample(count, &[route]), 4.0);
    for line in [
        "# TYPE http_server_request_duration_seconds histogram",
        "# HELP http_server_request_duration_seconds Duration of HTTP server requests.",
        "# TYPE orders_placed_total counter",
        "# TYPE target_info gauge",
    ] {
        assert!(answer.body.lines().any(|other| other == line), "{line}");
    }
    assert_eq!(
        answer.sample("target_info", &["service_name=\"shop\""]),
        1.0
    );

    counter.add(1, &[]);
    histogram.record(0.5, &[KeyValue::new("http.route", "/orders/{id}")]);
    assert_eq!(scrape(address).sample(count, &[route]), 5.0, "cumulative");
}

#[test]
fn nothing_measured_is_a_target_that_is_well() {
    let (_telemetry, address, _) = served();
    assert_eq!(
        scrape(address).sample("target_info", &["telemetry_sdk_language=\"rust\""]),
        1.0
    );
}

#[test]
fn head_is_get_without_a_body() {
    let (_telemetry, address, _) = served();
    let head = ask(address, "HEAD", "/metrics");
    assert_eq!((head.status(), head.body.as_str()), ("200", ""));
    let get = ask(address, "GET", "/metrics?name[]=up");
    assert_eq!(get.status(), "200", "a query is no other page");
    for name in ["content-type", "content-length"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
}

#[test]
fn there_is_one_page_and_it_is_read_only() {
    let (_telemetry, address, _) = served();
    for path in ["/", "/metrics/", "/metricsx", "/favicon.ico"] {
        assert_eq!(ask(address, "GET", path).status(), "404", "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "EVIL"] {
        let answer = ask(address, method, "/metrics");
        assert_eq!(answer.status(), "405", "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
    }
    scrape(address);
}

#[test]
fn the_end_of_the_pipeline_frees_the_address() {
    let (telemetry, address, meter) = served();
    let counter = meter.u64_counter("orders").build();
    block_on(telemetry.shutdown()).unwrap();
    assert!(is_free(address), "after shutdown");
    counter.add(1, &[]);

    let again = setup(address.port()).0.build().unwrap();
    assert_eq!(again.prometheus_address(), Some(address), "at once");
    scrape(address);
    drop(again);
    assert!(is_free(address), "after a drop");
}

#[test]
fn an_open_connection_does_not_delay_the_end() {
    let (telemetry, address, _) = served();
    let mut idle = TcpStream::connect(address).unwrap();
    write!(idle, "GET /metrics HTTP/1.1\r\n").unwrap();
    scrape(address);
    block_on(telemetry.shutdown()).unwrap();
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_flush_leaves_it_running() {
    let (telemetry, address, _) = served();
    block_on(telemetry.flush()).unwrap();
    scrape(address);
}

#[test]
fn an_address_in_use_is_a_warning() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap();
    let (setup, warnings) = setup(taken.port());
    let telemetry = setup.build().unwrap();
    assert_eq!(telemetry.prometheus_address(), None);
    assert!(otel::meter_provider(&telemetry).is_none(), "nobody reads");
    let warnings = warnings.all();
    let [warning] = warnings.as_slice() else {
        panic!("{warnings:?}")
    };
    for part in [
        &format!("localhost:{}", taken.port()),
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "in use",
    ] {
        assert!(warning.contains(part), "{part}: {warning}");
    }
    block_on(telemetry.shutdown()).unwrap();
}

#[test]
fn a_host_that_is_none_of_this_machines_is_a_warning() {
    for host in ["192.0.2.1", "no such host"] {
        let warnings = Warnings::default();
        let kept = warnings.clone();
        let telemetry = Setup::new()
            .lookup(move |name| match name {
                "OTEL_METRICS_EXPORTER" => Some("prometheus".to_owned()),
                "OTEL_EXPORTER_PROMETHEUS_HOST" => Some(host.to_owned()),
                "OTEL_EXPORTER_PROMETHEUS_PORT" => Some("0".to_owned()),
                name if name.ends_with("_EXPORTER") => Some("none".to_owned()),
                _ => None,
            })
            .on_warning(move |text| kept.0.lock().unwrap().push(text.to_owned()))
            .build()
            .unwrap();
        assert_eq!(telemetry.prometheus_address(), None);
        let warnings = warnings.all();
        assert!(
            warnings.len() == 1 && warnings[0].contains(host),
            "{warnings:?}"
        );
    }
}

/// The runtime's only thread is blocked for as long as the scrape takes.
#[tokio::test]
async fn it_needs_nothing_of_the_services_runtime() {
    let (telemetry, address, _) = served();
    scrape(address);
    telemetry.shutdown().await.unwrap();
    assert!(is_free(address));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_with_a_drop_in_a_runtime() {
    let (telemetry, address, _) = served();
    scrape(address);
    drop(telemetry);
    assert!(is_free(address));
}

#[test]
fn many_scrapes_at_once_are_all_answered() {
    let (_telemetry, address, meter) = served();
    meter.u64_counter("orders").build().add(7, &[]);
    let scrapes: Vec<_> = (0..100)
        .map(|_| thread::spawn(move || scrape(address).sample("orders_total", &[])))
        .collect();
    for scrape in scrapes {
        assert_eq!(scrape.join().unwrap(), 7.0);
    }
}

/// More of them than there are places: those who come after are served when the first have been sent away.
#[test]
fn who_does_not_ask_is_sent_away() {
    let (_telemetry, address, _) = served();
    let idle: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET /metrics HTTP/1.1\r\nhost: ").unwrap();
            stream
        })
        .collect();
    scrape(address);
    for mut stream in idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        // The end, or a reset: no more than that it does not stay open.
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn what_measuring_does_is_not_traced() {
    let (_telemetry, address, meter) = served();
    let suppressed = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&suppressed);
    let _gauge = meter
        .u64_observable_gauge("queue.length")
        .with_callback(move |gauge| {
            seen.store(
                Context::is_current_telemetry_suppressed(),
                Ordering::Release,
            );
            gauge.observe(5, &[]);
        })
        .build();
    assert_eq!(scrape(address).sample("queue_length", &[]), 5.0);
    assert!(suppressed.load(Ordering::Acquire));
}

/// The SDK cannot collect any more after it; that must not look like a service without requests.
#[test]
fn a_callback_that_panics_is_a_scrape_that_failed() {
    let (telemetry, address, meter) = served();
    let _gauge = meter
        .u64_observable_gauge("queue.length")
        .with_callback(|_| panic!("a callback of the user's"))
        .build();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).ok();
    assert!(!text.starts_with("HTTP/1.1 200"), "{text}");
    assert_eq!(ask(address, "GET", "/metrics").status(), "500");
    assert_eq!(ask(address, "GET", "/").status(), "404");
    drop(telemetry);
    assert!(is_free(address));
}

/// The one test that touches the globals.
#[test]
fn init_makes_it_the_global_one() {
    let telemetry = setup(0).0.init().unwrap();
    let address = telemetry.prometheus_address().unwrap();
    global::meter("anywhere")
        .u64_counter("orders")
        .build()
        .add(2, &[]);
    assert_eq!(
        scrape(address).sample("orders_total", &["otel_scope_name=\"anywhere\""]),
        2.0
    );
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}
