//! What is behind one lock.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    time::Instant,
};

use opentelemetry::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::super::criteria::{Reason, Verdict};
use crate::setup::batch::size;

/// Some of the traces.
#[derive(Debug)]
pub(super) struct Part {
    traces: HashMap<TraceId, Waiting>,
    /// The oldest first.
    order: BTreeMap<u64, TraceId>,
    next: u64,
    /// What became of spans whose local root has ended, for those that end later: the id, and in its last two bits the
    /// verdict. A new one takes the place of an older one; zero is none.
    decided: Box<[u64; DECIDED]>,
}

/// The spans of one trace, of one local root or of several.
#[derive(Debug)]
pub(super) struct Waiting {
    place: u64,
    pub(super) since: Instant,
    /// By their parents, so that a root finds its own among many.
    children: HashMap<SpanId, Vec<SpanData>>,
    pub(super) count: usize,
    pub(super) bytes: usize,
}

impl Part {
    pub(super) fn new() -> Self {
        Self {
            traces: HashMap::new(),
            order: BTreeMap::new(),
            next: 0,
            decided: Box::new([0; DECIDED]),
        }
    }

    /// Adds a span, and says how many bytes that takes.
    pub(super) fn push(&mut self, span: SpanData) -> usize {
        let trace_id = span.span_context.trace_id();
        let place = self.next;
        let waiting = self.traces.entry(trace_id).or_insert_with(|| {
            self.next += 1;
            self.order.insert(place, trace_id);
            Waiting {
                place,
                since: Instant::now(),
                children: HashMap::new(),
                count: 0,
                bytes: 0,
            }
        });
        let before = waiting.bytes;
        waiting.push(span);
        waiting.bytes - before
    }

    /// The oldest trace, if it is to go.
    pub(super) fn pop_if(&mut self, goes: impl FnOnce(&Waiting) -> bool) -> Option<Waiting> {
        let oldest = self.order.first_entry()?;
        if !self.traces.get(oldest.get()).is_none_or(goes) {
            return None;
        }
        self.traces.remove(&oldest.remove())
    }

    /// The spans that descend from this one by spans among those that wait, and how many bytes they took.
    pub(super) fn descendants(
        &mut self,
        trace_id: TraceId,
        root: SpanId,
    ) -> (Vec<SpanData>, usize) {
        let Entry::Occupied(mut trace) = self.traces.entry(trace_id) else {
            return (Vec::new(), 0);
        };
        let waiting = trace.get_mut();
        let before = waiting.bytes;
        let found = waiting.descendants(root);
        let mut freed = before - waiting.bytes;
        if waiting.count == 0 {
            freed = before;
            self.order.remove(&waiting.place);
            trace.remove();
        }
        (found, freed)
    }

    pub(super) fn remember(&mut self, span_id: SpanId, verdict: Verdict) {
        let code = match verdict {
            None => 0,
            Some(Reason::Error) => 1,
            Some(Reason::Slow) => 2,
            Some(Reason::SlowForRoute) => 3,
        };
        let id = u64::from_be_bytes(span_id.to_bytes());
        if let Some(decided) = self.decided.get_mut(slot(id)) {
            *decided = id & !VERDICT | code;
        }
    }

    pub(super) fn decided(&self, span_id: SpanId) -> Option<Verdict> {
        let id = u64::from_be_bytes(span_id.to_bytes());
        let decided = *self.decided.get(slot(id))?;
        if decided == 0 || decided & !VERDICT != id & !VERDICT {
            return None;
        }
        Some(match decided & VERDICT {
            0 => None,
            1 => Some(Reason::Error),
            2 => Some(Reason::Slow),
            _ => Some(Reason::SlowForRoute),
        })
    }
}

impl Waiting {
    pub(super) fn into_spans(self) -> Vec<SpanData> {
        self.children.into_values().flatten().collect()
    }

    fn push(&mut self, span: SpanData) {
        if self.count == 0 {
            self.bytes += TRACE;
        }
        self.count += 1;
        self.bytes += held(&span);
        match self.children.entry(span.parent_span_id) {
            Entry::Occupied(mut children) => {
                let children = children.get_mut();
                let before = children.capacity();
                children.push(span);
                self.bytes += (children.capacity() - before) * size_of::<SpanData>();
            }
            Entry::Vacant(none) => {
                // Exactly one, which most have: a vector begins with room for four.
                none.insert(vec![span]);
                self.bytes += CHILDREN + size_of::<SpanData>();
            }
        }
    }

    fn children(&mut self, parent: SpanId) -> Vec<SpanData> {
        let Some(children) = self.children.remove(&parent) else {
            return Vec::new();
        };
        self.count -= children.len();
        let held: usize = children.iter().map(held).sum();
        self.bytes -= CHILDREN + children.capacity() * size_of::<SpanData>() + held;
        children
    }

    fn descendants(&mut self, root: SpanId) -> Vec<SpanData> {
        let mut found = self.children(root);
        let mut at = 0;
        while let Some(parent) = found.get(at).map(|span| span.span_context.span_id()) {
            found.extend(self.children(parent));
            at += 1;
        }
        found
    }
}

/// What a span holds besides itself.
fn held(span: &SpanData) -> usize {
    size::of(span) - size_of_val(span)
}

fn slot(id: u64) -> usize {
    (id >> 2) as usize % DECIDED
}

/// The bits of an id that hold what became of it.
const VERDICT: u64 = 0b11;

const DECIDED: usize = 2048;

/// What a trace takes in the two maps, about.
const TRACE: usize = 256;

/// What the children of a span take in theirs.
const CHILDREN: usize = 64;
