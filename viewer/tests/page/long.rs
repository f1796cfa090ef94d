//! A trace of very many spans, and logs that belong to none.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value},
    logs::v1::LogRecord,
};
use reqwest::StatusCode;

use crate::common::{Running, span, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_very_long_trace_is_shown_in_part() {
    let viewer = start().await;
    for part in 0..3 {
        let ids = part * 10_000 + 1..=(part + 1) * 10_000;
        let spans = ids.map(|id| span(1, id, (id > 1).then_some(1), &format!("step {}", id % 7)));
        viewer.send_spans("long", spans.collect()).await;
    }
    let trace = format!("/trace/{:032x}", 1);
    for path in [trace.clone(), format!("{trace}/offline.html")] {
        let (status, page) = viewer.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        let rows = page.matches(" role=\"row\" tabindex").count();
        // Those of a kind have a row that stands for them.
        assert!((20_000..20_010).contains(&rows), "{path}: {rows}");
        assert!(page.contains("the first 20000 of 30000 spans"), "{path}");
    }
    let (_, found) = viewer.get(&format!("{trace}/find?text=step")).await;
    let found: Vec<usize> = serde_json::from_str(&found).unwrap();
    assert_eq!(found.len(), 20_000);
}

async fn send_log(viewer: &Running, trace: u128, span: u64, body: &str) {
    let log = LogRecord {
        time_unix_nano: 1_767_225_601_000_000_000,
        body: Some(AnyValue {
            value: Some(Value::StringValue(body.to_owned())),
        }),
        trace_id: trace.to_be_bytes().to_vec(),
        span_id: match span {
            0 => Vec::new(),
            span => span.to_be_bytes().to_vec(),
        },
        ..LogRecord::default()
    };
    viewer.send_logs("writer", vec![log]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_no_span_are_below_the_rows() {
    let viewer = start().await;
    let spans = vec![span(1, 1, None, "GET /")];
    viewer.send_spans("writer", spans).await;
    send_log(&viewer, 1, 0, "of no span").await;
    send_log(&viewer, 1, 7, "of a lost span").await;
    send_log(&viewer, 1, 1, "of the first span").await;
    send_log(&viewer, 2, 7, "of no trace").await;
    let trace = format!("/trace/{:032x}", 1);
    for path in [trace.clone(), format!("{trace}/offline.html")] {
        let (_, page) = viewer.get(&path).await;
        let (_, below) = page.split_once("Logs without a span").expect(&path);
        let (below, _) = below.split_once("</section>").unwrap();
        assert!(below.contains("of no span") && below.contains("of a lost span"));
        assert!(!below.contains("of the first span"));
    }
    let alone = format!("/trace/{:032x}", 2);
    for path in [alone.clone(), format!("{alone}/offline.html")] {
        let (status, page) = viewer.get(&path).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("of no trace"), "{path}");
    }
}
