//! How the environment says where spans go by OTLP.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{
    endpoint,
    env::{Env, Pair, pairs},
    error::SetupError,
    settings::{Otlp, Protocol, Tls},
};

const TIMEOUT: Duration = Duration::from_secs(10);

pub(super) fn traces(endpoint: Option<&str>, env: &Env) -> Result<Otlp, SetupError> {
    let (endpoint, origin) = endpoint::choose(endpoint, env)?;
    check_protocol(env);
    check_compression(env);
    Ok(Otlp {
        protocol: Protocol::HttpProtobuf,
        endpoint,
        origin: origin.to_owned(),
        headers: headers(env),
        timeout: env.limit(
            [
                "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
                "OTEL_EXPORTER_OTLP_TIMEOUT",
            ],
            TIMEOUT,
        ),
        compression: None,
        tls: Tls::default(),
    })
}

fn check_protocol(env: &Env) {
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ];
    if let Some((name, value)) = env.first(names)
        && !value.eq_ignore_ascii_case("http/protobuf")
    {
        let instead = "http/protobuf is used instead, which collectors take on port 4318";
        env.wrong(name, &value, "is not supported", instead);
    }
}

fn check_compression(env: &Env) {
    let names = [
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
    ];
    if let Some((name, value)) = env.first(names)
        && !value.eq_ignore_ascii_case("none")
    {
        env.wrong(
            name,
            &value,
            "is not supported",
            "spans are sent as they are",
        );
    }
}

fn headers(env: &Env) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some((name, text)) = env.first([
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ]) else {
        return headers;
    };
    for (index, pair) in pairs(&text).enumerate() {
        // Neither key nor value is shown: who forgot the key wrote the secret in its place.
        let wrong = |why: &str| {
            env.warn(&format!(
                "{name}: member {} {why}; it is ignored",
                index + 1
            ));
        };
        let (key, value) = match pair {
            Pair::Good(key, value) => (key, value),
            Pair::Bad(why) => {
                wrong(why);
                continue;
            }
        };
        match (
            HeaderName::from_bytes(key.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            (Ok(key), Ok(mut value)) => {
                value.set_sensitive(true);
                headers.insert(key, value);
            }
            (Err(_), _) => wrong("has a key that no header can have"),
            (_, Err(_)) => wrong("has a value that no header can have"),
        }
    }
    headers
}
