//! How the fields of a value become its snapshot.
//!
//! The generated code cannot know the type of a field, so it asks by method resolution, as in
//! [`returned`](super::returned): `(&&&Field(&value)).audit_snapshot()` finds the first of the traits below
//! that fits, since each is implemented one reference further in than the one above it.

use std::hash::Hash;

use serde::Serialize;

use crate::event::{AuditValue, Members, Snapshot, hashed, serialized};

/// The value of a field that is kept.
pub struct Field<'a, T: ?Sized>(pub &'a T);

/// A value with rules of its own.
pub trait ByRules {
    /// What it looks like.
    fn audit_snapshot(&self) -> Snapshot;
}

impl<T: AuditValue + ?Sized> ByRules for &&Field<'_, T> {
    fn audit_snapshot(&self) -> Snapshot {
        self.0.audit_value()
    }
}

/// A value that `serde` knows.
pub trait BySerde {
    /// What it looks like.
    fn audit_snapshot(&self) -> Snapshot;
}

impl<T: Serialize + ?Sized> BySerde for &Field<'_, T> {
    fn audit_snapshot(&self) -> Snapshot {
        Snapshot::of(self.0)
    }
}

/// Any other value, for which the compiler then misses the bound.
pub trait ByNothing<T: ?Sized> {
    /// Never there.
    fn audit_snapshot(&self) -> Snapshot
    where
        T: AuditValue;
}

impl<T: ?Sized> ByNothing<T> for Field<'_, T> {
    fn audit_snapshot(&self) -> Snapshot
    where
        T: AuditValue,
    {
        self.0.audit_value()
    }
}

/// The value of a field that is taken out.
pub struct Secret<'a, T: ?Sized>(pub &'a T);

/// A value that can be hashed: what is equal has the same hash.
pub trait SecretByHash {
    /// That it was there.
    fn audit_taken_out(&self) -> Snapshot;
}

impl<T: Hash + ?Sized> SecretByHash for &&&Secret<'_, T> {
    fn audit_taken_out(&self) -> Snapshot {
        Snapshot::taken_out(hashed(self.0))
    }
}

/// A value that `serde` knows.
pub trait SecretBySerde {
    /// That it was there.
    fn audit_taken_out(&self) -> Snapshot;
}

impl<T: Serialize + ?Sized> SecretBySerde for &&Secret<'_, T> {
    fn audit_taken_out(&self) -> Snapshot {
        Snapshot::taken_out(serialized(self.0))
    }
}

/// A value with rules of its own.
pub trait SecretByRules {
    /// That it was there.
    fn audit_taken_out(&self) -> Snapshot;
}

impl<T: AuditValue + ?Sized> SecretByRules for &Secret<'_, T> {
    fn audit_taken_out(&self) -> Snapshot {
        Snapshot::taken_out(self.0.audit_value().fingerprint())
    }
}

/// A value that cannot be read: no change of it can be told.
pub trait SecretByNothing {
    /// That it was there.
    fn audit_taken_out(&self) -> Snapshot;
}

impl<T: ?Sized> SecretByNothing for Secret<'_, T> {
    fn audit_taken_out(&self) -> Snapshot {
        Snapshot::taken_out(None)
    }
}

/// No members yet.
#[must_use]
pub fn object() -> Members {
    Members::default()
}

/// Adds a member.
pub fn member(members: &mut Members, name: &str, value: Snapshot) {
    members.add(name, value);
}

/// Adds the members of an object.
pub fn flatten(members: &mut Members, name: &str, value: Snapshot) {
    members.spread(name, value);
}

/// An object with one member.
#[must_use]
pub fn tagged(name: &str, value: Snapshot) -> Snapshot {
    let mut members = object();
    member(&mut members, name, value);
    members.into()
}

/// All items of an array.
#[must_use]
pub fn array<const N: usize>(items: [Snapshot; N]) -> Snapshot {
    Snapshot::array(items)
}

/// A personal value.
#[must_use]
pub fn personal(value: Snapshot) -> Snapshot {
    value.into_personal()
}
