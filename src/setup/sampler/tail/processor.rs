//! In front of the exporters: spans that are sampled pass, the others wait for their local root to end.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use opentelemetry::{
    Context, KeyValue, SpanId,
    trace::{SpanContext, TraceFlags},
};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use super::{
    Counts,
    criteria::{Criteria, Reason, Verdict},
    store::{Bounds, Ended, Gone, Store},
};
use crate::{semconv::names::SAMPLING_DECISION, threshold};

#[derive(Debug)]
pub(super) struct TailProcessor {
    criteria: Criteria,
    store: Store,
    counts: Arc<Counts>,
    /// What a kept span says that it stands for.
    adjusted_count: i64,
    exits: Vec<Box<dyn SpanProcessor>>,
}

impl TailProcessor {
    pub(super) fn new(
        criteria: Criteria,
        bounds: Bounds,
        adjusted_count: i64,
        counts: Arc<Counts>,
        exits: Vec<Box<dyn SpanProcessor>>,
    ) -> Self {
        Self {
            criteria,
            store: Store::new(bounds, Arc::clone(&counts)),
            counts,
            adjusted_count,
            exits,
        }
    }

    /// A local root. Where it is sampled itself, others may not be that a sampler asked about them left out.
    fn root_ended(&self, root: SpanData) {
        let verdict = self.criteria.verdict(&root);
        let (trace_id, span_id) = (root.span_context.trace_id(), root.span_context.span_id());
        let mut waited = self.store.decide(trace_id, span_id, verdict);
        if root.span_context.is_sampled() {
            self.pass(root);
        } else {
            waited.push(root);
        }
        self.settle(verdict, waited);
    }

    fn part_ended(&self, span: SpanData) {
        let mut gone = Gone::new();
        if let Ended::Late(verdict, spans) = self.store.wait(span, &mut gone) {
            self.settle(verdict, spans);
        }
        self.give_up(gone);
    }

    fn settle(&self, verdict: Verdict, spans: Vec<SpanData>) {
        match verdict {
            Some(reason) => self.keep(reason, spans),
            None => {
                let discarded = spans.len() as u64;
                self.counts.discarded.fetch_add(discarded, Relaxed);
            }
        }
    }

    /// These must go before their local root ends.
    fn give_up(&self, gone: Gone) {
        for spans in gone {
            match self.criteria.verdict_so_far(&spans) {
                Some(reason) => self.keep(reason, spans),
                None => {
                    let lost = spans.len() as u64;
                    self.counts.lost.fetch_add(lost, Relaxed);
                }
            }
        }
    }

    fn keep(&self, reason: Reason, spans: Vec<SpanData>) {
        let kept = spans.len() as u64;
        self.counts.kept.fetch_add(kept, Relaxed);
        for mut span in spans {
            span.span_context = sampled(&span.span_context);
            span.attributes.extend([
                KeyValue::new(SAMPLING_DECISION, "local_tail"),
                KeyValue::new(SAMPLING_REASON, reason.as_str()),
                KeyValue::new(SAMPLING_ADJUSTED_COUNT, self.adjusted_count),
            ]);
            self.pass(span);
        }
    }

    fn pass(&self, span: SpanData) {
        let Some((last, others)) = self.exits.split_last() else {
            return;
        };
        for exit in others {
            exit.on_end(span.clone());
        }
        last.on_end(span);
    }

    fn each(&self, what: impl Fn(&dyn SpanProcessor) -> OTelSdkResult) -> OTelSdkResult {
        let mut first = Ok(());
        // All of them, whatever one says.
        for exit in &self.exits {
            let result = what(&**exit);
            first = first.and(result);
        }
        first
    }
}

impl SpanProcessor for TailProcessor {
    fn on_start(&self, span: &mut Span, context: &Context) {
        for exit in &self.exits {
            exit.on_start(span, context);
        }
    }

    fn on_end(&self, span: SpanData) {
        let is_root = span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote;
        if is_root {
            self.root_ended(span);
        } else if span.span_context.is_sampled() {
            self.pass(span);
        } else {
            self.part_ended(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        let mut gone = Gone::new();
        self.store.old(&mut gone);
        self.give_up(gone);
        self.each(|exit| exit.force_flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let mut gone = Gone::new();
        self.store.all(&mut gone);
        self.give_up(gone);
        self.each(|exit| exit.shutdown_with_timeout(timeout))
    }

    fn set_resource(&mut self, resource: &Resource) {
        for exit in &mut self.exits {
            exit.set_resource(resource);
        }
    }
}

/// As if it had been sampled, by no probability that could be told.
fn sampled(context: &SpanContext) -> SpanContext {
    SpanContext::new(
        context.trace_id(),
        context.span_id(),
        context.trace_flags() | TraceFlags::SAMPLED,
        context.is_remote(),
        threshold::state(context.trace_state(), None),
    )
}

const SAMPLING_REASON: &str = "sampling.reason";
const SAMPLING_ADJUSTED_COUNT: &str = "sampling.adjusted_count";

#[cfg(test)]
mod tests;
