//! Who turns a feature off does not build what it needs.

use std::{collections::BTreeSet, process::Command};

/// What comes with each feature, and not without it.
const PARTS: [(&str, &[&str]); 6] = [
    ("axum", &["axum"]),
    (
        "setup",
        &["opentelemetry_sdk", "opentelemetry-stdout", "tracing"],
    ),
    ("otlp-http", &["opentelemetry-proto", "reqwest"]),
    ("prometheus", &["opentelemetry-prometheus", "prometheus"]),
    (
        "tracing",
        &[
            "opentelemetry-appender-tracing",
            "tracing-log",
            "tracing-opentelemetry",
            "tracing-subscriber",
        ],
    ),
    ("tonic", &["h2", "tonic"]),
];

/// The names of all packages that are built with the library, with these features.
fn built_with(features: &[&str]) -> BTreeSet<String> {
    let features = features.join(",");
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package=throughline"])
        .args(["--edges=normal", "--prefix=none", "--format={p}"])
        .args(["--no-default-features", "--features", &features])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

#[test]
fn without_features_there_is_opentelemetrys_api_alone() {
    let built = built_with(&[]);
    assert!(built.contains("opentelemetry"), "{built:?}");
    for (feature, parts) in PARTS {
        for part in parts {
            assert!(!built.contains(*part), "{part} without {feature}");
        }
    }
    assert!(built.len() < 30, "{built:?}");
}

#[test]
fn the_defaults_measure_without_a_subscriber_and_a_server_of_their_own() {
    let built = built_with(&["default"]);
    for (feature, parts) in PARTS {
        let is_default = ["axum", "setup", "otlp-http"].contains(&feature);
        for part in parts {
            assert_eq!(built.contains(*part), is_default, "{part} of {feature}");
        }
    }
}

#[test]
fn each_part_comes_with_its_feature() {
    for (feature, parts) in PARTS {
        let built = built_with(&[feature]);
        for part in parts {
            assert!(built.contains(*part), "{part} with {feature}");
        }
    }
}
