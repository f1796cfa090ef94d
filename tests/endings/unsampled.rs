//! What is measured is the same whether a request is sampled or not, however it ends.

use std::{convert::Infallible, io, panic::AssertUnwindSafe};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_sdk::trace::Sampler;
use throughline::{ClientLayer, ServerLayer, Telemetry, otel::Pipeline};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::common::{Spans, meters::check_against};

const UNSAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Complete,
    Failing,
    Upgrade,
    ServiceError,
    BodyError,
    PanicInCall,
    PanicInPoll,
    PanicInBody,
    DroppedBeforePoll,
    DroppedBeforeHead,
    DroppedInBody,
}

const ENDS: [End; 11] = [
    End::Complete,
    End::Failing,
    End::Upgrade,
    End::ServiceError,
    End::BodyError,
    End::PanicInCall,
    End::PanicInPoll,
    End::PanicInBody,
    End::DroppedBeforePoll,
    End::DroppedBeforeHead,
    End::DroppedInBody,
];

#[derive(Clone, Copy, Debug)]
enum Sampling {
    Recorded,
    Dropped,
    /// With a sampler that is known to follow the caller's word.
    DroppedByCaller,
}

impl Sampling {
    fn telemetry(self) -> (Spans, Option<Telemetry>) {
        match self {
            Self::Recorded => (Spans::new(), None),
            Self::Dropped => (Spans::sampled(Sampler::AlwaysOff), None),
            Self::DroppedByCaller => {
                let spans = Spans::new();
                let telemetry = Pipeline::of(spans.provider())
                    .meter_provider(&spans.meters.provider)
                    .sampler_follows_parent()
                    .build();
                (spans, Some(telemetry))
            }
        }
    }
}

fn response(end: End) -> Result<Response<Body>, io::Error> {
    let chunk = || Ok::<_, io::Error>(Bytes::from_static(b"step"));
    let endless = stream::repeat_with(chunk);
    let reset = || io::Error::from(io::ErrorKind::ConnectionReset);
    let (status, body) = match end {
        End::Failing => (StatusCode::BAD_GATEWAY, Body::from("no")),
        End::Upgrade => (StatusCode::SWITCHING_PROTOCOLS, Body::empty()),
        End::ServiceError => return Err(reset()),
        End::BodyError => {
            let broken = endless
                .take(1)
                .chain(stream::once(async move { Err(reset()) }));
            (StatusCode::OK, Body::from_stream(broken))
        }
        End::PanicInBody => {
            let rude = stream::once(async { panic!("in the body") });
            let rude = rude.map(move |()| chunk());
            (StatusCode::OK, Body::from_stream(rude))
        }
        End::DroppedInBody => (StatusCode::OK, Body::from_stream(endless)),
        _ => (StatusCode::OK, Body::from("done")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}

/// Has a request come to this end.
async fn drive<S, B>(service: S, sampling: Sampling, end: End)
where
    S: Service<Request<Body>, Response = Response<B>, Error = io::Error>,
    B: http_body::Body<Error: std::fmt::Debug> + Unpin,
{
    let mut request = Request::get("http://shop.example/orders/7");
    if let Sampling::DroppedByCaller = sampling {
        request = request.header("traceparent", UNSAMPLED);
    }
    let request = request.body(Body::empty()).unwrap();
    let exchange = async {
        let mut service = service;
        let mut call = Box::pin(service.ready().await.unwrap().call(request));
        match end {
            End::DroppedBeforePoll => return,
            End::DroppedBeforeHead => {
                assert!(call.as_mut().now_or_never().is_none());
                return;
            }
            _ => {}
        }
        let Ok(response) = call.await else { return };
        let mut body = response.into_body();
        if end == End::DroppedInBody {
            body.frame().await.unwrap().unwrap();
            return;
        }
        while let Some(Ok(_)) = body.frame().await {}
    };
    let panicked = AssertUnwindSafe(exchange).catch_unwind().await.is_err();
    let panics = [End::PanicInCall, End::PanicInPoll, End::PanicInBody];
    assert_eq!(panicked, panics.contains(&end));
}

fn service(
    end: End,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = io::Error, Future: Send + 'static>
+ Clone {
    service_fn(move |_: Request<Body>| {
        assert!(end != End::PanicInCall, "in the call");
        async move {
            assert!(end != End::PanicInPoll, "in a poll");
            if end == End::DroppedBeforeHead {
                std::future::pending::<Infallible>().await;
            }
            response(end)
        }
    })
}

/// The series of all metrics, with how often each was measured; what is active comes to nothing.
async fn measured(is_server: bool, sampling: Sampling, end: End) -> Vec<String> {
    let (spans, own) = sampling.telemetry();
    let telemetry = own.as_ref().unwrap_or(&spans.telemetry);
    if is_server {
        let layer = ServerLayer::new().telemetry(telemetry);
        let layer = layer.measure_active_requests(true).measure_body_sizes(true);
        drive(layer.layer(service(end)), sampling, end).await;
    } else {
        let layer = ClientLayer::new().telemetry(telemetry);
        let layer = layer.measure_active_requests(true).measure_body_sizes(true);
        // Whose a client's request is, its context says.
        let parent = throughline::Context::extract(match sampling {
            Sampling::DroppedByCaller => Some(("traceparent", UNSAMPLED)),
            Sampling::Recorded | Sampling::Dropped => None,
        });
        parent
            .carry(drive(layer.layer(service(end)), sampling, end))
            .await;
    }
    let points = spans.meters.points();
    let ended = spans.ended();
    match sampling {
        Sampling::Recorded => check_against(&points, &ended),
        Sampling::Dropped | Sampling::DroppedByCaller => assert_eq!(ended, []),
    }
    let mut series: Vec<_> = points
        .iter()
        .map(|point| {
            if point.metric.ends_with(".active_requests") {
                assert_eq!(point.sum(), 0.0, "{point:#?}");
                return format!("{} {:?}", point.metric, point.attributes());
            }
            format!(
                "{} {:?} {}",
                point.metric,
                point.attributes(),
                point.count()
            )
        })
        .collect();
    series.sort();
    series
}

#[tokio::test]
async fn what_is_measured_is_what_it_is_of_a_sampled_request() {
    for is_server in [true, false] {
        for end in ENDS {
            let wanted = measured(is_server, Sampling::Recorded, end).await;
            assert!(wanted.len() >= 2, "{end:?}: {wanted:#?}");
            for sampling in [Sampling::Dropped, Sampling::DroppedByCaller] {
                let seen = measured(is_server, sampling, end).await;
                assert_eq!(seen, wanted, "{is_server} {sampling:?} {end:?}");
            }
        }
    }
}
