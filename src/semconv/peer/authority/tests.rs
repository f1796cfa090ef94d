use proptest::prelude::*;

use super::*;

#[test]
fn authorities_split() {
    for (authority, wanted) in [
        ("example.com", Some(("example.com", None))),
        ("example.com:8080", Some(("example.com", Some(8080)))),
        ("example.com:0080", Some(("example.com", Some(80)))),
        ("example.com:65535", Some(("example.com", Some(65535)))),
        ("127.0.0.1:1", Some(("127.0.0.1", Some(1)))),
        ("bücher.example:80", Some(("bücher.example", Some(80)))),
        (
            "xn--bcher-kva.example.",
            Some(("xn--bcher-kva.example.", None)),
        ),
        // Ports that are none.
        ("h:", Some(("h", None))),
        ("h:0", Some(("h", None))),
        ("h:65536", Some(("h", None))),
        ("h:99999", Some(("h", None))),
        ("h:99999999999999999999999", Some(("h", None))),
        ("h:-1", Some(("h", None))),
        ("h:+80", Some(("h", None))),
        ("h:abc", Some(("h", None))),
        ("h:8 0", Some(("h", None))),
        ("h:٨٠", Some(("h", None))),
        // IPv6.
        ("[::1]", Some(("::1", None))),
        ("[::1]:443", Some(("::1", Some(443)))),
        ("[::1]:", Some(("::1", None))),
        ("[::1]:x", Some(("::1", None))),
        ("[fe80::1%25eth0]:80", Some(("fe80::1%25eth0", Some(80)))),
        ("::1", Some(("::1", None))),
        ("2001:db8::1:80", Some(("2001:db8::1:80", None))),
        ("::ffff:192.0.2.1", Some(("::ffff:192.0.2.1", None))),
        ("fe80::1%eth0", Some(("fe80::1%eth0", None))),
        // Userinfo.
        ("u:p@h:80", Some(("h", Some(80)))),
        ("u@evil@h", Some(("h", None))),
        ("u:p@[::1]:80", Some(("::1", Some(80)))),
        ("a b@h", Some(("h", None))),
        // No host.
        ("", None),
        (":", None),
        (":80", None),
        ("u@", None),
        ("u@:80", None),
        ("[", None),
        ("[]", None),
        ("[]:80", None),
        ("]", None),
        ("[::1", None),
        ("[::1:80", None),
        ("::1]:80", None),
        ("[::1]x", None),
        ("[::1]80", None),
        ("[::1]]", None),
        ("[[::1]]", None),
        ("x[::1]", None),
        ("[h]:80", None),
        ("[fe80::1%]", None),
        ("[fe80::1% x]", None),
        ("h:80:90", None),
        ("2001:db8::zz", None),
        ("::", Some(("::", None))),
        (":::", None),
        ("a b", None),
        (" h", None),
        ("h\t:80", None),
        ("h\0", None),
        ("h\u{7f}", None),
        ("h\r\nx: y", None),
        ("h\u{85}", None),
        ("h\u{a0}", None),
        ("h\u{2028}", None),
        ("h/path", None),
        ("h?q", None),
        ("h#f", None),
        ("h\\x", None),
        ("<h>", None),
        ("\"h\"", None),
    ] {
        assert_eq!(split_host_port(authority), wanted, "{authority:?}");
    }
}

proptest! {
    #[test]
    fn any_text_splits_into_parts_of_itself(authority in "[a-z0-9.]{1,6}(:[0-9]{0,6})?|[a-z0-9:@%.\\[\\]]{0,16}|\\PC{0,40}|(?s:.){0,40}") {
        prop_assert!(plain(&authority).is_none() || plain(&authority) == general(&authority));
        if let Some((host, port)) = split_host_port(&authority) {
            prop_assert!(authority.contains(host) && !host.is_empty() && port != Some(0));
            prop_assert!(!host.contains(['@', '[', ']', '/', ' ']) && !host.chars().any(char::is_control));
            prop_assert!(!host.contains(':') || is_ipv6(host));
        }
    }

    #[test]
    fn an_address_is_found_again(address: std::net::IpAddr, port in 1..=u16::MAX, user in "([a-z:]{0,4}@)?") {
        let text = address.to_string();
        let with_port = format!("{user}{}", std::net::SocketAddr::new(address, port));
        prop_assert_eq!(split_host_port(&text), Some((text.as_str(), None)));
        prop_assert_eq!(split_host_port(&with_port), Some((text.as_str(), Some(port))));
    }
}
