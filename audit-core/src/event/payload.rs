//! The user's own JSON inside an event: `before`, `after`, `changes`, `metadata`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::action::is_mark;
use super::fields::Fields;
use super::text::{Altered, scrubbed};

/// Deepest nesting of an event's canonical form; the event itself is level 1.
pub const MAX_DEPTH: usize = 32;

/// A member that can be large, and how it is left out of an event that is too large.
pub(crate) struct Bulk {
    pub(crate) pointer: &'static str,
    /// Says whether there was something.
    clear: fn(&mut Fields) -> bool,
}

/// In the order in which they are given up.
pub(crate) const BULK: [Bulk; 10] = [
    // What a client has sent comes first: it must not drive out what the application says.
    Bulk { pointer: "/metadata/request_body", clear: |fields| forget(fields, "request_body") },
    Bulk {
        pointer: "/metadata/request_headers",
        clear: |fields| forget(fields, "request_headers"),
    },
    Bulk { pointer: "/before", clear: |fields| fields.before.take().is_some() },
    Bulk { pointer: "/after", clear: |fields| fields.after.take().is_some() },
    Bulk { pointer: "/changes", clear: |fields| !std::mem::take(&mut fields.changes).is_empty() },
    Bulk { pointer: "/metadata", clear: |fields| !std::mem::take(&mut fields.metadata).is_empty() },
    Bulk {
        pointer: "/resources",
        clear: |fields| !std::mem::take(&mut fields.resources).is_empty(),
    },
    Bulk { pointer: "/redacted", clear: |fields| !std::mem::take(&mut fields.redacted).is_empty() },
    Bulk { pointer: "/labels", clear: |fields| !std::mem::take(&mut fields.labels).is_empty() },
    Bulk { pointer: "/tags", clear: forget_tags },
];

fn forget(fields: &mut Fields, name: &str) -> bool {
    fields.metadata.remove(name).is_some()
}

fn forget_tags(fields: &mut Fields) -> bool {
    let before = fields.tags.len();
    fields.tags.retain(|tag| is_mark(tag));
    fields.tags.len() < before
}

/// What an event of the log's own says in its metadata, read back from its bytes; nothing where that is not what it says.
pub(crate) fn metadata<T: DeserializeOwned>(canon: &[u8]) -> Option<T> {
    #[derive(Deserialize)]
    struct Own<T> {
        metadata: T,
    }
    serde_json::from_slice(canon).ok().map(|Own { metadata }| metadata)
}

/// Whether a value has at most so many levels. Never looks deeper, however deep the value is.
pub(crate) fn is_shallow(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        return matches!(value, Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_));
    };
    match value {
        Value::Array(items) => items.iter().all(|item| is_shallow(item, below)),
        Value::Object(members) => members.values().all(|item| is_shallow(item, below)),
        _ => true,
    }
}

impl Fields {
    pub(crate) fn leave_out(&mut self, bulk: &Bulk) {
        if (bulk.clear)(self) {
            self.note(bulk.pointer);
            self.settle_personal();
        }
    }

    fn note(&mut self, pointer: &'static str) {
        if !self.altered.contains(&pointer) {
            self.altered.push(pointer);
        }
    }

    /// All payloads, each with the pointer to its member of the event.
    pub(crate) fn payloads(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let changes = self.changes.iter();
        let changes = changes.flat_map(|change| change.before.iter().chain(&change.after));
        let before = self.before.iter().map(|value| ("/before", value));
        let after = self.after.iter().map(|value| ("/after", value));
        let metadata = self.metadata.values().map(|value| ("/metadata", value));
        before.chain(after).chain(changes.map(|value| ("/changes", value))).chain(metadata)
    }

    /// Takes control characters out of the metadata's own names.
    pub(crate) fn scrub_metadata_names(&mut self) {
        if scrub_names(&mut self.metadata) {
            self.note("/metadata");
        }
    }

