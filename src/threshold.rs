//! Consistent probability sampling: what the `ot` member of a trace state says of it.
//!
//! A trace has 56 random bits, and a sampler keeps those at or above its threshold. So of two samplers the one of greater
//! probability keeps all that the other keeps (OpenTelemetry, "TraceState: Probability Sampling").

use std::fmt;

use opentelemetry::{
    TraceId,
    trace::{SpanContext, TraceState},
};

/// How many of 2⁵⁶ traces are rejected; less than all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Threshold(u64);

impl Threshold {
    /// Of a probability, to four significant digits behind the leading `f`s, as is recommended. `None` unless it is above 0.
    #[allow(dead_code, reason = "samplers are set-up's")]
    pub(crate) fn of(probability: f64) -> Option<Self> {
        if probability.is_nan() || probability <= 0.0 {
            return None;
        }
        let kept = (probability.min(1.0) * TRACES as f64).round() as u64;
        let exact = TRACES - kept.clamp(1, TRACES);
        let leading = (exact << 8).leading_ones() / 4;
        let unit = 16_u64.pow(DIGITS.saturating_sub(leading + PRECISION));
        Some(Self((exact + unit / 2) / unit * unit))
    }

    pub(crate) fn keeps(self, randomness: u64) -> bool {
        randomness >= self.0
    }

    /// One to fourteen digits, of which those at the end are zero if they are left out.
    fn parse(text: &str) -> Option<Self> {
        let digits = u32::try_from(text.len()).ok()?;
        let value = hex(text).filter(|_| (1..=DIGITS).contains(&digits))?;
        Some(Self(value << (4 * (DIGITS - digits))))
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:014x}", self.0);
        f.write_str(match digits.trim_end_matches('0') {
            "" => "0",
            digits => digits,
        })
    }
}

/// The random bits of a trace: those that its state names, else those of its id.
pub(crate) fn randomness(trace_id: TraceId, state: &TraceState) -> u64 {
    let named = members(state)
        .find_map(|(key, value)| (key == "rv").then_some(value))
        .filter(|value| value.len() == DIGITS as usize)
        .and_then(hex);
    named.unwrap_or_else(|| {
        let [.., a, b, c, d, e, f, g] = trace_id.to_bytes();
        u64::from_be_bytes([0, a, b, c, d, e, f, g])
    })
}

/// The state with this threshold, or with none: where a decision has no probability that could be told.
#[allow(dead_code, reason = "samplers are set-up's")]
pub(crate) fn state(state: &TraceState, threshold: Option<Threshold>) -> TraceState {
    let Some(threshold) = threshold else {
        return erased(state);
    };
    let mut value = format!("th:{threshold}");
    for (key, other) in members(state).filter(|(key, _)| *key != "th") {
        value.extend([";", key, ":", other]);
    }
    if value.len() > LONGEST {
        return erased(state);
    }
    state.insert(KEY, value).unwrap_or_else(|_| erased(state))
}

/// The state of a caller whose decision stands.
pub(crate) fn followed(caller: &SpanContext) -> TraceState {
    let state = caller.trace_state().clone();
    fitting(state, caller.trace_id(), caller.is_sampled())
}

/// The state with this decision: a threshold that cannot have led to it is taken out.
pub(crate) fn fitting(state: TraceState, trace_id: TraceId, is_sampled: bool) -> TraceState {
    // Most have none.
    if state.get(KEY).is_none() {
        return state;
    }
    let stated = members(&state).find(|(key, _)| *key == "th");
    let fits = stated.is_none_or(|(_, stated)| {
        Threshold::parse(stated)
            .is_some_and(|threshold| threshold.keeps(randomness(trace_id, &state)) == is_sampled)
    });
    if fits { state } else { erased(&state) }
}

fn erased(state: &TraceState) -> TraceState {
    let Some(whole) = state.get(KEY) else {
        return state.clone();
    };
    let rest: Vec<_> = whole
        .split(';')
        .filter(|member| !member.is_empty() && !member.starts_with("th:"))
        .collect();
    let changed = match rest.as_slice() {
        [] => state.delete(KEY),
        [..] => state.insert(KEY, rest.join(";")),
    };
    changed.unwrap_or_default()
}

/// `key:value` between semicolons.
fn members(state: &TraceState) -> impl Iterator<Item = (&str, &str)> {
    let members = state.get(KEY).unwrap_or_default().split(';');
    members.filter_map(|member| member.split_once(':'))
}

/// Lower-case digits alone.
fn hex(text: &str) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let well_formed = text.bytes().all(is_digit);
    u64::from_str_radix(text, 16).ok().filter(|_| well_formed)
}

const KEY: &str = "ot";

/// As many traces as 56 bits tell apart.
const TRACES: u64 = 1 << 56;

/// Hexadecimal digits of 56 bits.
const DIGITS: u32 = 14;

const PRECISION: u32 = 4;

/// The longest value of the `ot` member ("TraceState Handling").
const LONGEST: usize = 256;

#[cfg(test)]
mod tests;
