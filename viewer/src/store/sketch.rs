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
/// Texts are cut into runs of as many bytes; shorter ones are not looked for in filters.
pub(super) const GRAM_BYTES: usize = 3;
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
        words::each(span, |_, value| {
            bytes += words::beginning(value).len() + 1;
        });
    }
    let mut filter = Filter::with_room(bytes);
    filter.add(origin(print));
    for span in spans {
        let name = words::name(&span.name);
        filter.add(operation(None, name));
        filter.add(operation(Some(service), name));
        filter.add(grams(name));
        words::each(span, |key, value| {
            filter.add(tag(key, value));
            filter.add(grams(words::beginning(value)));
        });
    }
    filter.close()
}

impl Filter {
    fn with_room(bytes: usize) -> Self {
        // A gram begins at each byte, and sets two bits of eight.
        let words = (bytes / 8).next_power_of_two();
        Self {
            words: vec![0; words.clamp(1, MOST)],
        }
    }

    fn add(&mut self, hashes: impl IntoIterator<Item = u32>) {
        for bit in hashes.into_iter().flat_map(bits) {
            let at = (bit >> 6) as usize & (self.words.len() - 1);
            if let Some(word) = self.words.get_mut(at) {
                *word |= 1 << (bit & 63);
            }
        }
    }

    /// Halved while at most a quarter of its bits are set.
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
        self.words.into_iter().flat_map(u64::to_le_bytes).collect()
    }
}

impl Wanted {
    /// An attribute: of a span, or of one of the origins.
    pub(super) fn tag(&mut self, key: &str, value: &str, origins: &[i64]) {
        self.either(tag(key, value).into(), origins);
    }

    /// A text in a value or a name: of a span, or in one of the origins.
    pub(super) fn text(&mut self, text: &str, origins: &[i64]) {
        self.either(grams(text).collect(), origins);
    }

    pub(super) fn operation(&mut self, service: Option<&str>, name: &str) {
        self.either(operation(service, name).into(), &[]);
    }

    fn either(&mut self, of_span: Vec<u32>, origins: &[i64]) {
        // Few ask for more; the trace itself tells the rest.
        if self.0.len() == u64::BITS as usize {
            return;
        }
        let origins = origins.iter().map(|print| origin(*print).into());
        self.0.push([of_span].into_iter().chain(origins).collect());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of it a trace may have that has this filter, a bit for each: what no filter of a trace has, it has not.
    pub(super) fn may_be_in(&self, filter: &[u8]) -> u64 {
        let mut found = 0;
        for (index, alternatives) in self.0.iter().enumerate() {
            let is_there = alternatives
                .iter()
                .any(|hashes| hashes.iter().all(|hash| has(filter, *hash)));
            found |= u64::from(is_there) << index;
        }
        found
    }

    /// The bits of all that is looked for.
    pub(super) fn all(&self) -> u64 {
        (0..self.0.len()).fold(0, |all, index| all | 1 << index)
    }
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

/// In any case of ASCII's letters.
fn grams(text: &str) -> impl Iterator<Item = u32> {
    text.as_bytes().windows(GRAM_BYTES).map(|part| {
        let number = part.iter().fold(0, |number, byte| {
            number << 8 | u64::from(byte.to_ascii_lowercase())
        });
        mix(GRAM << 40 | number)
    })
}

fn tag(key: &str, value: &str) -> [u32; 2] {
    let key = chain(TAG, words::beginning(key));
    twice(chain(key, words::beginning(value)))
}

fn origin(print: i64) -> [u32; 2] {
    twice(ORIGIN.wrapping_mul(0x0100_0000_01B3) ^ print.cast_unsigned())
}

fn operation(service: Option<&str>, name: &str) -> [u32; 2] {
    let start = service.map_or(OPERATION, |service| chain(OPERATION, service));
    twice(chain(start, name))
}

/// What is looked for by itself has twice the bits: a mistake would be made in all traces of a kind.
fn twice(number: u64) -> [u32; 2] {
    [mix(number), mix(!number)]
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

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

    use super::*;

    fn span(number: u32) -> Span {
        let attribute = |key: &str, value: String| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue {
                value: Some(Value::StringValue(value)),
            }),
            ..KeyValue::default()
        };
        Span {
            name: format!("GET /orders/{}", number % 7),
            attributes: vec![
                attribute(
                    "order",
                    format!("ord-{:08x}", number.wrapping_mul(0x9E37_79B1)),
                ),
                attribute("agent", "Mozilla/5.0 (X11; Linux x86_64)".to_owned()),
            ],
            ..Span::default()
        }
    }

    #[test]
    fn what_is_there_passes_and_little_else_does() {
        let trace = TraceId([1; 16]);
        let mut mistakes = 0;
        for number in 0..1000 {
            let spans = [span(number), span(number + 5000)];
            let sketches = Sketches::of("shop", 7, spans.iter().map(|span| (trace, span)));
            // A late part of the trace has a filter of its own.
            let late = Sketches::of("late", 8, [(trace, &span(number + 9000))].into_iter());
            let passes = |fill: &dyn Fn(&mut Wanted)| {
                let mut wanted = Wanted::default();
                fill(&mut wanted);
                let found = [&sketches, &late].map(|part| wanted.may_be_in(part.get(trace)));
                found[0] | found[1] == wanted.all()
            };
            for there in [number, number + 5000, number + 9000] {
                let order = format!("ord-{:08x}", there.wrapping_mul(0x9E37_79B1));
                assert!(passes(&|wanted| wanted.tag("order", &order, &[])));
                assert!(passes(
                    &|wanted| wanted.text(&order[3..].to_uppercase(), &[])
                ));
            }
            let name = format!("GET /orders/{}", number % 7);
            assert!(passes(&|wanted| wanted.operation(Some("shop"), &name)));
            assert!(passes(&|wanted| wanted.operation(None, &name)));
            assert!(
                passes(&|wanted| wanted.tag("host", "any", &[3, 8])),
                "its origin has it"
            );
            let gone = format!("ord-{:08x}", (number + 77).wrapping_mul(0x9E37_79B1));
            mistakes += usize::from(passes(&|wanted| wanted.tag("order", &gone, &[])));
            mistakes += usize::from(passes(&|wanted| wanted.operation(Some("mailer"), &name)));
            mistakes += usize::from(passes(&|wanted| wanted.text(&gone, &[])));
            mistakes += usize::from(passes(&|wanted| wanted.tag("host", "any", &[3])));
        }
        assert!(mistakes < 100, "{mistakes} of 4000");
    }
}