    /// Keeps of the personal pointers those that name a value of a payload, and of nested ones the
    /// outermost.
    pub(crate) fn settle_personal(&mut self) {
        if self.personal.is_empty() {
            return;
        }
        let pointers = std::mem::take(&mut self.personal);
        let pointers = pointers.iter().filter_map(|pointer| respelled(pointer));
        let pointers: BTreeSet<_> = pointers.flat_map(|pointer| self.values_of(pointer)).collect();
        let mut found = BTreeSet::new();
        for pointer in pointers {
            // Of the metadata's own names, what else it means was found with it.
            let is_own = split_pointer(&pointer).1.matches('/').count() == 1;
            if !(is_own && found.contains(&pointer)) {
                found.extend(self.payloads_at(&pointer));
            }
        }
        let is_within = |pointer: &str| {
            let mut ends = pointer.match_indices('/').filter_map(|(end, _)| pointer.get(..end));
            ends.any(|outer| found.contains(outer))
        };
        self.personal = found.iter().filter(|pointer| !is_within(pointer)).cloned().collect();
    }

    /// The first personal pointer that does not lead into a payload: its value would stand in the clear.
    pub(crate) fn misplaced_personal(&self) -> Option<&str> {
        let leads_into_payload = |pointer: &&String| {
            matches!(split_pointer(pointer).0, "before" | "after" | "changes" | "metadata")
        };
        self.personal.iter().find(|pointer| !leads_into_payload(pointer)).map(String::as_str)
    }

    /// A pointer to all of the metadata, or to a change, as pointers to the values in it; any other as it
    /// is.
    fn values_of(&self, pointer: String) -> Vec<String> {
        match pointer.strip_prefix("/changes") {
            _ if pointer == "/metadata" => {
                self.metadata.keys().map(|name| child(&pointer, name)).collect()
            }
            Some("") => {
                (0..self.changes.len()).flat_map(|i| sides(&format!("/changes/{i}"))).collect()
            }
            Some(index) if index.matches('/').count() == 1 => sides(&pointer).into(),
            _ => vec![pointer],
        }
    }

    /// The pointers to the values that a pointer names: those of all names that were scrubbed into the same.
    fn payloads_at(&self, pointer: &str) -> Vec<String> {
        let (root, inner) = split_pointer(pointer);
        let root_at = pointer.strip_suffix(inner).unwrap_or_default();
        let names = match self.altered.contains(&root_at) {
            true => Names::Scrubbed,
            false => Names::AsTheyCame,
        };
        match root {
            "before" => names.within("/before", self.before.as_ref(), inner),
            "after" => names.within("/after", self.after.as_ref(), inner),
            "metadata" if !inner.is_empty() => names.members("/metadata", &self.metadata, inner),
            "changes" => {
                let (index, inner) = split_pointer(inner);
                let (side, inner) = split_pointer(inner);
                let is_it = |i: &usize| i.to_string() == index;
                let number = index.parse().ok().filter(is_it);
                let change = number.and_then(|i: usize| self.changes.get(i));
                let value = change.and_then(|change| match side {
                    "before" => change.before.as_ref(),
                    "after" => change.after.as_ref(),
                    _ => None,
                });
                names.within(&format!("/changes/{index}/{side}"), value, inner)
            }
            _ => Vec::new(),
        }
    }
}

/// The names in a payload.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    AsTheyCame,
    /// Those that became equal by it have got others ([`renamed`]).
    Scrubbed,
}

impl Names {
    /// The pointers to what stands in a value, at `outer`, where a pointer leads.
    fn within(self, outer: &str, value: Option<&Value>, inner: &str) -> Vec<String> {
        let (name, rest) = split_pointer(inner);
        match value {
            Some(_) if inner.is_empty() => vec![outer.to_owned()],
            Some(Value::Object(members)) => self.members(outer, members, inner),
            Some(Value::Array(items)) => {
                let is_it = |i: &usize| i.to_string() == name;
                let item = name.parse().ok().filter(is_it).and_then(|i: usize| items.get(i));
                self.within(&child(outer, name), item, rest)
            }
            _ => Vec::new(),
        }
    }

