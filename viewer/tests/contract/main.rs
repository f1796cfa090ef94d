//! What is asked of the viewer by tools made for Jaeger and Zipkin, over a socket: golden traces are sent by OTLP and read
//! back by each interface, and each answer is held against the description and against the schema that its interface has.

#[path = "../common/mod.rs"]
mod common;

mod bounds;
mod client;
mod jaeger;
mod jaeger_search;
mod jaeger_v3;
mod jaeger_v3_search;
mod schema;
mod zipkin;
mod zipkin_search;

use common::{Running, golden, golden::Golden, start};
use reqwest::StatusCode;
use schema::Schemas;
use serde_json::Value;

/// A viewer with golden traces, whose every answer is checked.
struct Contract {
    viewer: Running,
    golden: Vec<Golden>,
    schemas: Schemas,
}

impl Contract {
    async fn start() -> Self {
        Self::of(golden::all()).await
    }

    async fn of(golden: Vec<Golden>) -> Self {
        let viewer = start().await;
        golden::send(&viewer, &golden).await;
        Self {
            viewer,
            golden,
            schemas: Schemas::read(),
        }
    }

    async fn ask(&self, path: &str) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.viewer.page);
        let answer = self.viewer.client.get(url).send().await.unwrap();
        let status = answer.status();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        let text = answer.text().await.unwrap();
        let body = match kind.as_str() {
            "application/json" => serde_json::from_str(&text).unwrap(),
            "text/plain; charset=utf-8" => Value::from(text),
            other => panic!("{path}: {other}"),
        };
        self.schemas.check(path, status, &kind, &body);
        (status, body)
    }

    async fn found(&self, path: &str) -> Value {
        let (status, body) = self.ask(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    fn named(&self, name: &str) -> &Golden {
        self.golden.iter().find(|one| one.name == name).unwrap()
    }
}

/// What a parameter's value is within a query.
fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |text, byte| {
        if byte.is_ascii_alphanumeric() {
            text + &char::from(byte).to_string()
        } else {
            format!("{text}%{byte:02X}")
        }
    })
}

#[tokio::test]
async fn the_description_is_served_as_it_is_kept() {
    let viewer = start().await;
    let (status, text) = viewer.get("/openapi.yaml").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(text, include_str!("../../openapi.yaml"));
}
