//! Where and how a signal goes by OTLP: its own variables beat those of all signals.

use std::{path::PathBuf, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

use super::{
    Env,
    values::{Pair, Words, pairs},
};
use crate::setup::{
    endpoint, gzip,
    settings::{Compression, Otlp, Pem, Protocol, Tls},
    zstd,
};

/// A signal's own variable, and that of all signals.
pub(in crate::setup) type Names = [&'static str; 2];

/// What a signal's variables are called.
pub(in crate::setup) struct Signal {
    /// What is appended to the endpoint of all signals.
    path: &'static str,
    pub(in crate::setup) endpoint: Names,
    pub(in crate::setup) protocol: Names,
    pub(in crate::setup) headers: Names,
    pub(in crate::setup) timeout: Names,
    pub(in crate::setup) compression: Names,
    pub(in crate::setup) insecure: Names,
    pub(in crate::setup) certificate: Names,
    pub(in crate::setup) client_certificate: Names,
    pub(in crate::setup) client_key: Names,
}

macro_rules! names {
    ($signal:literal, $what:literal) => {
        [
            concat!("OTEL_EXPORTER_OTLP_", $signal, "_", $what),
            concat!("OTEL_EXPORTER_OTLP_", $what),
        ]
    };
}

macro_rules! signal {
    ($signal:literal, $path:expr) => {
        Signal {
            path: $path,
            endpoint: names!($signal, "ENDPOINT"),
            protocol: names!($signal, "PROTOCOL"),
            headers: names!($signal, "HEADERS"),
            timeout: names!($signal, "TIMEOUT"),
            compression: names!($signal, "COMPRESSION"),
            insecure: names!($signal, "INSECURE"),
            certificate: names!($signal, "CERTIFICATE"),
            client_certificate: names!($signal, "CLIENT_CERTIFICATE"),
            client_key: names!($signal, "CLIENT_KEY"),
        }
    };
}

pub(in crate::setup) const TRACES: Signal = signal!("TRACES", endpoint::TRACES);
pub(in crate::setup) const METRICS: Signal = signal!("METRICS", endpoint::METRICS);
pub(in crate::setup) const LOGS: Signal = signal!("LOGS", endpoint::LOGS);

const TIMEOUT: Duration = Duration::from_secs(10);

pub(in crate::setup) const PROTOCOLS: Words<Protocol> = Words {
    unknown: "is no known protocol",
    known: &[
        ("http/protobuf", Protocol::HttpProtobuf),
        ("http/json", Protocol::HttpJson),
        ("grpc", Protocol::Grpc),
    ],
    unsupported: &[],
    default: "http/protobuf",
    nothing: "",
};

pub(in crate::setup) const COMPRESSIONS: Words<Option<Compression>> = Words {
    unknown: "is no known compression",
    known: &[
        ("none", None),
        ("gzip", Some(Compression::Gzip)),
        ("zstd", Some(Compression::Zstd)),
    ],
    unsupported: &[],
    default: "none",
    nothing: "",
};

/// `None` only where the default endpoint could not be read.
pub(super) fn otlp(env: &Env, signal: &Signal) -> Option<Box<Otlp>> {
    let protocol = env.word_of(&signal.protocol, &PROTOCOLS, Protocol::HttpProtobuf);
    let (endpoint, origin) = endpoint(env, signal, protocol)?;
    Some(Box::new(Otlp {
        protocol,
        endpoint,
        origin,
        headers: headers(env, signal.headers),
        timeout: env.timeout(&signal.timeout, TIMEOUT),
        compression: compression(env, &signal.compression),
        tls: tls(env, signal),
    }))
}

/// None where this build has it not: a body is never called what it is not.
fn compression(env: &Env, names: &Names) -> Option<Compression> {
    let found = env.pick(names, COMPRESSIONS.default, compressor);
    found.and_then(|(_, compression)| compression)
}

/// What this word stands for, if this build has it.
pub(in crate::setup) fn compressor(word: &str) -> Result<Option<Compression>, &'static str> {
    built(COMPRESSIONS.find(word)?, gzip::IS_ON, zstd::IS_ON)
}

fn built(
    compression: Option<Compression>,
    has_gzip: bool,
    has_zstd: bool,
) -> Result<Option<Compression>, &'static str> {
    match compression {
        Some(Compression::Gzip) if !has_gzip => {
            Err("needs throughline's feature `gzip`, which this build is without")
        }
        Some(Compression::Zstd) if !has_zstd => {
            Err("needs throughline's feature `zstd`, which this build is without")
        }
        _ => Ok(compression),
    }
}

