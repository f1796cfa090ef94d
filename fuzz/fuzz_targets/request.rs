//! Whatever a head holds: both layers make a span of it without a panic, and hand the request on.
#![no_main]

use std::{convert::Infallible, sync::OnceLock};

use arbitrary::Arbitrary;
use futures_executor::block_on;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Empty;
use libfuzzer_sys::fuzz_target;
use opentelemetry_sdk::trace::SdkTracerProvider;
use throughline::{ClientLayer, ServerLayer, Telemetry, TrustedProxies, otel};
use tower::{Layer, ServiceExt, service_fn};

#[derive(Arbitrary, Debug)]
struct Head<'a> {
    method: &'a [u8],
    uri: &'a [u8],
    headers: Vec<(Name, &'a [u8])>,
    trust: Trust,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Name {
    Baggage,
    ContentLength,
    ContentType,
    Forwarded,
    ForwardedFor,
    ForwardedHost,
    ForwardedProto,
    Host,
    Traceparent,
    Tracestate,
    UserAgent,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Trust {
    Nobody,
    Hops(u8),
    Everybody,
}

static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();

impl Head<'_> {
    fn request(&self) -> Option<Request<()>> {
        let mut request = Request::new(());
        *request.method_mut() = Method::from_bytes(self.method).ok()?;
        *request.uri_mut() = Uri::try_from(self.uri).ok()?;
        for (name, value) in &self.headers {
            request
                .headers_mut()
                .append(name.header(), HeaderValue::from_bytes(value).ok()?);
        }
        Some(request)
    }
}

impl Name {
    fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Baggage => "baggage",
            Self::ContentLength => "content-length",
            Self::ContentType => "content-type",
            Self::Forwarded => "forwarded",
            Self::ForwardedFor => "x-forwarded-for",
            Self::ForwardedHost => "x-forwarded-host",
            Self::ForwardedProto => "x-forwarded-proto",
            Self::Host => "host",
            Self::Traceparent => "traceparent",
            Self::Tracestate => "tracestate",
            Self::UserAgent => "user-agent",
        })
    }
}

fuzz_target!(|head: Head<'_>| {
    let Some(request) = head.request() else {
        return;
    };
    let telemetry =
        TELEMETRY.get_or_init(|| otel::telemetry(&SdkTracerProvider::builder().build()));
    let trust = match head.trust {
        Trust::Nobody => TrustedProxies::none(),
        Trust::Hops(hops) => TrustedProxies::hops(hops.into()),
        Trust::Everybody => TrustedProxies::all(),
    };
    let echo = |request: Request<()>| async move {
        let traceparent = request.headers().get("traceparent").cloned();
        let mut response = Response::new(Empty::<&[u8]>::new());
        response
            .headers_mut()
            .extend(traceparent.map(|value| (HeaderName::from_static("traceparent"), value)));
        Ok::<_, Infallible>(response)
    };
    let client = ClientLayer::new()
        .telemetry(telemetry)
        .record_body_sizes(true)
        .layer(service_fn(echo));
    let server = ServerLayer::new()
        .telemetry(telemetry)
        .record_body_sizes(true)
        .trust_forwarded(trust)
        .layer(client);
    let response = block_on(server.oneshot(request)).unwrap_or_else(|never| match never {});
    let sent = response
        .headers()
        .get("traceparent")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    assert_eq!(sent.len(), 55, "{sent}");
});
