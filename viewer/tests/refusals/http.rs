//! OTLP over HTTP, and Zipkin.

use prost::Message;
use reqwest::StatusCode;
use serde_json::Value;
use tonic::Code;

use crate::{
    assert_well,
    common::{Running, start},
    deep, deep_json, field, good, gzip, hollow, wide,
};

const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Refusal {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
}

/// A request, and what is to be answered.
struct Wrong {
    path: &'static str,
    kind: &'static str,
    coding: Option<&'static str>,
    body: Vec<u8>,
    status: StatusCode,
    code: Code,
}

impl Wrong {
    fn new(kind: &'static str, body: impl Into<Vec<u8>>, status: u16, code: Code) -> Self {
        Self {
            path: "/v1/traces",
            kind,
            coding: None,
            body: body.into(),
            status: StatusCode::from_u16(status).unwrap(),
            code,
        }
    }

    fn packed(self, coding: &'static str) -> Self {
        Self {
            coding: Some(coding),
            ..self
        }
    }

    fn to(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    async fn send(self, viewer: &Running) {
        let name = format!("{} {} {:?}", self.path, self.kind, self.coding);
        let mut request = viewer
            .client
            .post(format!("{}{}", viewer.http, self.path))
            .header("content-type", self.kind);
        if let Some(coding) = self.coding {
            request = request.header("content-encoding", coding);
        }
        let answer = request.body(self.body).send().await.unwrap();
        assert_eq!(answer.status(), self.status, "{name}");
        if self.path == "/api/v2/spans" {
            assert!(!answer.text().await.unwrap().is_empty(), "{name}");
            return;
        }
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        // Who sends neither is answered in what people read.
        assert_eq!(
            kind,
            if self.kind == PROTOBUF {
                PROTOBUF
            } else {
                JSON
            }
        );
        let refusal = refusal(&kind, &answer.bytes().await.unwrap());
        assert_eq!(refusal.code, self.code as i32, "{name}: {refusal:?}");
        assert!(!refusal.message.is_empty(), "{name}");
    }
}

pub(crate) fn refusal(kind: &str, body: &[u8]) -> Refusal {
    if kind == PROTOBUF {
        return Refusal::decode(body).unwrap();
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    Refusal {
        code: body["code"].as_i64().unwrap().try_into().unwrap(),
        message: body["message"].as_str().unwrap().to_owned(),
    }
}

fn wide_json(scopes: usize) -> String {
    let text = "a".repeat(1 << 20);
    let spans = vec![r#"{"spans":[{}]}"#; scopes].join(",");
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{text}"}}}}]}},"scopeSpans":[{spans}]}}]}}"#
    )
}

#[tokio::test]
async fn scopes_of_nothing_take_nothing() {
    let viewer = start().await;
    let body = gzip(&wide(10_000, &[]));
    for path in ["/v1/traces", "/v1/logs"] {
        let answer = viewer
            .client
            .post(format!("{}{path}", viewer.http))
            .header("content-type", PROTOBUF)
            .header("content-encoding", "gzip")
            .body(body.clone())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_well(&viewer).await;
}

#[tokio::test]
async fn over_http() {
    let viewer = start().await;
    let good = good();
    let packed = gzip(&good);
    let (bad, large) = (Code::InvalidArgument, Code::ResourceExhausted);
    for wrong in [
        Wrong::new(PROTOBUF, &good[..good.len() - 1], 400, bad),
        Wrong::new(PROTOBUF, [0xff; 100], 400, bad),
        Wrong::new(PROTOBUF, [0xff; 100], 400, bad).to("/v1/logs"),
        Wrong::new(PROTOBUF, deep(200), 400, bad),
        Wrong::new(PROTOBUF, hollow(1 << 20), 413, large),
        Wrong::new(PROTOBUF, vec![0; 17 << 20], 413, large),
        Wrong::new(JSON, "{", 400, bad),
        Wrong::new(JSON, "[]7", 400, bad).to("/v1/logs"),
        Wrong::new(JSON, "", 400, bad),
        Wrong::new(JSON, r#"{"resourceSpans":7}"#, 400, bad),
        Wrong::new(JSON, "[".repeat(100_000), 400, bad),
        Wrong::new(JSON, deep_json(10_000), 400, bad),
        Wrong::new(JSON, format!("[{}{{}}]", "{},".repeat(4 << 20)), 413, large),
        Wrong::new("text/plain", &*good, 415, bad),
        Wrong::new("application/x-www-form-urlencoded", "a=b", 415, bad),
        Wrong::new(PROTOBUF, &*good, 400, bad).packed("gzip"),
        Wrong::new(PROTOBUF, &packed[..packed.len() - 9], 400, bad).packed("gzip"),
        Wrong::new(PROTOBUF, &*good, 415, bad).packed("br"),
        // Zeros, and spans that are empty: little on the wire, and far too much here.
        Wrong::new(PROTOBUF, gzip(&vec![0; 200 << 20]), 413, large).packed("gzip"),
        Wrong::new(PROTOBUF, gzip(&hollow(31 << 20)), 413, large).packed("gzip"),
        // The store would have the resource once for each scope.
        Wrong::new(PROTOBUF, wide(70, &field(2, &[])), 413, large),
        Wrong::new(PROTOBUF, wide(70, &field(2, &[])), 413, large).to("/v1/logs"),
        Wrong::new(JSON, wide_json(70), 413, large),
        Wrong::new(JSON, gzip(&vec![b'['; 60 << 20]), 413, large).packed("gzip"),
        Wrong::new(JSON, "{}", 400, bad).to("/api/v2/spans"),
        Wrong::new(JSON, r#"[{"traceId":"x","id":"1"}]"#, 400, bad).to("/api/v2/spans"),
        Wrong::new(JSON, gzip(&vec![b'['; 60 << 20]), 413, large)
            .packed("gzip")
            .to("/api/v2/spans"),
        Wrong::new(PROTOBUF, &*good, 415, bad).to("/api/v2/spans"),
    ] {
        wrong.send(&viewer).await;
    }
    assert_well(&viewer).await;
}
