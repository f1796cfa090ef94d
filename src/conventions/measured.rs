//! What is measured of an exchange: which metric it is, and what its attributes come from.

use std::sync::Arc;

use http::{StatusCode, header::CONTENT_LENGTH};

use crate::{
    config::{ClientConfig, ServerConfig, Side},
    head::RequestHead,
    metrics::{Group, Meters, Of},
    outcome::Verdict,
    protocol::Protocol,
    remote,
    scan::{Scan, decimal},
    semconv::{
        self,
        client::Destination,
        measure::{Answer, Facts, OTHER},
        method::Method,
        rpc,
        url::capped,
    },
};

const GRPC: &str = "grpc";

/// What measurements need of a request once its head is gone.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) meters: Arc<Meters>,
    pub(crate) group: Arc<Group>,
    /// As the head declares it, or the body knows it.
    pub(crate) size: Option<u64>,
}

/// What the end of an exchange adds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered<'a> {
    /// Whether the route was not known when the exchange began.
    pub(crate) is_late: bool,
    pub(crate) status: Option<StatusCode>,
    /// The version that a client was answered by.
    pub(crate) version: Option<&'static str>,
    /// Of a call, whether its head was all there was of the answer, and what it said.
    pub(crate) early: Option<&'a rpc::Status>,
    pub(crate) verdict: &'a Verdict,
}

/// What measurements need of a request that a server got.
pub(crate) fn server_asked(
    config: &ServerConfig,
    meters: &Arc<Meters>,
    (protocol, method): (Protocol, &Method),
    route: Option<&str>,
    head: &RequestHead<'_>,
    scan: &Scan<'_>,
) -> Asked {
    // Most requests were forwarded by nobody.
    let origin = scan
        .forwarded
        .then(|| semconv::server::origin(&config.trust, head, scan, || remote::peer(head)));
    let server = match config.common.measure.address {
        true => semconv::server::authority(head, scan.host, origin.as_ref()),
        false => None,
    };
    let (host, port) = (
        server.map(|(host, _)| host),
        server.and_then(|(_, port)| port),
    );
    match protocol {
        Protocol::Http => {
            let facts = Facts {
                method: method.as_str(),
                scheme: semconv::server::known_scheme(
                    head,
                    origin.as_ref(),
                    config.scheme.as_str(),
                ),
                host,
                port,
                target: route,
                version: head.version().and_then(semconv::protocol_version),
                ..Facts::default()
            };
            let declared = || scan.content_length.and_then(decimal);
            let measures_size = config.common.measure.body_sizes;
            Asked::new(
                meters,
                Of::Server,
                &facts,
                measures_size.then(declared).flatten(),
            )
        }
        Protocol::Grpc => {
            let method = rpc::Method::of(head.uri().path(), config.rpc_methods.as_deref());
            Asked::new(meters, Of::ServerCall, &call(method, host, port), None)
        }
    }
}

/// What measurements need of a request that a client sends.
pub(crate) fn client_asked(
    config: &ClientConfig,
    meters: &Arc<Meters>,
    (protocol, method): (Protocol, &Method),
    template: Option<&str>,
    head: &RequestHead<'_>,
    destination: &Destination<'_>,
    body_size: Option<u64>,
) -> Asked {
    let Destination {
        scheme, host, port, ..
    } = *destination;
    let host = host.map(capped);
    let measure = &config.common.measure;
    match protocol {
        Protocol::Http => {
            let facts = Facts {
                method: method.as_str(),
                scheme: scheme
                    .filter(|_| measure.scheme)
                    .map_or("", semconv::measure::scheme),
                host,
                port,
                target: template
                    .filter(|_| measure.template || measure.active || measure.body_sizes)
                    .map(capped),
                ..Facts::default()
            };
            let declared = || head.headers().first(&CONTENT_LENGTH).and_then(decimal);
            let size = || body_size.or_else(declared);
            Asked::new(
                meters,
                Of::Client,
                &facts,
                measure.body_sizes.then(size).flatten(),
            )
        }
        Protocol::Grpc => {
            let method = rpc::Method::of(head.uri().path(), None);
            Asked::new(meters, Of::ClientCall, &call(method, host, port), None)
        }
    }
}

impl Asked {
    #[inline]
    fn new(meters: &Arc<Meters>, of: Of, facts: &Facts<'_>, size: Option<u64>) -> Self {
        Self {
            group: meters.group(of, facts),
            meters: Arc::clone(meters),
            size,
        }
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
pub(crate) fn active<'a>(side: &Side, asked: &'a Asked) -> Facts<'a> {
    let facts = asked.group.asked();
    match side {
        Side::Server(_) => Facts {
            target: None,
            version: None,
            ..facts
        },
        Side::Client(_) => facts,
    }
}

/// What the end of an exchange adds to what is known of its group. `None` where the group is not all there is to know
/// besides: a route of later, a call to what is not there.
#[inline(always)]
pub(crate) fn answer<'a>(
    side: &Side,
    protocol: Protocol,
    asked: &Asked,
    answered: &Answered<'a>,
) -> Option<Answer<'a>> {
    let error_type = answered.verdict.error_type.as_deref();
    match (protocol, side) {
        (Protocol::Grpc, side) => (!is_unknown(side, answered)).then_some(Answer {
            code: answered.verdict.code,
            error_type,
            ..Answer::default()
        }),
        (Protocol::Http, side) => {
            let is_all = match side {
                Side::Server(_) => !answered.is_late,
                Side::Client(config) => {
                    config.common.measure.template || asked.group.asked().target.is_none()
                }
            };
            is_all.then_some(Answer {
                status: answered.status.map(|status| status.as_u16()),
                version: answered.version,
                code: None,
                error_type,
            })
        }
    }
}

/// What an exchange says that has ended.
pub(crate) fn ended<'a>(
    side: &Side,
    protocol: Protocol,
    asked: &'a Asked,
    answered: &Answered<'a>,
    route: Option<&'a str>,
) -> Facts<'a> {
    let facts = asked.group.asked();
    let facts = Facts {
        status: answered.status.map(|status| status.as_u16()),
        version: facts.version.or(answered.version),
        error_type: answered.verdict.error_type.as_deref(),
        ..facts
    };
    match (protocol, side) {
        (Protocol::Http, Side::Server(_)) => Facts {
            target: route,
            ..facts
        },
        (Protocol::Http, Side::Client(config)) => Facts {
            target: facts.target.filter(|_| config.common.measure.template),
            ..facts
        },
        (Protocol::Grpc, side) => Facts {
            // Strangers can call anything, and are told that it is not there.
            method: if is_unknown(side, answered) {
                OTHER
            } else {
                facts.method
            },
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
            target: asked.group.asked().target,
            ..ended
        },
    }
}

fn call<'a>(method: rpc::Method<'a>, host: Option<&'a str>, port: Option<u16>) -> Facts<'a> {
    Facts {
        method: method.in_metrics(),
        scheme: GRPC,
        host,
        port,
        ..Facts::default()
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
