//! Every format that `OTEL_PROPAGATORS` names, in over a socket, through a server and a client layer, out over a socket.

#[path = "../common/mod.rs"]
mod common;
mod decisions;
mod each;
mod together;

use common::{
    hop::{Hop, header},
    is_child,
};
use http::HeaderMap;
use opentelemetry::trace::{SpanId, SpanKind};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use throughline::{Setup, Telemetry, otel::SetupExt};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A gateway set up by variables.
struct Service {
    hop: Hop,
    telemetry: Telemetry,
    exported: InMemorySpanExporter,
}

/// What became of a request.
struct Outcome {
    spans: Vec<SpanData>,
    /// The headers that went out.
    sent: HeaderMap,
}

impl Service {
    fn of(propagators: &str) -> Self {
        Self::sampling(propagators, "parentbased_always_on")
    }

    fn sampling(propagators: &str, sampler: &str) -> Self {
        Self::with(&[
            ("OTEL_PROPAGATORS", propagators),
            ("OTEL_TRACES_SAMPLER", sampler),
        ])
    }

    fn with(variables: &[(&'static str, &str)]) -> Self {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        let exported = InMemorySpanExporter::default();
        let telemetry = Setup::new()
            .lookup(move |name| {
                let found = variables.iter().find(|(known, _)| *known == name);
                match (found, name) {
                    (Some((_, value)), _) => Some(value.clone()),
                    // These are about spans.
                    (None, "OTEL_METRICS_EXPORTER" | "OTEL_LOGS_EXPORTER") => {
                        Some("none".to_owned())
                    }
                    (None, _) => None,
                }
            })
            .on_warning(|text| panic!("{text}"))
            .exporter(exported.clone())
            .build()
            .unwrap();
        Self {
            hop: Hop::new(&telemetry),
            telemetry,
            exported,
        }
    }

    /// Somebody wants to know of each request, so none only passes.
    fn watched(mut self) -> Self {
        self.hop.server = self.hop.server.on_end(|_, _| {});
        self
    }

    async fn send(&self, headers: &[(&str, &str)]) -> Outcome {
        let sent = self.hop.send(headers).await;
        self.telemetry.flush().await.unwrap();
        let spans = self.exported.get_finished_spans().unwrap();
        self.exported.reset();
        Outcome { spans, sent }
    }
}

impl Outcome {
    /// The server's and the client's span.
    #[track_caller]
    fn sides(&self) -> (&SpanData, &SpanData) {
        assert_eq!(self.spans.len(), 2, "{:#?}", self.spans);
        let of = |kind| self.spans.iter().find(|span| span.span_kind == kind);
        let (server, client) = (of(SpanKind::Server).unwrap(), of(SpanKind::Client).unwrap());
        assert!(is_child(client, server));
        (server, client)
    }

    /// The id of the client's span, where the trace and the parent are the caller's.
    #[track_caller]
    fn client_of(&self, trace: &str, parent: &str) -> String {
        let (server, client) = self.sides();
        assert_eq!(server.span_context.trace_id().to_string(), trace);
        assert_eq!(server.parent_span_id.to_string(), parent);
        assert!(server.parent_span_is_remote);
        client.span_context.span_id().to_string()
    }

    /// The ids of the client's span, where the trace begins here.
    #[track_caller]
    fn root(&self) -> (String, String) {
        let (server, client) = self.sides();
        assert_eq!(server.parent_span_id, SpanId::INVALID);
        let client = &client.span_context;
        (client.trace_id().to_string(), client.span_id().to_string())
    }

    #[track_caller]
    fn header(&self, name: &str) -> Option<&str> {
        header(&self.sent, name)
    }

    /// Whether a header went out whose name begins so.
    fn has(&self, prefix: &str) -> bool {
        self.sent
            .keys()
            .any(|name| name.as_str().starts_with(prefix))
    }
}