fn endpoint(env: &Env, signal: &Signal, protocol: Protocol) -> Option<(Url, String)> {
    let insecure = env.first_flag(&signal.insecure);
    let default = endpoint::default_for(protocol);
    let found = env.pick(&signal.endpoint, default, |text| {
        if protocol == Protocol::Grpc && !text.contains("://") {
            let scheme = if insecure { "http" } else { "https" };
            endpoint::parse(&format!("{scheme}://{text}"))
        } else {
            endpoint::parse(text)
        }
    });
    let [own, _] = signal.endpoint;
    Some(match found {
        Some((name, url)) if name == own => (url, name.to_owned()),
        Some((name, url)) => {
            let url = endpoint::for_signal(url, protocol, signal.path);
            (url, name.to_owned())
        }
        None => {
            let url = endpoint::parse(default).ok()?;
            let url = endpoint::for_signal(url, protocol, signal.path);
            (url, "the default endpoint".to_owned())
        }
    })
}

fn headers(env: &Env, names: Names) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some((name, text)) = env.first(&names) else {
        return headers;
    };
    for (index, pair) in pairs(&text).enumerate() {
        // Neither key nor value is shown: who forgot the key wrote the secret in its place.
        let wrong = |why: &str| {
            let member = index + 1;
            env.blame(name);
            env.warn(format!("{name}: member {member} {why}; it is ignored"));
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
    if !headers.is_empty() {
        env.pardon(name);
    }
    headers
}

fn tls(env: &Env, signal: &Signal) -> Tls {
    let path = |names: &Names| {
        let found = env.first(names);
        found.map(|(name, text)| (name, PathBuf::from(text)))
    };
    let pem = |(name, path): (&str, PathBuf)| Pem {
        path,
        origin: name.to_owned(),
    };
    let client = match (path(&signal.client_certificate), path(&signal.client_key)) {
        (Some(certificate), Some(key)) => Some((pem(certificate), pem(key))),
        (None, None) => None,
        (Some((name, path)), None) => {
            let [_, missing] = signal.client_key;
            half(env, name, &path, missing);
            None
        }
        (None, Some((name, path))) => {
            let [_, missing] = signal.client_certificate;
            half(env, name, &path, missing);
            None
        }
    };
    Tls {
        authority: path(&signal.certificate).map(pem),
        client,
    }
}

fn half(env: &Env, name: &'static str, path: &std::path::Path, missing: &str) {
    let why = format!("needs {missing} beside it");
    let instead = "no client certificate is shown";
    env.wrong(name, &path.display().to_string(), &why, instead);
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::setup::report::Report;

    #[test]
    fn what_is_not_built_compresses_nothing() {
        for (word, feature, is_built) in [
            (Compression::Gzip, "`gzip`", [true, false]),
            (Compression::Zstd, "`zstd`", [false, true]),
        ] {
            let [gzip, zstd] = is_built;
            assert_eq!(built(Some(word), gzip, zstd), Ok(Some(word)));
            let why = built(Some(word), !gzip, !zstd).unwrap_err();
            assert!(why.contains(feature), "{why}");
        }
        assert_eq!(built(None, false, false), Ok(None));
    }

    #[test]
    fn who_asks_for_what_is_not_built_is_told() {
        for (word, wanted, is_on) in [
            ("gzip", Compression::Gzip, gzip::IS_ON),
            ("zstd", Compression::Zstd, zstd::IS_ON),
        ] {
            let name = "OTEL_EXPORTER_OTLP_COMPRESSION";
            let env = Env::new(Arc::new(move |asked: &str| {
                (asked == name).then(|| word.to_owned())
            }));
            let chosen = compression(&env, &TRACES.compression);
            let told: Arc<Mutex<Vec<String>>> = Arc::default();
            let kept = Arc::clone(&told);
            env.tell(&Report::to(move |text| {
                kept.lock().unwrap().push(text.to_owned());
            }));
            let warning = format!(
                "{name}=\"{word}\" needs throughline's feature `{word}`, which this build is without; none is used instead"
            );
            let (want, warnings) = if is_on {
                (Some(wanted), vec![])
            } else {
                (None, vec![warning])
            };
            assert_eq!((chosen, &*told.lock().unwrap()), (want, &warnings));
        }
    }
}
