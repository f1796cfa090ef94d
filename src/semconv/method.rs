//! `http.request.method`: a known method, or `_OTHER` beside the one that was sent.

use std::sync::Arc;

use crate::value::Value;

/// A method as the conventions name it (HTTP spans, `http.request.method`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Method {
    Known(&'static str),
    /// Known by the user's own list.
    Listed(Arc<str>),
    Other,
}

impl Method {
    /// Compares case-sensitively. A list replaces the default one whole.
    pub(crate) fn of(raw: &str, list: Option<&[Arc<str>]>) -> Self {
        if let Some(list) = list {
            return list
                .iter()
                .find(|known| ***known == *raw)
                .map_or(Self::Other, |known| Self::Listed(Arc::clone(known)));
        }
        known(raw).map_or(Self::Other, Self::Known)
    }

    pub(crate) fn value(&self) -> Value<'static> {
        match self {
            Self::Known(name) => Value::Static(name),
            Self::Listed(name) => Value::Shared(Arc::clone(name)),
            Self::Other => Value::Static("_OTHER"),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Listed(name) => name,
            Self::Other => "_OTHER",
        }
    }

    /// What a span's name begins with.
    pub(crate) fn in_name(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Listed(name) => name,
            Self::Other => "HTTP",
        }
    }
}

/// A method of the default list, as a constant.
pub(crate) fn known(raw: &str) -> Option<&'static str> {
    Some(match raw {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        "QUERY" => "QUERY",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_methods_are_other() {
        let list: Vec<Arc<str>> = vec!["PURGE".into(), "GET".into()];
        let cases = [
            ("GET", None, Method::Known("GET"), "GET"),
            ("QUERY", None, Method::Known("QUERY"), "QUERY"),
            ("get", None, Method::Other, "HTTP"),
            ("PURGE", None, Method::Other, "HTTP"),
            (
                "PURGE",
                Some(&list[..]),
                Method::Listed("PURGE".into()),
                "PURGE",
            ),
            ("POST", Some(&list[..]), Method::Other, "HTTP"),
            ("GET", Some(&[][..]), Method::Other, "HTTP"),
        ];
        for (raw, list, want, in_name) in cases {
            let method = Method::of(raw, list);
            assert_eq!(method, want, "{raw}");
            assert_eq!(method.in_name(), in_name, "{raw}");
        }
    }
}
