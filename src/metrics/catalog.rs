//! The metrics, as semantic conventions 1.45.0 name them (HTTP metrics; RPC metrics), and one of our own.

use super::instrument::{Prepared, Unit, What};
use crate::{
    semconv::{
        Sink,
        measure::{self, Facts},
        names::{HTTP_REQUEST_METHOD, HTTP_ROUTE, RPC_METHOD, URL_TEMPLATE},
    },
    value::Value,
};

const SERVER: (&str, &str) = (HTTP_REQUEST_METHOD, HTTP_ROUTE);
const CLIENT: (&str, &str) = (HTTP_REQUEST_METHOD, URL_TEMPLATE);
const CALL: (&str, &str) = (RPC_METHOD, "");
const OUR_METRIC: &str = "throughline.metric";
const OUR_ATTRIBUTE: &str = "throughline.attribute";

pub(super) const DURATIONS: [What; 4] = [
    What::new(
        "http.server.request.duration",
        "Duration of HTTP server requests.",
        Unit::Seconds,
        measure::server,
        SERVER,
    ),
    What::new(
        "http.client.request.duration",
        "Duration of HTTP client requests.",
        Unit::Seconds,
        measure::client,
        CLIENT,
    ),
    What::new(
        "rpc.server.call.duration",
        "Duration of calls that came in.",
        Unit::Seconds,
        measure::call,
        CALL,
    ),
    What::new(
        "rpc.client.call.duration",
        "Duration of calls that went out.",
        Unit::Seconds,
        measure::call,
        CALL,
    ),
];

pub(super) const ACTIVE: [What; 2] = [
    What::new(
        "http.server.active_requests",
        "Number of active HTTP server requests.",
        Unit::Requests,
        measure::server_active,
        SERVER,
    ),
    What::new(
        "http.client.active_requests",
        "Number of active HTTP client requests.",
        Unit::Requests,
        measure::client_active,
        CLIENT,
    ),
];

pub(super) const REQUEST_SIZES: [What; 2] = [
    What::new(
        "http.server.request.body.size",
        "Size of HTTP server request bodies, as declared.",
        Unit::Bytes,
        measure::server,
        SERVER,
    ),
    What::new(
        "http.client.request.body.size",
        "Size of HTTP client request bodies, as declared.",
        Unit::Bytes,
        measure::client,
        CLIENT,
    ),
];

pub(super) const RESPONSE_SIZES: [What; 2] = [
    What::new(
        "http.server.response.body.size",
        "Size of HTTP server response bodies.",
        Unit::Bytes,
        measure::server,
        SERVER,
    ),
    What::new(
        "http.client.response.body.size",
        "Size of HTTP client response bodies.",
        Unit::Bytes,
        measure::client,
        CLIENT,
    ),
];

/// Measurements with an attribute that lost its value, by metric and attribute.
pub(super) const FOLDED: What = What::new(
    "throughline.metrics.folded",
    "Measurements with an attribute that had too many values.",
    Unit::Measurements,
    folded,
    (OUR_METRIC, OUR_ATTRIBUTE),
);

fn folded(facts: &Facts<'_>, sink: &mut Prepared) {
    sink.set(OUR_METRIC, Value::Str(facts.method));
    if let Some(attribute) = facts.target {
        sink.set(OUR_ATTRIBUTE, Value::Str(attribute));
    }
}
