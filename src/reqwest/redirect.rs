use std::sync::Arc;

use ::reqwest::{
    Url,
    redirect::{Attempt, Policy},
};

use http::{Uri, uri::Authority};

use crate::{
    client::ClientLayer,
    config::ClientConfig,
    semconv::{client::Destination, peer::default_port},
};

/// A redirect policy for clients whose layer restricts [`propagate_to`](ClientLayer::propagate_to) or
/// [`baggage_to`](ClientLayer::baggage_to): it follows up to ten redirects, as reqwest does by itself, but none that
/// would take the trace headers or the baggage to a host that may not have them. Such a redirect is not followed: the
/// caller gets the `3xx` response.
///
/// ```
/// use throughline::{ClientLayer, Targets, reqwest::redirect_policy};
///
/// # fn client() -> Result<reqwest::Client, reqwest::Error> {
/// let layer = ClientLayer::new().propagate_to(Targets::hosts(["*.internal"]));
/// let client = reqwest::Client::builder().redirect(redirect_policy(&layer)).build()?;
/// # Ok(client)
/// # }
/// ```
pub fn redirect_policy(layer: &ClientLayer) -> Policy {
    let config = Arc::clone(&layer.config);
    Policy::custom(move |attempt| {
        if carries_to_stranger(&config, &attempt) {
            attempt.stop()
        } else {
            Policy::default().redirect(attempt)
        }
    })
}

/// Headers are written once, for the first host; a hop that may have less than it must not be reached with them.
fn carries_to_stranger(config: &ClientConfig, attempt: &Attempt<'_>) -> bool {
    let Some(first) = attempt.previous().first() else {
        return false;
    };
    let lets = |(host, port): (Option<&str>, Option<u16>)| {
        let trace = config.propagate_to.contains(host, port);
        (trace, trace && config.baggage_to.contains(host, port))
    };
    let next = place(attempt.url());
    if next == place(first) {
        return false;
    }
    // The headers were written for the configured target, where there is one.
    let (trace, baggage) = match &config.target {
        Some(target) => lets(destination(target)),
        None => lets(place(first)),
    };
    let (next_trace, next_baggage) = lets(next);
    (trace && !next_trace) || (baggage && !next_baggage)
}

fn place(url: &Url) -> (Option<&str>, Option<u16>) {
    let host = url.host_str().map(|host| host.trim_matches(['[', ']']));
    (host, url.port().or_else(|| default_port(url.scheme())))
}

fn destination(target: &Uri) -> (Option<&str>, Option<u16>) {
    let authority = target.authority().map(Authority::as_str);
    let destination = Destination::new(target.scheme_str(), authority);
    (destination.host, destination.port)
}
