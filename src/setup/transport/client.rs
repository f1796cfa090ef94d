//! An HTTP client for one URL. It follows no redirect, retries nothing, and reads little.

use std::{error::Error, fmt, future::poll_fn, pin::pin, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, USER_AGENT},
    response::Parts,
};
use http_body::Body;
use reqwest::{ClientBuilder, RequestBuilder, redirect::Policy};
use url::Url;

use super::{
    endpoint::{Shown, is_loopback},
    error::SetupError,
    settings::Tls,
    tls,
    transport::{Again, Failure, Perhaps, root_cause},
};

/// As much of an answer as is read.
const ANSWER: usize = 4 << 20;
const CONNECT: Duration = Duration::from_secs(5);
const NAME: &str = concat!(
    "throughline/",
    env!("CARGO_PKG_VERSION"),
    " OTel-OTLP-Exporter-Rust/",
    env!("CARGO_PKG_VERSION")
);

pub(super) struct Client {
    inner: reqwest::Client,
    url: Url,
    headers: HeaderMap,
}

/// Where and how.
#[derive(Debug)]
pub(super) struct Destination<'s> {
    pub(super) url: Url,
    /// Who said the URL.
    pub(super) origin: &'s str,
    /// The user's, which beat ours.
    pub(super) headers: HeaderMap,
    pub(super) tls: &'s Tls,
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

/// An answer of which no more came than its head.
pub(super) struct Cut {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    why: String,
}

impl Client {
    /// `choose` sets what the protocol wants of the client.
    pub(super) fn new(
        to: Destination<'_>,
        content_type: &'static str,
        choose: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, SetupError> {
        let Destination {
            url,
            origin,
            mut headers,
            tls,
        } = to;
        if url.scheme() == "https" && !tls::IS_ON {
            return Err(SetupError::new(format!(
                "{origin} is {}, and https needs throughline's feature `tls`, which this build is without",
                Shown(&url)
            )));
        }
        let mut builder = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(CONNECT);
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let inner = tls::apply(choose(builder), tls)?.build().map_err(|error| {
            let shown = Shown(&url);
            SetupError::new(format!("no HTTP client can be made for {shown}"))
                .with_source(error.without_url())
        })?;
        for (name, value) in [(CONTENT_TYPE, content_type), (USER_AGENT, NAME)] {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
        Ok(Self {
            inner,
            url,
            headers,
        })
    }

    /// One request and its answer.
    pub(super) async fn post(
        &self,
        body: Bytes,
        more: &[(HeaderName, HeaderValue)],
    ) -> Result<Result<Answer, Cut>, Failure> {
        let mut headers = self.headers.clone();
        headers.extend(more.iter().cloned());
        let request = self.inner.post(self.url.clone());
        Self::send(request.headers(headers).body(body)).await
    }

    /// Asks for what is there.
    pub(super) async fn get(&self, more: &HeaderMap) -> Result<Result<Answer, Cut>, Failure> {
        let mut headers = self.headers.clone();
        headers.remove(CONTENT_TYPE);
        headers.extend(more.clone());
        Self::send(self.inner.get(self.url.clone()).headers(headers)).await
    }

    async fn send(request: RequestBuilder) -> Result<Result<Answer, Cut>, Failure> {
        let answer = request.send().await;
        let answer = answer.map_err(|error| {
            let error = error.without_url();
            let why = root_cause(&error);
            if error.is_connect() {
                Failure::unreachable(why)
            } else {
                Failure::silent(why)
            }
        })?;
        let (parts, body) = http::Response::<reqwest::Body>::from(answer).into_parts();
        Ok(read(parts, body).await)
    }
}

impl Destination<'_> {
    #[allow(dead_code, reason = "only a protocol that is off shows it")]
    pub(super) fn shown(&self) -> Shown<'_> {
        Shown(&self.url)
    }
}

impl Cut {
    /// It is known what the collector thinks of it, and not how much of it.
    pub(super) fn failure(self) -> Failure {
        Failure {
            why: format!("its answer is {}, and {}", self.status, self.why),
            taken: Perhaps::Perhaps,
            again: Again::Never,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("url", &format_args!("{}", Shown(&self.url)))
            .finish_non_exhaustive()
    }
}

async fn read<B>(parts: Parts, body: B) -> Result<Answer, Cut>
where
    B: Body<Data: Buf, Error: Error + 'static>,
{
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    let mut trailers = HeaderMap::new();
    let cut = |parts: Parts, why: String| Cut {
        status: parts.status,
        headers: parts.headers,
        why,
    };
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => {
                let why = format!("breaks off: {}", root_cause(&error));
                return Err(cut(parts, why));
            }
        };
        match frame.into_data() {
            Ok(mut data) => {
                if bytes.len() + data.remaining() > ANSWER {
                    return Err(cut(parts, format!("longer than {ANSWER} bytes")));
                }
                while data.has_remaining() {
                    let chunk = data.chunk();
                    bytes.extend_from_slice(chunk);
                    let read = chunk.len();
                    data.advance(read);
                }
            }
            Err(frame) => {
                if let Ok(more) = frame.into_trailers() {
                    trailers.extend(more);
                }
            }
        }
    }
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: bytes.freeze(),
        trailers,
    })
}
