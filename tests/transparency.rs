//! A service behind the layers is the bare service: on the wire, in its types, and in what it sees.

mod common;

use std::{
    convert::Infallible,
    future::Ready,
    marker::PhantomPinned,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use common::{
    Spans, assert_ending,
    net::{BoxError, connect, get, http2, serve},
};
use futures_util::stream;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Version, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use throughline::{ClientLayer, ServerLayer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};

type Answer = Result<Response<BoxBody<Bytes, BoxError>>, BoxError>;

fn full(text: &'static str) -> BoxBody<Bytes, BoxError> {
    Full::new(Bytes::from_static(text.as_bytes()))
        .map_err(Into::into)
        .boxed()
}

fn frames(frames: Vec<Result<Frame<Bytes>, BoxError>>) -> BoxBody<Bytes, BoxError> {
    StreamBody::new(stream::iter(frames)).boxed()
}

fn data(text: &'static str) -> Result<Frame<Bytes>, BoxError> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Every kind of answer, by path.
async fn kinds(mut request: Request<Incoming>) -> Answer {
    let mut response = Response::builder().header(header::DATE, "Thu, 01 Jan 1970 00:00:00 GMT");
    let body = match request.uri().path() {
        "/sized" => full("hello"),
        "/empty" => full(""),
        "/chunked" => frames(vec![data("one"), data("two")]),
        "/trailers" => {
            let trailers = HeaderMap::from_iter([(
                header::HeaderName::from_static("x-sum"),
                header::HeaderValue::from_static("1"),
            )]);
            response = response.header(header::TRAILER, "x-sum");
            frames(vec![data("one"), Ok(Frame::trailers(trailers))])
        }
        "/none" => {
            response = response.status(StatusCode::NO_CONTENT);
            full("")
        }
        "/unchanged" => {
            response = response.status(StatusCode::NOT_MODIFIED);
            full("")
        }
        "/old" => {
            response = response.version(Version::HTTP_10);
            full("old")
        }
        "/headers" => {
            response = response
                .header("x-a", "1")
                .header("x-a", "2")
                .header("server-timing", "db;dur=1")
                .header("traceparent", "the service's own");
            full("headers")
        }
        "/echo" => request.into_body().map_err(Into::into).boxed(),
        "/error" => return Err("service".into()),
        "/broken" => frames(vec![data("half"), Err("body".into())]),
        "/upgrade" => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut io = TokioIo::new(upgrade.await.unwrap());
                let mut said = [0; 4];
                io.read_exact(&mut said).await.unwrap();
                io.write_all(&said).await.unwrap();
            });
            if request.method() != Method::CONNECT {
                response = response
                    .status(StatusCode::SWITCHING_PROTOCOLS)
                    .header(header::CONNECTION, "upgrade")
                    .header(header::UPGRADE, "echo");
            }
            full("")
        }
        path => panic!("{path}"),
    };
    Ok(response.body(body)?)
}

/// All bytes that a server of HTTP/1.1 answers before it closes.
async fn wire(addr: std::net::SocketAddr, request: &str, then: &str) -> Vec<u8> {
    let mut socket = connect(addr).await;
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    if !then.is_empty() {
        answer = common::net::read_until(&mut socket, "\r\n\r\n")
            .await
            .into_bytes();
        socket.write_all(then.as_bytes()).await.unwrap();
    }
    // A reset is an end too.
    let _end = socket.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn the_bytes_on_the_wire_are_the_same() {
    let spans = Spans::new();
    let bare = serve(service_fn(kinds)).await.addr;
    let traced = ServiceBuilder::new()
        .layer(ServerLayer::new().telemetry(&spans.telemetry))
        .service_fn(kinds);
    let traced = serve(traced).await.addr;
    let paths = [
        "/sized",
        "/empty",
        "/chunked",
        "/trailers",
        "/none",
        "/unchanged",
        "/old",
        "/headers",
        "/error",
        "/broken",
    ];
    let mut count = 0;
    for path in paths {
        for (method, version, extra) in [
            ("GET", "1.1", ""),
            ("GET", "1.1", "te: trailers\r\n"),
            ("HEAD", "1.1", ""),
            ("GET", "1.0", ""),
        ] {
            let request = format!(
                "{method} {path} HTTP/{version}\r\nhost: a\r\n{extra}connection: close\r\n\r\n"
            );
            let want = wire(bare, &request, "").await;
            let got = wire(traced, &request, "").await;
            assert_eq!(
                got.escape_ascii().to_string(),
                want.escape_ascii().to_string(),
                "{request}"
            );
            let fails = matches!(path, "/error" | "/broken");
            assert!(fails || got.starts_with(b"HTTP/1."), "{path}");
            count += 1;
        }
    }
    for (request, then) in [
        (
            "POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nconnection: close\r\n\r\nping",
            "",
        ),
        (
            "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n4\r\nping\r\n0\r\n\r\n",
            "",
        ),
        (
            "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
            "ping",
        ),
    ] {
        let want = wire(bare, request, then).await;
        assert!(
            want.windows(4).any(|part| part == b"ping"),
            "{}",
            want.escape_ascii()
        );
        let got = wire(traced, request, then).await;
        assert_eq!(
            got.escape_ascii().to_string(),
            want.escape_ascii().to_string(),
            "{request}"
        );
        count += 1;
    }
    assert_eq!(spans.wait(count).await.len(), count);
}

/// What a client of HTTP/2 sees of an answer.
#[derive(Debug, PartialEq)]
struct Got {
    status: StatusCode,
    headers: HeaderMap,
    is_end: bool,
    size: (u64, Option<u64>),
    frames: Vec<Result<Vec<u8>, String>>,
    trailers: Option<HeaderMap>,
}

async fn over_http2(addr: std::net::SocketAddr, path: &str) -> Result<Got, String> {
    let response = http2().request(get(addr, path)).await.map_err(|error| {
        format!(
            "{:?}",
            std::error::Error::source(&error).map(ToString::to_string)
        )
    })?;
    let (head, mut body) = response.into_parts();
    let mut got = Got {
        status: head.status,
        headers: head.headers,
        is_end: body.is_end_stream(),
        size: (body.size_hint().lower(), body.size_hint().upper()),
        frames: Vec::new(),
        trailers: None,
    };
    while let Some(frame) = body.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => got.frames.push(Ok(data.to_vec())),
            Ok(Err(trailers)) => got.trailers = trailers.into_trailers().ok(),
            Err(error) => got.frames.push(Err(error.to_string())),
        }
    }
    Ok(got)
}

