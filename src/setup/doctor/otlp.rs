//! Where a signal goes by OTLP.

use super::chosen::{From, Limit, Lines, Listed};
use crate::setup::{
    endpoint::Shown,
    env::otlp::{COMPRESSIONS, PROTOCOLS, Signal},
    settings::{Otlp, Protocol},
};

/// Below this name and this path of an exporter.
pub(super) fn otlp(lines: &mut Lines<'_>, what: &str, otlp: &Otlp, names: &Signal, path: &str) {
    let below = |key: &str| format!("{what}.{key}");
    let kind = match otlp.protocol {
        Protocol::HttpProtobuf | Protocol::HttpJson => "otlp_http",
        Protocol::Grpc => "otlp_grpc",
    };
    let path = |key: &str| format!("{path}.exporter.{kind}.{key}");
    lines.say(
        &below("protocol"),
        PROTOCOLS.word(otlp.protocol),
        From(&names.protocol, &path("encoding")),
    );
    if lines.env.is_filed("file_format") && otlp.origin.ends_with(".endpoint") {
        let from = path("endpoint");
        lines.say(&below("endpoint"), Shown(&otlp.endpoint), From(&[], &from));
    } else {
        lines.by(&below("endpoint"), Shown(&otlp.endpoint), &otlp.origin);
    }
    let mut keys: Vec<_> = otlp.headers.keys().map(|key| format!("{key}=…")).collect();
    keys.sort();
    let headers = if lines.env.is_filed(&path("headers")) {
        path("headers")
    } else {
        path("headers_list")
    };
    lines.say(
        &below("headers"),
        Listed(keys.iter()),
        From(&names.headers, &headers),
    );
    lines.say(
        &below("timeout"),
        Limit(otlp.timeout),
        From(&names.timeout, &path("timeout")),
    );
    lines.say(
        &below("compression"),
        COMPRESSIONS.word(otlp.compression),
        From(&names.compression, &path("compression")),
    );
    if let Some(authority) = &otlp.tls.authority {
        lines.say(
            &below("certificate"),
            authority.path.display(),
            From(&names.certificate, &path("tls.ca_file")),
        );
    }
    if let Some((certificate, key)) = &otlp.tls.client {
        lines.say(
            &below("client_certificate"),
            certificate.path.display(),
            From(&names.client_certificate, &path("tls.cert_file")),
        );
        lines.say(
            &below("client_key"),
            key.path.display(),
            From(&names.client_key, &path("tls.key_file")),
        );
    }
}
