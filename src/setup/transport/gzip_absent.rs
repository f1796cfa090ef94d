//! In place of gzip, where its feature is off.

pub(super) const IS_ON: bool = false;

pub(super) fn compress(bytes: Vec<u8>) -> Vec<u8> {
    bytes
}