#[tokio::test]
async fn http2_is_the_same_with_trailers_and_resets() {
    let spans = Spans::new();
    let bare = serve(service_fn(kinds)).await.addr;
    let layer = ServerLayer::new().telemetry(&spans.telemetry);
    let traced = ServiceBuilder::new().layer(layer).service_fn(kinds);
    let traced = serve(traced).await.addr;
    for path in [
        "/sized",
        "/empty",
        "/chunked",
        "/trailers",
        "/none",
        "/headers",
        "/error",
        "/broken",
    ] {
        let want = over_http2(bare, path).await;
        assert_eq!(over_http2(traced, path).await, want, "{path}");
        match (path, want) {
            ("/trailers", Ok(got)) => assert_eq!(got.trailers.unwrap()["x-sum"], "1"),
            ("/error" | "/broken", want) => assert!(want.is_err()),
            (_, want) => assert!(want.is_ok(), "{path}"),
        }
    }
}

#[tokio::test]
async fn extended_connect_over_http2_is_a_tunnel() {
    let spans = Spans::new();
    let service = ServiceBuilder::new()
        .layer(ServerLayer::new().telemetry(&spans.telemetry))
        .service_fn(kinds);
    let addr = serve(service).await.addr;
    let socket = TokioIo::new(connect(addr).await);
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), socket)
            .await
            .unwrap();
    tokio::spawn(connection);
    // The server's settings, which allow it, come with the first answer.
    let first = Request::get(format!("http://{addr}/sized")).body(Full::<Bytes>::default());
    send.send_request(first.unwrap())
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let mut request = Request::connect(format!("http://{addr}/upgrade"))
        .body(Full::<Bytes>::default())
        .unwrap();
    let protocol = hyper::ext::Protocol::from_static("websocket");
    request.extensions_mut().insert(protocol);
    let response = send.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut io = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    io.write_all(b"ping").await.unwrap();
    let mut said = [0; 4];
    io.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"ping");
    let span = spans.wait(2).await.pop().unwrap();
    assert_ending(&span, Some("upgraded"));
    assert_eq!(common::text(&span, "url.path").as_deref(), Some("/upgrade"));
}

/// Neither `Clone` nor `Send`, nor its body, nor its error; not ready at first.
struct Picky {
    polls: usize,
    _here: Rc<()>,
}

struct PickyBody {
    _pinned: PhantomPinned,
    _here: Rc<()>,
}

#[derive(Debug)]
struct PickyError(Rc<str>);

impl std::fmt::Display for PickyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Body for PickyBody {
    type Data = std::io::Cursor<Vec<u8>>;
    type Error = PickyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, PickyError>>> {
        Poll::Ready(Some(Err(PickyError("body".into()))))
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(3);
        hint.set_upper(7);
        hint
    }
}

impl Service<Request<Rc<str>>> for Picky {
    type Response = Response<PickyBody>;
    type Error = PickyError;
    type Future = Ready<Result<Response<PickyBody>, PickyError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), PickyError>> {
        self.polls += 1;
        match self.polls {
            1 => Poll::Pending,
            2 => Poll::Ready(Ok(())),
            _ => Poll::Ready(Err(PickyError("not ready".into()))),
        }
    }

    fn call(&mut self, request: Request<Rc<str>>) -> Self::Future {
        std::future::ready(match &**request.body() {
            "error" => Err(PickyError("called".into())),
            _ => Ok(Response::new(PickyBody {
                _pinned: PhantomPinned,
                _here: Rc::new(()),
            })),
        })
    }
}

