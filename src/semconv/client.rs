//! HTTP client spans (HTTP spans, section HTTP client).

use std::sync::Arc;

use crate::{
    head::RequestHead,
    semconv::{
        Sink,
        method::Method,
        names::{
            HTTP_REQUEST_BODY_SIZE, HTTP_REQUEST_METHOD, HTTP_REQUEST_METHOD_ORIGINAL,
            HTTP_REQUEST_RESEND_COUNT, SERVER_ADDRESS, SERVER_PORT, SERVER_SERVICE_NAME, URL_FULL,
            URL_TEMPLATE,
        },
        peer::{default_port, split_host_port},
        url::{Redaction, Url, capped},
    },
};

/// What the user decided about the attributes of a client, and what is known of the call besides its head.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) redaction: &'a Redaction,
    pub(crate) destination: &'a Destination<'a>,
    pub(crate) service: Option<&'a Arc<str>>,
    pub(crate) template: Option<&'a str>,
    /// Which re-send this is; 0 is the first sending.
    pub(crate) resend_count: u32,
    pub(crate) body_size: Option<u64>,
}

/// Where a call goes: the configured target, else what the request's own URI says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Destination<'a> {
    pub(crate) scheme: Option<&'a str>,
    pub(crate) authority: Option<&'a str>,
    pub(crate) host: Option<&'a str>,
    /// The scheme's default where the URI names none: a client knows where it connects to.
    pub(crate) port: Option<u16>,
}

impl<'a> Destination<'a> {
    pub(crate) fn new(scheme: Option<&'a str>, authority: Option<&'a str>) -> Self {
        let split = authority.and_then(split_host_port);
        Self {
            scheme,
            authority,
            host: split.map(|(host, _)| host),
            port: split.and_then(|(_, port)| port.or_else(|| scheme.and_then(default_port))),
        }
    }
}

/// The attributes of a request, all known at the start.
pub(crate) fn request(
    call: &Call<'_>,
    method: &Method,
    head: &RequestHead<'_>,
    sink: &mut impl Sink,
) {
    sink.set(HTTP_REQUEST_METHOD, method.value());
    if *method == Method::Other {
        sink.set(HTTP_REQUEST_METHOD_ORIGINAL, capped(head.method()));
    }
    server(call.destination, call.service, sink);
    let uri = head.uri();
    let scheme = uri.scheme().or(call.destination.scheme);
    // Without a scheme and a host there is no full URL, and half of one is none.
    if let (Some(scheme), Some(authority)) =
        (scheme, uri.authority().or(call.destination.authority))
    {
        let url = Url {
            scheme,
            authority,
            path: uri.path(),
            query: uri.query(),
            fragment: uri.fragment,
        };
        sink.set(URL_FULL, call.redaction.full(&url));
    }
    if let Some(template) = call.template {
        sink.set(URL_TEMPLATE, capped(template));
    }
    if call.resend_count > 0 {
        sink.set(HTTP_REQUEST_RESEND_COUNT, call.resend_count);
    }
    if let Some(size) = call.body_size {
        sink.set(
            HTTP_REQUEST_BODY_SIZE,
            i64::try_from(size).unwrap_or(i64::MAX),
        );
    }
}

/// `server.*` of a call in either protocol.
pub(crate) fn server(
    destination: &Destination<'_>,
    service: Option<&Arc<str>>,
    sink: &mut impl Sink,
) {
    if let Some(host) = destination.host {
        sink.set(SERVER_ADDRESS, capped(host));
        if let Some(port) = destination.port {
            sink.set(SERVER_PORT, port);
        }
    }
    if let Some(service) = service {
        sink.set(SERVER_SERVICE_NAME, Arc::clone(service));
    }
}
