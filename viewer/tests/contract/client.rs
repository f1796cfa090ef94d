//! A client that was made for Jaeger, on a viewer. `viewer/tests/contract/client/install` installs it.

#![allow(
    clippy::disallowed_methods,
    reason = "the environment says where the client is, and whether it must be there"
)]

use std::{path::PathBuf, process::Command};

use serde_json::{Value, json};

use crate::Contract;

fn python() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")),
        PathBuf::from,
    );
    target.join("jaeger-client/bin/python")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_made_for_jaeger_understands_each_answer() {
    let python = python();
    if !python.exists() {
        let is_required = std::env::var("THROUGHLINE_REQUIRE").is_ok_and(|value| value == "1");
        assert!(!is_required, "{} is not there", python.display());
        eprintln!("skipped: viewer/tests/contract/client/install was not run");
        return;
    }
    let contract = Contract::start().await;
    let page = contract.viewer.page.clone();
    let trace = format!("{:032x}", contract.named("errors").id);
    let asked = tokio::task::spawn_blocking(move || {
        Command::new(python)
            .arg(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/contract/client/ask.py"
            ))
            .args([page, trace])
            .output()
            .unwrap()
    });
    let output = asked.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();

    let services = contract.found("/api/services").await;
    assert_eq!(told["services"]["services"], services["data"]);
    let operations = contract.found("/api/v3/operations?service=web").await;
    assert_eq!(told["operations"], operations);
    let summaries = told["summaries"]["summaries"].as_array().unwrap();
    let ids: Vec<_> = summaries.iter().map(|one| &one["traceId"]).collect();
    let tick = |minute: u128| format!("{:032x}", (minute + 1) << 64);
    assert_eq!(json!(ids), json!([tick(11), tick(10)]));
    assert_eq!(summaries[0]["rootOperationName"], "tick");

    let overview = &told["overview"];
    assert_eq!(overview["rootOperationName"], "POST /pay");
    assert_eq!(overview["totalDurationMs"], 0.1);
    assert_eq!(overview["spanCount"], 3);
    // It takes for an error what has the tag as a truth, not one that says why.
    assert_eq!(overview["errorCount"], 2);
    let slowest = told["slowest"]["spans"].as_array().unwrap();
    let names: Vec<_> = slowest.iter().map(|one| &one["operationName"]).collect();
    assert_eq!(json!(names), json!(["POST /pay", "charge"]));
    let errors = told["errors"]["errors"].as_array().unwrap();
    let why = &errors[0]["errorAttributes"]["otel.status_description"];
    assert_eq!(why, "no money");
    let span = &told["span"];
    assert_eq!(span["parentSpanId"], "0000000000000001");
    assert_eq!(span["attributes"]["span.kind"], "client");
    let missing = told["missing"].as_str().unwrap();
    assert!(missing.contains("status 404"), "{missing}");
}
