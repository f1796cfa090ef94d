//! What a trace can be found by, in few bytes: Bloom filters of its attributes, names and texts.
//!
//! A filter says *no* for sure and *yes* with few mistakes: what it lets pass is looked at. Hashes are kept in files, so
//! they are our own and stay as they are.

use std::collections::HashMap;

use opentelemetry_proto::tonic::trace::v1::Span;

use super::words;
use crate::ids::TraceId;

/// A filter while it is filled. Its length is a power of two, so that it can be halved afterwards.
#[derive(Debug)]
struct Filter {
    words: Vec<u64>,
}

/// Filters of the traces of a group.
#[derive(Debug, Default)]
pub(crate) struct Sketches {
    filters: HashMap<TraceId, Vec<u8>>,
}

/// What is looked for: for each of these, a filter must have all hashes of one of the alternatives.
#[derive(Debug, Default)]
pub(super) struct Wanted(Vec<Vec<Vec<u32>>>);

const TAG: u64 = 1;
const GRAM: u64 = 2;
const ORIGIN: u64 = 3;
const OPERATION: u64 = 4;
/// Longest run of bytes that texts are cut into.
const LONGEST_GRAM: usize = 3;
/// 64-bit words of a filter at most.
const MOST: usize = 1 << 17;

impl Sketches {
    /// Of the spans of one resource and scope.
    pub(crate) fn of<'s>(
        service: &str,
        print: i64,
        spans: impl Iterator<Item = (TraceId, &'s Span)>,
    ) -> Self {
        let mut by_trace: HashMap<TraceId, Vec<&Span>> = HashMap::new();
        for (trace, span) in spans {
            by_trace.entry(trace).or_default().push(span);
        }
        let filters = by_trace
            .into_iter()
            .map(|(trace, spans)| (trace, filter(service, print, &spans)))
            .collect();
        Self { filters }
    }

    pub(super) fn get(&self, trace: TraceId) -> &[u8] {
        self.filters.get(&trace).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn weight(&self) -> usize {
        self.filters.values().map(Vec::len).sum()
    }
}

fn filter(service: &str, print: i64, spans: &[&Span]) -> Vec<u8> {
    let mut bytes = 0;
    for span in spans {
        bytes += span.name.len();
        words::each(span, |_, value| bytes += value.len() + 1);
    }
    let mut filter = Filter::with_room(bytes);
    filter.add(origin(print));
    for span in spans {
        filter.add(operation(None, words::name(&span.name)));
        filter.add(operation(Some(service), words::name(&span.name)));
        grams(words::name(&span.name), |gram| filter.add(gram));
        words::each(span, |key, value| {
            filter.add(tag(key, value));
            grams(value, |gram| filter.add(gram));
        });
    }
    filter.close()
}

impl Filter {
    fn with_room(bytes: usize) -> Self {
        // Three grams begin at each byte, and each sets two bits of eight.
        let words = (bytes * LONGEST_GRAM / 8).next_power_of_two();
        Self {
            words: vec![0; words.clamp(1, MOST)],
        }
    }

    fn add(&mut self, hash: u32) {
        for bit in bits(hash) {
            let at = (bit >> 6) as usize & (self.words.len() - 1);
            if let Some(word) = self.words.get_mut(at) {
                *word |= 1 << (bit & 63);
            }
        }
    }

    /// Halved while at most a quarter of its bits are set; after its length, in words.
    fn close(mut self) -> Vec<u8> {
        while self.words.len() > 1 {
            let half = self.words.len() / 2;
            let (low, high) = self.words.split_at(half);
            let folded: Vec<_> = low.iter().zip(high).map(|(low, high)| low | high).collect();
            let ones: u32 = folded.iter().map(|word| word.count_ones()).sum();
            if ones as usize > half * 16 {
                break;
            }
            self.words = folded;
        }
        let mut bytes = (self.words.len() as u32).to_le_bytes().to_vec();
        for word in self.words {
            bytes.extend(word.to_le_bytes());
        }
        bytes
    }
}

impl Wanted {
    /// An attribute: of a span, or of one of the origins.
    pub(super) fn tag(&mut self, key: &str, value: &str, origins: &[i64]) {
        self.either(vec![tag(key, value)], origins);
    }

    /// A text in a value or a name: of a span, or in one of the origins.
    pub(super) fn text(&mut self, text: &str, origins: &[i64]) {
        let longest = text.len().min(LONGEST_GRAM);
        let mut all = Vec::new();
        for part in text.as_bytes().windows(longest.max(1)) {
            all.push(gram(part));
        }
        self.either(all, origins);
    }

    pub(super) fn operation(&mut self, service: Option<&str>, name: &str) {
        self.either(vec![operation(service, name)], &[]);
    }

    fn either(&mut self, of_span: Vec<u32>, origins: &[i64]) {
        let origins = origins.iter().map(|print| vec![origin(*print)]);
        self.0.push([of_span].into_iter().chain(origins).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a trace of these filters may have it all; if not, it has not.
    pub(super) fn may_be_in(&self, bits: &[u8]) -> bool {
        self.0.iter().all(|alternatives| {
            each(bits).any(|filter| {
                alternatives
                    .iter()
                    .any(|hashes| hashes.iter().all(|hash| has(filter, *hash)))
            })
        })
    }
}

/// The filters that were written one after the other.
fn each(mut bits: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bits.split_first_chunk::<4>()?;
        let (filter, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize * 8)?;
        bits = rest;
        Some(filter)
    })
}

fn has(filter: &[u8], hash: u32) -> bool {
    bits(hash).into_iter().all(|bit| {
        let bit = bit as usize & (filter.len() * 8).wrapping_sub(1);
        filter
            .get(bit >> 3)
            .is_some_and(|byte| byte >> (bit & 7) & 1 == 1)
    })
}

fn bits(hash: u32) -> [u32; 2] {
    [hash, hash.rotate_left(16).wrapping_mul(0x9E37_79B1) >> 5]
}

fn grams(text: &str, mut add: impl FnMut(u32)) {
    for length in 1..=LONGEST_GRAM {
        text.as_bytes()
            .windows(length)
            .for_each(|part| add(gram(part)));
    }
}

/// In any case of ASCII's letters.
fn gram(part: &[u8]) -> u32 {
    let number = part.iter().fold(part.len() as u64, |number, byte| {
        number << 8 | u64::from(byte.to_ascii_lowercase())
    });
    mix(GRAM << 40 | number)
}

fn tag(key: &str, value: &str) -> u32 {
    mix(chain(chain(TAG, key), value))
}

fn origin(print: i64) -> u32 {
    mix(ORIGIN.wrapping_mul(0x0100_0000_01B3) ^ print.cast_unsigned())
}

fn operation(service: Option<&str>, name: &str) -> u32 {
    let start = service.map_or(OPERATION, |service| chain(OPERATION, service));
    mix(chain(start, name))
}

/// FNV-1a, and the end of the text.
fn chain(start: u64, text: &str) -> u64 {
    text.bytes()
        .chain([0xFF])
        .fold(start ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
}

fn mix(number: u64) -> u32 {
    let number = (number ^ (number >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((number ^ (number >> 32)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 32) as u32
}
