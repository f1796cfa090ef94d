//! `meter_provider.views`.

use super::walk::At;
use crate::setup::{
    env::values::Words,
    settings::AT_ONCE,
    views::{Aggregation, Kind, Limits, Selector, Stream, View},
};

const KINDS: Words<Kind> = Words::of(
    "is no known type of instrument",
    &[
        ("counter", Kind::Counter),
        ("gauge", Kind::Gauge),
        ("histogram", Kind::Histogram),
        ("observable_counter", Kind::ObservableCounter),
        ("observable_gauge", Kind::ObservableGauge),
        ("observable_up_down_counter", Kind::ObservableUpDownCounter),
        ("up_down_counter", Kind::UpDownCounter),
    ],
);

pub(super) fn view(at: &At<'_>) -> Option<View> {
    let fields = at.fields();
    let selector = fields.need("selector");
    let stream = fields.need("stream");
    let (selector, stream_at) = (selector?, stream?);
    let stream = streamed(&stream_at);
    if let Err(why) = stream.build() {
        stream_at.wrong(&why);
    }
    Some(View {
        selector: selected(&selector),
        stream,
    })
}

fn selected(at: &At<'_>) -> Selector {
    let fields = at.fields();
    let text = |name| fields.text(name).map(str::to_owned);
    Selector {
        instrument_name: text("instrument_name"),
        kind: fields.get("instrument_type").and_then(|at| at.word(&KINDS)),
        unit: text("unit"),
        meter_name: text("meter_name"),
        meter_version: text("meter_version"),
        meter_schema_url: text("meter_schema_url"),
    }
}

fn streamed(at: &At<'_>) -> Stream {
    let fields = at.fields();
    let text = |name| fields.text(name).map(str::to_owned);
    let limit = fields.get("aggregation_cardinality_limit");
    Stream {
        name: text("name"),
        description: text("description"),
        aggregation: fields.get("aggregation").and_then(|at| aggregation(&at)),
        cardinality_limit: limit
            .and_then(|at| at.within(1, AT_ONCE))
            .and_then(|limit| limit.try_into().ok()),
        attribute_keys: fields.get("attribute_keys").and_then(|at| keys(&at)),
    }
}

/// The SDK takes the keys that stay, and no pattern.
fn keys(at: &At<'_>) -> Option<Vec<String>> {
    let fields = at.fields();
    if let Some(at) = fields.get("excluded") {
        at.wrong("is not supported: OpenTelemetry's SDK for Rust takes what is included");
    }
    let included = fields.get("included")?.list();
    let keys = included.iter().filter_map(|at| {
        let key = at.text()?;
        if key.contains(['*', '?']) {
            at.wrong("is a pattern, and OpenTelemetry's SDK for Rust takes whole keys");
        }
        Some(key.to_owned())
    });
    Some(keys.collect())
}

/// `cardinality_limits` of a reader.
pub(super) fn limits(at: &At<'_>) -> Limits {
    let fields = at.fields();
    let limit = |name| {
        let limit = fields.get(name)?.within(1, AT_ONCE)?;
        usize::try_from(limit).ok()
    };
    let of_kinds = KINDS.known.iter();
    Limits {
        default: limit("default"),
        of_kinds: of_kinds
            .filter_map(|(name, kind)| Some((*kind, limit(name)?)))
            .collect(),
    }
}

fn aggregation(at: &At<'_>) -> Option<Aggregation> {
    let (name, inner) = at.chosen()?;
    let fields = match name {
        "default"
        | "drop"
        | "sum"
        | "last_value"
        | "explicit_bucket_histogram"
        | "base2_exponential_bucket_histogram" => inner.fields(),
        _ => {
            inner.wrong("is not supported");
            return None;
        }
    };
    let min_max = || {
        let said = fields.get("record_min_max").and_then(|at| at.flag());
        said.unwrap_or(true)
    };
    Some(match name {
        "default" => Aggregation::Default,
        "drop" => Aggregation::Drop,
        "sum" => Aggregation::Sum,
        "last_value" => Aggregation::LastValue,
        "explicit_bucket_histogram" => Aggregation::ExplicitBuckets {
            boundaries: fields
                .get("boundaries")
                .map(|at| at.list().iter().filter_map(At::float).collect()),
            record_min_max: min_max(),
        },
        _ => {
            let size = fields.get("max_size").and_then(|at| at.number(2));
            Aggregation::Base2Exponential {
                max_size: size.unwrap_or(160),
                max_scale: fields
                    .get("max_scale")
                    .and_then(|at| scale(&at))
                    .unwrap_or(20),
                record_min_max: min_max(),
            }
        }
    })
}

fn scale(at: &At<'_>) -> Option<i8> {
    let scale = match at.node.value {
        super::tree::Value::Int(scale) => i8::try_from(scale).ok(),
        _ => None,
    };
    let scale = scale.filter(|scale| (-10..=20).contains(scale));
    if scale.is_none() {
        at.wrong("is no whole number from -10 to 20");
    }
    scale
}
