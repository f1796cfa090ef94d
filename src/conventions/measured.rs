//! What is measured of an exchange: which metric it is, and what its attributes come from.

use std::sync::Arc;

use http::{StatusCode, header::CONTENT_LENGTH};

use crate::{
    config::{ClientConfig, ServerConfig, Side},
    head::RequestHead,
    metrics::{Meters, Of},
    outcome::Verdict,
    protocol::Protocol,
    remote,
    scan::{Scan, decimal},
    semconv::{
        self,
        client::Destination,
        measure::{Facts, OTHER},
        method::Method,
        rpc,
    },
};

const GRPC: &str = "grpc";

/// What measurements need of a request once its head is gone.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Of a call, the system.
    scheme: &'static str,
    host: Option<Arc<str>>,
    port: Option<u16>,
    /// A client's template; a call's method.
    target: Option<Arc<str>>,
    /// The version that a server was asked by.
    pub(crate) version: Option<&'static str>,
    /// As the head declares it, or the body knows it.
    pub(crate) size: Option<u64>,
}

/// What the end of an exchange adds.
#[derive(Debug)]
pub(crate) struct Answered<'a> {
    pub(crate) route: Option<&'a str>,
    pub(crate) status: Option<StatusCode>,
    /// The version that a server was asked by, or a client answered.
    pub(crate) version: Option<&'static str>,
    /// Of a call, whether its head was all there was of the answer, and what it said.
    pub(crate) early: Option<&'a rpc::Status>,
    pub(crate) verdict: &'a Verdict,
}

/// What measurements need of a request that a server got.
pub(crate) fn server_asked(
    config: &ServerConfig,
    meters: &Meters,
    protocol: Protocol,
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
) -> Asked {
    let origin = semconv::server::origin(&config.trust, head, scan, || remote::peer(head));
    let server = if config.common.measure.address {
        semconv::server::authority(head, scan.host, &origin)
    } else {
        None
    };
    let (scheme, target, size) = match protocol {
        Protocol::Http => (
            semconv::server::known_scheme(head, &origin, config.scheme.as_str()),
            None,
            scan.content_length,
        ),
        Protocol::Grpc => {
            let list = config.rpc_methods.as_deref();
            let method = rpc::Method::of(head.uri().path(), list);
            (GRPC, Some(meters.text(method.in_metrics())), None)
        }
    };
    Asked {
        scheme,
        host: server.map(|(host, _)| meters.text(host)),
        port: server.and_then(|(_, port)| port),
        target,
        version: head.version().and_then(semconv::protocol_version),
        size: size.and_then(decimal),
    }
}

/// What measurements need of a request that a client sends.
pub(crate) fn client_asked(
    config: &ClientConfig,
    meters: &Meters,
    protocol: Protocol,
    head: &RequestHead<'_>,
    destination: &Destination<'_>,
    template: Option<&str>,
    body_size: Option<u64>,
) -> Asked {
    let (scheme, target) = match protocol {
        Protocol::Http => ("", template.map(|template| meters.text(template))),
        Protocol::Grpc => {
            let method = rpc::Method::of(head.uri().path(), None);
            (GRPC, Some(meters.text(method.in_metrics())))
        }
    };
    let declared = || head.headers().first(&CONTENT_LENGTH).and_then(decimal);
    Asked {
        scheme,
        host: destination.host.map(|host| meters.text(host)),
        port: destination.port,
        target,
        version: None,
        size: config
            .common
            .measure
            .body_sizes
            .then(|| body_size.or_else(declared))
            .flatten(),
    }
}

/// Which metrics an exchange belongs to.
pub(crate) fn of(side: &Side, protocol: Protocol) -> Of {
    match (side, protocol) {
        (Side::Server(_), Protocol::Http) => Of::Server,
        (Side::Client(_), Protocol::Http) => Of::Client,
        (Side::Server(_), Protocol::Grpc) => Of::ServerCall,
        (Side::Client(_), Protocol::Grpc) => Of::ClientCall,
    }
}

/// What an exchange says while it is active.
pub(crate) fn active<'a>(method: &'a Method, asked: &'a Asked) -> Facts<'a> {
    Facts {
        method: method.as_str(),
        scheme: asked.scheme,
        host: asked.host.as_deref(),
        port: asked.port,
        target: asked.target.as_deref(),
        ..Facts::default()
    }
}

/// What an exchange says that has ended.
pub(crate) fn ended<'a>(
    side: &Side,
    protocol: Protocol,
    method: &'a Method,
    asked: &'a Asked,
    answered: &Answered<'a>,
) -> Facts<'a> {
    let facts = Facts {
        status: answered.status.map(|status| status.as_u16()),
        version: answered.version,
        error_type: answered.verdict.error_type.as_deref(),
        ..active(method, asked)
    };
    match (protocol, side) {
        (Protocol::Http, Side::Server(_)) => Facts {
            target: answered.route,
            ..facts
        },
        (Protocol::Http, Side::Client(config)) => Facts {
            target: facts.target.filter(|_| config.common.measure.template),
            ..facts
        },
        (Protocol::Grpc, side) => Facts {
            // Strangers can call anything, and are told that it is not there.
            method: facts
                .target
                .filter(|_| !is_unknown(side, answered))
                .unwrap_or(OTHER),
            target: None,
            status: None,
            version: None,
            code: answered.verdict.code,
            ..facts
        },
    }
}

/// What an exchange says of the sizes of its bodies: the same, and a client's template.
pub(crate) fn sized<'a>(side: &Side, asked: &'a Asked, ended: Facts<'a>) -> Facts<'a> {
    match side {
        Side::Server(_) => ended,
        Side::Client(_) => Facts {
            target: asked.target.as_deref(),
            ..ended
        },
    }
}

fn is_unknown(side: &Side, answered: &Answered<'_>) -> bool {
    const UNIMPLEMENTED: &str = "UNIMPLEMENTED";
    match side {
        Side::Server(config) => {
            answered.verdict.code == Some(UNIMPLEMENTED)
                && config.rpc_methods.is_none()
                && answered
                    .early
                    .is_some_and(|early| early.code == UNIMPLEMENTED)
        }
        Side::Client(_) => false,
    }
}
