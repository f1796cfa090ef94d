//! The requests: as `axum::serve` hands them to a router, with the peer's address in their extensions.

use std::net::SocketAddr;

use axum::{body::Body, extract::ConnectInfo};
use http::{Request, Version};

/// What a caller says of its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    Sampled,
    Unsampled,
    Absent,
}

/// What a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Grpc,
}

pub fn request(protocol: Protocol, parent: Parent) -> Request<Body> {
    let builder = match protocol {
        Protocol::Http => http(),
        Protocol::Grpc => grpc(),
    };
    let traceparent = match parent {
        Parent::Sampled => Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        Parent::Unsampled => Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"),
        Parent::Absent => None,
    };
    let builder = match traceparent {
        Some(traceparent) => builder.header("traceparent", traceparent),
        None => builder,
    };
    builder
        .extension(ConnectInfo(SocketAddr::from(([192, 0, 2, 7], 49152))))
        .body(Body::empty())
        .expect("the request is a constant")
}

fn http() -> http::request::Builder {
    Request::get("/orders/4711")
        .header("host", "shop.example:8080")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        )
        .header("accept", "application/json, text/plain, */*")
        .header("accept-encoding", "gzip, deflate, br")
        .header("accept-language", "en-US,en;q=0.5")
        .header("cookie", "session=0123456789abcdef")
        .header("referer", "http://shop.example:8080/")
        .header("x-request-id", "5e1f6a3c-9a70-4a4b-8b1c-0f6f2f6f3b6a")
}

fn grpc() -> http::request::Builder {
    Request::post("http://shop.example:8080/shop.Orders/Get")
        .version(Version::HTTP_2)
        .header("user-agent", "grpc-rust-tonic/0.14.6")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("accept-encoding", "identity")
        .header("grpc-accept-encoding", "gzip")
        .header("grpc-timeout", "1000m")
        .header("x-tenant", "acme")
        .header("x-request-id", "5e1f6a3c-9a70-4a4b-8b1c-0f6f2f6f3b6a")
}
