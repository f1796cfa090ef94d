//! YAML as a tree that knows its lines: variables are put in before a plain scalar has a type, and only into scalars.

use std::{collections::HashMap, rc::Rc};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::substitute::substitute;

/// A value, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// YAML 1.2's core schema.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Rc<Node>>),
    Map(Vec<(String, Rc<Node>)>),
}

/// Nobody writes a configuration that is this deep.
const DEEPEST: usize = 64;
/// An alias of aliases of aliases would be a tree of any size.
const MOST: usize = 100_000;

struct Builder<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    anchors: HashMap<usize, Rc<Node>>,
    nodes: usize,
}

/// The one document of a text, or the line and what is wrong with it.
pub(super) fn parse(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Node, String> {
    let mut builder = Builder {
        parser: Parser::new_from_str(text),
        lookup,
        anchors: HashMap::new(),
        nodes: 0,
    };
    loop {
        let (event, line) = builder.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => {
                return Ok(Node {
                    line,
                    value: Value::Null,
                });
            }
            event => {
                let root = builder.node(event, line, 0)?;
                builder.end()?;
                return Ok(Rc::unwrap_or_clone(root));
            }
        }
    }
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), String> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(format!(
                "line {}: this is no YAML: {}",
                error.marker().line(),
                error.info()
            )),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    /// Nothing follows the one document.
    fn end(&mut self) -> Result<(), String> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), line) => {
                    return Err(format!("line {line}: a second document is not supported"));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Rc<Node>, String> {
        self.nodes += 1;
        if depth > DEEPEST || self.nodes > MOST {
            return Err(format!("line {line}: this is too much"));
        }
        let (value, anchor) = match event {
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).map(Rc::clone);
                return known.ok_or_else(|| format!("line {line}: this alias has no anchor"));
            }
            Event::Scalar(text, style, anchor, tag) => {
                let text =
                    substitute(&text, self.lookup).map_err(|why| format!("line {line}: {why}"))?;
                let is_text = style != ScalarStyle::Plain || is_text(tag.as_deref());
                (scalar(text, is_text), anchor)
            }
            Event::SequenceStart(anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.map(line, depth)?, anchor),
            _ => return Err(format!("line {line}: this is no value")),
        };
        let node = Rc::new(Node { line, value });
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let mut list = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(list)),
                (event, line) => list.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, begins: usize, depth: usize) -> Result<Value, String> {
        let mut map: Vec<(String, Rc<Node>)> = Vec::new();
        loop {
            let (key, line) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(map)),
                // A key is no place for a variable.
                (Event::Scalar(key, ..), line) => (key.into_owned(), line),
                _ => return Err(format!("line {begins}: a key is no text")),
            };
            if map.iter().any(|(known, _)| *known == key) {
                return Err(format!("line {line}: {key} is there twice"));
            }
            let (event, line) = self.next()?;
            map.push((key, self.node(event, line, depth + 1)?));
        }
    }
}

/// Whether a tag says that a plain scalar is a text.
fn is_text(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| {
        tag.handle == "!" && tag.suffix.is_empty()
            || tag.is_yaml_core_schema() && tag.suffix == "str"
    })
}

fn scalar(text: String, is_text: bool) -> Value {
    if is_text {
        return Value::Text(text);
    }
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        _ => {}
    }
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix)?;
        let plain = digits.chars().all(|c| c.is_ascii_alphanumeric());
        plain
            .then(|| i64::from_str_radix(digits, radix).ok())
            .flatten()
    };
    if let Some(int) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return Value::Int(int);
    }
    if let Ok(int) = text.parse() {
        return Value::Int(int);
    }
    // Rust reads words such as "infinity" too.
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E');
    match text.parse() {
        Ok(float) if text.chars().all(numeric) => Value::Float(float),
        _ => Value::Text(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(yaml: &str) -> Value {
        let lookup = |name: &str| {
            let value = match name {
                "BOOL" => "true",
                "INT" => "1",
                "HEX" => "0xdeadbeef",
                "MAP" => "value\nkey:value",
                _ => return None,
            };
            Some(value.to_owned())
        };
        match parse(yaml, &lookup).unwrap().value {
            Value::Map(map) => map[0].1.value.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn types_are_found_after_variables_are_put_in() {
        for (yaml, want) in [
            ("key: ${BOOL}", Value::Bool(true)),
            ("key: ${INT}", Value::Int(1)),
            ("key: ${HEX}", Value::Int(0xdead_beef)),
            ("key: ${NONE}", Value::Null),
            ("key: ${NONE:-1.5}", Value::Float(1.5)),
            ("key: \"${BOOL}\"", Value::Text("true".into())),
            ("key: '${INT}'", Value::Text("1".into())),
            ("key: !!str ${INT}", Value::Text("1".into())),
            ("key: ${MAP}", Value::Text("value\nkey:value".into())),
            ("key: yes", Value::Text("yes".into())),
            ("key: infinity", Value::Text("infinity".into())),
            ("key: 0o17", Value::Int(15)),
            ("key: 1.2.3", Value::Text("1.2.3".into())),
            ("${INT}: a", Value::Text("a".into())),
            ("key:", Value::Null),
        ] {
            assert_eq!(key(yaml), want, "{yaml}");
        }
    }

    #[test]
    fn what_is_wrong_has_a_line() {
        for (yaml, want) in [
            ("a: 1\nb: [", "line "),
            ("a: 1\nb: 2\na: 3", "line 3: a is there twice"),
            ("a:\n  b: ${1X}", "line 2: ${1X} is no reference"),
            ("a: *b", "line 1: "),
            ("a: 1\n---\nb: 2", "line 2: a second document"),
            ("{a: 1}\nb: 2", "line 2: "),
        ] {
            let error = parse(yaml, &|_| None).unwrap_err();
            assert!(error.starts_with(want), "{yaml}: {error}");
        }
    }

    #[test]
    fn anchors_are_followed_and_depth_has_an_end() {
        let root = parse("a: &x {b: 1}\nc: *x", &|_| None).unwrap();
        let Value::Map(map) = root.value else {
            panic!()
        };
        assert_eq!(map[0].1.value, map[1].1.value);
        assert!(parse(&"[".repeat(200), &|_| None).is_err());
    }
}
