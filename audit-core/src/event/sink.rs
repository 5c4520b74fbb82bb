//! What canonical bytes are written to: kept, or only counted.

use serde_json::Value;

use super::jcs::{Out, write_array, write_json, write_text};
use super::openings::{Salt, base64url, commitment};

/// What an event is written to.
pub(super) trait Sink: Out {
    /// Writes a personal value: a commitment here, its opening elsewhere.
    fn personal(&mut self, pointer: &str, value: Personal<'_>);
}

/// A personal value.
pub(super) enum Personal<'a> {
    Text(&'a str),
    Json(&'a Value),
}

impl Personal<'_> {
    fn write(&self, out: &mut impl Out) {
        match self {
            Self::Text(text) => write_text(out, text),
            Self::Json(value) => write_json(out, value),
        }
    }
}

/// Keeps canonical bytes and openings.
pub(super) struct Bytes<'a> {
    canon: String,
    openings: String,
    salt: &'a mut dyn FnMut() -> Salt,
}

impl<'a> Bytes<'a> {
    /// Takes a salt for each personal value from `salt`.
    pub(super) fn new(salt: &'a mut dyn FnMut() -> Salt) -> Self {
        Self { canon: String::with_capacity(1024), openings: String::new(), salt }
    }

    /// The canonical bytes, and the openings if there are any.
    pub(super) fn into_parts(mut self) -> (String, Option<String>) {
        if self.openings.is_empty() {
            return (self.canon, None);
        }
        self.openings.push('}');
        (self.canon, Some(self.openings))
    }
}

impl Out for Bytes<'_> {
    fn push(&mut self, text: &str) {
        self.canon.push_str(text);
    }
}

impl Sink for Bytes<'_> {
    fn personal(&mut self, pointer: &str, value: Personal<'_>) {
        let salt = (self.salt)();
        let mut jcs = String::new();
        value.write(&mut jcs);
        write_text(&mut self.canon, &commitment(&salt, &jcs));
        let openings = &mut self.openings;
        openings.push(if openings.is_empty() { '{' } else { ',' });
        write_text(openings, pointer);
        openings.push_str(":[\"");
        openings.push_str(&base64url(&salt));
        openings.push_str("\",");
        openings.push_str(&jcs);
        openings.push(']');
    }
}

/// Counts what [`Bytes`] would keep, without keeping or hashing anything.
#[derive(Default)]
pub(super) struct Size {
    canon: usize,
    openings: usize,
}

impl Size {
    /// Bytes of the canonical form, and of the openings.
    pub(super) fn into_parts(self) -> (usize, usize) {
        // Each opening is counted with one bracket or comma of the object; there is one more of these.
        (self.canon, self.openings.saturating_add(usize::from(self.openings > 0)))
    }
}

impl Out for Size {
    fn push(&mut self, text: &str) {
        self.canon.push(text);
    }
}

impl Sink for Size {
    fn personal(&mut self, pointer: &str, value: Personal<'_>) {
        const COMMITMENT: usize = 43 + 2;
        const SALT: usize = 22 + 2;
        self.canon = self.canon.saturating_add(COMMITMENT);
        let mut value_size = 0_usize;
        value.write(&mut value_size);
        write_text(&mut value_size, pointer);
        self.openings = self.openings.saturating_add(value_size).saturating_add(SALT + 5);
    }
}

/// An object that is being written. Callers name members in the order of RFC 8785; as the names are
/// ASCII, that is the order of their bytes.
pub(super) struct Object<'a, S> {
    out: &'a mut S,
    last: Option<&'static str>,
}

impl<'a, S: Sink> Object<'a, S> {
    pub(super) fn new(out: &'a mut S) -> Self {
        out.push("{");
        Self { out, last: None }
    }

    pub(super) fn member(&mut self, name: &'static str) -> &mut S {
        debug_assert!(self.last < Some(name), "{name} after {:?}", self.last);
        self.out.push(if self.last.is_some() { ",\"" } else { "\"" });
        self.out.push(name);
        self.out.push("\":");
        self.last = Some(name);
        self.out
    }

    pub(super) fn text(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            write_text(self.member(name), value);
        }
    }

    pub(super) fn personal(&mut self, name: &'static str, pointer: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.member(name).personal(pointer, Personal::Text(value));
        }
    }

    pub(super) fn texts<T: AsRef<str>>(&mut self, name: &'static str, values: &[T]) {
        if !values.is_empty() {
            write_array(self.member(name), values, |out, text| write_text(out, text.as_ref()));
        }
    }

    pub(super) fn flag(&mut self, name: &'static str, set: bool) {
        if set {
            self.member(name).push("true");
        }
    }

    pub(super) fn end(self) {
        self.out.push("}");
    }
}
