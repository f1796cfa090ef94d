//! How much a queue of spans holds, and what goes when it is full.

/// The room in a queue of spans, besides their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::setup) struct Room {
    /// Memory that the spans of a queue take, about.
    pub(in crate::setup) bytes: usize,
    pub(in crate::setup) when_full: WhenFull,
}

/// Which spans are dropped when the queue of an exporter is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenFull {
    /// Those that wait the longest. After an outage the collector learns what happened last.
    #[default]
    DropOldest,
    /// Those that end. After an outage the collector learns how it began.
    DropNewest,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            when_full: WhenFull::default(),
        }
    }
}
