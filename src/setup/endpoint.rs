//! The URL of a collector, and what people may see of it.

use std::{borrow::Cow, fmt, net::IpAddr};

use url::Url;

use super::settings::Protocol;

/// A URL without userinfo, query and fragment: any of them may hold a secret.
#[allow(dead_code, reason = "who shows them depends on the features")]
pub(super) struct Shown<'a>(pub(super) &'a Url);

/// What is appended to a collector's base URL for each signal.
pub(super) const TRACES: &str = "v1/traces";
pub(super) const METRICS: &str = "v1/metrics";
pub(super) const LOGS: &str = "v1/logs";

pub(super) fn parse(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) => Err("does not begin with http:// or https://"),
        Err(_) => Err("is no URL"),
    }
}

/// A collector on this machine, on the port of the protocol.
pub(super) fn default_for(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::HttpProtobuf | Protocol::HttpJson => "http://localhost:4318",
        Protocol::Grpc => "http://localhost:4317",
    }
}

/// With a signal's path, which HTTP has and gRPC has not.
pub(super) fn for_signal(mut base: Url, protocol: Protocol, path: &str) -> Url {
    if protocol != Protocol::Grpc {
        let path = format!("{}/{path}", base.path().trim_end_matches('/'));
        base.set_path(&path);
    }
    base
}

/// Of Jaeger's remote sampling: with its path where there is none, and over HTTP where nothing is said.
pub(super) fn for_sampling(text: &str) -> Result<Url, &'static str> {
    let mut url = if text.contains("://") {
        parse(text)?
    } else {
        parse(&format!("http://{text}"))?
    };
    if url.path() == "/" {
        url.set_path("/sampling");
    }
    Ok(url)
}

/// A collector on this machine, which no proxy should be asked for.
#[allow(dead_code, reason = "only exporters over HTTP know proxies")]
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// The text of a URL, right or wrong, as [`Shown`] shows it.
pub(super) fn shown(url: &str) -> Cow<'_, str> {
    let (head, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    // A password may have a ? that should be encoded.
    if rest.contains('@') {
        return match head.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://…").into(),
            None => "…".into(),
        };
    }
    without_userinfo(head)
}

fn without_userinfo(url: &str) -> Cow<'_, str> {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}").into(),
        (None, Some((_, rest))) => rest.into(),
        (_, None) => url.into(),
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.0.as_str().split(['?', '#']).next();
        f.write_str(&without_userinfo(url.unwrap_or_default()))
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
            ("http://u:p?w@h:1/a", "http://…"),
            ("u:p#w@h", "…"),
            ("https://me@corp.com:pa#ss@collector:4318", "https://…"),
            ("u@h:p?w@h", "…"),
            ("http://h:1/a", "http://h:1/a"),
        ] {
            assert_eq!(shown(url), want);
        }
        let url = Url::parse("http://u:p%3Fw@h:1/a?mail=a@b").unwrap();
        assert_eq!(Shown(&url).to_string(), "http://h:1/a");
    }
}
