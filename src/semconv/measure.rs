//! The attributes of measurements (HTTP metrics; RPC metrics): fewer than a span's, and each of few values.

use crate::{
    semconv::{
        Sink,
        names::{
            ERROR_TYPE, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE, HTTP_ROUTE,
            NETWORK_PROTOCOL_VERSION, RPC_METHOD, RPC_STATUS_CODE, RPC_SYSTEM_NAME, SERVER_ADDRESS,
            SERVER_PORT, URL_SCHEME, URL_TEMPLATE,
        },
    },
    value::Value,
};

/// What is known of an exchange that a metric might say. What is not known is left out. The conventions leave open what
/// comes as method, host, port, target and error type; all else has few values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) method: &'a str,
    /// Of a call, the system. Empty where it is not said.
    pub(crate) scheme: &'static str,
    pub(crate) host: Option<&'a str>,
    pub(crate) port: Option<u16>,
    /// A server's route, a client's template.
    pub(crate) target: Option<&'a str>,
    pub(crate) version: Option<&'static str>,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<&'static str>,
    pub(crate) error_type: Option<&'a str>,
}

/// What the end of an exchange adds to them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer<'a> {
    pub(crate) status: Option<u16>,
    /// The version that a client was answered by.
    pub(crate) version: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
    pub(crate) error_type: Option<&'a str>,
}

/// What stands for the values that are not told apart.
pub(crate) const OTHER: &str = "_OTHER";

/// One of few, whatever a URL says.
pub(crate) fn scheme(text: &str) -> &'static str {
    match text {
        "http" => "http",
        "https" => "https",
        _ => OTHER,
    }
}

/// `http.server.request.duration` and the sizes of a server's bodies.
pub(crate) fn server(facts: &Facts<'_>, set: &mut impl Sink) {
    server_active(facts, set);
    ended(facts, set);
    if let Some(route) = facts.target {
        set.set(HTTP_ROUTE, route);
    }
}

/// `http.server.active_requests`.
pub(crate) fn server_active(facts: &Facts<'_>, set: &mut impl Sink) {
    set.set(HTTP_REQUEST_METHOD, facts.method);
    set.set(URL_SCHEME, Value::Static(facts.scheme));
    address(facts, set);
}

/// `http.client.request.duration` and the sizes of a client's bodies.
pub(crate) fn client(facts: &Facts<'_>, set: &mut impl Sink) {
    client_active(facts, set);
    ended(facts, set);
}

/// `http.client.active_requests`.
pub(crate) fn client_active(facts: &Facts<'_>, set: &mut impl Sink) {
    set.set(HTTP_REQUEST_METHOD, facts.method);
    address(facts, set);
    if !facts.scheme.is_empty() {
        set.set(URL_SCHEME, Value::Static(facts.scheme));
    }
    if let Some(target) = facts.target {
        set.set(URL_TEMPLATE, target);
    }
}

/// `rpc.server.call.duration` and `rpc.client.call.duration`.
pub(crate) fn call(facts: &Facts<'_>, set: &mut impl Sink) {
    set.set(RPC_SYSTEM_NAME, Value::Static(facts.scheme));
    set.set(RPC_METHOD, facts.method);
    address(facts, set);
    if let Some(code) = facts.code {
        set.set(RPC_STATUS_CODE, Value::Static(code));
    }
    error(facts, set);
}

fn ended(facts: &Facts<'_>, set: &mut impl Sink) {
    if let Some(status) = facts.status {
        set.set(HTTP_RESPONSE_STATUS_CODE, status);
    }
    if let Some(version) = facts.version {
        set.set(NETWORK_PROTOCOL_VERSION, Value::Static(version));
    }
    error(facts, set);
}

fn error(facts: &Facts<'_>, set: &mut impl Sink) {
    if let Some(error_type) = facts.error_type {
        set.set(ERROR_TYPE, error_type);
    }
}

/// A port without its host says nothing.
fn address(facts: &Facts<'_>, set: &mut impl Sink) {
    if let Some(host) = facts.host {
        set.set(SERVER_ADDRESS, host);
        if let Some(port) = facts.port {
            set.set(SERVER_PORT, port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::semconv::Name;

    const FACTS: Facts<'static> = Facts {
        method: "GET",
        scheme: "http",
        host: Some("shop"),
        port: Some(8080),
        target: Some("/orders/{id}"),
        version: Some("1.1"),
        status: Some(500),
        code: Some("INTERNAL"),
        error_type: Some("500"),
    };

    #[derive(Default)]
    struct Names(Vec<&'static str>);

    impl Sink for Names {
        fn set<'v>(&mut self, name: impl Into<Name>, _value: impl Into<Value<'v>>) {
            if let Name::Static(name) = name.into() {
                self.0.push(name);
            }
        }
    }

    fn names(write: impl FnOnce(&mut Names)) -> Vec<&'static str> {
        let mut names = Names::default();
        write(&mut names);
        names.0.sort_unstable();
        names.0
    }

    #[test]
    fn each_metric_has_the_attributes_of_its_table() {
        let ended = [
            "error.type",
            "http.request.method",
            "http.response.status_code",
            "http.route",
            "network.protocol.version",
            "server.address",
            "server.port",
            "url.scheme",
        ];
        assert_eq!(names(|set| server(&FACTS, set)), ended);
        assert_eq!(
            names(|set| server_active(&FACTS, set)),
            [
                "http.request.method",
                "server.address",
                "server.port",
                "url.scheme"
            ]
        );
        assert_eq!(
            names(|set| client(&FACTS, set)),
            [
                "error.type",
                "http.request.method",
                "http.response.status_code",
                "network.protocol.version",
                "server.address",
                "server.port",
                "url.scheme",
                "url.template",
            ]
        );
        assert_eq!(
            names(|set| client_active(&FACTS, set)),
            [
                "http.request.method",
                "server.address",
                "server.port",
                "url.scheme",
                "url.template"
            ]
        );
        assert_eq!(
            names(|set| call(&FACTS, set)),
            [
                "error.type",
                "rpc.method",
                "rpc.status_code",
                "rpc.system.name",
                "server.address",
                "server.port",
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let facts = Facts {
            method: "GET",
            scheme: "http",
            port: Some(8080),
            ..Facts::default()
        };
        assert_eq!(
            names(|set| server(&facts, set)),
            ["http.request.method", "url.scheme"],
            "a port without its host"
        );
        let of_client = Facts {
            scheme: "",
            ..facts
        };
        assert_eq!(
            names(|set| client(&of_client, set)),
            ["http.request.method"]
        );
        assert_eq!(
            names(|set| call(&facts, set)),
            ["rpc.method", "rpc.system.name"]
        );
    }
}
