//! Spans that wait for their local root.

mod part;

use std::{
    array,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

use self::part::{Part, Waiting};
use super::{Counts, criteria::Verdict};

/// How much may wait, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) spans: usize,
    pub(super) bytes: usize,
    pub(super) wait: Duration,
}

/// Spans of undecided traces. Those of one trace are behind one lock, those of others mostly behind another.
#[derive(Debug)]
pub(super) struct Store {
    parts: [Mutex<Part>; PARTS],
    bounds: Bounds,
    counts: Arc<Counts>,
    bytes: AtomicUsize,
}

/// What became of a span that is no local root.
#[derive(Debug)]
pub(super) enum Ended {
    Waits,
    /// Its local root had ended before. It comes with those that had waited for it.
    Late(Verdict, Vec<SpanData>),
}

/// Traces that must make room, or have waited for too long.
pub(super) type Gone = Vec<Vec<SpanData>>;

impl Store {
    pub(super) fn new(bounds: Bounds, counts: Arc<Counts>) -> Self {
        Self {
            parts: array::from_fn(|_| Mutex::new(Part::new())),
            bounds,
            counts,
            bytes: AtomicUsize::new(0),
        }
    }

    /// A local root has ended. What waited for it comes back.
    pub(super) fn decide(
        &self,
        trace_id: TraceId,
        root: SpanId,
        verdict: Verdict,
    ) -> Vec<SpanData> {
        self.settle(&mut self.part(trace_id), trace_id, root, verdict)
    }

    /// Another span has ended.
    pub(super) fn wait(&self, span: SpanData, gone: &mut Gone) -> Ended {
        let (trace_id, span_id) = (span.span_context.trace_id(), span.span_context.span_id());
        let mut part = self.part(trace_id);
        if let Some(verdict) = part.decided(span.parent_span_id) {
            let mut spans = self.settle(&mut part, trace_id, span_id, verdict);
            spans.push(span);
            return Ended::Late(verdict, spans);
        }
        self.take_old(&mut part, gone);
        let bytes = part.push(span);
        let bytes = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        let spans = self.counts.waiting.fetch_add(1, Relaxed) + 1;
        drop(part);
        if spans > self.bounds.spans as u64 || bytes > self.bounds.bytes {
            self.make_room(trace_id, gone);
        }
        Ended::Waits
    }

    /// What has waited for too long.
    pub(super) fn old(&self, gone: &mut Gone) {
        for part in &self.parts {
            self.take_old(&mut lock(part), gone);
        }
    }

    /// All that waits.
    pub(super) fn all(&self, gone: &mut Gone) {
        for part in &self.parts {
            let mut part = lock(part);
            while let Some(waiting) = part.pop_if(|_| true) {
                gone.push(self.freed(waiting));
            }
        }
    }

    fn take_old(&self, part: &mut Part, gone: &mut Gone) {
        let is_old = |waiting: &Waiting| waiting.since.elapsed() > self.bounds.wait;
        while let Some(waiting) = part.pop_if(is_old) {
            gone.push(self.freed(waiting));
        }
    }

    /// Takes the oldest out, those beside this trace first.
    fn make_room(&self, trace_id: TraceId, gone: &mut Gone) {
        let is_full = || {
            self.counts.waiting.load(Relaxed) > self.bounds.spans as u64
                || self.bytes.load(Relaxed) > self.bounds.bytes
        };
        let parts = self.parts.iter().cycle();
        for part in parts.skip(place(trace_id)).take(PARTS) {
            let mut part = lock(part);
            while is_full() {
                match part.pop_if(|_| true) {
                    Some(waiting) => gone.push(self.freed(waiting)),
                    None => break,
                }
            }
        }
    }

    /// The fate of a span is known, and so that of those that descend from it by spans that have ended.
    fn settle(
        &self,
        part: &mut Part,
        trace_id: TraceId,
        span_id: SpanId,
        verdict: Verdict,
    ) -> Vec<SpanData> {
        part.remember(span_id, verdict);
        let (settled, bytes) = part.descendants(trace_id, span_id);
        for span in &settled {
            part.remember(span.span_context.span_id(), verdict);
        }
        self.counts.waiting.fetch_sub(settled.len() as u64, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
        settled
    }

    fn freed(&self, waiting: Waiting) -> Vec<SpanData> {
        self.counts.waiting.fetch_sub(waiting.count as u64, Relaxed);
        self.bytes.fetch_sub(waiting.bytes, Relaxed);
        waiting.into_spans()
    }

    #[allow(clippy::indexing_slicing, reason = "there are as many parts as places")]
    fn part(&self, trace_id: TraceId) -> MutexGuard<'_, Part> {
        lock(&self.parts[place(trace_id)])
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

fn place(trace_id: TraceId) -> usize {
    let [.., last] = trace_id.to_bytes();
    usize::from(last) % PARTS
}

const PARTS: usize = 16;

#[cfg(test)]
mod tests;
