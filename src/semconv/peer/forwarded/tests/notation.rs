//! How elements are written, and miswritten.

use super::*;

#[test]
fn addresses_in_every_notation() {
    for (node, wanted) in [
        ("192.0.2.1", Some("192.0.2.1")),
        ("192.0.2.1:4711", Some("192.0.2.1 4711")),
        ("192.0.2.1:_hidden", Some("192.0.2.1")),
        ("192.0.2.1:99999", Some("192.0.2.1")),
        ("[2001:db8::1]:4711", Some("2001:db8::1 4711")),
        ("[2001:db8::1]", Some("2001:db8::1")),
        ("2001:DB8::1", Some("2001:db8::1")),
        ("[fe80::1%25eth0]:80", Some("fe80::1 80")),
        ("fe80::1%eth0", Some("fe80::1")),
        ("::ffff:192.0.2.1", Some("192.0.2.1")),
        ("unknown", None),
        ("_hidden", None),
        ("_SEVKISEK:_x", None),
        ("localhost", None),
        ("u@192.0.2.1", None),
        ("192.0.2", None),
        ("192.0.2.256", None),
        ("0300.0.2.1", None),
        ("[2001:db8::1", None),
        ("[192.0.2.1]", None),
        ("", None),
    ] {
        let wanted = format!("{} - -", wanted.unwrap_or("-"));
        for trust in [hops(1), ours(), TrustedProxies::all()] {
            assert_eq!(shown(&trust, &[(FOR, node)]), wanted, "{node}");
            assert_eq!(
                shown(&trust, &[(F, &format!("for=\"{node}\""))]),
                wanted,
                "{node}"
            );
            assert_eq!(
                shown(&trust, &[(F, &format!("by=x; FOR={node} ;proto=no"))]),
                wanted,
                "{node}"
            );
        }
    }
}

#[test]
fn forwarded_in_every_notation() {
    for (line, wanted) in [
        (
            "for=192.0.2.1;host=h:1;proto=https;by=_x",
            "192.0.2.1 h:1 https",
        ),
        ("PROTO=HTTPS; Host=h ; For=192.0.2.1", "192.0.2.1 h https"),
        (
            "for=\"192\\.0\\.2\\.1\";host=\"h\\:1\";proto=\"http\"",
            "192.0.2.1 h:1 http",
        ),
        ("x=\"a;b,c=\\\"d\";for=192.0.2.1", "192.0.2.1 - -"),
        ("x=\"for=6.6.6.6\", for=192.0.2.1", "192.0.2.1 - -"),
        ("for=192.0.2.1;for=6.6.6.6", "192.0.2.1 - -"),
        ("for=192.0.2.1;;", "192.0.2.1 - -"),
        ("for=192.0.2.1;host=;proto=", "192.0.2.1 - -"),
        ("for=192.0.2.1;host=\"a b\";proto=ftp", "192.0.2.1 - -"),
        ("for=192.0.2.1;host=\"u:p@h\"", "192.0.2.1 - -"),
        ("for=192.0.2.1;x=\"a,b;host=evil,c\"", "192.0.2.1 - -"),
        ("for;host=h", "- h -"),
        ("before=192.0.2.1;xhost=h", "- - -"),
        ("garbage", "- - -"),
        (
            "for=\"192.0.2.1\"x;host=\"a\"b\"c\";proto=https",
            "- - https",
        ),
        ("for=6.6.6.6;x=\\, for=192.0.2.1", "192.0.2.1 - -"), // an escape only inside of quotes
        ("for=192.0.2.1;x=\"\"", "192.0.2.1 - -"),
        ("for=192.0.2.1;x=\"a\" ; host=h", "192.0.2.1 h -"),
        (" , ,for=192.0.2.1, ,", "192.0.2.1 - -"),
    ] {
        assert_eq!(shown(&hops(1), &[(F, line)]), wanted, "{line}");
    }
    assert!(matches!(
        origin(&hops(1), &[(F, "host=\"h:1\"")]).host,
        Some(Cow::Borrowed("h:1"))
    ));
}

