//! Where spans are sent: the URL of a collector, and what people may see of it.

use std::fmt;

use reqwest::Url;

use super::{TLS, env::Env, error::SetupError};

const DEFAULT: &str = "http://localhost:4318";
const GENERIC: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PATH: &str = "v1/traces";

/// A URL that takes traces. `Display` and `Debug` leave out userinfo and query.
#[derive(Clone)]
pub(super) struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Code beats `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, which beats `OTEL_EXPORTER_OTLP_ENDPOINT`, which beats the default.
    pub(super) fn choose(in_code: Option<&str>, env: &Env) -> Result<Self, SetupError> {
        if let Some(base) = in_code {
            let base = parse(base).map_err(|why| {
                SetupError::new(format!("Setup::endpoint({:?}) {why}", shown(base)))
            })?;
            return Self::speaking("Setup::endpoint", with_path(base));
        }
        if let Some(url) = from_env(TRACES, env, GENERIC) {
            return Self::speaking(TRACES, url);
        }
        let instead = format!("{DEFAULT}/{PATH}");
        match from_env(GENERIC, env, &instead) {
            Some(base) => Self::speaking(GENERIC, with_path(base)),
            None => parse(DEFAULT)
                .map(|base| Self {
                    url: with_path(base),
                })
                .map_err(SetupError::new),
        }
    }

    /// With userinfo, for the client alone.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// A collector on this machine, which no proxy should be asked for.
    pub(super) fn is_loopback(&self) -> bool {
        use std::net::IpAddr;

        let host = self.url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    fn speaking(origin: &str, url: Url) -> Result<Self, SetupError> {
        let endpoint = Self { url };
        if endpoint.url.scheme() == "https" && !TLS {
            return Err(SetupError::new(format!(
                "{origin} is {endpoint}, and https needs throughline's feature `tls`, which this build is without"
            )));
        }
        Ok(endpoint)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(self.url.as_str()))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn from_env(name: &str, env: &Env, instead: &str) -> Option<Url> {
    let value = env.text(name)?;
    match parse(&value) {
        Ok(url) => Some(url),
        Err(why) => {
            let instead = format!("{instead} is used instead");
            env.wrong(name, &shown(&value), why, &instead);
            None
        }
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err("does not begin with http:// or https://"),
        Err(_) => Err("is no URL"),
    }
}

fn with_path(mut base: Url) -> Url {
    let path = format!("{}/{PATH}", base.path().trim_end_matches('/'));
    base.set_path(&path);
    base
}

/// The text of a URL, right or wrong, without userinfo, query and fragment: any of them may hold a secret.
fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        (None, Some((_, rest))) => rest.to_owned(),
        (_, None) => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (url, want) in [
            ("http://u:p@h:1/a", "http://h:1/a"),
            ("http://u:p@h:1/a?key=p#p", "http://h:1/a"),
            ("http://u:p/w@h:1", "http://h:1"),
            ("u:p@h", "h"),
            ("http://h:1/a", "http://h:1/a"),
        ] {
            assert_eq!(shown(url), want);
        }
    }
}
