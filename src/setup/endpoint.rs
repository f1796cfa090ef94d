//! Where spans are sent: the URL of a collector, and what people may see of it.

use url::Url;

use super::{env::Env, error::SetupError};

const DEFAULT: &str = "http://localhost:4318";
const GENERIC: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PATH: &str = "v1/traces";

/// Code beats `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, which beats `OTEL_EXPORTER_OTLP_ENDPOINT`, which beats the default.
/// With who said it.
pub(super) fn choose(in_code: Option<&str>, env: &Env) -> Result<(Url, &'static str), SetupError> {
    if let Some(base) = in_code {
        let base = parse(base)
            .map_err(|why| SetupError::new(format!("Setup::endpoint({:?}) {why}", shown(base))))?;
        return Ok((with_path(base), "Setup::endpoint"));
    }
    if let Some(url) = from_env(TRACES, env, GENERIC) {
        return Ok((url, TRACES));
    }
    let instead = format!("{DEFAULT}/{PATH}");
    match from_env(GENERIC, env, &instead) {
        Some(base) => Ok((with_path(base), GENERIC)),
        None => parse(DEFAULT)
            .map(|base| (with_path(base), "the default endpoint"))
            .map_err(SetupError::new),
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
pub(super) fn shown(url: &str) -> String {
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
