//! Who may ask: this machine's own pages and tools, and nobody's page from elsewhere.
//!
//! A page of a stranger can name 127.0.0.1 as its own host (DNS rebinding) or post a form to it. So `Host` must name
//! an address, `localhost` or a host that was allowed, and a request that says it comes from another origin is refused.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{
        CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        X_FRAME_OPTIONS,
    },
    uri::Authority,
};

/// Hosts by which the viewer may be called, besides addresses and `localhost`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(Arc<[String]>);

/// No script, style or picture but our own; nothing leaves for elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl Hosts {
    pub(crate) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    fn knows(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        let host = authority.host().to_ascii_lowercase();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost"
            || bare.ends_with(".localhost")
            || bare.parse::<IpAddr>().is_ok()
            || self.0.contains(&host)
    }
}

/// Refuses what is not meant for us, and tells browsers what our pages may do.
pub(crate) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    if let Err(why) = check(&hosts, &request) {
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    let mut response = next.run(request).await;
    protect(&mut response);
    response
}

fn check(hosts: &Hosts, request: &Request) -> Result<(), &'static str> {
    let host = match request.headers().get(HOST) {
        Some(host) => host.to_str().unwrap_or_default(),
        None => request
            .uri()
            .authority()
            .map_or("", |authority| authority.as_str()),
    };
    if !hosts.knows(host) {
        return Err("this host is not allowed; start the viewer with --allow-host to allow it");
    }
    // A page of ours says our own host here. Tools say nothing.
    if let Some(origin) = request.headers().get(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let is_ours = origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host));
        if !is_ours {
            return Err("the request comes from another origin");
        }
    }
    let site = HeaderName::from_static("sec-fetch-site");
    let is_navigation = request.method().is_safe()
        && request
            .headers()
            .get("sec-fetch-mode")
            .is_some_and(|mode| mode == "navigate");
    match request.headers().get(site) {
        Some(site) if site == "cross-site" && !is_navigation => {
            Err("the request comes from another site")
        }
        _ => Ok(()),
    }
}

fn protect(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With none at all, a form of our own would come from nowhere.
        (REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
