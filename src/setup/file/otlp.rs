//! `otlp_http` and `otlp_grpc`.

use std::{path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{
    processors::limit,
    walk::{At, Fields},
};
use crate::setup::{
    endpoint,
    env::{
        otlp::compressor,
        values::{Pair, Words, pairs},
    },
    settings::{Compression, Otlp, Pem, Protocol, Tls},
};

const TIMEOUT: Duration = Duration::from_secs(10);

const ENCODINGS: Words<Protocol> = Words::of(
    "is no known encoding",
    &[
        ("protobuf", Protocol::HttpProtobuf),
        ("json", Protocol::HttpJson),
    ],
);

/// The exporter of this name, if it is one of OTLP's. `more` reads what a signal has besides.
pub(super) fn otlp<T>(
    name: &str,
    at: &At<'_>,
    path: &str,
    more: impl FnOnce(&Fields<'_>) -> T,
) -> Option<Option<(Box<Otlp>, T)>> {
    let is_grpc = match name {
        "otlp_http" => false,
        "otlp_grpc" => true,
        _ => return None,
    };
    let fields = at.fields();
    let protocol = if is_grpc {
        Protocol::Grpc
    } else {
        let encoding = fields.get("encoding").and_then(|at| at.word(&ENCODINGS));
        encoding.unwrap_or(Protocol::HttpProtobuf)
    };
    let (tls, insecure) = tls(fields.get("tls").as_ref(), is_grpc);
    let compression = fields.get("compression");
    let timeout = fields.get("timeout").and_then(|at| at.millis());
    let headers = headers(&fields);
    let more = more(&fields);
    let endpoint = endpoint(fields.get("endpoint").as_ref(), protocol, insecure, path);
    Some(endpoint.map(|endpoint| {
        let otlp = Otlp {
            protocol,
            endpoint,
            origin: format!("{}.endpoint", at.path),
            headers,
            timeout: limit(timeout, TIMEOUT),
            compression: compression.and_then(|at| compression_of(&at)),
            tls,
        };
        (Box::new(otlp), more)
    }))
}

/// What this build has not is wrong as well.
fn compression_of(at: &At<'_>) -> Option<Compression> {
    let word = at.text()?;
    match compressor(word) {
        Ok(compression) => compression,
        Err(why) => {
            at.wrong(&format!("{word:?} {why}"));
            None
        }
    }
}

/// It is complete as it stands; only the default has a path to get.
fn endpoint(at: Option<&At<'_>>, protocol: Protocol, insecure: bool, path: &str) -> Option<Url> {
    let Some(at) = at else {
        let default = endpoint::parse(endpoint::default_for(protocol)).ok()?;
        return Some(endpoint::for_signal(default, protocol, path));
    };
    let text = at.text()?;
    let parsed = if protocol == Protocol::Grpc && !text.contains("://") {
        let scheme = if insecure { "http" } else { "https" };
        endpoint::parse(&format!("{scheme}://{text}"))
    } else {
        endpoint::parse(text)
    };
    match parsed {
        Ok(url) => Some(url),
        Err(why) => {
            at.wrong(why);
            None
        }
    }
}

/// The list by names beats the list in one text. No message holds a value.
fn headers(fields: &Fields<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut add = |at: &At<'_>, key: &str, value: &str| match (
        HeaderName::from_bytes(key.as_bytes()),
        HeaderValue::from_str(value),
    ) {
        (Ok(key), Ok(mut value)) => {
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        (Err(_), _) => at.wrong("has a key that no header can have"),
        (_, Err(_)) => at.wrong("has a value that no header can have"),
    };
    if let Some(at) = fields.get("headers_list")
        && let Some(text) = at.text()
    {
        for (index, pair) in pairs(text).enumerate() {
            match pair {
                Pair::Good(key, value) => add(&at, &key, &value),
                Pair::Bad(why) => at.wrong(&format!("member {} {why}", index + 1)),
            }
        }
    }
    for at in fields.get("headers").iter().flat_map(At::list) {
        let fields = at.fields();
        let name = fields.need("name").and_then(|at| at.text());
        let value = fields.get("value").and_then(|at| at.text());
        if let (Some(name), Some(value)) = (name, value) {
            add(&at, name, value);
        }
    }
    headers
}

fn tls(at: Option<&At<'_>>, is_grpc: bool) -> (Tls, bool) {
    let Some(at) = at else {
        return (Tls::default(), false);
    };
    let fields = at.fields();
    let file = |name| {
        fields.text(name).map(|path| Pem {
            path: PathBuf::from(path),
            origin: format!("{}.{name}", at.path),
        })
    };
    let client = match (file("cert_file"), file("key_file")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            at.wrong("cert_file and key_file need each other");
            None
        }
    };
    let tls = Tls {
        authority: file("ca_file"),
        client,
    };
    let insecure = is_grpc
        && fields
            .get("insecure")
            .and_then(|at| at.flag())
            .unwrap_or(false);
    (tls, insecure)
}
