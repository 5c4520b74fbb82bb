//! What an audited value looks like at one moment.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::jcs::{Out as _, write_json};
use super::node::{Fingerprint, Node, Placed};
use super::payload::payload;
use super::resource::Resource;
use super::text::{Altered, scrubbed};

/// Stands for a value that its `Serialize` could not turn into JSON. The error's own text may quote the
/// value.
const NO_JSON: &str = "[no JSON]";

/// A resource of the application's: what it is, which one, and what it looks like.
///
/// Derived: see the macro of the same name. A type that only stands within others is an [`AuditValue`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no resource of the audit log",
    label = "this type says neither its resource type nor its id",
    note = "write `#[derive(Auditable)]` and `#[audit(resource = \"..\")]` on the type, and `#[audit(id)]` on the field with its id"
)]
pub trait Auditable {
    /// Its type and its id.
    fn resource(&self) -> Resource;

    /// What it looks like now.
    fn snapshot(&self) -> Snapshot;
}

/// A value that knows what of it may stand in an event: a resource, a part of one, or a container of such.
///
/// `#[derive(Auditable)]` implements it for every type that it is on.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a snapshot: it is neither an `AuditValue` nor `serde::Serialize`",
    label = "this type has no form for the audit log",
    note = "write `#[derive(Auditable)]` or `#[derive(serde::Serialize)]` on it; a field can be left out by `#[audit(skip)]` or `#[audit(redact)]`",
    note = "a type parameter counts as what its bounds say: `T: audit_core::AuditValue`"
)]
pub trait AuditValue {
    /// What it looks like now.
    fn audit_value(&self) -> Snapshot;
}

/// A value at one moment: its JSON, which parts of it are personal, and what was taken out of it.
///
/// Of what was taken out it keeps a hash, in memory only, to tell that it changed. `Debug` shows no value.
///
/// ```
/// use audit_core::{AuditValue, Snapshot};
/// use serde_json::json;
///
/// struct Cents(u64);
///
/// impl AuditValue for Cents {
///     fn audit_value(&self) -> Snapshot {
///         json!({"cents": self.0, "currency": "EUR"}).into()
///     }
/// }
///
/// assert_eq!(Some(Cents(5)).audit_value().value(), json!({"cents": 5, "currency": "EUR"}));
/// ```
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) node: Node,
    /// Whether a part does not stand as it came.
    pub(crate) altered: bool,
}

impl Snapshot {
    /// Its JSON, personal values in the clear, without what was taken out.
    #[must_use]
    pub fn value(&self) -> Value {
        Placed::default().place(&self.node, "").unwrap_or_default()
    }

    /// JSON pointers to its personal values.
    #[must_use]
    pub fn personal(&self) -> Vec<String> {
        self.placed().personal
    }

    /// JSON pointers to where the values stood that were taken out.
    #[must_use]
    pub fn redacted(&self) -> Vec<String> {
        self.placed().redacted
    }

    fn placed(&self) -> Placed {
        let mut placed = Placed::default();
        placed.place(&self.node, "");
        placed
    }

    /// As `Serialize` has it.
    pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> Self {
        serde_json::to_value(value)
            .map_or_else(|_| Self { node: Node::Scalar(NO_JSON.into()), altered: true }, Self::from)
    }

    pub(crate) fn array(items: impl IntoIterator<Item = Self>) -> Self {
        let mut altered = false;
        let node = |item: Self| {
            altered |= item.altered;
            item.node
        };
        let node = Node::Array(items.into_iter().map(node).collect());
        Self { node, altered }
    }

    pub(crate) fn into_personal(self) -> Self {
        Self { node: Node::Personal(self.node.into()), ..self }
    }

    /// A value that cannot be read now.
    pub(crate) fn unreadable() -> Self {
        Self { node: Node::Scalar(Value::Null), altered: true }
    }

    /// What is left of a value that is taken out.
    pub(crate) fn taken_out(fingerprint: Fingerprint) -> Self {
        Self { node: Node::Redacted(fingerprint), altered: false }
    }

    /// Tells this snapshot from others, what is redacted in it included.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        self.node.hash_into(&mut hash);
        Some(hash.finalize().into())
    }
}

impl From<Value> for Snapshot {
    fn from(value: Value) -> Self {
        let mut altered = Altered::new();
        let node = payload(value, "", &mut altered).into();
        Self { node, altered: !altered.is_empty() }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Placed { personal, redacted, .. } = self.placed();
        f.debug_struct("Snapshot")
            .field("personal", &personal)
            .field("redacted", &redacted)
            .finish_non_exhaustive()
    }
}

/// The members of an object, while it is put together.
#[derive(Default)]
pub struct Members {
    all: BTreeMap<String, Node>,
    altered: bool,
}

impl Members {
    /// Adds a member. Names are scrubbed here already, so that each pointer to a personal value is right.
    pub(crate) fn add(&mut self, name: &str, value: Snapshot) {
        self.altered |= value.altered;
        self.insert(name, value.node);
    }

    /// Adds the members of an object as members of this one. `None` has none; what is no object stands
    /// under its own name.
    pub(crate) fn spread(&mut self, name: &str, value: Snapshot) {
        self.altered |= value.altered;
        match value.node {
            Node::Object(members) => {
                members.into_iter().for_each(|(name, node)| self.insert(&name, node));
            }
            Node::Scalar(Value::Null) => {}
            other => self.insert(name, other),
        }
    }

    fn insert(&mut self, name: &str, node: Node) {
        let mut unique = scrubbed(name, false).unwrap_or_else(|| name.to_owned());
        // Where two have one name, neither value may hide the other.
        while self.all.contains_key(&unique) {
            unique.push('\u{fffd}');
        }
        self.altered |= unique != name;
        self.all.insert(unique, node);
    }
}

impl From<Members> for Snapshot {
    fn from(members: Members) -> Self {
        Self { node: Node::Object(members.all), altered: members.altered }
    }
}

/// The fingerprint of a value by its `Serialize`.
pub(crate) fn serialized(value: &(impl Serialize + ?Sized)) -> Fingerprint {
    let mut hash = Sha256::new();
    write_json(&mut hash, &serde_json::to_value(value).ok()?);
    Some(hash.finalize().into())
}

/// The fingerprint of a value by its `Hash`.
pub(crate) fn hashed(value: &(impl Hash + ?Sized)) -> Fingerprint {
    let mut hash = Hash256::default();
    value.hash(&mut hash);
    Some(hash.0.finalize().into())
}

#[derive(Default)]
struct Hash256(Sha256);

impl Hasher for Hash256 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks for the short form.
    fn finish(&self) -> u64 {
        0
    }
}

impl Node {
    /// Each kind of node begins with a byte of its own, and its parts end with one, so that no two trees
    /// give the same bytes.
    fn hash_into(&self, hash: &mut Sha256) {
        match self {
            Self::Scalar(value) => write_json(hash, value),
            Self::Array(items) => {
                hash.push("[");
                for item in items {
                    item.hash_into(hash);
                    hash.push(",");
                }
                hash.push("]");
            }
            Self::Object(members) => {
                hash.push("{");
                for (name, item) in members {
                    write_json(hash, &Value::from(name.as_str()));
                    item.hash_into(hash);
                    hash.push(",");
                }
                hash.push("}");
            }
            Self::Personal(inner) => inner.hash_into(hash),
            Self::Redacted(fingerprint) => {
                hash.push("#");
                fingerprint.iter().for_each(|bytes| hash.update(bytes));
            }
        }
    }
}
