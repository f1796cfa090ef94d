//! Hooks see each request once, in order, and whatever they do the service goes on.

mod common;

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use common::{Spans, assert_error, assert_texts, attribute, duration, text};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use opentelemetry::Value;
use opentelemetry_sdk::trace::Sampler;
use throughline::{ClientLayer, Ending, RemoteParent, ServerLayer, Targets};
use tower::{Layer, Service, ServiceExt, service_fn};

type Body = Full<bytes::Bytes>;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-";

/// Answers with the status that the path says.
async fn answer(request: Request<()>) -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::from("body"));
    *response.status_mut() = request.uri().path()[1..].parse().unwrap();
    Ok(response)
}

/// One request through a layer, and its body to the end.
async fn call<L>(layer: &L, uri: &str) -> StatusCode
where
    L: Layer<BoxedAnswer>,
    L::Service:
        Service<Request<()>, Response = Response<throughline::TracedBody<Body>>, Error: Debug>,
{
    let answer: BoxedAnswer = tower::util::BoxCloneService::new(service_fn(answer));
    let mut request = Request::get(uri).body(()).unwrap();
    request
        .headers_mut()
        .insert("user-agent", "test/1".parse().unwrap());
    let response = layer.layer(answer).oneshot(request).await.unwrap();
    let status = response.status();
    response.into_body().collect().await.unwrap();
    status
}

type BoxedAnswer = tower::util::BoxCloneService<Request<()>, Response<Body>, Infallible>;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    fn say(&self, word: &'static str) {
        self.0.lock().unwrap().push(word);
    }

    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn logging(spans: &Spans, log: &Log) -> ServerLayer {
    let [a, b, c, d, e, f] = std::array::from_fn(|_| log.clone());
    ServerLayer::new()
        .telemetry(&spans.telemetry)
        .filter(move |_| {
            a.say("filter");
            true
        })
        .remote_parent_with(move |_| {
            b.say("remote_parent_with");
            RemoteParent::Adopt
        })
        .span_name(move |_| {
            c.say("span_name");
            None
        })
        .on_request(move |_, _| d.say("on_request"))
        .on_response(move |_, _| e.say("on_response"))
        .on_end(move |_, _| f.say("on_end"))
}

#[tokio::test]
async fn each_hook_runs_once_and_in_order() {
    let all = [
        "filter",
        "remote_parent_with",
        "span_name",
        "on_request",
        "on_response",
        "on_end",
    ];
    for spans in [Spans::new(), Spans::of_stranger()] {
        let log = Log::default();
        call(&logging(&spans, &log), "/200").await;
        assert_eq!(log.take(), all);
    }
    // What is not recorded needs no name.
    let spans = Spans::sampled(Sampler::AlwaysOff);
    let log = Log::default();
    call(&logging(&spans, &log), "/200").await;
    let mut seen = log.take();
    seen.retain(|hook| *hook != "span_name");
    assert_eq!(seen, [all[0], all[1], all[3], all[4], all[5]]);
    assert_eq!(spans.ended().len(), 0);
}

#[tokio::test]
async fn a_filter_that_leaves_out_is_the_only_one_asked() {
    let (spans, log) = (Spans::new(), Log::default());
    let asked = log.clone();
    let layer = logging(&spans, &log).filter(move |_| {
        asked.say("other filter");
        false
    });
    call(&layer, "/200").await;
    assert_eq!(log.take(), ["other filter"]);
    assert_eq!(spans.started(), 0);
}

#[tokio::test]
async fn hooks_see_the_exchange() {
    let spans = Spans::new();
    let seen = Arc::new(Mutex::new(None));
    let tell = Arc::clone(&seen);
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_request(|head, span| {
            assert_eq!(head.method(), "GET");
            assert_eq!(head.uri().path(), "/404");
            assert_eq!(head.uri().query(), Some("a=b"));
            assert_eq!(head.header("user-agent"), Some("test/1"));
            assert_eq!(head.extension::<u8>(), None);
            assert!(span.is_recording());
            span.set("seen", span.ids().span_id_hex());
        })
        .on_response(|head, _| assert_eq!(head.status(), 404))
        .on_end(move |outcome, _| {
            *tell.lock().unwrap() = Some((
                outcome.ending(),
                outcome.status(),
                outcome.error_type().map(str::to_owned),
                outcome.duration(),
                outcome.response_body_size(),
            ));
        });
    call(&layer, "/404?a=b").await;
    let span = spans.only();
    let seen = seen.lock().unwrap().take().unwrap();
    assert_eq!(
        seen,
        (
            Ending::Complete,
            Some(StatusCode::NOT_FOUND),
            None,
            duration(&span),
            4
        )
    );
    assert_texts(
        &span,
        &[("seen", Some(&span.span_context.span_id().to_string()))],
    );
}

