//! How bytes reach a collector: one thread for all of it, what an attempt came to, and when to try again.

pub(super) mod delivery;
pub(super) mod quiet;
pub(super) mod thread;

use std::{error::Error, time::Duration};

/// What a collector says when it takes something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// How many items of it the collector did not take.
    pub(super) rejected: u64,
    /// Why not; or, with none rejected, what it warns of.
    pub(super) message: String,
}

/// Why one attempt did not succeed, for people, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) why: String,
    pub(super) taken: Perhaps,
    pub(super) again: Again,
}

/// Whether the collector may have taken it all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Perhaps {
    #[default]
    No,
    Perhaps,
}

/// Whether another attempt makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It would come to the same.
    Never,
    /// Nor would it with anything else: it takes none of this signal, as a backend of traces alone takes no metrics.
    Unserved,
    /// Nobody answered.
    Soon,
    /// The collector asks for it, after this time if it says one.
    Later(Option<Duration>),
}

impl Failure {
    /// Nothing was sent.
    pub(super) fn unreachable(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            taken: Perhaps::No,
            again: Again::Soon,
        }
    }

    /// It was sent, and nothing is known of it.
    pub(super) fn silent(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            taken: Perhaps::Perhaps,
            again: Again::Soon,
        }
    }

    /// The collector has no place for such things.
    pub(super) fn unserved(why: impl Into<String>) -> Self {
        Self {
            again: Again::Unserved,
            ..Self::refused(why)
        }
    }

    /// The collector does not want it, and never will.
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            taken: Perhaps::No,
            again: Again::Never,
        }
    }
}

/// The last of the causes: the one that says something.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut root = error;
    while let Some(source) = root.source() {
        root = source;
    }
    root.to_string()
}
