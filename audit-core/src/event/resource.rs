//! What was acted on.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::short::Short;
use super::text::{Altered, MAX_ID, MAX_NAME, MAX_WORD, is_printable, line};

/// What an event is about: a type, an opaque id, a name at the time (personal), and what it is part of.
///
/// ```
/// use audit_core::Resource;
/// let page = Resource::new("page", "p-7").parent("wiki", "w-1");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) id: Option<Short>,
    pub(crate) name: Option<String>,
    pub(crate) parent: Option<(String, String)>,
    pub(crate) altered: Altered,
}

/// Without what is personal.
impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("kind", &self.kind)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Resource {
    /// A resource of a type (`invoice`), with its id.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        let mut resource = Self::of_type(kind);
        resource.set_id(Short::Far(id.into()));
        resource
    }

    /// A resource whose id is not known (yet): it is to be created, or could not be read.
    #[must_use]
    pub fn of_type(kind: impl Into<String>) -> Self {
        let mut altered = Vec::new();
        Self {
            kind: line(kind, MAX_WORD, "/resource/type", &mut altered).into(),
            id: None,
            name: None,
            parent: None,
            altered,
        }
    }

    /// The same of a type that needs no copy.
    pub(crate) fn of_static_type(kind: &'static str) -> Self {
        if kind.len() > MAX_WORD || !is_printable(kind.as_bytes()) {
            return Self::of_type(kind);
        }
        let kind = Cow::Borrowed(kind);
        Self { kind, id: None, name: None, parent: None, altered: Vec::new() }
    }

    pub(crate) fn set_id(&mut self, id: Short) {
        let is_usual = id.bytes().len() <= MAX_ID && is_printable(id.bytes());
        self.id = Some(match is_usual {
            true => id,
            false => Short::Far(line(id, MAX_ID, "/resource/id", &mut self.altered)),
        });
    }

    /// Its name as it is now. Personal.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(line(name, MAX_NAME, "/resource/name", &mut self.altered));
        self
    }

    /// What it is part of: type and id.
    #[must_use]
    pub fn parent(mut self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.parent = Some((
            line(kind, MAX_WORD, "/resource/parent/type", &mut self.altered),
            line(id, MAX_ID, "/resource/parent/id", &mut self.altered),
        ));
        self
    }
}

/// One changed place of a resource: its JSON pointer (RFC 6901) and the value before and after; nothing
/// on one side where the place was added or removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where, as a JSON pointer into the resource: `/amount`.
    pub path: String,
    /// The value before; none where it was added.
    pub before: Option<Value>,
    /// The value after; none where it was removed.
    pub after: Option<Value>,
}
