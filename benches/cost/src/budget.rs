//! What a request may cost above the same route behind a layer that does nothing. `--check` and CI hold us to it.

/// The most that one variant may add to a request.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub instructions: u64,
    pub allocations: u64,
}

/// How far a run may be above its instructions, in percent, before `--check` fails: another processor's `memcpy`, and
/// another folder's or compiler's inlining, have moved a row by 300. Allocations are the same everywhere.
pub const TOLERANCE: u64 = 10;

/// A span that is recorded, with twelve attributes.
pub const SAMPLED: Budget = Budget {
    instructions: 11_500,
    allocations: 13,
};

/// A request whose caller decided against sampling.
pub const UNSAMPLED: Budget = Budget {
    instructions: 3_000,
    allocations: 2,
};

/// A recorded span that has no caller: ids are made, and the span's context says that they are random.
pub const ROOT: Budget = Budget {
    instructions: 11_900,
    allocations: 12,
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