#[test]
fn an_open_quote_swallows_nothing() {
    for lie in [
        "for=6.6.6.6, for=\"",
        "for=6.6.6.6;x=\"",
        "for=6.6.6.6;x=\"a\\",
        "for=\"6.6.6.6\"x",
        "\"",
        "for=6.6.6.6;x\"",
    ] {
        for truth in [
            "for=192.0.2.1",
            "for=\"192.0.2.1\";by=\"_b\"",
            "for=192.0.2.1;by=\"\"",
            "for=\"[2001:db8::1]:1\"",
        ] {
            let appended = format!("{lie}, {truth}");
            for trust in [hops(1), hops(2), ours(), TrustedProxies::all()] {
                let shown = shown(&trust, &[(F, &appended)]);
                assert!(!shown.contains("6.6.6.6"), "{appended} {shown}");
            }
            let shown = shown(&hops(1), &[(F, lie), (F, truth)]);
            assert!(
                !shown.starts_with("- ") && !shown.contains("6.6.6.6"),
                "on its own line: {shown}"
            );
            let shown = self::shown(&hops(2), &[(F, "for=6.6.6.6"), (F, lie), (F, truth)]);
            assert_eq!(shown, "- - -", "{lie}");
        }
    }
}

#[test]
fn bytes_that_are_no_text_hide_nothing() {
    // Were the second line passed over, the first, which the client wrote, would be the last.
    for name in [FOR, F] {
        let (lie, hidden): (&[u8], &[u8]) = match name {
            FOR => (b"6.6.6.6", b"\xff, 192.0.2.1"),
            _ => (b"for=6.6.6.6", b"for=\"\xff\", for=192.0.2.1"),
        };
        let lines = |asked| [lie, hidden].into_iter().filter(move |_| asked == name);
        let client = |n| {
            resolve(&hops(n), lines, None)
                .client
                .map(|(address, _)| address.to_string())
        };
        assert_eq!(client(1).as_deref(), Some("192.0.2.1"), "{name}");
        assert_eq!(client(2), None, "{name}");
    }
}

#[test]
fn values_that_are_none_are_left_out() {
    for (name, value, wanted) in [
        (PROTO, "HTTPS", "- - https"),
        (PROTO, "Http", "- - http"),
        (PROTO, "wss", "- - -"),
        (PROTO, "https://", "- - -"),
        (HOST, "h:80", "- h:80 -"),
        (HOST, "[::1]:80", "- [::1]:80 -"),
        (HOST, "u:p@h", "- - -"),
        (HOST, "h/x", "- - -"),
        (HOST, "[::1", "- - -"),
        (PORT, "80", "- - -"),
    ] {
        assert_eq!(shown(&hops(1), &[(name, value)]), wanted, "{name}: {value}");
    }
    for (host, port, wanted) in [
        ("h", "8443", "- h+8443 -"),
        ("h:1", "8443", "- h:1 -"),
        ("h", "0", "- h -"),
        ("h", "x", "- h -"),
        ("h", "1, 2", "- h+2 -"),
    ] {
        assert_eq!(shown(&hops(1), &[(HOST, host), (PORT, port)]), wanted);
    }
}

#[test]
fn long_lists_are_read_from_the_right() {
    let list = (0..1000)
        .map(|n| format!("10.1.{}.{}", n / 250, n % 250))
        .collect::<Vec<_>>()
        .join(",");
    for (trust, wanted) in [
        (hops(1), "10.1.3.249 - -"),
        (hops(32), "10.1.3.218 - -"),
        (hops(33), "10.1.3.218 - -"),
        (ours(), "10.1.3.218 - -"),
        (TrustedProxies::all(), "10.1.0.0 - -"),
    ] {
        assert_eq!(shown(&trust, &[(FOR, &list)]), wanted);
        assert_eq!(
            shown(&trust, &[(F, &list.replace("10.1.", "for=10.1."))]),
            wanted
        );
    }
    // Without clients, too, nothing beyond is reached.
    let protos = "http,".repeat(40);
    assert_eq!(shown(&hops(32), &[(PROTO, &protos)]), "- - http");
    assert_eq!(shown(&hops(33), &[(PROTO, &protos)]), "- - -");
}