#[tokio::test]
async fn a_hook_that_panics_takes_nothing_down() {
    for spans in [Spans::new(), Spans::of_stranger()] {
        let server = || ServerLayer::new().telemetry(&spans.telemetry);
        let layers = [
            server().filter(|_| panic!("hook")),
            server().remote_parent_with(|_| panic!("hook")),
            server().span_name(|_| panic!("hook")),
            server().on_request(|_, _| panic!("hook")),
            server().on_response(|_, _| panic!("hook")),
            server().on_end(|_, _| panic!("hook")),
        ];
        for layer in layers {
            spans.reset();
            assert_eq!(call(&layer, "/503").await, 503);
            let span = spans.only();
            assert_eq!(span.name, "GET");
            assert_error(&span, Some("503"));
            assert_texts(&span, &[("url.path", Some("/503"))]);
        }

        let client = || ClientLayer::new().telemetry(&spans.telemetry);
        let layers = [
            client().filter(|_| panic!("hook")),
            client().url_template(|_| panic!("hook")),
            client().propagate_to(Targets::matching(|_, _| panic!("hook"))),
            client().baggage_to(Targets::matching(|_, _| panic!("hook"))),
            client().span_name(|_| panic!("hook")),
            client().on_request(|_, _| panic!("hook")),
            client().on_response(|_, _| panic!("hook")),
            client().on_end(|_, _| panic!("hook")),
        ];
        for layer in layers {
            spans.reset();
            assert_eq!(call(&layer, "http://a.example/404").await, 404);
            let span = spans.only();
            assert_error(&span, Some("404"));
            assert_texts(&span, &[("url.full", Some("http://a.example/404"))]);
        }
    }
}

#[tokio::test]
async fn a_hook_that_panics_while_the_service_does_aborts_nothing() {
    let spans = Spans::new();
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_end(|outcome, _| {
            assert_eq!(outcome.ending(), Ending::Panicked);
            panic!("hook")
        });
    let service = service_fn(
        async |_: Request<()>| -> Result<Response<Body>, Infallible> { panic!("service") },
    );
    let joined = tokio::spawn(layer.layer(service).oneshot(Request::new(()))).await;
    let panic = joined.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"service"));
    assert_error(&spans.only(), Some("panic"));
}

#[tokio::test]
async fn what_a_hook_sets_replaces_what_the_layer_sets_before_or_after() {
    let spans = Spans::new();
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .record_body_sizes(true)
        .on_request(|_, span| {
            // Of this phase, of a later one, and of every hook.
            span.set("url.path", "/mine").set("http.route", "/mine");
            span.set("own", 1)
                .set("own", 2)
                .set("http.response.body.size", 1);
        })
        .on_response(|_, span| {
            span.set("http.response.status_code", 299)
                .set("user_agent.original", "mine/1")
                .set("own", 3);
        })
        .on_end(|_, span| {
            span.set("url.scheme", "mine")
                .set("own", 4)
                .set("error.type", "mine");
        });
    call(&layer, "/500").await;
    let span = spans.only();
    assert_texts(
        &span,
        &[
            ("url.path", Some("/mine")),
            ("http.route", Some("/mine")),
            ("url.scheme", Some("mine")),
            ("user_agent.original", Some("mine/1")),
            ("http.response.status_code", Some("299")),
            ("http.response.body.size", Some("1")),
            ("own", Some("4")),
        ],
    );
}

#[tokio::test]
async fn what_a_foreign_sampler_has_seen_stays_and_never_comes_twice() {
    let spans = Spans::of_stranger();
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_request(|_, span| {
            span.set("url.path", "/mine").set("own", 1);
        })
        .on_end(|_, span| {
            span.set("url.scheme", "mine").set("own", 2);
        });
    call(&layer, "/200").await;
    assert_texts(
        &spans.only(),
        &[
            ("url.path", Some("/200")),
            ("url.scheme", Some("http")),
            ("own", Some("2")),
        ],
    );
}

#[tokio::test]
async fn every_kind_of_value_is_kept() {
    let spans = Spans::new();
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_request(|_, span| {
            span.set("str", "text")
                .set("owned", String::from("text"))
                .set("shared", Arc::<str>::from("text"))
                .set("cow", Cow::Borrowed("text"))
                .set("i64", i64::MIN)
                .set("f64", 0.5)
                .set("bool", true)
                .set(String::from("a.header.b"), vec![String::from("x")]);
            span.set_name("renamed").add_event("event");
        });
    call(&layer, "/200").await;
    let span = spans.only();
    for key in ["str", "owned", "shared", "cow"] {
        assert_eq!(text(&span, key).as_deref(), Some("text"));
    }
    assert_eq!(attribute(&span, "i64"), Some(Value::I64(i64::MIN)));
    assert_eq!(attribute(&span, "f64"), Some(Value::F64(0.5)));
    assert_eq!(attribute(&span, "bool"), Some(Value::Bool(true)));
    assert_eq!(span.name, "renamed");
    assert_eq!(span.events.events[0].name, "event");
}

