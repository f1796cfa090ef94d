//! What an answer decides.

use std::collections::HashMap;

use opentelemetry::{
    Context, KeyValue, TraceId,
    trace::{TraceContextExt, TraceState},
};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};

use super::{
    super::sampler::{
        bucket::{Bucket, Clock},
        names::Names,
        probability::ProbabilitySampler,
    },
    answer::Answer,
};
use crate::threshold;

/// Operations with a lower bound of their own, as in Jaeger's clients. The further ones have the default probability alone.
const OPERATIONS: usize = 2000;

/// Decides until the next answer.
#[derive(Debug)]
pub(super) enum Strategy {
    Initial(Box<dyn ShouldSample>),
    Share(Share),
    Rate(f64, Bucket),
    Operations(Operations),
}

/// A probability, and who decides by it.
#[derive(Clone, Debug)]
pub(super) struct Share {
    probability: f64,
    sampler: ProbabilitySampler,
}

#[derive(Debug)]
pub(super) struct Operations {
    known: Names<Operation>,
    default: Share,
    lower_bound: f64,
    clock: Clock,
}

/// What one operation has by its probability, and by the lower bound at least.
#[derive(Debug)]
struct Operation {
    share: Share,
    lower_bound: Bucket,
}

/// Which part of a strategy sampled a trace, as Jaeger's clients call it: its adaptive sampling reads that.
#[derive(Clone, Copy)]
enum By {
    Share,
    Rate,
    LowerBound,
}

impl Strategy {
    /// That of an answer. What its buckets have left of the one before they keep: an answer gives nothing for free.
    pub(super) fn of(answer: Answer, before: &Self, clock: &Clock) -> Self {
        match (answer, before) {
            (Answer::Probability(probability), _) => Self::Share(Share::new(probability)),
            (Answer::Rate(rate), Self::Rate(_, bucket)) => {
                Self::Rate(rate, Bucket::succeeding(rate, bucket))
            }
            (Answer::Rate(rate), _) => Self::Rate(rate, Bucket::new(rate, clock)),
            (
                Answer::Operations {
                    default,
                    lower_bound,
                    listed,
                },
                before,
            ) => {
                let mut operations = Operations {
                    known: Names::new(HashMap::new(), OPERATIONS),
                    default: Share::new(default),
                    lower_bound,
                    clock: clock.clone(),
                };
                operations.fill(listed, before);
                Self::Operations(operations)
            }
        }
    }

    pub(super) fn decide(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
    ) -> SamplingResult {
        let span = parent.map(TraceContextExt::span);
        let state = span.as_ref().map(|span| span.span_context().trace_state());
        let state = state.unwrap_or(&TraceState::NONE);
        match self {
            Self::Initial(_) => dropped(state),
            Self::Share(share) => match share.take(trace_id, state) {
                Some(state) => sampled(By::Share, share.probability, state),
                None => dropped(state),
            },
            Self::Rate(rate, bucket) if bucket.take() => {
                sampled(By::Rate, *rate, threshold::state(state, None))
            }
            Self::Rate(..) => dropped(state),
            Self::Operations(operations) => operations.decide(trace_id, name, state),
        }
    }
}

impl Share {
    fn new(probability: f64) -> Self {
        Self {
            probability,
            sampler: ProbabilitySampler::new(probability),
        }
    }

    /// The state of a trace that is sampled.
    fn take(&self, trace_id: TraceId, state: &TraceState) -> Option<TraceState> {
        let (is_sampled, state) = self.sampler.decide(trace_id, state);
        is_sampled.then_some(state)
    }
}

impl Operations {
    /// Those of the answer, and as far as there is room those that were seen before.
    fn fill(&mut self, listed: Vec<(String, f64)>, before: &Strategy) {
        let before = match before {
            Strategy::Operations(before) => Some(&before.known),
            Strategy::Initial(_) | Strategy::Share(_) | Strategy::Rate(..) => None,
        };
        let succeeding = |name: &str| {
            before?.peek(name, |operation| {
                Bucket::succeeding(self.lower_bound, &operation.lower_bound)
            })
        };
        let mut known = HashMap::new();
        for (name, probability) in listed.into_iter().take(OPERATIONS) {
            let bucket = succeeding(&name);
            let bucket = bucket.unwrap_or_else(|| Bucket::new(self.lower_bound, &self.clock));
            let operation = Operation {
                share: Share::new(probability),
                lower_bound: bucket,
            };
            known.insert(name.into(), operation);
        }
        if let Some(before) = before {
            before.each(|name, operation| {
                if known.len() < OPERATIONS && !known.contains_key(name) {
                    let operation = Operation {
                        share: self.default.clone(),
                        lower_bound: Bucket::succeeding(self.lower_bound, &operation.lower_bound),
                    };
                    known.insert(name.into(), operation);
                }
            });
        }
        self.known = Names::new(known, OPERATIONS);
    }

    fn decide(&self, trace_id: TraceId, name: &str, state: &TraceState) -> SamplingResult {
        let make = || Operation {
            share: self.default.clone(),
            lower_bound: Bucket::new(self.lower_bound, &self.clock),
        };
        let known = self.known.with(name, make, |operation| {
            let share = &operation.share;
            let by_share = share.take(trace_id, state);
            // What the probability sampled counts towards the bound.
            let by_bound = operation.lower_bound.take();
            match by_share {
                Some(state) => sampled(By::Share, share.probability, state),
                None if by_bound => {
                    let state = threshold::state(state, None);
                    sampled(By::LowerBound, share.probability, state)
                }
                None => dropped(state),
            }
        });
        known.unwrap_or_else(|| match self.default.take(trace_id, state) {
            Some(state) => sampled(By::Share, self.default.probability, state),
            None => dropped(state),
        })
    }
}

fn sampled(by: By, parameter: f64, trace_state: TraceState) -> SamplingResult {
    let by = match by {
        By::Share => "probabilistic",
        By::Rate => "ratelimiting",
        By::LowerBound => "lowerbound",
    };
    SamplingResult {
        decision: SamplingDecision::RecordAndSample,
        attributes: vec![
            KeyValue::new("sampler.type", by),
            KeyValue::new("sampler.param", parameter),
        ],
        trace_state,
    }
}

fn dropped(state: &TraceState) -> SamplingResult {
    SamplingResult {
        decision: SamplingDecision::Drop,
        attributes: Vec::new(),
        trace_state: threshold::state(state, None),
    }
}

#[cfg(test)]
mod tests;
