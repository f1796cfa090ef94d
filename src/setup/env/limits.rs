//! How much of a span or a log record is kept, and how many wait.

use std::time::Duration;

use super::{
    Env,
    values::{self, Words},
};
use crate::setup::settings::{AT_ONCE, AttributeLimits, Batch, Room, SpanLimits, WhenFull};

/// Each of them is 128 unless said.
const COUNT: u32 = 128;
const GENERAL_COUNT: &str = "OTEL_ATTRIBUTE_COUNT_LIMIT";
const GENERAL_LENGTH: &str = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT";

const TIMEOUT: Duration = Duration::from_secs(30);

/// The variables of a batch processor.
struct BatchNames {
    delay: &'static str,
    queue: &'static str,
    size: &'static str,
    timeout: &'static str,
}

pub(in crate::setup) const WHEN_FULL: Words<WhenFull> = Words {
    known: &[
        ("drop_oldest", WhenFull::DropOldest),
        ("drop_newest", WhenFull::DropNewest),
    ],
    unsupported: &[],
    unknown: "is neither drop_oldest nor drop_newest",
    default: "drop_oldest",
    nothing: "",
};

pub(super) fn span(env: &Env) -> SpanLimits {
    let count = |name| env.number(&[name], COUNT);
    SpanLimits {
        attributes: attributes(
            env,
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        ),
        events: count("OTEL_SPAN_EVENT_COUNT_LIMIT"),
        links: count("OTEL_SPAN_LINK_COUNT_LIMIT"),
        attributes_per_event: count("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
        attributes_per_link: count("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
    }
}

pub(super) fn log_record(env: &Env) -> AttributeLimits {
    attributes(
        env,
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    )
}

fn attributes(env: &Env, count: &'static str, length: &'static str) -> AttributeLimits {
    let length = env.pick(&[length, GENERAL_LENGTH], "no limit", values::number);
    AttributeLimits {
        count: env.number(&[count, GENERAL_COUNT], COUNT),
        value_length: length.and_then(|(_, length)| length.try_into().ok()),
    }
}

pub(super) fn span_batch(env: &Env) -> Batch {
    let names = BatchNames {
        delay: "OTEL_BSP_SCHEDULE_DELAY",
        queue: "OTEL_BSP_MAX_QUEUE_SIZE",
        size: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        timeout: "OTEL_BSP_EXPORT_TIMEOUT",
    };
    batch(env, &names, Duration::from_secs(5), values::size)
}

/// Variables of our own: the specification has none for what spans hold and for which of them go first.
pub(super) fn room(env: &Env) -> Room {
    let bytes = env.size("OTEL_RUST_BSP_MAX_QUEUE_BYTES", Room::default().bytes);
    let when_full = env.word("OTEL_RUST_BSP_WHEN_FULL", &WHEN_FULL);
    Room { bytes, when_full }
}

pub(super) fn log_batch(env: &Env) -> Batch {
    let names = BatchNames {
        delay: "OTEL_BLRP_SCHEDULE_DELAY",
        queue: "OTEL_BLRP_MAX_QUEUE_SIZE",
        size: "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        timeout: "OTEL_BLRP_EXPORT_TIMEOUT",
    };
    batch(
        env,
        &names,
        Duration::from_secs(1),
        |text| match values::size(text) {
            Ok(queue) if queue > AT_ONCE as usize => Err("is more than 1048576"),
            other => other,
        },
    )
}

fn batch(
    env: &Env,
    names: &BatchNames,
    delay: Duration,
    queue: fn(&str) -> Result<usize, &'static str>,
) -> Batch {
    let queue = env.pick(&[names.queue], "2048", queue);
    let queue = queue.map_or(2048, |(_, queue)| queue);
    let most = queue.min(512);
    let size = env.pick(
        &[names.size],
        &most.to_string(),
        |text| match values::size(text) {
            Ok(size) if size > queue => Err("is more than the queue holds"),
            other => other,
        },
    );
    Batch {
        delay: env.duration(names.delay, delay),
        queue,
        size: size.map_or(most, |(_, size)| size),
        timeout: env.timeout(&[names.timeout], TIMEOUT),
    }
}
