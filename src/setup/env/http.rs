//! What instrumentations of HTTP are told.

use http::Method;

use super::Env;

/// `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS`.
pub(super) fn known_methods(env: &Env) -> Option<Vec<String>> {
    const NAME: &str = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS";
    let (good, wrong): (Vec<_>, Vec<_>) = env
        .list(NAME)?
        .into_iter()
        .partition(|word| Method::from_bytes(word.as_bytes()).is_ok());
    let instead = match good.as_slice() {
        [] => "the default ones are known",
        [..] => "the others are known",
    };
    for word in wrong {
        env.wrong(NAME, &word, "is no HTTP method", instead);
    }
    (!good.is_empty()).then_some(good)
}
