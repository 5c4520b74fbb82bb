//! What a reader may see.

use std::fmt;

use serde_json::Value;

use super::condition::Condition;
use super::field::Field;
use super::{Query, QueryError};
use crate::event::public;

/// What a [`Reader`](crate::store::Reader) may see, apart from what it is asked for: no query, cursor or error of a reader
/// [`within`](crate::store::Reader::within) a scope says anything of an entry outside of it.
///
/// It goes by what stands in the canonical bytes of an entry. Each call narrows it further: all must hold.
///
/// ```
/// use audit_core::query::Scope;
/// use serde_json::json;
///
/// let scope = Scope::everything().tenant("acme").resource_types(["invoice", "order"]);
/// assert!(scope.sees(&json!({"tenant": "acme", "resource": {"type": "order"}})));
/// // What belongs to no tenant belongs to no tenant of a scope either.
/// assert!(!scope.sees(&json!({"resource": {"type": "order"}})));
/// assert_eq!(scope.to_string(), "tenant:acme resource.type:invoice,order");
/// ```
#[must_use]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub(super) conditions: Vec<Condition>,
    pub(super) is_public: bool,
}

impl Scope {
    /// All entries.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Only those of this tenant.
    pub fn tenant(self, id: impl Into<String>) -> Self {
        self.tenants([id])
    }

    /// Only those of these tenants; of none, where there is none among them. They are looked up in an index if it is one, and
    /// looked for entry by entry if there are more.
    pub fn tenants<T: Into<String>>(self, ids: impl IntoIterator<Item = T>) -> Self {
        self.only(Field::Tenant, ids)
    }

    /// Only those whose resource is of one of these types. What is among the `resources` of a bulk operation, or the parent, does
    /// not count.
    pub fn resource_types<T: Into<String>>(self, types: impl IntoIterator<Item = T>) -> Self {
        self.only(Field::ResourceType, types)
    }

    fn only<T: Into<String>>(mut self, field: Field, values: impl IntoIterator<Item = T>) -> Self {
        self.conditions.push(Condition::any_of(field, values));
        self
    }

    /// Only what stands in the [public view](crate::store::Entry::public) can be asked for; free text is looked for there. What is
    /// given out are entries all the same: whoever shows them shows that view.
    pub fn public(mut self) -> Self {
        self.is_public = true;
        self
    }

    /// Only what is within the other one as well.
    pub fn and(mut self, other: Self) -> Self {
        self.conditions.extend(other.conditions);
        self.is_public |= other.is_public;
        self
    }

    /// Whether nothing is outside of it.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.conditions.is_empty() && !self.is_public
    }

    /// Whether an event is within it: the event as JSON, as [`Entry::known`](crate::store::Entry::known) gives it.
    #[must_use]
    pub fn sees(&self, event: &Value) -> bool {
        self.conditions.iter().all(|condition| condition.matches(event))
    }

    /// Whether a query may be asked: one that tells by its answers what is not shown may not.
    pub(crate) fn permits(&self, query: &Query) -> Result<(), QueryError> {
        match query.hidden().filter(|_| self.is_public) {
            Some(field) => Err(QueryError::Hidden(field)),
            None => Ok(()),
        }
    }

    /// Whether values of this field may be told.
    pub(crate) fn permits_field(&self, field: &Field) -> Result<(), QueryError> {
        if self.is_public && !field.is_public() {
            return Err(QueryError::Hidden(field.to_string()));
        }
        Ok(())
    }

    /// What of an event is looked at.
    pub(crate) fn view(&self, event: Value) -> Value {
        if self.is_public { public(event) } else { event }
    }
}

/// Which entries are within it, in the [search language](super::language): `tenant:acme`; nothing where all are.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<_> = self.conditions.iter().map(ToString::to_string).collect();
        f.write_str(&conditions.join(" "))
    }
}
