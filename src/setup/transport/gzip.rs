//! gzip, at the level that other exporters use.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

pub(super) const IS_ON: bool = true;

pub(super) fn compress(bytes: Vec<u8>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::default());
    // Memory takes all of it.
    let written = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}