    /// The same in an object.
    fn members(self, outer: &str, members: &Map<String, Value>, inner: &str) -> Vec<String> {
        let (name, rest) = split_pointer(inner);
        let name = unescaped(name);
        let mut found = Vec::new();
        for number in 0.. {
            let name = renamed(&name, number);
            let Some(value) = members.get(&name) else { break };
            found.extend(self.within(&child(outer, &name), Some(value), rest));
            if self == Self::AsTheyCame {
                break;
            }
        }
        found
    }
}

/// A pointer as the encoder spells it: RFC 6901, names scrubbed as those of the payloads are.
fn respelled(pointer: &str) -> Option<String> {
    let clean = scrubbed(pointer, false);
    let names = clean.as_deref().unwrap_or(pointer).strip_prefix('/')?.split('/');
    Some(names.fold(String::new(), |pointer, name| child(&pointer, &unescaped(name))))
}

fn sides(change: &str) -> [String; 2] {
    ["before", "after"].map(|side| format!("{change}/{side}"))
}

/// The pointer to a member: RFC 6901, section 3.
pub(crate) fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// The first name of a pointer, still escaped, and the pointer that remains.
fn split_pointer(pointer: &str) -> (&str, &str) {
    let names = pointer.strip_prefix('/').unwrap_or_default();
    names.split_at(names.find('/').unwrap_or(names.len()))
}

/// Takes control characters out of a payload's strings and names, and notes under `pointer` if that
/// changed it. What lies too deep for an event is emptied: the event will be refused, or the payload left
/// out.
pub(crate) fn payload(
    value: impl Into<Value>,
    pointer: &'static str,
    altered: &mut Altered,
) -> Value {
    let mut value = value.into();
    if scrub(&mut value, MAX_DEPTH) && !altered.contains(&pointer) {
        altered.push(pointer);
    }
    value
}

fn scrub(value: &mut Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else {
        empty(value);
        return false;
    };
    match value {
        Value::String(text) => {
            let clean = scrubbed(text, true);
            let changed = clean.is_some();
            if let Some(clean) = clean {
                *text = clean;
            }
            changed
        }
        Value::Array(items) => {
            items.iter_mut().fold(false, |changed, item| scrub(item, below) | changed)
        }
        Value::Object(members) => {
            let changed =
                members.values_mut().fold(false, |changed, item| scrub(item, below) | changed);
            scrub_names(members) | changed
        }
        _ => false,
    }
}

fn scrub_names(members: &mut Map<String, Value>) -> bool {
    if !members.keys().any(|name| scrubbed(name, false).is_some()) {
        return false;
    }
    let mut clean = Map::new();
    // How often a name was there already.
    let mut given = BTreeMap::<String, u32>::new();
    for (name, value) in std::mem::take(members) {
        let name = scrubbed(&name, false).unwrap_or(name);
        let number = given.entry(name.clone()).or_default();
        let mut other = renamed(&name, *number);
        // Two names may differ only in what was scrubbed; neither value may hide the other.
        while clean.contains_key(&other) {
            *number = number.saturating_add(1);
            other = renamed(&name, *number);
        }
        clean.insert(other, value);
    }
    *members = clean;
    true
}

/// A name that is there so often already.
fn renamed(name: &str, number: u32) -> String {
    match number {
        0 => name.to_owned(),
        1 => format!("{name}\u{fffd}"),
        number => format!("{name}\u{fffd}{number}"),
    }
}

/// Takes all out of an array or object. Not by dropping it: a value's own drop follows it down by
/// recursion, and where it is deep enough runs out of stack.
fn empty(value: &mut Value) {
    let mut rest = vec![match value {
        Value::Array(items) => Value::Array(std::mem::take(items)),
        Value::Object(members) => Value::Object(std::mem::take(members)),
        _ => return,
    }];
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => rest.extend(members.into_iter().map(|(_, item)| item)),
            _ => {}
        }
    }
}
