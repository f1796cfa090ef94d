//! Where each format has room for the ids.

use tracing_subscriber::fmt::format::{Compact, Full, Json, Pretty};

/// Where the ids go.
#[allow(unnameable_types, reason = "nobody else implements it")]
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// Behind the last field.
    AfterText,
    /// On a line below.
    OwnLine,
    /// As the last fields of the outermost object.
    InObject,
}

#[allow(unnameable_types, reason = "nobody else implements it")]
pub trait Layout {
    const PLACE: Place;
}

impl Layout for Full {
    const PLACE: Place = Place::AfterText;
}

impl Layout for Compact {
    const PLACE: Place = Place::AfterText;
}

impl Layout for Pretty {
    const PLACE: Place = Place::OwnLine;
}

impl Layout for Json {
    const PLACE: Place = Place::InObject;
}
