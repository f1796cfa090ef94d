//! What a request may cost above the same route behind a layer that does nothing. `--check` and CI hold us to it.

/// The most that one variant may add to a request.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub instructions: u64,
    pub allocations: u64,
}

/// How far a run may be above its instructions before `--check` fails, in percent and at least. Another processor's `memcpy`,
/// and another folder's or compiler's inlining, have moved rows by 300, and the layer below, which is taken off them, from
/// 10,700 to 11,400. Allocations are the same everywhere.
pub const TOLERANCE: u64 = 10;
pub const LEAST_TOLERANCE: u64 = 600;

/// A span that is recorded, with twelve attributes.
pub const SAMPLED: Budget = Budget {
    instructions: 10_800,
    allocations: 12,
};

/// A request whose caller decided against sampling.
pub const UNSAMPLED: Budget = Budget {
    instructions: 3_000,
    allocations: 2,
};

/// A recorded span that has no caller: ids are made, and the span's context says that they are random.
pub const ROOT: Budget = Budget {
    instructions: 11_400,
    allocations: 11,
};

/// A gRPC call whose caller decided against sampling: its trailers are one more frame to pass.
pub const CALL_UNSAMPLED: Budget = Budget {
    instructions: 3_300,
    allocations: 2,
};

/// A request that the filter leaves out. The allocation is axum's own box, for a body that is not of its type.
pub const FILTERED: Budget = Budget {
    instructions: 1_000,
    allocations: 1,
};

/// What was measured with metrics on, whose set of attributes was seen before. Sampled, they add less than 1,000
/// instructions; unsampled 1,600 to 1,900, since what they need is not known from a span.
pub const METRICS_SAMPLED: Budget = Budget {
    instructions: 11_500,
    allocations: 12,
};

pub const METRICS_UNSAMPLED: Budget = Budget {
    instructions: 4_800,
    allocations: 2,
};

/// With active requests and the sizes of bodies.
pub const METRICS_IN_FULL: Budget = Budget {
    instructions: 12_700,
    allocations: 12,
};

pub const CALL_METRICS_SAMPLED: Budget = Budget {
    instructions: 11_300,
    allocations: 10,
};

pub const CALL_METRICS_UNSAMPLED: Budget = Budget {
    instructions: 5_100,
    allocations: 2,
};

pub const CLIENT: Budget = Budget {
    instructions: 9_700,
    allocations: 8,
};

pub const METRICS_CLIENT: Budget = Budget {
    instructions: 10_700,
    allocations: 8,
};

/// A subscriber that nothing is said to.
pub const SUBSCRIBED_SAMPLED: Budget = Budget {
    instructions: 10_800,
    allocations: 12,
};

pub const SUBSCRIBED_UNSAMPLED: Budget = Budget {
    instructions: 3_300,
    allocations: 2,
};

/// A line of JSON, which is a log record as well.
pub const LINE_SAMPLED: Budget = Budget {
    instructions: 32_200,
    allocations: 20,
};

pub const LINE_UNSAMPLED: Budget = Budget {
    instructions: 24_100,
    allocations: 10,
};

/// A span of `tracing` in the handler.
pub const SPAN_SAMPLED: Budget = Budget {
    instructions: 25_200,
    allocations: 28,
};
