//! Processors: what is in front of an exporter, for spans and log records alike.

use std::time::Duration;

use super::walk::At;
use crate::setup::settings::{Batch, Processing};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What is used where nothing is said.
pub(super) fn default_batch(delay: Duration) -> Batch {
    Batch {
        delay,
        queue: 2048,
        size: 512,
        timeout: Some(TIMEOUT),
    }
}

/// Each entry of `processors`. A queue may hold so many at most.
pub(super) fn processors<E>(
    at: &At<'_>,
    delay: Duration,
    most: u32,
    exporter: impl Fn(&str, &At<'_>) -> Option<E>,
) -> Vec<Processing<E>> {
    let one = |at: At<'_>| {
        let (kind, inner) = at.chosen()?;
        let fields = match kind {
            "batch" | "simple" => inner.fields(),
            _ => {
                inner.wrong("is not supported");
                return None;
            }
        };
        let batch = (kind == "batch").then(|| batch(&inner, &fields, delay, most));
        let (name, inner) = fields.need("exporter")?.chosen()?;
        Some(Processing {
            exporter: exporter(name, &inner)?,
            batch,
        })
    };
    at.list().into_iter().filter_map(one).collect()
}

fn batch(at: &At<'_>, fields: &super::walk::Fields<'_>, delay: Duration, most: u32) -> Batch {
    let size = |name| {
        let number = fields.get(name)?.within(1, most)?;
        usize::try_from(number).ok()
    };
    let default = default_batch(delay);
    let queue = size("max_queue_size").unwrap_or(default.queue);
    let together = size("max_export_batch_size");
    if together.is_some_and(|together| together > queue) {
        at.wrong("max_export_batch_size is more than max_queue_size");
    }
    let timeout = fields.get("export_timeout").and_then(|at| at.millis());
    Batch {
        delay: fields
            .get("schedule_delay")
            .and_then(|at| at.millis())
            .unwrap_or(delay),
        queue,
        size: together.unwrap_or_else(|| default.size.min(queue)),
        timeout: limit(timeout, TIMEOUT),
    }
}

/// Zero is without limit.
pub(super) fn limit(said: Option<Duration>, default: Duration) -> Option<Duration> {
    let limit = said.unwrap_or(default);
    (!limit.is_zero()).then_some(limit)
}
