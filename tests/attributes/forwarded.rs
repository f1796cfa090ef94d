//! What proxies say is believed as far as they are trusted.

use std::net::SocketAddr;

use throughline::{PeerAddr, ServerLayer, TrustedProxies};

use crate::{
    common::{Spans, assert_texts},
    exchange, ok, request,
};

/// What a client lied, what the edge saw, what the gateway saw.
const CHAIN: &str = "6.6.6.6, 198.51.100.9, 203.0.113.5";

struct Case<'a> {
    trust: TrustedProxies,
    headers: &'a [(&'a str, &'a str)],
    client: Option<&'a str>,
    server: (&'a str, Option<&'a str>),
    scheme: &'a str,
}

async fn check(what: &str, case: Case<'_>) {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let layer = ServerLayer::new()
            .telemetry(&spans.telemetry)
            .trust_forwarded(case.trust.clone());
        let mut headers = vec![("host", "inner:8080")];
        headers.extend(case.headers);
        let mut request = request("/", &headers);
        let peer: SocketAddr = "10.0.0.2:4711".parse().unwrap();
        request.extensions_mut().insert(PeerAddr::new(peer));
        exchange(&layer, request, ok).await;
        println!("{what}");
        assert_texts(
            &spans.only(),
            &[
                ("client.address", case.client),
                ("server.address", Some(case.server.0)),
                ("server.port", case.server.1),
                ("url.scheme", Some(case.scheme)),
                ("network.peer.address", Some("10.0.0.2")),
            ],
        );
    }
}

#[tokio::test]
async fn each_trust_sees_its_client() {
    let networks = |networks: &[&str]| TrustedProxies::networks(networks).unwrap();
    let cases = [
        ("nobody", TrustedProxies::none(), "10.0.0.2"),
        ("one", TrustedProxies::hops(1), "203.0.113.5"),
        ("two", TrustedProxies::hops(2), "198.51.100.9"),
        ("too many", TrustedProxies::hops(9), "6.6.6.6"),
        ("all", TrustedProxies::all(), "6.6.6.6"),
        (
            "networks",
            networks(&["10.0.0.0/8", "203.0.113.5"]),
            "198.51.100.9",
        ),
        (
            "a stranger's connection",
            networks(&["192.0.2.0/24"]),
            "10.0.0.2",
        ),
    ];
    for (what, trust, client) in cases {
        let case = Case {
            trust,
            headers: &[("x-forwarded-for", CHAIN)],
            client: Some(client),
            server: ("inner", Some("8080")),
            scheme: "http",
        };
        check(what, case).await;
    }
}

#[tokio::test]
async fn host_and_scheme_come_from_a_trusted_proxy() {
    check(
        "x-forwarded",
        Case {
            trust: TrustedProxies::hops(1),
            headers: &[
                ("x-forwarded-for", "198.51.100.9"),
                ("x-forwarded-host", "shop.example"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-port", "443"),
            ],
            client: Some("198.51.100.9"),
            server: ("shop.example", Some("443")),
            scheme: "https",
        },
    )
    .await;
    check(
        "forwarded",
        Case {
            trust: TrustedProxies::hops(1),
            headers: &[(
                "forwarded",
                "for=\"[2001:db8::1]:9\";host=shop.example:8443;proto=https",
            )],
            client: Some("2001:db8::1"),
            server: ("shop.example", Some("8443")),
            scheme: "https",
        },
    )
    .await;
    check(
        "not trusted",
        Case {
            trust: TrustedProxies::none(),
            headers: &[
                ("forwarded", "for=6.6.6.6;host=evil.example;proto=https"),
                ("x-forwarded-host", "evil.example"),
                ("x-forwarded-proto", "https"),
            ],
            client: Some("10.0.0.2"),
            server: ("inner", Some("8080")),
            scheme: "http",
        },
    )
    .await;
}

#[tokio::test]
async fn nonsense_is_no_client() {
    for value in [
        "unknown",
        "_hidden",
        "",
        ",",
        "999.1.1.1",
        "\"",
        "for=\"",
        "a@b",
    ] {
        for header in ["x-forwarded-for", "forwarded"] {
            check(
                value,
                Case {
                    trust: TrustedProxies::all(),
                    headers: &[(header, value)],
                    client: Some("10.0.0.2"),
                    server: ("inner", Some("8080")),
                    scheme: "http",
                },
            )
            .await;
        }
    }
}
