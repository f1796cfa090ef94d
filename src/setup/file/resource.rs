//! `resource`.

use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::{tree, walk::At};
use crate::setup::{
    detectors,
    env::{
        Env,
        values::{Pair, Words, pairs},
    },
    settings::{Detector, Resource},
};

/// What the type of an attribute is called.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Bool,
    Int,
    Double,
    Texts,
    Bools,
    Ints,
    Doubles,
}

const TYPES: Words<Type> = Words::of(
    "is no known type",
    &[
        ("string", Type::Text),
        ("bool", Type::Bool),
        ("int", Type::Int),
        ("double", Type::Double),
        ("string_array", Type::Texts),
        ("bool_array", Type::Bools),
        ("int_array", Type::Ints),
        ("double_array", Type::Doubles),
    ],
);

pub(super) fn resource(at: Option<&At<'_>>, env: &Env) -> Resource {
    let mut resource = Resource::default();
    let Some(at) = at else {
        return resource;
    };
    let fields = at.fields();
    if let Some(at) = fields.get_either("detection") {
        detection(&at, env, &mut resource);
    }
    if let Some(at) = fields.get("attributes_list")
        && let Some(text) = at.text()
    {
        for (index, pair) in pairs(text).enumerate() {
            match pair {
                Pair::Good(key, value) => resource.attributes.push(KeyValue::new(key, value)),
                Pair::Bad(why) => at.wrong(&format!("member {} {why}", index + 1)),
            }
        }
    }
    for at in fields.get("attributes").iter().flat_map(At::list) {
        resource.attributes.extend(attribute(&at));
    }
    resource.schema_url = fields.text("schema_url").map(str::to_owned);
    resource
}

/// A null value is no attribute.
fn attribute(at: &At<'_>) -> Option<KeyValue> {
    let fields = at.fields();
    let name = fields.need("name");
    let named = match fields.get("type") {
        None => Some(Type::Text),
        Some(at) => at.word(&TYPES),
    };
    let value = fields.get("value");
    let name = name?.text()?.to_owned();
    let value = value?;
    let value = match named? {
        Type::Text => Value::from(value.text()?.to_owned()),
        Type::Bool => Value::Bool(value.flag()?),
        Type::Int => Value::I64(int(&value)?),
        Type::Double => Value::F64(value.float()?),
        Type::Texts => Value::Array(Array::String(all(&value, |at| {
            Some(StringValue::from(at.text()?.to_owned()))
        }))),
        Type::Bools => Value::Array(Array::Bool(all(&value, |at| at.flag()))),
        Type::Ints => Value::Array(Array::I64(all(&value, int))),
        Type::Doubles => Value::Array(Array::F64(all(&value, |at| at.float()))),
    };
    Some(KeyValue::new(name, value))
}

fn all<T>(at: &At<'_>, one: impl Fn(&At<'_>) -> Option<T>) -> Vec<T> {
    at.list().iter().filter_map(one).collect()
}

fn int(at: &At<'_>) -> Option<i64> {
    match at.node.value {
        tree::Value::Int(number) => Some(number),
        _ => {
            at.wrong("is no whole number");
            None
        }
    }
}

fn detection(at: &At<'_>, env: &Env, resource: &mut Resource) {
    let fields = at.fields();
    for at in fields.get("detectors").iter().flat_map(At::list) {
        let Some((name, inner)) = at.chosen() else {
            continue;
        };
        let detector = match name {
            "container" => Detector::Container,
            "host" => Detector::Host,
            "process" => Detector::Process,
            "k8s" => Detector::Kubernetes,
            "service" => {
                // The instance's id is there anyhow.
                let name = env.text("OTEL_SERVICE_NAME");
                let name = name.map(|name| KeyValue::new("service.name", name));
                resource.attributes.extend(name);
                continue;
            }
            _ => {
                inner.wrong("is not supported");
                continue;
            }
        };
        drop(inner.fields());
        if !detectors::ARE_THERE {
            inner.wrong("needs throughline's feature `detectors`, which this build is without");
        }
        resource.detectors.push(detector);
    }
}
