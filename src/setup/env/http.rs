//! What instrumentations of HTTP are told.

use http::{HeaderName, Method};

use super::Env;
use crate::setup::settings::{Headers, Http};

pub(super) fn http(env: &Env) -> Http {
    stability(env);
    Http {
        known_methods: known_methods(env),
        server: Headers {
            request: headers(
                env,
                "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_REQUEST_HEADERS",
            ),
            response: headers(
                env,
                "OTEL_INSTRUMENTATION_HTTP_SERVER_CAPTURE_RESPONSE_HEADERS",
            ),
        },
        client: Headers {
            request: headers(
                env,
                "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_REQUEST_HEADERS",
            ),
            response: headers(
                env,
                "OTEL_INSTRUMENTATION_HTTP_CLIENT_CAPTURE_RESPONSE_HEADERS",
            ),
        },
    }
}

fn known_methods(env: &Env) -> Option<Vec<String>> {
    let methods = checked(
        env,
        "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
        |word| Method::from_bytes(word.as_bytes()).is_ok(),
        "is no HTTP method",
        ["the default ones are known", "the others are known"],
    );
    (!methods.is_empty()).then_some(methods)
}

fn headers(env: &Env, name: &'static str) -> Vec<String> {
    checked(
        env,
        name,
        |word| HeaderName::from_bytes(word.as_bytes()).is_ok(),
        "is no name of a header",
        ["none is recorded", "the others are recorded"],
    )
}

/// The words of a list that are right, and what is told of the others: where none is right, and where some are.
fn checked(
    env: &Env,
    name: &'static str,
    is_right: impl Fn(&str) -> bool,
    why: &str,
    [none, some]: [&str; 2],
) -> Vec<String> {
    let list = env.list(name).unwrap_or_default();
    let (right, wrong): (Vec<_>, Vec<_>) = list.into_iter().partition(|word| is_right(word));
    let instead = if right.is_empty() { none } else { some };
    for word in wrong {
        env.wrong(name, &word, why, instead);
    }
    if !right.is_empty() {
        env.pardon(name);
    }
    right
}

/// Only the stable conventions are known here: no old names can be recorded beside them.
fn stability(env: &Env) {
    const NAME: &str = "OTEL_SEMCONV_STABILITY_OPT_IN";
    for word in env.list(NAME).unwrap_or_default() {
        if let "http/dup" | "rpc/dup" = word.as_str() {
            let why = "asks for names of older conventions";
            env.wrong(NAME, &word, why, "the stable ones alone are recorded");
        }
    }
}
