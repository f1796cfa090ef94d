mod limits;
mod properties;

use super::cap::MAX_TEXT;
use super::*;

const SECRET: &str = "s3cr3t-Value";

fn url(authority: &str) -> Url<'_> {
    Url {
        scheme: "https",
        authority,
        path: "/",
        ..Url::default()
    }
}

#[test]
fn the_known_keys_are_those_of_1_45() {
    for key in [
        "X-Amz-Signature",
        "X-Amz-Credential",
        "X-Amz-Security-Token",
        "AWSAccessKeyId",
        "Signature",
        "sig",
        "X-Goog-Signature",
    ] {
        for redaction in [Redaction::default(), Redaction::known()] {
            assert_eq!(
                redaction.query(&format!("a=b&{key}={SECRET}&c=d")),
                format!("a=b&{key}=REDACTED&c=d")
            );
        }
    }
    assert_eq!(KNOWN_KEYS.len(), 7);
}

#[test]
fn values_of_known_keys_are_replaced_and_nothing_else() {
    for (query, wanted) in [
        ("", ""),
        ("sig", "sig"),
        ("sig=", "sig=REDACTED"),
        ("sig=x", "sig=REDACTED"),
        ("sig=a=b=c", "sig=REDACTED"),
        ("sig=x&sig=y", "sig=REDACTED&sig=REDACTED"),
        ("&&sig=x&&", "&&sig=REDACTED&&"),
        ("sig=x&", "sig=REDACTED&"),
        ("a=1&sig=x&b=%20&c", "a=1&sig=REDACTED&b=%20&c"),
        ("sig=x;a=b", "sig=REDACTED"),
        ("a=b;sig=x", "a=b;sig=x"),
        ("SIG=x&Sig=y&signature=z", "SIG=x&Sig=y&signature=z"),
        ("si=x&sigg=x&asig=x&=x", "si=x&sigg=x&asig=x&=x"),
        ("a=sig=x", "a=sig=x"),
        ("%73ig=x", "%73ig=REDACTED"),
        ("%73%69%67=x&a=b", "%73%69%67=REDACTED&a=b"),
        ("X%2DAmz%2dSignature=x", "X%2DAmz%2dSignature=REDACTED"),
        ("%6A=x&%53ig=x", "%6A=x&%53ig=x"),
        (
            "%2573ig=x&%7=x&%=x&sig%=x&%zzig=x",
            "%2573ig=x&%7=x&%=x&sig%=x&%zzig=x",
        ),
        ("s%69=x&sig%00=x", "s%69=x&sig%00=x"),
        ("ключ=знач&sig=знач", "ключ=знач&sig=REDACTED"),
        ("?sig=x", "?sig=x"),
    ] {
        assert_eq!(Redaction::known().query(query), wanted, "{query}");
    }
}

#[test]
fn nothing_to_replace_is_borrowed() {
    for query in ["", "a=1&b=2", "sig", "%41=%42&c+d", "SIG=x"] {
        assert!(
            matches!(Redaction::known().query(query), Cow::Borrowed(same) if same == query),
            "{query}"
        );
    }
    assert!(matches!(
        Redaction::none().query("sig=x"),
        Cow::Borrowed("sig=x")
    ));
}

#[test]
fn a_list_replaces_the_known_one_and_also_extends_it() {
    let query = "sig=1&token=2&my+key=3&a%2Bb=4";
    for (redaction, wanted) in [
        (Redaction::none(), query),
        (
            Redaction::keys(["token"]),
            "sig=1&token=REDACTED&my+key=3&a%2Bb=4",
        ),
        (
            Redaction::keys(["token".to_owned()]).also(["sig"]),
            "sig=REDACTED&token=REDACTED&my+key=3&a%2Bb=4",
        ),
        (
            Redaction::known().also(["token"]),
            "sig=REDACTED&token=REDACTED&my+key=3&a%2Bb=4",
        ),
        (
            Redaction::keys(["my key", "a+b"]),
            "sig=1&token=2&my+key=REDACTED&a%2Bb=REDACTED",
        ),
        (
            Redaction::keys(["my+key", "a%2Bb"]),
            "sig=1&token=2&my+key=REDACTED&a%2Bb=REDACTED",
        ),
        (
            Redaction::all_values(),
            "sig=REDACTED&token=REDACTED&my+key=REDACTED&a%2Bb=REDACTED",
        ),
        (
            Redaction::all_values().also(["x"]),
            "sig=REDACTED&token=REDACTED&my+key=REDACTED&a%2Bb=REDACTED",
        ),
    ] {
        assert_eq!(redaction.query(query), wanted, "{redaction:?}");
    }
    assert_eq!(Redaction::keys([""]).query("=1&a=2"), "=REDACTED&a=2");
    assert_eq!(
        Redaction::all_values().query("a&=1&b="),
        "a&=REDACTED&b=REDACTED"
    );
    let long = "k".repeat(200);
    assert_eq!(
        Redaction::keys([long.clone()]).query(&format!("{long}=1&{long}k=2")),
        format!("{long}=REDACTED&{long}k=2")
    );
}

#[test]
fn a_url_has_all_its_parts() {
    let whole = Url {
        scheme: "https",
        authority: "h:8443",
        path: "/a%20b",
        query: Some("q=1"),
        fragment: Some("f"),
    };
    for (url, wanted) in [
        (whole, "https://h:8443/a%20b?q=1#f"),
        (
            Url {
                query: Some("sig=x&q"),
                ..whole
            },
            "https://h:8443/a%20b?sig=REDACTED&q#f",
        ),
        (
            Url {
                fragment: Some("sig=x"),
                ..whole
            },
            "https://h:8443/a%20b?q=1#sig=REDACTED",
        ),
        (
            Url {
                query: Some(""),
                fragment: None,
                ..whole
            },
            "https://h:8443/a%20b?",
        ),
        (
            Url {
                query: None,
                fragment: Some(""),
                ..whole
            },
            "https://h:8443/a%20b#",
        ),
        (
            Url {
                path: "*",
                query: None,
                fragment: None,
                ..whole
            },
            "https://h:8443",
        ),
        (
            Url {
                path: "",
                query: None,
                fragment: None,
                ..whole
            },
            "https://h:8443",
        ),
        (
            Url {
                path: "x",
                query: None,
                fragment: None,
                ..whole
            },
            "https://h:8443/x",
        ),
        (
            Url {
                scheme: "",
                ..whole
            },
            "h:8443/a%20b?q=1#f",
        ),
        (
            Url {
                authority: "[::1]:80",
                ..whole
            },
            "https://[::1]:80/a%20b?q=1#f",
        ),
        (Url::default(), ""),
    ] {
        assert_eq!(Redaction::known().full(&url), wanted, "{url:?}");
    }
}

#[test]
fn userinfo_is_replaced_under_every_choice() {
    for redaction in [
        Redaction::known(),
        Redaction::none(),
        Redaction::all_values(),
    ] {
        for authority in [
            "u@h:1",
            "u:p@h:1",
            ":p@h:1",
            "u:@h:1",
            "@h:1",
            "u@x:p@h:1",
            "u:p@@h:1",
            "%40@h:1",
        ] {
            assert_eq!(
                redaction.full(&url(authority)),
                "https://REDACTED:REDACTED@h:1/",
                "{authority}"
            );
        }
    }
}
