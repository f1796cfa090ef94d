mod notation;
mod properties;

use std::cell::RefCell;

use super::*;

type Headers<'a> = &'a [(&'static str, &'a str)];

const F: &str = "forwarded";
const FOR: &str = "x-forwarded-for";
const HOST: &str = "x-forwarded-host";
const PROTO: &str = "x-forwarded-proto";
const PORT: &str = "x-forwarded-port";

fn hops(n: usize) -> TrustedProxies {
    TrustedProxies::hops(n)
}

fn ours() -> TrustedProxies {
    TrustedProxies::networks(["10.0.0.0/8", "203.0.113.5", "fd00::/8"]).unwrap()
}

fn origin<'a>(trust: &TrustedProxies, headers: Headers<'a>) -> Origin<'a> {
    let lines = |name| {
        headers
            .iter()
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value.as_bytes())
    };
    resolve(trust, lines, Some(IpAddr::from([10, 0, 0, 2])))
}

/// Client (`address` or `address port`), host and proto, `-` for what is not told.
fn shown(trust: &TrustedProxies, headers: Headers<'_>) -> String {
    let origin = origin(trust, headers);
    let client = match origin.client {
        Some((address, Some(port))) => format!("{address} {port}"),
        Some((address, None)) => address.to_string(),
        None => "-".to_owned(),
    };
    let host = origin.host.as_deref().unwrap_or("-").to_owned()
        + &origin.port.map_or(String::new(), |p| format!("+{p}"));
    format!("{client} {host} {}", origin.proto.unwrap_or("-"))
}

#[test]
fn who_is_believed() {
    let lie = [(FOR, "6.6.6.6, 198.51.100.9, 203.0.113.5")];
    let apart = [
        (FOR, "6.6.6.6"),
        (FOR, " 198.51.100.9 ,, "),
        (FOR, "203.0.113.5"),
    ];
    let standard = [
        (F, "for=6.6.6.6, for=198.51.100.9"),
        (F, "For=\"203.0.113.5\""),
    ];
    for headers in [&lie[..], &apart, &standard] {
        for (trust, wanted) in [
            (TrustedProxies::none(), "-"),
            (hops(0), "-"),
            (hops(1), "203.0.113.5"),
            (hops(2), "198.51.100.9"),
            (hops(3), "6.6.6.6"),
            (hops(9), "6.6.6.6"),
            (hops(usize::MAX), "6.6.6.6"),
            (ours(), "198.51.100.9"),
            (
                TrustedProxies::networks(["10.0.0.2"]).unwrap(),
                "203.0.113.5",
            ),
            (TrustedProxies::networks(["0.0.0.0/0"]).unwrap(), "6.6.6.6"),
            (TrustedProxies::networks(["192.0.2.0/24"]).unwrap(), "-"),
            (TrustedProxies::networks([""; 0]).unwrap(), "-"),
            (TrustedProxies::all(), "6.6.6.6"),
        ] {
            assert_eq!(
                shown(&trust, headers),
                format!("{wanted} - -"),
                "{trust:?} {headers:?}"
            );
        }
    }
}

#[test]
fn networks_need_a_peer_inside() {
    for (peer, believed) in [
        (Some("10.0.0.2"), true),
        (Some("::ffff:10.0.0.2"), true),
        (Some("fd00::1"), true),
        (Some("11.0.0.2"), false),
        (None, false),
    ] {
        let lines = |name| (name == FOR).then_some(&b"198.51.100.9"[..]).into_iter();
        let origin = resolve(&ours(), lines, peer.map(|peer| peer.parse().unwrap()));
        assert_eq!(origin.client.is_some(), believed, "{peer:?}");
        assert!(resolve(&hops(1), lines, None).client.is_some());
    }
}

#[test]
fn no_header_is_asked_for_in_vain() {
    let asked = |trust: &TrustedProxies, peer| {
        let asked = RefCell::new(Vec::new());
        resolve(
            trust,
            |name| {
                asked.borrow_mut().push(name);
                std::iter::once(&b"for=192.0.2.1"[..])
            },
            peer,
        );
        asked.into_inner()
    };
    let peer = Some(IpAddr::from([11, 0, 0, 2]));
    assert!(asked(&TrustedProxies::none(), peer).is_empty());
    assert!(asked(&ours(), peer).is_empty());
    assert_eq!(asked(&hops(1).forwarded_only(), peer), [F]);
    let listed = asked(&hops(1).x_forwarded_only(), peer);
    assert!(!listed.contains(&F) && listed.contains(&FOR));
    let mut both = asked(&hops(1), peer);
    both.sort_unstable();
    let once = both.len();
    both.dedup();
    assert_eq!(both.len(), once);
}

