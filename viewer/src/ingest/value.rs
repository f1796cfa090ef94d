//! Values of OTLP in JSON: numbers as text or not, ids in hexadecimal digits, bytes in base64.

use std::{fmt, marker::PhantomData, str::FromStr};

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use opentelemetry_proto::tonic::common::v1::{self as common, any_value::Value};
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};

pub(super) type Many<T> = Option<Vec<T>>;

#[derive(Deserialize)]
pub(super) struct KeyValue {
    key: Option<String>,
    value: Option<AnyValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnyValue {
    string_value: Option<String>,
    bool_value: Option<bool>,
    int_value: Option<Number<i64>>,
    double_value: Option<Double>,
    array_value: Option<Values<Self>>,
    kvlist_value: Option<Values<KeyValue>>,
    bytes_value: Option<Bytes>,
}

#[derive(Deserialize)]
struct Values<T> {
    values: Many<T>,
}

/// An id.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Hex(Vec<u8>);

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Bytes(Vec<u8>);

/// A whole number, as text or as a number.
pub(super) struct Number<T>(T);
pub(super) type Long = Number<u64>;
pub(super) type Short = Number<u32>;

/// Those that JSON has no number for are text.
struct Double(f64);

/// Padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn many<S, T: From<S>>(list: Many<S>) -> Vec<T> {
    list.unwrap_or_default().into_iter().map(T::from).collect()
}

pub(super) fn hex(id: Option<Hex>) -> Vec<u8> {
    id.map(|Hex(bytes)| bytes).unwrap_or_default()
}

pub(super) fn number<T: Default>(number: Option<Number<T>>) -> T {
    number.map(|Number(number)| number).unwrap_or_default()
}

impl From<KeyValue> for common::KeyValue {
    fn from(of: KeyValue) -> Self {
        Self {
            key: of.key.unwrap_or_default(),
            value: of.value.map(Into::into),
            ..Self::default()
        }
    }
}

impl From<AnyValue> for common::AnyValue {
    fn from(of: AnyValue) -> Self {
        let value = [
            of.string_value.map(Value::StringValue),
            of.bool_value.map(Value::BoolValue),
            of.int_value.map(|Number(value)| Value::IntValue(value)),
            of.double_value
                .map(|Double(value)| Value::DoubleValue(value)),
            of.array_value.map(|list| {
                Value::ArrayValue(common::ArrayValue {
                    values: many(list.values),
                })
            }),
            of.kvlist_value.map(|list| {
                Value::KvlistValue(common::KeyValueList {
                    values: many(list.values),
                })
            }),
            of.bytes_value.map(|Bytes(bytes)| Value::BytesValue(bytes)),
        ];
        let value = value.into_iter().flatten().next();
        Self { value }
    }
}

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => u8::try_from(digit(high)? << 4 | digit(low)?).ok(),
            _ => None,
        });
        bytes.collect::<Option<_>>().map(Self).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            format!("{shown:?} is no id in hexadecimal digits")
        })
    }
}

impl TryFrom<String> for Bytes {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = BASE64.decode(text);
        bytes
            .map(Self)
            .map_err(|error| format!("no base64: {error}"))
    }
}

impl<'de, T> Deserialize<'de> for Number<T>
where
    T: FromStr + TryFrom<u64> + TryFrom<i64>,
{
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NumberVisitor(PhantomData)).map(Self)
    }
}

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DoubleVisitor).map(Self)
    }
}

struct NumberVisitor<T>(PhantomData<T>);
struct DoubleVisitor;

impl<T> Visitor<'_> for NumberVisitor<T>
where
    T: FromStr + TryFrom<u64> + TryFrom<i64>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number within its bounds, as text or a number")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl Visitor<'_> for DoubleVisitor {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or one of \"NaN\", \"Infinity\" and \"-Infinity\"")
    }

    fn visit_f64<E>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_u64<E>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_i64<E>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        text.parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