async fn check_picky<S, B>(mut service: S)
where
    S: Service<Request<Rc<str>>, Response = Response<B>, Error = PickyError>,
    B: Body<Data = std::io::Cursor<Vec<u8>>, Error = PickyError>,
{
    let mut ready = Box::pin(futures_util::future::poll_fn(|cx| {
        Poll::Ready(service.poll_ready(cx))
    }));
    assert!(ready.as_mut().await.is_pending());
    assert!(matches!(ready.as_mut().await, Poll::Ready(Ok(()))));
    let Poll::Ready(Err(error)) = ready.as_mut().await else {
        panic!("the error of poll_ready is the service's");
    };
    assert_eq!(&*error.0, "not ready");
    drop(ready);
    let error = service
        .call(Request::new("error".into()))
        .await
        .err()
        .unwrap();
    assert_eq!(&*error.0, "called");
    let response = service.call(Request::new("fine".into())).await.unwrap();
    let mut body = Box::pin(response.into_body());
    assert_eq!(
        (body.size_hint().lower(), body.size_hint().upper()),
        (3, Some(7))
    );
    assert!(!body.is_end_stream());
    let error = body.as_mut().frame().await.unwrap().err().unwrap();
    assert_eq!(&*error.0, "body");
    assert_eq!(body.size_hint().lower(), 3);
}

#[tokio::test]
async fn readiness_errors_sizes_and_types_are_the_service_s_own() {
    let picky = || Picky {
        polls: 0,
        _here: Rc::new(()),
    };
    let spans = Spans::new();
    check_picky(picky()).await;
    check_picky(
        ServerLayer::new()
            .telemetry(&spans.telemetry)
            .layer(picky()),
    )
    .await;
    check_picky(
        ClientLayer::new()
            .telemetry(&spans.telemetry)
            .layer(picky()),
    )
    .await;
    check_picky(ServerLayer::new().filter(|_| false).layer(picky())).await;
    assert_eq!(spans.ended().len(), 4);
}

#[tokio::test]
async fn a_request_has_one_extension_more_and_a_response_none() {
    #[derive(Clone, Debug, PartialEq)]
    struct Own(u8);
    let seen = Arc::new(Mutex::new((0, Extensions::new())));
    let keep = Arc::clone(&seen);
    let service = service_fn(move |request: Request<Full<Bytes>>| {
        let (head, _) = request.into_parts();
        assert_eq!(head.version, Version::HTTP_2);
        assert_eq!(head.headers["x-a"], "1");
        *keep.lock().unwrap() = (head.headers.len(), head.extensions);
        let mut response = Response::new(Full::<Bytes>::default());
        *response.version_mut() = Version::HTTP_3;
        response.extensions_mut().insert(Own(2));
        async { Ok::<_, Infallible>(response) }
    });
    let request = || {
        let mut request = Request::get("http://a/")
            .header("x-a", "1")
            .version(Version::HTTP_2);
        request.extensions_mut().unwrap().insert(Own(1));
        request.body(Full::default()).unwrap()
    };
    let spans = Spans::new();
    let server = ServerLayer::new().telemetry(&spans.telemetry);
    let client = ClientLayer::new().telemetry(&spans.telemetry);

    let response = server
        .layer(service.clone())
        .oneshot(request())
        .await
        .unwrap();
    assert_eq!(response.version(), Version::HTTP_3);
    assert!(response.headers().is_empty());
    assert_eq!(response.extensions().len(), 1);
    let (headers, extensions) = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!((headers, extensions.len()), (1, 2));
    assert_eq!(extensions.get::<Own>(), Some(&Own(1)));

    // A client adds its headers, and takes even the server's mark away.
    let both = server.layer(client.layer(service.clone()));
    let response = both.oneshot(request()).await.unwrap();
    assert_eq!(response.extensions().len(), 1);
    let (headers, extensions) = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!((headers, extensions.len()), (2, 1));

    // What is filtered out is not marked.
    let filtered = server.filter(|_| false).layer(service);
    drop(filtered.oneshot(request()).await.unwrap());
    assert_eq!(seen.lock().unwrap().1.len(), 1);
}

#[test]
fn services_futures_and_bodies_are_what_the_inner_ones_are() {
    fn sendable<T: Send + Sync + Clone + Unpin + 'static>(_: &T) {}
    fn movable<T: Send + Unpin>(_: &T) {}
    let inner = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut server = ServerLayer::new().layer(inner);
    sendable(&server);
    sendable(&ServerLayer::new());
    sendable(&ClientLayer::new());
    movable(&Box::pin(server.call(Request::new(()))));

    // A service that borrows.
    let text = String::from("borrowed");
    let borrowing = service_fn(|_: Request<()>| {
        let text = &text;
        async move { Ok::<_, Infallible>(Response::new(text.clone())) }
    });
    let _future = ServerLayer::new().layer(borrowing).call(Request::new(()));
}
