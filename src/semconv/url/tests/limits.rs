//! Length, memory and time.

use super::*;

#[test]
fn text_is_cut_between_characters() {
    assert_eq!(MAX_TEXT, 4_096);
    for (text, length) in [
        ("a".repeat(4_096), 4_096),
        ("a".repeat(4_097), 4_096),
        (format!("{}é", "a".repeat(4_095)), 4_095),
        (format!("{}é", "a".repeat(4_094)), 4_096),
        ("🦀".repeat(2_000), 4_096),
        (format!("a{}", "🦀".repeat(2_000)), 4_093),
    ] {
        let wanted = text.get(..length).unwrap();
        assert_eq!(capped(&text), wanted);
        assert_eq!(Redaction::known().query(&text), wanted);
        let full = Redaction::known().full(&Url {
            path: &text,
            ..Url::default()
        });
        assert!(full.len() <= 4_096 && format!("/{text}").starts_with(&full) && full.len() > 4_092);
    }
}

#[test]
fn redaction_comes_before_the_cut() {
    let redaction = Redaction::known();
    let long_secret = SECRET.repeat(5_000);
    assert_eq!(
        redaction.query(&format!("a=1&sig={long_secret}&b=2")),
        "a=1&sig=REDACTED&b=2"
    );

    // The secret begins shortly before, at and after the cut.
    for filler in 4_070..4_110 {
        for tail in ["", "&b=2"] {
            let query = format!("{}&sig={long_secret}{tail}", "f".repeat(filler));
            let whole = format!("{}&sig=REDACTED{tail}", "f".repeat(filler));
            assert_eq!(redaction.query(&query), capped(&whole), "{filler}");
            let url = Url {
                authority: "u:s3cr3t@h",
                path: "/",
                query: Some(&query),
                ..Url::default()
            };
            let whole = format!("REDACTED:REDACTED@h/?{whole}");
            assert_eq!(redaction.full(&url), capped(&whole), "{filler}");
        }
    }

    // After something was cut nothing is added, though a shorter text would still fit.
    let url = Url {
        path: &format!("/{}é", "a".repeat(4_094)),
        query: Some("b"),
        ..Url::default()
    };
    assert_eq!(redaction.full(&url).len(), 4_095);
    let userinfo = format!("{}@h", "u".repeat(60_000));
    assert_eq!(
        redaction.full(&super::url(&userinfo)),
        "https://REDACTED:REDACTED@h/"
    );
}

#[test]
fn a_full_url_is_one_allocation() {
    for redaction in [Redaction::known(), Redaction::all_values()] {
        let url = Url {
            query: Some("sig=&a=b"),
            fragment: Some("sig=x"),
            ..url("u:p@example.com")
        };
        let (query, fragment) = (
            url.query.unwrap_or_default(),
            url.fragment.unwrap_or_default(),
        );
        let room = 60
            + query.len()
            + fragment.len()
            + redaction.growth(query)
            + redaction.growth(fragment);
        let full = redaction.full(&url);
        assert!(
            full.capacity() >= full.len() && full.capacity() <= room,
            "{} {}",
            full.capacity(),
            full.len()
        );
    }
    let huge = "x=".repeat(30_000);
    assert_eq!(
        Redaction::all_values()
            .full(&Url {
                query: Some(&huge),
                ..url("h")
            })
            .capacity(),
        MAX_TEXT
    );
}

#[test]
fn hostile_queries_take_linear_time() {
    let started = std::time::Instant::now();
    for unit in [
        "&", "=", "sig=", "sig=&", "%", "%73ig=&", "a=b&", "%73&", "+&=",
    ] {
        let query = unit.repeat(1_000_000 / unit.len());
        for redaction in [Redaction::known(), Redaction::all_values()] {
            assert!(redaction.query(&query).len() <= MAX_TEXT);
        }
    }
    // What is not linear takes hours.
    assert!(
        started.elapsed().as_secs() < 60,
        "18 queries of 1 MB took {:?}",
        started.elapsed()
    );
}
