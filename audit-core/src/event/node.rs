//! A value, and what of it may not stand in the clear: the tree behind a snapshot.

use std::collections::BTreeMap;

use serde_json::Value;

use super::payload::child;

/// Tells a redacted value from another one without keeping it; nothing where its type cannot be read.
pub(crate) type Fingerprint = Option<[u8; 32]>;

/// Has no `Debug`, as it holds what is not to be shown.
#[derive(Clone, PartialEq)]
pub(crate) enum Node {
    /// Null, a boolean, a number or a text.
    Scalar(Value),
    Array(Vec<Node>),
    Object(BTreeMap<String, Node>),
    /// Stands in an event as a commitment, as a whole.
    Personal(Box<Node>),
    /// Stands nowhere.
    Redacted(Fingerprint),
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(name, item)| (name, item.into())).collect())
            }
            scalar => Self::Scalar(scalar),
        }
    }
}

/// What is known of nodes that were given their place.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) personal: Vec<String>,
    pub(crate) redacted: Vec<String>,
    /// So many bytes they take at the least, in the canonical form and the openings together.
    pub(crate) least: usize,
}

impl Placed {
    /// The JSON that stands at a pointer for a node; nothing for one that is redacted. An array keeps the
    /// place of a redacted item, as the others would have other indices without it.
    pub(crate) fn place(&mut self, node: &Node, pointer: &str) -> Option<Value> {
        self.takes(1);
        match node {
            Node::Scalar(value) => {
                self.takes(value.as_str().map_or(0, str::len));
                Some(value.clone())
            }
            Node::Array(items) => {
                let items = items.iter().enumerate();
                let mut place = |(i, item)| self.place(item, &format!("{pointer}/{i}"));
                Some(items.map(|item| place(item).unwrap_or(Value::Null)).collect())
            }
            Node::Object(members) => {
                let mut place = |name: &String, item| {
                    self.takes(name.len());
                    Some((name.clone(), self.place(item, &child(pointer, name))?))
                };
                let members = members.iter();
                Some(Value::Object(members.filter_map(|(name, item)| place(name, item)).collect()))
            }
            Node::Personal(inner) => {
                // What is taken out of it is told at its own place: the names within are part of the value.
                let mut within = Self::default();
                let value = within.place(inner, pointer);
                self.takes(within.least.saturating_add(pointer.len()));
                if !within.redacted.is_empty() {
                    self.redacted.push(pointer.to_owned());
                }
                let value = value?;
                self.personal.push(pointer.to_owned());
                Some(value)
            }
            Node::Redacted(_) => {
                self.redacted.push(pointer.to_owned());
                None
            }
        }
    }

    pub(crate) fn takes(&mut self, bytes: usize) {
        self.least = self.least.saturating_add(bytes);
    }
}
