//! Baggage: read, iterated, one entry set or removed while the others stay, and carried on.

use std::collections::BTreeMap;

use http::{Request, Response};
use opentelemetry::{
    Context as OtelContext, KeyValue,
    baggage::{Baggage, BaggageExt},
};
use proptest::prelude::*;
use throughline::{ClientLayer, Context, ServerLayer, Targets, otel::ContextExt};
use tower::{Layer, ServiceExt, service_fn};

use crate::common::{
    Spans,
    net::{Never, read},
};

/// What came with a message, each with its properties.
const CAME: &str = "tenant=acme;ttl=30,user=ann%20b,plain=1";

fn came() -> Context {
    Context::extract([("baggage", CAME)])
}

fn entries(context: &Context) -> BTreeMap<String, String> {
    let entries = context.baggage_entries();
    entries.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// The members of the header that goes out, sorted.
fn sent(context: &Context) -> Vec<String> {
    let mut headers = context.inject();
    let header = headers.find(|(name, _)| name == "baggage");
    let header = header.map(|(_, value)| value).unwrap_or_default();
    let mut members: Vec<_> = header.split(',').map(str::to_owned).collect();
    members.sort();
    members
}

#[test]
fn it_is_read_and_iterated_decoded() {
    let context = came();
    assert_eq!(context.baggage("user"), Some("ann b"));
    assert_eq!(context.baggage("User"), None);
    let all = [("plain", "1"), ("tenant", "acme"), ("user", "ann b")];
    let all = all.map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(entries(&context), BTreeMap::from(all));
    assert_eq!(Context::current().baggage_entries().count(), 0);
}

#[test]
fn setting_one_keeps_the_others_and_their_properties() {
    let context = came();
    let changed = context.with_baggage("tier", "gold, 1%").unwrap();
    let all = [
        "plain=1",
        "tenant=acme;ttl=30",
        "tier=gold%2C%201%25",
        "user=ann%20b",
    ];
    assert_eq!(sent(&changed), all);
    // Another value of a key takes the place of the old one, whose properties go with it.
    let changed = changed.with_baggage("tenant", "other").unwrap();
    assert_eq!(sent(&changed)[1], "tenant=other");
    assert_eq!(changed.baggage_entries().count(), 4);
    let changed = changed.without_baggage("user").without_baggage("none");
    assert_eq!(sent(&changed), ["plain=1", "tenant=other", all[2]]);
    // The context that it was made from is as it was.
    assert_eq!(sent(&context), [all[0], all[1], all[3]]);

    // Where OpenTelemetry's own way leaves one entry.
    let raw = context.as_otel();
    let raw = raw.with_baggage([KeyValue::new("tier", "gold")]);
    assert_eq!(raw.baggage().len(), 1);
}

#[test]
fn what_would_not_arrive_is_refused_and_says_why() {
    let refused = |context: &Context, key: &str, value: &str| {
        let before = entries(context);
        let error = context.with_baggage(key, value).unwrap_err();
        assert_eq!(entries(context), before);
        error.to_string()
    };
    for key in ["", "a b", "ä", "a=b", "a,b"] {
        let text = refused(&came(), key, "1");
        assert!(text.contains(&format!("{key:?} cannot be a key")), "{text}");
    }
    let mut full = Context::root();
    for number in 0..64 {
        full = full.with_baggage(&number.to_string(), "x").unwrap();
    }
    assert!(refused(&full, "one-more", "x").contains("64 entries already"));
    full.with_baggage("63", "another value").unwrap();
    assert_eq!(sent(&full).len(), 64);

    // `key=` and three bytes for each of these.
    let root = Context::root();
    root.with_baggage("key", "ü".repeat(1364)).unwrap();
    for long in ["ü".repeat(1365), "x".repeat(10_000)] {
        let text = refused(&root, "key", &long);
        assert!(text.contains("more than 8192 bytes"), "{text}");
    }
}

proptest! {
    /// Whatever is set goes out whole and arrives, whatever was there before.
    #[test]
    fn what_is_accepted_arrives(
        sets in prop::collection::vec(("[!a-c]{1,2}", any::<String>(), any::<bool>()), 0..40),
        long in 0..9000usize,
    ) {
        let mut context = Context::root();
        let mut wanted = BTreeMap::new();
        let sets = sets.into_iter().chain([("long".to_owned(), "l".repeat(long), true)]);
        for (key, value, is_set) in sets {
            if !is_set {
                context = context.without_baggage(&key);
                wanted.remove(&key);
            } else if let Ok(changed) = context.with_baggage(&key, &*value) {
                context = changed;
                wanted.insert(key, value);
            }
        }
        prop_assert_eq!(&entries(&context), &wanted);
        prop_assert_eq!(&entries(&Context::extract(context.inject())), &wanted);
    }
}

#[tokio::test]
async fn it_goes_on_with_the_calls_made_within_and_to_none_that_must_not_have_it() {
    let spans = Spans::new();
    let callee = service_fn(async |request: Request<String>| {
        let sent = request.headers().get("baggage");
        let sent = sent.map(|value| value.to_str().unwrap().to_owned());
        Ok::<_, Never>(Response::new(sent.unwrap_or_default()))
    });
    let layer = ClientLayer::new()
        .telemetry(&spans.telemetry)
        .baggage_to(Targets::hosts(["stock"]));
    let client = layer.layer(callee);
    let server = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .layer(service_fn(move |request: Request<()>| {
            let client = client.clone();
            async move {
                assert_eq!(Context::current().baggage("tenant"), Some("acme"));
                let call = |host: &str| {
                    let call = Request::get(format!("http://{host}/"));
                    client.clone().oneshot(call.body(String::new()).unwrap())
                };
                let changed = Context::current().with_baggage("tier", "gold").unwrap();
                let context = changed.without_baggage("user").without_baggage("plain");
                let within = context.carry(call("stock")).await?;
                let strange = context.carry(call("elsewhere")).await?;
                let outside = call("stock").await?;
                let mut texts = Vec::new();
                for response in [within, strange, outside] {
                    let bytes = read(response).await;
                    let mut members: Vec<_> = bytes.split(|byte| *byte == b',').collect();
                    members.sort();
                    texts.push(members.join(&b','));
                }
                drop(request);
                Ok::<_, Never>(Response::new(
                    String::from_utf8(texts.join(&b'\n')).unwrap(),
                ))
            }
        }));
    let request = Request::builder().header("baggage", CAME);
    let response = server.oneshot(request.body(()).unwrap()).await.unwrap();
    let seen = read(response).await;
    let wanted = "tenant=acme;ttl=30,tier=gold\n\nplain=1,tenant=acme;ttl=30,user=ann%20b";
    assert_eq!(seen, wanted);
}

#[test]
fn opentelemetry_s_own_baggage_is_the_same() {
    let mut baggage = Baggage::new();
    baggage.insert("tenant", "acme");
    let _entered = OtelContext::current_with_baggage(baggage).attach();
    assert_eq!(Context::current().baggage("tenant"), Some("acme"));
    let changed = Context::current().with_baggage("tier", "gold").unwrap();
    let tier = changed.as_otel().baggage().get("tier").unwrap();
    assert_eq!(tier.as_str(), "gold");
}
