//! OTLP as JSON.

use bytes::Bytes;
use serde_json::Value;

use super::{
    client::{Client, Destination},
    error::SetupError,
    transport::Taken,
};

/// What can be written as JSON.
pub(super) trait Json: serde::Serialize {}

impl<T: serde::Serialize> Json for T {}

pub(super) fn client(to: Destination<'_>) -> Result<Client, SetupError> {
    Client::new(to, "application/json", |builder| builder)
}

/// Messages have no value that JSON could not hold: keys are texts, and numbers that are none are texts too.
pub(super) fn encode(message: &impl Json) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

/// What a body says was left out.
pub(super) fn taken(body: &Bytes) -> Taken {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return Taken::default();
    };
    let partial = body.get("partialSuccess");
    let field = |name| partial.and_then(|partial| partial.get(name));
    let rejected = ["rejectedSpans", "rejectedLogRecords", "rejectedDataPoints"]
        .into_iter()
        .find_map(field)
        .and_then(|count| match count {
            // 64-bit numbers are texts in JSON of protobuf; not all know it.
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        });
    Taken {
        rejected: rejected.unwrap_or_default(),
        message: field("errorMessage")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_success_of_each_signal() {
        for (body, rejected, message) in [
            ("", 0, ""),
            ("{}", 0, ""),
            (r#"{"partialSuccess":{}}"#, 0, ""),
            (
                r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#,
                3,
                "too old",
            ),
            (r#"{"partialSuccess":{"rejectedLogRecords":4}}"#, 4, ""),
            (r#"{"partialSuccess":{"rejectedDataPoints":"5"}}"#, 5, ""),
            (r#"{"partialSuccess":{"rejectedSpans":"-1"}}"#, 0, ""),
            ("[", 0, ""),
        ] {
            let taken = taken(&Bytes::from_static(body.as_bytes()));
            let want = Taken {
                rejected,
                message: message.to_owned(),
            };
            assert_eq!(taken, want, "{body}");
        }
    }
}
