//! Lines of a real server's requests.

use std::sync::Arc;

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use opentelemetry::trace::{TraceContextExt, Tracer, TracerProvider};
use serde_json::Value;
use throughline::{ServerLayer, carry, logs::WithTraceIds};
use tokio::task::yield_now;
use tracing::{Instrument, subscriber::DefaultGuard};
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt, registry};

use crate::{
    common::{
        Spans, named,
        net::{get as request, http1, read, serve_axum},
    },
    kept::Kept,
};

type Ids = (String, String, String);

/// How a user might write lines. The formatter alone: no layer makes spans of OpenTelemetry here.
#[derive(Clone, Copy, Debug)]
enum Format {
    Text,
    Compact,
    Json,
}

impl Format {
    fn subscribe(self, filter: &str) -> (Kept, DefaultGuard) {
        let kept = Kept::default();
        let filter = EnvFilter::new(filter);
        let lines = fmt::layer().with_ansi(false).with_writer(kept.clone());
        let lines = match self {
            Self::Text => lines.map_event_format(WithTraceIds::new).boxed(),
            Self::Compact => lines.compact().map_event_format(WithTraceIds::new).boxed(),
            Self::Json => lines.json().map_event_format(WithTraceIds::new).boxed(),
        };
        let guard = tracing::subscriber::set_default(registry().with(filter).with(lines));
        (kept, guard)
    }

    #[track_caller]
    fn ids(self, line: &str) -> Option<Ids> {
        let ids = match self {
            Self::Text | Self::Compact => {
                let field = |name: &str| {
                    let mut words = line.split(' ');
                    Some(words.find_map(|word| word.strip_prefix(name))?.to_owned())
                };
                [field("trace_id="), field("span_id="), field("trace_flags=")]
            }
            Self::Json => {
                let line: Value = serde_json::from_str(line).unwrap();
                let field = |name: &str| Some(line.get(name)?.as_str().unwrap().to_owned());
                [field("trace_id"), field("span_id"), field("trace_flags")]
            }
        };
        match ids {
            [Some(trace), Some(span), Some(flags)] => Some((trace, span, flags)),
            [None, None, None] => None,
            _ => panic!("some ids and not others: {line}"),
        }
    }
}

async fn handler() -> Body {
    tracing::info!("at once");
    yield_now().await;
    tracing::warn!(sku = "socks", "after an await");
    tokio::spawn(carry(async {
        yield_now().await;
        tracing::warn!("in a task");
    }))
    .await
    .unwrap();
    let parts = stream::iter(["a", "b"]).then(async |part| {
        yield_now().await;
        tracing::warn!("while {part} is streamed");
        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"part"))
    });
    Body::from_stream(parts)
}

#[tokio::test]
async fn every_line_of_a_request_has_its_ids_whatever_the_filter() {
    for format in [Format::Text, Format::Compact, Format::Json] {
        for filter in ["logs=trace", "logs=warn", "off,logs::lines=warn"] {
            let spans = Spans::new();
            let (kept, _subscriber) = format.subscribe(filter);
            let layer = ServerLayer::new().telemetry(&spans.telemetry);
            let app = Router::new().route("/", get(handler)).layer(layer);
            let addr = serve_axum(app).await;

            tracing::warn!("before");
            read(http1().request(request(addr, "/")).await.unwrap()).await;
            let span = spans.wait_only().await.span_context;
            tracing::warn!("behind");

            let want = (
                span.trace_id().to_string(),
                span.span_id().to_string(),
                "03".to_owned(),
            );
            let mut within = 0;
            for line in kept.text().lines() {
                let outside = line.contains("before") || line.contains("behind");
                let want = (!outside).then(|| want.clone());
                assert_eq!(format.ids(line), want, "{format:?} {filter} {line}");
                within += usize::from(!outside);
            }
            let want = if filter.ends_with("warn") { 4 } else { 5 };
            assert_eq!(within, want, "{format:?} {filter} {}", kept.text());
        }
    }
}

#[tokio::test]
async fn lines_of_an_unsampled_request_have_ids_too() {
    let spans = Spans::sampled(opentelemetry_sdk::trace::Sampler::AlwaysOff);
    let (kept, _subscriber) = Format::Text.subscribe("logs=info");
    let layer = ServerLayer::new().telemetry(&spans.telemetry);
    let addr = serve_axum(Router::new().route("/", get(handler)).layer(layer)).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;
    let all: Vec<_> = kept
        .text()
        .lines()
        .map(|line| Format::Text.ids(line).unwrap())
        .collect();
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|ids| *ids == all[0]), "{all:?}");
    assert_eq!(all[0].2, "02");
}

/// Lines within a span that is opened by `tracing` or by OpenTelemetry have that span's id, so long as it is a span at all.
#[tokio::test]
async fn lines_have_the_ids_of_the_innermost_span() {
    let spans = Arc::new(Spans::new());
    let kept = Kept::default();
    let tracer = spans.provider().tracer("app");
    let lines = fmt::layer()
        .with_ansi(false)
        .with_writer(kept.clone())
        .map_event_format(WithTraceIds::new);
    let bridge = tracing_opentelemetry::layer().with_tracer(tracer.clone());
    let filter = tracing_subscriber::filter::filter_fn(|metadata| metadata.name() != "ignored");
    let subscriber = registry().with(lines).with(bridge.with_filter(filter));
    let _subscriber = tracing::subscriber::set_default(subscriber);

    let handler = async move || {
        async {
            yield_now().await;
            tracing::info!("in traced");
            let own = opentelemetry::Context::current_with_span(tracer.start("own"));
            {
                let _current = own.clone().attach();
                tracing::info!("in own");
                tracing::info_span!("deepest").in_scope(|| tracing::info!("in deepest"));
            }
            own.span().end();
            tracing::info!("again in traced");
            async {
                yield_now().await;
                tracing::info!("in ignored");
            }
            .instrument(tracing::info_span!("ignored"))
            .await;
        }
        .instrument(tracing::info_span!("traced"))
        .await;
        tracing::info!("in the request");
    };
    let layer = ServerLayer::new().telemetry(&spans.telemetry);
    let addr = serve_axum(Router::new().route("/", get(handler)).layer(layer)).await;
    read(http1().request(request(addr, "/")).await.unwrap()).await;

    let ended = spans.wait(4).await;
    for (line, span) in [
        (" in traced", "traced"),
        ("in own", "own"),
        ("in deepest", "deepest"),
        ("again in traced", "traced"),
        ("in ignored", "traced"),
        ("in the request", "GET /"),
    ] {
        let line = if line == " in traced" {
            kept.line("lines: in traced")
        } else {
            kept.line(line)
        };
        let (trace, id, _) = Format::Text.ids(&line).unwrap();
        let span = &named(&ended, span).span_context;
        assert_eq!(
            (trace, id),
            (span.trace_id().to_string(), span.span_id().to_string()),
            "{line}"
        );
    }
}
