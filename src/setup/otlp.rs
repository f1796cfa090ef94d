//! OTLP over HTTP, with an HTTP client of our own choice.
//!
//! The exporter's default client depends on the features that other crates of a build enable, and one of
//! them (`reqwest-client`) loses every span on the batch processor's thread. So it is always given ours.

use std::{error::Error, fmt, io::Read, sync::Arc, thread, time::Duration};

use async_trait::async_trait;
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response,
    header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, ResponseBodyTooLarge};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::trace::SpanProcessor;
use reqwest::{Url, blocking, redirect::Policy};

use super::{
    endpoint::Endpoint,
    env::{Env, Pair, pairs},
    error::SetupError,
    report::Report,
    watch::{Cause, Watch},
};

const TIMEOUT: Duration = Duration::from_secs(10);
/// As much of an answer as is read.
const ANSWER: usize = 4 << 20;

/// The batch processor and its exporter, with the watch over both.
pub(super) fn processor(
    endpoint: Option<&str>,
    env: &Env,
    report: &Report,
) -> Result<(Box<dyn SpanProcessor>, Arc<Watch>), SetupError> {
    let endpoint = Endpoint::choose(endpoint, env)?;
    check_protocol(env);
    check_compression(env);
    let limit = env.limit(
        [
            "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
            "OTEL_EXPORTER_OTLP_TIMEOUT",
        ],
        TIMEOUT,
    );
    let cause = Cause::default();
    let client = Client {
        inner: client(&endpoint, limit)?,
        url: endpoint.url().clone(),
        headers: headers(env),
        cause: cause.clone(),
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint.to_string())
        .with_timeout(limit.unwrap_or(Duration::MAX))
        .build()
        .map_err(|error| SetupError::new("the OTLP exporter cannot be made").with_source(error))?;
    let watch = Watch::new(endpoint.to_string(), report.clone(), cause);
    Ok((watch.processor(exporter, true, None), watch))
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

fn client(endpoint: &Endpoint, limit: Option<Duration>) -> Result<blocking::Client, SetupError> {
    let mut builder = blocking::Client::builder()
        .timeout(limit)
        .redirect(Policy::none())
        .user_agent(concat!("throughline/", env!("CARGO_PKG_VERSION")));
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    let failed = || SetupError::new(format!("no HTTP client can be made for {endpoint}"));
    // It starts a runtime, which may not be done on a thread that belongs to one.
    let built = thread::Builder::new()
        .name("throughline-client".to_owned())
        .spawn(move || builder.build())
        .map_err(|error| failed().with_source(error))?
        .join()
        .map_err(|_| failed())?;
    built.map_err(|error| failed().with_source(error.without_url()))
}

fn check_protocol(env: &Env) {
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ];
    if let Some((name, value)) = env.first(names)
        && !value.eq_ignore_ascii_case("http/protobuf")
    {
        let instead = "http/protobuf is used instead, which collectors take on port 4318";
        env.wrong(name, &value, "is not supported", instead);
    }
}

fn check_compression(env: &Env) {
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
    ];
    if let Some((name, value)) = env.first(names)
        && !value.eq_ignore_ascii_case("none")
    {
        env.wrong(
            name,
            &value,
            "is not supported",
            "spans are sent as they are",
        );
    }
}

fn headers(env: &Env) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some((name, text)) = env.first([
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ]) else {
        return headers;
    };
    for (index, pair) in pairs(&text).enumerate() {
        // Neither key nor value is shown: who forgot the key wrote the secret in its place.
        let wrong = |why: &str| {
            env.warn(&format!(
                "{name}: member {} {why}; it is ignored",
                index + 1
            ));
        };
        let (key, value) = match pair {
            Pair::Good(key, value) => (key, value),
            Pair::Bad(why) => {
                wrong(why);
                continue;
            }
        };
        match (
            HeaderName::from_bytes(key.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            (Ok(key), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.insert(key, value);
            }
            (Err(_), _) => wrong("has a key that no header can have"),
            (_, Err(_)) => wrong("has a value that no header can have"),
        }
    }
    headers
}

/// The last of the causes: the one that says something.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
