//! zstd, at its own default level.

pub(super) const IS_ON: bool = true;

pub(super) fn compress(bytes: Vec<u8>) -> Vec<u8> {
    // Memory takes all of it.
    ::zstd::encode_all(&*bytes, 0).unwrap_or_default()
}
