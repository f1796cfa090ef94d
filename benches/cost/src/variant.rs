//! The rows of the table.

use axum::{Router, middleware};
use http::{Request, Uri};
use opentelemetry_instrumentation_tower::http::server::LayerBuilder;
use throughline::{ClientLayer, ServerLayer};

use crate::{
    app::{IdentityLayer, router},
    budget::{
        Budget, CALL_METRICS_SAMPLED, CALL_METRICS_UNSAMPLED, CALL_UNSAMPLED, CLIENT, FILTERED,
        LINE_SAMPLED, LINE_UNSAMPLED, METRICS_CLIENT, METRICS_IN_FULL, METRICS_SAMPLED,
        METRICS_UNSAMPLED, ROOT, SAMPLED, SPAN_SAMPLED, SUBSCRIBED_SAMPLED, SUBSCRIBED_UNSAMPLED,
        UNSAMPLED,
    },
    by_hand,
    logs::{self, Says},
    pipeline::Pipeline,
    request::{Parent, Protocol, request},
};

/// A way of tracing, or of not tracing, one kind of request.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    pub name: &'static str,
    pub protocol: Protocol,
    pub parent: Parent,
    tracing: Tracing,
    pub budget: Option<Budget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tracing {
    Bare,
    Identity,
    Ours,
    Measured,
    MeasuredInFull,
    MeasuredOnGlobals,
    Client,
    ClientMeasured,
    OursFiltered,
    OursOnGlobals,
    OursSubscribed(Says),
    ByHand,
    Contrib,
}

pub const VARIANTS: &[Variant] = &[
    row("bare", Protocol::Http, Tracing::Bare, Parent::Sampled, None),
    row(
        "identity",
        Protocol::Http,
        Tracing::Identity,
        Parent::Sampled,
        None,
    ),
    row(
        "ours-sampled",
        Protocol::Http,
        Tracing::Ours,
        Parent::Sampled,
        Some(SAMPLED),
    ),
    row(
        "ours-unsampled",
        Protocol::Http,
        Tracing::Ours,
        Parent::Unsampled,
        Some(UNSAMPLED),
    ),
    row(
        "ours-root",
        Protocol::Http,
        Tracing::Ours,
        Parent::Absent,
        Some(ROOT),
    ),
    row(
        "ours-filtered",
        Protocol::Http,
        Tracing::OursFiltered,
        Parent::Sampled,
        Some(FILTERED),
    ),
    row(
        "ours-globals-sampled",
        Protocol::Http,
        Tracing::OursOnGlobals,
        Parent::Sampled,
        None,
    ),
    row(
        "ours-globals-unsampled",
        Protocol::Http,
        Tracing::OursOnGlobals,
        Parent::Unsampled,
        None,
    ),
    row(
        "metrics-sampled",
        Protocol::Http,
        Tracing::Measured,
        Parent::Sampled,
        Some(METRICS_SAMPLED),
    ),
    row(
        "metrics-unsampled",
        Protocol::Http,
        Tracing::Measured,
        Parent::Unsampled,
        Some(METRICS_UNSAMPLED),
    ),
    row(
        "metrics-full-sampled",
        Protocol::Http,
        Tracing::MeasuredInFull,
        Parent::Sampled,
        Some(METRICS_IN_FULL),
    ),
    row(
        "metrics-globals-sampled",
        Protocol::Http,
        Tracing::MeasuredOnGlobals,
        Parent::Sampled,
        None,
    ),
    row(
        "client",
        Protocol::Http,
        Tracing::Client,
        Parent::Absent,
        Some(CLIENT),
    ),
    row(
        "metrics-client",
        Protocol::Http,
        Tracing::ClientMeasured,
        Parent::Absent,
        Some(METRICS_CLIENT),
    ),
    row(
        "hand-sampled",
        Protocol::Http,
        Tracing::ByHand,
        Parent::Sampled,
        None,
    ),
    row(
        "hand-unsampled",
        Protocol::Http,
        Tracing::ByHand,
        Parent::Unsampled,
        None,
    ),
    row(
        "contrib-sampled",
        Protocol::Http,
        Tracing::Contrib,
        Parent::Sampled,
        None,
    ),
    row(
        "contrib-unsampled",
        Protocol::Http,
        Tracing::Contrib,
        Parent::Unsampled,
        None,
    ),
    row(
        "grpc-identity",
        Protocol::Grpc,
        Tracing::Identity,
        Parent::Sampled,
        None,
    ),
    row(
        "grpc-ours-sampled",
        Protocol::Grpc,
        Tracing::Ours,
        Parent::Sampled,
        Some(SAMPLED),
    ),
    row(
        "grpc-ours-unsampled",
        Protocol::Grpc,
        Tracing::Ours,
        Parent::Unsampled,
        Some(CALL_UNSAMPLED),
    ),
    row(
        "grpc-metrics-sampled",
        Protocol::Grpc,
        Tracing::Measured,
        Parent::Sampled,
        Some(CALL_METRICS_SAMPLED),
    ),
    row(
        "grpc-metrics-unsampled",
        Protocol::Grpc,
        Tracing::Measured,
        Parent::Unsampled,
        Some(CALL_METRICS_UNSAMPLED),
    ),
    // The last ones: a subscriber stays for the rest of the process.
    row(
        "subscriber-sampled",
        Protocol::Http,
        Tracing::OursSubscribed(Says::Nothing),
        Parent::Sampled,
        Some(SUBSCRIBED_SAMPLED),
    ),
    row(
        "subscriber-unsampled",
        Protocol::Http,
        Tracing::OursSubscribed(Says::Nothing),
        Parent::Unsampled,
        Some(SUBSCRIBED_UNSAMPLED),
    ),
    row(
        "subscriber-line-sampled",
        Protocol::Http,
        Tracing::OursSubscribed(Says::OneLine),
        Parent::Sampled,
        Some(LINE_SAMPLED),
    ),
    row(
        "subscriber-line-unsampled",
        Protocol::Http,
        Tracing::OursSubscribed(Says::OneLine),
        Parent::Unsampled,
        Some(LINE_UNSAMPLED),
    ),
    row(
        "subscriber-span-sampled",
        Protocol::Http,
        Tracing::OursSubscribed(Says::OneSpan),
        Parent::Sampled,
        Some(SPAN_SAMPLED),
    ),
];

