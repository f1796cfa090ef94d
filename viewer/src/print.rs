//! Prints, by which it is told that something came before. They are kept in files, so they stay as they are: SipHash-1-3
//! without a key, of the length of each part as eight bytes, the lowest first, and the part.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// A print while it is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Print(SipHasher13);

impl Print {
    pub(crate) fn and(mut self, part: &[u8]) -> Self {
        self.0.write(&(part.len() as u64).to_le_bytes());
        self.0.write(part);
        self
    }

    pub(crate) fn number(&self) -> i64 {
        self.0.finish().cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_are_what_they_were_in_the_first_files() {
        let print = |parts: &[&[u8]]| {
            let print = parts
                .iter()
                .fold(Print::default(), |print, part| print.and(part));
            print.number()
        };
        assert_eq!(print(&[b""]), -4_800_647_303_603_446_203);
        assert_eq!(print(&[b"a span"]), 1_410_439_689_233_944_786);
        assert_eq!(
            print(&[b"a resource", b"a scope"]),
            4_280_044_929_966_411_692
        );
    }
}
