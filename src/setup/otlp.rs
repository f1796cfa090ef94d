//! OTLP over HTTP, with an HTTP client of our own choice.
//!
//! The exporter's default client depends on the features that other crates of a build enable, and one of
//! them (`reqwest-client`) loses every span on the batch processor's thread. So it is always given ours.

use std::{error::Error, fmt, io::Read, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use http::{
    HeaderMap, Request, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, ResponseBodyTooLarge};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::SpanProcessor;
use reqwest::{Url, blocking, redirect::Policy};

use super::{
    TLS,
    endpoint::{self, Shown},
    error::SetupError,
    report::Report,
    settings::{Batch, Otlp, Protocol, Tls},
    watch::{Cause, Watch},
};

/// As much of an answer as is read.
const ANSWER: usize = 4 << 20;

/// The batch processor and its exporter, with the watch over both.
pub(super) fn processor(
    otlp: &Otlp,
    batch: Batch,
    report: &Report,
) -> Result<(Box<dyn SpanProcessor>, Arc<Watch>), SetupError> {
    let shown = Shown(&otlp.endpoint).to_string();
    check(otlp, &shown)?;
    let cause = Cause::default();
    let client = Client {
        inner: client(otlp, &shown)?,
        url: otlp.endpoint.clone(),
        headers: otlp.headers.clone(),
        cause: cause.clone(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_endpoint(shown.clone())
        .with_timeout(otlp.timeout.unwrap_or(Duration::MAX))
        .build()
        .map_err(|error| SetupError::new("the OTLP exporter cannot be made").with_source(error))?;
    let watch = Watch::new(shown, report.clone(), cause);
    Ok((watch.processor(exporter, true, batch), watch))
}

/// What this exporter cannot do yet.
fn check(otlp: &Otlp, shown: &str) -> Result<(), SetupError> {
    let missing = if otlp.protocol != Protocol::HttpProtobuf {
        "another protocol than http/protobuf"
    } else if otlp.compression.is_some() {
        "compression"
    } else if otlp.tls != Tls::default() {
        "certificates"
    } else if otlp.endpoint.scheme() == "https" && !TLS {
        let origin = &otlp.origin;
        return Err(SetupError::new(format!(
            "{origin} is {shown}, and https needs throughline's feature `tls`, which this build is without"
        )));
    } else {
        return Ok(());
    };
    Err(SetupError::new(format!(
        "OTLP to {shown} wants {missing}, which is not supported"
    )))
}

/// Sends what the exporter encoded, with our headers.
struct Client {
    inner: blocking::Client,
    url: Url,
    headers: HeaderMap,
    cause: Cause,
}

#[async_trait]
impl HttpClient for Client {
    /// Blocks: the batch processor's thread is made for it.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let result = self.send(request);
        match &result {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.cause.set(format!("it answers {}", answer.status())),
            Err(error) => self.cause.set(root_cause(&**error)),
        }
        result
    }
}

impl Client {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        // The exporter reads OTEL_EXPORTER_OTLP_HEADERS by itself, past our look-up: only its own are taken.
        let mut headers = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING, USER_AGENT] {
            if let Some(value) = parts.headers.get(&name) {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        }
        let answer = self
            .inner
            .post(self.url.clone())
            .headers(headers)
            .body(body)
            .send()
            .map_err(reqwest::Error::without_url)?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let mut body = Vec::new();
        answer.take(ANSWER as u64 + 1).read_to_end(&mut body)?;
        if body.len() > ANSWER {
            return Err(ResponseBodyTooLarge::new().into());
        }
        let mut answer = Response::new(Bytes::from(body));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

fn client(otlp: &Otlp, shown: &str) -> Result<blocking::Client, SetupError> {
    let mut builder = blocking::Client::builder()
        .timeout(otlp.timeout)
        .redirect(Policy::none())
        .user_agent(concat!("throughline/", env!("CARGO_PKG_VERSION")));
    if endpoint::is_loopback(&otlp.endpoint) {
        builder = builder.no_proxy();
    }
    let failed = || SetupError::new(format!("no HTTP client can be made for {shown}"));
    // It starts a runtime, which may not be done on a thread that belongs to one.
    let built = thread::Builder::new()
        .name("throughline-client".to_owned())
        .spawn(move || builder.build())
        .map_err(|error| failed().with_source(error))?
        .join()
        .map_err(|_| failed())?;
    built.map_err(|error| failed().with_source(error.without_url()))
}

/// The last of the causes: the one that says something.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