impl Variant {
    pub fn named(name: &str) -> Option<&'static Self> {
        VARIANTS.iter().find(|variant| variant.name == name)
    }

    /// The row that this one's costs are counted above.
    pub fn baseline(&self) -> &'static Self {
        VARIANTS
            .iter()
            .find(|row| row.tracing == Tracing::Identity && row.protocol == self.protocol)
            .expect("each protocol has its baseline")
    }

    /// The router as `axum::serve` has it, with its layers applied once and not per request.
    pub fn router(&self, pipeline: &Pipeline) -> Router {
        let layer = ServerLayer::new();
        let client = ClientLayer::new().target(Uri::from_static("http://shop.example:8080"));
        let layered = match self.tracing {
            Tracing::Bare => router(),
            Tracing::Identity => router().layer(IdentityLayer),
            Tracing::Ours => router().layer(layer.telemetry(&pipeline.telemetry())),
            Tracing::Measured => router().layer(layer.telemetry(&pipeline.measured())),
            Tracing::MeasuredInFull => {
                let layer = layer.measure_active_requests(true).measure_body_sizes(true);
                router().layer(layer.telemetry(&pipeline.measured()))
            }
            Tracing::MeasuredOnGlobals => {
                pipeline.install_globals();
                pipeline.install_global_meters();
                router().layer(layer)
            }
            Tracing::Client => router().layer(client.telemetry(&pipeline.telemetry())),
            Tracing::ClientMeasured => router().layer(client.telemetry(&pipeline.measured())),
            Tracing::OursFiltered => {
                router().layer(layer.telemetry(&pipeline.telemetry()).filter(|_| false))
            }
            Tracing::OursOnGlobals => {
                pipeline.install_globals();
                router().layer(layer)
            }
            Tracing::OursSubscribed(says) => {
                pipeline.subscribe();
                logs::router(says).layer(layer.telemetry(&pipeline.telemetry()))
            }
            Tracing::ByHand => {
                pipeline.install_globals();
                router().layer(middleware::from_fn(by_hand::traced))
            }
            Tracing::Contrib => {
                pipeline.install_globals();
                let layer = LayerBuilder::builder().with_metrics(false).build();
                router().layer(layer.expect("the defaults are valid"))
            }
        };
        layered.with_state(())
    }

    pub fn request(&self) -> Request<axum::body::Body> {
        request(self.protocol, self.parent)
    }
}

const fn row(
    name: &'static str,
    protocol: Protocol,
    tracing: Tracing,
    parent: Parent,
    budget: Option<Budget>,
) -> Variant {
    Variant {
        name,
        protocol,
        parent,
        tracing,
        budget,
    }
}
