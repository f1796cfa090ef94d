//! The files for OpenTelemetry's Collector: sound YAML, of settings that the Collector has, whose pipelines name what is there.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

/// The settings used, as the Collector's schemas and documents name them. `*` is any name, `[]` each of a list.
const SETTINGS: &[&str] = &[
    "receivers/otlp/protocols/grpc/endpoint",
    "receivers/otlp/protocols/http/endpoint",
    "processors/memory_limiter/check_interval",
    "processors/memory_limiter/limit_mib",
    "processors/memory_limiter/spike_limit_mib",
    "processors/tail_sampling/decision_wait",
    "processors/tail_sampling/num_traces",
    "processors/tail_sampling/expected_new_traces_per_sec",
    "processors/tail_sampling/decision_cache/sampled_cache_size",
    "processors/tail_sampling/decision_cache/non_sampled_cache_size",
    "processors/tail_sampling/policies/[]/name",
    "processors/tail_sampling/policies/[]/type",
    "processors/tail_sampling/policies/[]/status_code/status_codes/[]",
    "processors/tail_sampling/policies/[]/latency/threshold_ms",
    "processors/tail_sampling/policies/[]/boolean_attribute/key",
    "processors/tail_sampling/policies/[]/boolean_attribute/value",
    "processors/tail_sampling/policies/[]/probabilistic/sampling_percentage",
    "exporters/otlp_grpc/endpoint",
    "exporters/otlp_grpc/tls/insecure",
    "exporters/otlp_grpc/compression",
    "exporters/otlp_grpc/retry_on_failure/enabled",
    "exporters/otlp_grpc/retry_on_failure/max_elapsed_time",
    "exporters/otlp_grpc/sending_queue/sizer",
    "exporters/otlp_grpc/sending_queue/queue_size",
    "exporters/otlp_grpc/sending_queue/batch/flush_timeout",
    "exporters/otlp_grpc/sending_queue/batch/min_size",
    "exporters/otlp_grpc/sending_queue/batch/max_size",
    "exporters/nop",
    "service/pipelines/*/receivers/[]",
    "service/pipelines/*/processors/[]",
    "service/pipelines/*/exporters/[]",
];

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("collector");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn read(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

/// The path of each value. Of a component's name `type/which`, the type.
fn paths(value: &Value, path: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let key = match path {
                    "/service/pipelines" => "*",
                    _ => key.split('/').next().unwrap(),
                };
                paths(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(list) => {
            for value in list {
                paths(value, &format!("{path}/[]"), found);
            }
        }
        Value::String(text) => found.push((path[1..].to_owned(), text.clone())),
        other => found.push((path[1..].to_owned(), other.to_string())),
    }
}

fn names(of: &Value) -> BTreeSet<&str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn each_setting_is_one_of_the_collectors() {
    let mut used = BTreeSet::new();
    for (file, text) in files() {
        let mut found = Vec::new();
        paths(&read(&text), "", &mut found);
        for (path, value) in found {
            assert!(SETTINGS.contains(&&*path), "{file}: {path}");
            used.insert(path.clone());
            // What is not set has a value.
            let variables = value.matches("${").count();
            let with_default = value
                .matches("${env:")
                .count()
                .min(value.matches(":-").count());
            assert_eq!(variables, with_default, "{file}: {path}: {value}");
            let number = [
                "_mib",
                "_size",
                "_ms",
                "num_traces",
                "per_sec",
                "percentage",
            ];
            if number.iter().any(|end| path.ends_with(end)) {
                assert!(value.parse::<u64>().is_ok(), "{file}: {path}: {value}");
            }
        }
    }
    assert_eq!(used.len(), SETTINGS.len(), "{used:?}");
}

#[test]
fn pipelines_name_what_is_there_and_all_of_it() {
    assert_eq!(files().len(), 3);
    for (file, text) in files() {
        let config = read(&text);
        let pipelines = config["service"]["pipelines"].as_object().unwrap();
        // A service that sends all signals is refused none.
        assert_eq!(
            pipelines.keys().collect::<BTreeSet<_>>(),
            ["logs", "metrics", "traces"]
                .map(String::from)
                .iter()
                .collect(),
            "{file}"
        );
        for kind in ["receivers", "processors", "exporters"] {
            let used: BTreeSet<&str> = pipelines
                .values()
                .filter_map(|pipeline| pipeline[kind].as_array())
                .flatten()
                .map(|name| name.as_str().unwrap())
                .collect();
            assert_eq!(used, names(&config[kind]), "{file}: {kind}");
        }
        let traces = &pipelines["traces"];
        assert_eq!(traces["processors"][0], "memory_limiter", "{file}");
        let protocols = &config["receivers"]["otlp"]["protocols"];
        for (protocol, port) in [("grpc", ":4317"), ("http", ":4318")] {
            let endpoint = protocols[protocol]["endpoint"].as_str().unwrap();
            assert!(endpoint.ends_with(port), "{file}: {endpoint}");
        }
    }
}

#[test]
fn policies_say_what_their_type_is_and_know_our_attribute() {
    let (_, text) = files()
        .into_iter()
        .find(|(name, _)| name == "tail-sampling.yaml")
        .unwrap();
    let config = read(&text);
    let policies = config["processors"]["tail_sampling"]["policies"]
        .as_array()
        .unwrap();
    for policy in policies {
        let kind = policy["type"].as_str().unwrap();
        assert_eq!(names(policy), BTreeSet::from(["name", "type", kind]));
    }
    let ours = include_str!("../../src/semconv/names.rs");
    let key = policies
        .iter()
        .find_map(|policy| policy["boolean_attribute"]["key"].as_str());
    assert!(ours.contains(&format!("{:?}", key.unwrap())), "{key:?}");
}

/// The README names each file, and the variables that they read.
#[test]
fn the_readme_has_them_all() {
    let readme = include_str!("../README.md");
    for (file, text) in files() {
        assert!(readme.contains(&format!("collector/{file}")), "{file}");
        for variable in ["BACKEND", "LISTEN", "BACKEND_INSECURE"] {
            assert!(
                text.contains(&format!("${{env:{variable}:-")),
                "{file}: {variable}"
            );
        }
    }
}
