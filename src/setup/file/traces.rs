//! `tracer_provider`.

use std::time::Duration;

use super::{
    otlp,
    processors::{self, limit},
    top::{self, COUNT},
    walk::At,
};
use crate::setup::{
    endpoint,
    settings::{AttributeLimits, Room, Sampler, SpanExporter, SpanLimits, Traces, Zipkin},
};

const DELAY: Duration = Duration::from_secs(5);
const ZIPKIN: &str = "http://localhost:9411/api/v2/spans";

/// Without it there are no spans: contexts pass through.
pub(super) fn traces(at: Option<&At<'_>>, limits: AttributeLimits) -> Traces {
    let mut traces = Traces {
        are_recorded: at.is_some(),
        processors: Vec::new(),
        batch: processors::default_batch(DELAY),
        room: Room::default(),
        sampler: Sampler::parent_based(Sampler::AlwaysOn),
        limits: span_limits(None, limits),
    };
    if let Some(at) = at {
        let fields = at.fields();
        let list = fields.need("processors");
        traces.processors = list
            .map(|at| processors::processors(&at, DELAY, u32::MAX, exporter))
            .unwrap_or_default();
        traces.limits = span_limits(fields.get("limits").as_ref(), limits);
        if let Some(chosen) = fields.get("sampler").and_then(|at| sampler(&at)) {
            traces.sampler = chosen;
        }
    }
    traces
}

fn exporter(name: &str, at: &At<'_>) -> Option<SpanExporter> {
    if let Some(otlp) = otlp::otlp(name, at, endpoint::TRACES, |_| ()) {
        return otlp.map(|(otlp, ())| SpanExporter::Otlp(otlp));
    }
    match name {
        "console" => {
            drop(at.fields());
            Some(SpanExporter::Console)
        }
        "zipkin" => zipkin(at),
        _ => {
            at.wrong("is not supported");
            None
        }
    }
}

fn zipkin(at: &At<'_>) -> Option<SpanExporter> {
    let fields = at.fields();
    let timeout = fields.get("timeout").and_then(|at| at.millis());
    let url = match fields.get("endpoint") {
        None => endpoint::parse(ZIPKIN).ok()?,
        Some(at) => match endpoint::parse(at.text()?) {
            Ok(url) => url,
            Err(why) => {
                at.wrong(why);
                return None;
            }
        },
    };
    Some(SpanExporter::Zipkin(Zipkin {
        endpoint: url,
        timeout: limit(timeout, Duration::from_secs(10)),
    }))
}

fn span_limits(at: Option<&At<'_>>, general: AttributeLimits) -> SpanLimits {
    let mut limits = SpanLimits {
        attributes: general,
        events: COUNT,
        links: COUNT,
        attributes_per_event: COUNT,
        attributes_per_link: COUNT,
    };
    if let Some(at) = at {
        let fields = at.fields();
        limits.attributes = top::of_attributes(&fields, general);
        for (name, limit) in [
            ("event_count_limit", &mut limits.events),
            ("link_count_limit", &mut limits.links),
            (
                "event_attribute_count_limit",
                &mut limits.attributes_per_event,
            ),
            (
                "link_attribute_count_limit",
                &mut limits.attributes_per_link,
            ),
        ] {
            if let Some(number) = fields.get(name).and_then(|at| at.number(0)) {
                *limit = number;
            }
        }
    }
    limits
}

fn sampler(at: &At<'_>) -> Option<Sampler> {
    let (name, inner) = at.chosen()?;
    let fields = match name {
        "always_on"
        | "always_off"
        | "trace_id_ratio_based"
        | "parent_based"
        | "jaeger_remote"
        | "jaeger_remote/development" => inner.fields(),
        _ => {
            inner.wrong("is not supported");
            return None;
        }
    };
    Some(match name {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "trace_id_ratio_based" => {
            Sampler::Ratio(fields.get("ratio").and_then(|at| at.ratio()).unwrap_or(1.0))
        }
        "parent_based" => {
            let part = |name, default| {
                let part = fields.get(name).and_then(|at| sampler(&at));
                Box::new(part.unwrap_or(default))
            };
            Sampler::ParentBased {
                root: part("root", Sampler::AlwaysOn),
                remote_sampled: part("remote_parent_sampled", Sampler::AlwaysOn),
                remote_not_sampled: part("remote_parent_not_sampled", Sampler::AlwaysOff),
                local_sampled: part("local_parent_sampled", Sampler::AlwaysOn),
                local_not_sampled: part("local_parent_not_sampled", Sampler::AlwaysOff),
            }
        }
        _ => {
            let interval = fields.get("interval").and_then(|at| at.number(1));
            let endpoint = fields.need("endpoint");
            let initial = fields.need("initial_sampler").and_then(|at| sampler(&at));
            let endpoint = endpoint?;
            match endpoint::parse(endpoint.text()?) {
                Ok(url) => Sampler::JaegerRemote {
                    endpoint: url,
                    interval: Duration::from_millis(interval.unwrap_or(60_000).into()),
                    initial: Box::new(initial?),
                },
                Err(why) => {
                    endpoint.wrong(why);
                    return None;
                }
            }
        }
    })
}