#[tokio::test]
async fn a_hook_decides_what_is_an_error() {
    let spans = Spans::new();
    let layer = || ServerLayer::new().telemetry(&spans.telemetry);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let cases: [(ServerLayer, &str, Option<&str>); 8] = [
        (
            layer().on_request(|_, span| {
                span.set("error.type", "by name");
            }),
            "/200",
            Some("by name"),
        ),
        (
            layer().on_request(|_, span| {
                span.set_error("early");
            }),
            "/200",
            Some("early"),
        ),
        (
            layer()
                .on_response(|_, span| {
                    span.set_error("mine");
                })
                .on_end(move |outcome, _| {
                    tell.lock()
                        .unwrap()
                        .extend(outcome.error_type().map(str::to_owned));
                }),
            "/404",
            Some("mine"),
        ),
        (
            layer().on_end(|_, span| {
                span.set_error("late");
            }),
            "/500",
            Some("late"),
        ),
        (
            layer().on_response(|_, span| {
                span.clear_error();
            }),
            "/500",
            None,
        ),
        (
            layer().on_end(|outcome, span| {
                assert_eq!(outcome.error_type(), Some("503"));
                span.clear_error();
            }),
            "/503",
            None,
        ),
        (
            layer()
                .on_response(|_, span| {
                    span.set_error("first");
                })
                .on_end(|_, span| {
                    span.clear_error();
                }),
            "/200",
            None,
        ),
        (
            layer()
                .on_response(|_, span| {
                    span.clear_error();
                })
                .on_end(|_, span| {
                    span.set_error("last");
                }),
            "/200",
            Some("last"),
        ),
    ];
    for (layer, path, want) in cases {
        spans.reset();
        call(&layer, path).await;
        assert_error(&spans.only(), want);
    }
    assert_eq!(*told.lock().unwrap(), ["mine"]);
}

#[tokio::test]
async fn a_span_that_is_not_recorded_takes_nothing_and_hooks_know_it() {
    let spans = Spans::new();
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_request(|_, span| {
            assert!(!span.is_recording());
            assert_eq!(&span.ids().to_string()[..36], &PARENT[..36]);
            span.set("a", 1).set_name("b").add_event("c").set_error("d");
        });
    let mut request = Request::get("/200").body(()).unwrap();
    request
        .headers_mut()
        .insert("traceparent", format!("{PARENT}00").parse().unwrap());
    let response = layer.layer(service_fn(answer)).oneshot(request).await;
    drop(response);
    assert_eq!(spans.ended().len(), 0);
}

#[tokio::test]
async fn the_end_comes_once_however_it_comes() {
    let spans = Spans::new();
    let log = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&log);
    let layer = ServerLayer::new()
        .telemetry(&spans.telemetry)
        .on_end(move |outcome, _| tell.lock().unwrap().push(outcome.ending()));
    let service = layer.layer(service_fn(async |request: Request<()>| {
        tokio::task::yield_now().await;
        let mut response = Response::new(Body::from("body"));
        match request.uri().path() {
            "/error" => return Err("service"),
            "/panic" => panic!("service"),
            "/upgrade" => *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS,
            _ => {}
        }
        Ok(response)
    }));
    let call = |path: &str| {
        let request = Request::get(path).body(()).unwrap();
        Box::pin(service.clone().oneshot(request))
    };
    let ended = || std::mem::take(&mut *log.lock().unwrap());

    let response = call("/").await.unwrap();
    response.into_body().collect().await.unwrap();
    assert_eq!(ended(), [Ending::Complete]);

    let mut future = call("/");
    assert!(futures_util::poll!(&mut future).is_pending());
    drop(future);
    assert_eq!(ended(), [Ending::Cancelled]);

    drop(call("/").await.unwrap());
    assert_eq!(ended(), [Ending::Cancelled]);

    assert!(call("/error").await.is_err());
    assert_eq!(ended(), [Ending::ServiceError]);

    let mut response = call("/upgrade").await.unwrap();
    response.body_mut().collect().await.unwrap();
    assert_eq!(ended(), [Ending::Upgraded]);

    let panicked = tokio::spawn(call("/panic")).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(ended(), [Ending::Panicked]);
    assert_eq!(spans.ended().len(), 6);
}
