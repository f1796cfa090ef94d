//! Going through a file by its names, with a note of all that is wrong.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use super::tree::{Node, Value};
use crate::setup::env::values::Words;

/// What is wrong, in the order of its finding.
#[derive(Default)]
pub(super) struct Problems {
    found: RefCell<Vec<String>>,
    /// What is there, and at which line: for those who want to know who said a thing.
    pub(super) paths: RefCell<BTreeMap<String, usize>>,
}

/// A value and the way to it.
#[derive(Clone)]
pub(super) struct At<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
    pub(super) problems: &'a Problems,
}

/// What is in a mapping. Whatever nobody has asked for when it is dropped is wrong.
pub(super) struct Fields<'a> {
    at: At<'a>,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    key: &'a str,
    node: &'a Rc<Node>,
    is_known: Cell<bool>,
}

impl Problems {
    pub(super) fn add(&self, problem: String) {
        self.found.borrow_mut().push(problem);
    }

    pub(super) fn all(self) -> Vec<String> {
        self.found.into_inner()
    }
}

impl<'a> At<'a> {
    pub(super) fn root(node: &'a Node, problems: &'a Problems) -> Self {
        Self {
            node,
            path: String::new(),
            problems,
        }
    }

    pub(super) fn wrong(&self, why: &str) {
        let line = self.node.line;
        let problem = match self.path.as_str() {
            "" => format!("line {line}: the file {why}"),
            path => format!("line {line}: {path}: {why}"),
        };
        self.problems.add(problem);
    }

    /// The entries of a mapping; none for null.
    pub(super) fn fields(&self) -> Fields<'a> {
        let entries: &[(String, Rc<Node>)] = match &self.node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.wrong("is no mapping");
                &[]
            }
        };
        Fields {
            at: self.clone(),
            entries: entries
                .iter()
                .map(|(key, node)| Entry {
                    key,
                    node,
                    is_known: Cell::new(false),
                })
                .collect(),
        }
    }

    /// The one entry of a mapping that chooses, such as an exporter.
    pub(super) fn chosen(&self) -> Option<(&'a str, Self)> {
        match &self.node.value {
            Value::Map(entries) => {
                if let [(key, node)] = entries.as_slice() {
                    return Some((key, self.below(key, node)));
                }
                self.wrong("has not exactly one entry");
            }
            _ => self.wrong("is no mapping of one entry"),
        }
        None
    }

    /// The elements of a list; none for null.
    pub(super) fn list(&self) -> Vec<Self> {
        match &self.node.value {
            Value::List(list) => list
                .iter()
                .enumerate()
                .map(|(index, node)| Self {
                    node,
                    path: format!("{}[{index}]", self.path),
                    problems: self.problems,
                })
                .collect(),
            Value::Null => Vec::new(),
            _ => {
                self.wrong("is no list");
                Vec::new()
            }
        }
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                self.wrong("is no text: it wants quotes");
                None
            }
            _ => {
                self.wrong("is no text");
                None
            }
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.node.value {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.wrong("is neither true nor false");
                None
            }
        }
    }

    /// A whole number from this on.
    pub(super) fn number(&self, least: u32) -> Option<u32> {
        self.within(least, u32::MAX)
    }

    /// A whole number from this to that.
    pub(super) fn within(&self, least: u32, most: u32) -> Option<u32> {
        match self.node.value {
            Value::Int(number) => match u32::try_from(number) {
                Ok(number) if (least..=most).contains(&number) => Some(number),
                _ => {
                    self.wrong(&format!("is not from {least} to {most}"));
                    None
                }
            },
            _ => {
                self.wrong("is no whole number");
                None
            }
        }
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self.node.value {
            Value::Float(number) => Some(number),
            Value::Int(number) => Some(number as f64),
            _ => {
                self.wrong("is no number");
                None
            }
        }
    }

    /// A number from 0 to 1.
    pub(super) fn ratio(&self) -> Option<f64> {
        let ratio = self.float()?;
        if (0.0..=1.0).contains(&ratio) {
            return Some(ratio);
        }
        self.wrong("is not a number from 0 to 1");
        None
    }

    pub(super) fn millis(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.number(0)?.into()))
    }

    pub(super) fn word<T: Copy>(&self, words: &Words<T>) -> Option<T> {
        let word = self.text()?;
        match words.find(word) {
            Ok(value) => Some(value),
            Err(why) => {
                self.wrong(&format!("{word:?} {why}"));
                None
            }
        }
    }

    fn below(&self, key: &str, node: &'a Node) -> Self {
        let path = match self.path.as_str() {
            "" => key.to_owned(),
            path => format!("{path}.{key}"),
        };
        Self {
            node,
            path,
            problems: self.problems,
        }
    }
}

impl<'a> Fields<'a> {
    /// The value of this name, unless it is null.
    pub(super) fn get(&self, name: &str) -> Option<At<'a>> {
        let found = self
            .entry(name)
            .filter(|at| !matches!(at.node.value, Value::Null))?;
        let mut paths = found.problems.paths.borrow_mut();
        paths.insert(found.path.clone(), found.node.line);
        drop(paths);
        Some(found)
    }

    /// The value of this name or of the one it has while it is under development.
    pub(super) fn get_either(&self, name: &str) -> Option<At<'a>> {
        let early = self.get(&format!("{name}/development"));
        self.get(name).or(early)
    }

    /// The value of this name. That there is none is wrong.
    pub(super) fn need(&self, name: &str) -> Option<At<'a>> {
        let found = self.get(name);
        if found.is_none() {
            self.at.wrong(&format!("has no {name}"));
        }
        found
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.text()
    }

    /// An entry, null or not.
    pub(super) fn entry(&self, name: &str) -> Option<At<'a>> {
        let entry = self.entries.iter().find(|entry| entry.key == name)?;
        entry.is_known.set(true);
        Some(self.at.below(entry.key, entry.node))
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        for entry in self.entries.iter().filter(|entry| !entry.is_known.get()) {
            self.at
                .below(entry.key, entry.node)
                .wrong("is not supported");
        }
    }
}
