//! What is no message, too much of it, or too slow: each way in says why, stores nothing of it, and takes the next one.

mod bodies;
#[path = "../common/mod.rs"]
mod common;
mod grpc;
mod http;

use std::io::Write as _;

use common::{Running, request, span};
use flate2::{Compression, write::GzEncoder};
use prost::Message;

pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

pub(crate) fn good() -> Vec<u8> {
    request("shop", vec![span(1, 1, None, "a")]).encode_to_vec()
}

/// Nothing came of it, and the viewer lives.
pub(crate) async fn assert_well(viewer: &Running) {
    assert_eq!(viewer.traces().await, 0, "nothing was stored by halves");
    viewer.send_spans("shop", vec![span(1, 1, None, "a")]).await;
    assert_eq!(viewer.traces().await, 1, "and it lives");
}

/// A length-delimited field.
pub(crate) fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::encode_key(
        number,
        prost::encoding::WireType::LengthDelimited,
        &mut field,
    );
    prost::encode_length_delimiter(content.len(), &mut field).unwrap();
    field.extend_from_slice(content);
    field
}

/// Spans of two bytes each.
pub(crate) fn hollow(count: usize) -> Vec<u8> {
    field(1, &field(2, &field(2, &[]).repeat(count)))
}

/// A resource of a MiB in each of as many scopes, with something in them or nothing.
pub(crate) fn wide(scopes: usize, content: &[u8]) -> Vec<u8> {
    let text = field(1, &vec![b'a'; 1 << 20]);
    let resource = field(1, &field(1, &field(2, &text)));
    field(1, &[resource, field(2, content).repeat(scopes)].concat())
}

/// An attribute whose value is a list of a list of …
pub(crate) fn deep(levels: usize) -> Vec<u8> {
    let value = (0..levels).fold(Vec::new(), |inner, _| field(5, &field(1, &inner)));
    field(1, &field(2, &field(2, &field(9, &field(2, &value)))))
}

pub(crate) fn deep_json(levels: usize) -> String {
    let opened = r#"{"arrayValue":{"values":["#.repeat(levels);
    let value = format!("{opened}{{}}{}", "]}}".repeat(levels));
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{value}}}]}}}}]}}"#
    )
}