#[test]
fn an_element_without_address_ends_the_search() {
    for nobody in ["unknown", "_edge", "junk", "\u{fffd}"] {
        let list = format!("6.6.6.6, {nobody}, 10.0.0.9");
        let standard =
            format!("for=6.6.6.6;proto=http, for=\"{nobody}\";proto=https, for=10.0.0.9");
        assert_eq!(shown(&ours(), &[(FOR, &list)]), "- - -", "{nobody}");
        assert_eq!(shown(&hops(2), &[(FOR, &list)]), "- - -", "{nobody}");
        // Our own proxy hides the client, and still tells the scheme.
        assert_eq!(shown(&ours(), &[(F, &standard)]), "- - https", "{nobody}");
        assert_eq!(shown(&hops(2), &[(F, &standard)]), "- - https", "{nobody}");
        // Positions are counted, not read.
        assert_eq!(shown(&hops(1), &[(FOR, &list)]), "10.0.0.9 - -", "{nobody}");
    }
    assert_eq!(
        shown(&hops(1), &[(F, "for=6.6.6.6, proto=https;host=h")]),
        "- h https"
    );
}

#[test]
fn host_and_proto_come_from_the_element_of_the_client() {
    let standard = [(
        F,
        "for=6.6.6.6;host=evil;proto=http, for=192.0.2.1;host=good;proto=https, for=10.0.0.9;host=inner",
    )];
    assert_eq!(shown(&hops(1), &standard), "10.0.0.9 inner -");
    assert_eq!(shown(&hops(2), &standard), "192.0.2.1 good https");
    assert_eq!(shown(&ours(), &standard), "192.0.2.1 good https");
    assert_eq!(
        shown(&TrustedProxies::all(), &standard),
        "6.6.6.6 evil http"
    );

    let clients = (FOR, "6.6.6.6, 192.0.2.1, 10.0.0.9");
    for (host, proto, one, two, all) in [
        (
            "a, b, c",
            "http, https, http",
            "c http",
            "b https",
            "a http",
        ),
        ("a", "https", "a https", "a https", "a https"),
        ("b, c", "https, http", "c http", "b https", "b https"),
        ("", "", "- -", "- -", "- -"),
    ] {
        let headers = [clients, (HOST, host), (PROTO, proto)];
        assert_eq!(shown(&hops(1), &headers), format!("10.0.0.9 {one}"));
        assert_eq!(shown(&hops(2), &headers), format!("192.0.2.1 {two}"));
        assert_eq!(shown(&ours(), &headers), format!("192.0.2.1 {two}"));
        assert_eq!(
            shown(&TrustedProxies::all(), &headers),
            format!("6.6.6.6 {all}")
        );
    }
    // Two values, and the client is the third from the right: nobody knows which.
    assert_eq!(
        shown(
            &hops(3),
            &[clients, (HOST, "a, b"), (PROTO, "http"), (PROTO, "https")]
        ),
        "6.6.6.6 - -"
    );
    // Without a list of clients the policy alone says where.
    assert_eq!(
        shown(&hops(2), &[(PROTO, "http, https, http"), (HOST, "h")]),
        "- h https"
    );
    assert_eq!(shown(&ours(), &[(PROTO, "http, https")]), "- - https");
    assert_eq!(
        shown(
            &TrustedProxies::none(),
            &[clients, (HOST, "a"), (PROTO, "https")]
        ),
        "- - -"
    );
}

#[test]
fn two_families() {
    let both = [
        (F, "for=192.0.2.1;host=f"),
        (FOR, "192.0.2.1:99"),
        (HOST, "x"),
        (PROTO, "https"),
    ];
    let apart = [
        (F, "for=6.6.6.6;host=f"),
        (FOR, "192.0.2.1"),
        (HOST, "x"),
        (PORT, "1"),
        (PROTO, "https"),
    ];
    let hidden = [(F, "host=f"), (FOR, "192.0.2.1")];
    let alone = [
        (F, "for=192.0.2.1"),
        (HOST, "x"),
        (PORT, "1"),
        (PROTO, "https"),
    ];
    for trust in [hops(1), ours()] {
        assert_eq!(shown(&trust, &both), "192.0.2.1 f https");
        assert_eq!(shown(&trust, &apart), "- - -");
        assert_eq!(shown(&trust, &hidden), "- - -");
        assert_eq!(shown(&trust, &alone), "192.0.2.1 x+1 https");
        assert_eq!(
            shown(&trust.clone().forwarded_only(), &apart),
            "6.6.6.6 f -"
        );
        assert_eq!(
            shown(&trust.clone().x_forwarded_only(), &apart),
            "192.0.2.1 x+1 https"
        );
        assert_eq!(
            shown(&trust.clone().forwarded_only(), &[(FOR, "192.0.2.1")]),
            "- - -"
        );
        assert_eq!(
            shown(&trust.clone().x_forwarded_only(), &[(F, "for=192.0.2.1")]),
            "- - -"
        );
    }
    assert_eq!(shown(&TrustedProxies::all(), &apart), "6.6.6.6 f https");
    assert_eq!(shown(&TrustedProxies::all(), &hidden), "192.0.2.1 f -");
}
