//! The context that a task lost.

/// In a context: that it has no span is no mistake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted;
