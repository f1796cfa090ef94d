//! What an exporter is called in metrics.

use url::{Host, Url};

use crate::setup::settings::Protocol;

/// An exporter as the semantic conventions have it, attributes `otel.component.type` and `server.*`.
#[derive(Clone, Debug)]
pub(in crate::setup) struct Component {
    pub(in crate::setup) kind: &'static str,
    pub(in crate::setup) server: Option<(String, u16)>,
}

impl Component {
    pub(in crate::setup) fn otlp(protocol: Protocol, url: &Url) -> Self {
        let kind = match protocol {
            Protocol::HttpProtobuf => "otlp_http_span_exporter",
            Protocol::HttpJson => "otlp_http_json_span_exporter",
            Protocol::Grpc => "otlp_grpc_span_exporter",
        };
        Self::at(kind, url)
    }

    pub(in crate::setup) fn zipkin(url: &Url) -> Self {
        Self::at("zipkin_http_span_exporter", url)
    }

    /// What has no name of its own there is called by its type.
    pub(in crate::setup) fn other<E>(_exporter: &E) -> Self {
        Self {
            kind: std::any::type_name::<E>(),
            server: None,
        }
    }

    fn at(kind: &'static str, url: &Url) -> Self {
        let host = url.host().map(|host| match host {
            // Without the brackets of a URL.
            Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        });
        Self {
            kind,
            server: host.zip(url.port_or_known_default()),
        }
    }
}
