//! Each example, run as its first lines say: what it traces, measures and logs arrives at a collector. `cargo test` builds
//! them before it runs this.

#![allow(
    clippy::disallowed_methods,
    reason = "what a test is asked for stands in the environment"
)]

mod collector;

use std::{env, path::PathBuf, process::Command};

use collector::{Call, Collector};

/// Where `cargo test` puts them. `None` where it is not there, which is told.
fn built(name: &str) -> Option<PathBuf> {
    let this = env::current_exe().unwrap();
    let folder = this.parent().unwrap().parent().unwrap().join("examples");
    let path = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    if path.exists() {
        return Some(path);
    }
    let path = path.display();
    let why =
        format!("skipped: {path} is not there; cargo build --all-features --examples makes it");
    let is_required = env::var("THROUGHLINE_REQUIRE").as_deref() == Ok("1");
    assert!(!is_required, "{why}");
    eprintln!("{why}");
    None
}

/// Runs it once. What it printed.
#[track_caller]
fn run(name: &str, collector: &Collector, variables: &[(&str, &str)]) -> Option<String> {
    let output = Command::new(built(name)?)
        .arg("--once")
        .env_clear()
        .env("PATH", env::var_os("PATH").unwrap_or_default())
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{name}: {out}{err}");
    assert_eq!(err, "", "{name}");
    Some(out)
}

#[test]
fn the_spans_of_each_arrive() {
    for (name, spans) in [
        ("axum", &[("GET /orders/{id}", 1)][..]),
        ("hyper_client", &[("GET", 1)]),
        ("hyper_server", &[("GET /stock/{sku}", 1)]),
        ("job", &[("import orders", 1)]),
        ("metrics", &[("GET /orders/{id}", 1)]),
        ("queue", &[("process orders", 2), ("send orders", 4)]),
        ("reqwest", &[("GET", 1)]),
        ("retry", &[("GET", 3)]),
        (
            "tonic",
            &[("shop.v1.Pricing/Quote", 2), ("shop.v1.Pricing/Watch", 2)],
        ),
    ] {
        let collector = Collector::start();
        if run(name, &collector, &[]).is_none() {
            return;
        }
        let mut names = collector.names();
        names.sort();
        let expected = spans.iter().flat_map(|(name, count)| vec![*name; *count]);
        assert_eq!(names, expected.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn a_job_is_in_the_trace_of_whoever_started_it() {
    let collector = Collector::start();
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let Some(printed) = run("job", &collector, &[("TRACEPARENT", caller)]) else {
        return;
    };
    let said = "cleaned up in trace 0af7651916cd43dd8448eb211c80319c";
    assert!(printed.contains(said), "{printed}");
    let span = &collector.calls()[0].spans[0].scope_spans[0].spans[0];
    let parent = 0xb7ad_6b71_6920_3331_u64.to_be_bytes();
    assert_eq!(span.parent_span_id, parent);
    // Its own child is told of the job's span.
    let id: String = span
        .span_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(printed.contains(&format!("-{id}-01")), "{printed}");
}

#[test]
fn metrics_arrive_or_are_asked_for() {
    let collector = Collector::start();
    if run("metrics", &collector, &[]).is_none() {
        return;
    }
    for name in [
        "http.server.request.duration",
        "http.server.active_requests",
        "http.server.response.body.size",
    ] {
        let metric = format!("{:?}", collector.metric(name));
        assert!(metric.contains("tenant.tier") || name.contains("active"));
    }
    let prometheus = [
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
    ];
    let scraped = run("prometheus", &collector, &prometheus).unwrap();
    for line in [
        "\nhttp_server_request_duration_seconds_count{",
        "\norders_shown_total{otel_scope_name=\"orders\"} 1",
    ] {
        assert!(scraped.contains(line), "no {line:?}: {scraped}");
    }
}

#[test]
fn log_records_arrive_with_the_ids_of_their_span() {
    let collector = Collector::start();
    let Some(printed) = run("logs", &collector, &[]) else {
        return;
    };
    let calls = collector.calls();
    let spans: Vec<_> = calls.iter().flat_map(Call::names).collect();
    assert!(
        spans.iter().any(|name| name == "GET /buy/{sku}"),
        "{spans:?}"
    );
    let records: Vec<_> = calls.iter().flat_map(|call| call.records("logs")).collect();
    let sold = records
        .iter()
        .find(|record| format!("{:?}", record.body).contains("sold"))
        .unwrap();
    let id: String = sold
        .trace_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(id.len(), 32, "{sold:?}");
    assert!(printed.contains(&id), "{printed}");
}

#[test]
fn what_an_exporter_of_ones_own_is_given_is_printed() {
    let collector = Collector::start();
    let Some(printed) = run("own_exporter", &collector, &[]) else {
        return;
    };
    assert!(
        printed.contains("Server `GET /orders/{id}` took "),
        "{printed}"
    );
    let printed = run("sampling", &collector, &[]).unwrap();
    for why in ["error", "slow,", "forced"] {
        assert!(printed.contains(why), "no {why}: {printed}");
    }
    assert_eq!(collector.names(), [""; 0]);
}

#[test]
fn the_doctor_says_whether_the_collector_answers() {
    let collector = Collector::start();
    let Some(printed) = run("doctor", &collector, &[]) else {
        return;
    };
    let line = |url: &str| format!("\n  traces {url}/v1/traces: answers\n");
    assert!(printed.contains(&line(&collector.url())), "{printed}");
    let nobody = collector::nobody();
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*nobody)];
    let printed = run("doctor", &collector, &variables).unwrap();
    assert!(printed.contains(&format!(
        "\n  traces {nobody}/v1/traces: Connection refused"
    )));
}
