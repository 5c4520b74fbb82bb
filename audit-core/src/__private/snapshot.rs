//! How the fields of a value become its snapshot.
//!
//! The generated code cannot know the type of a field, so it asks by method resolution, as in
//! [`returned`](super::returned): `(&&&Field(&value, ..)).audit_snapshot()` finds the first of the traits below
//! that fits, since each is implemented one reference further in than the one above it.

use std::hash::Hash;
use std::marker::PhantomData;

use serde::Serialize;

use crate::event::{AuditValue, Members, Snapshot, hashed, serialized};

/// The traits that are asked, without their names: next to them the generated code names the user's types.
pub mod asked {
    pub use super::{
        ByNothing as _, ByRules as _, BySerde as _, PartWithRules as _, PartWithoutRules as _,
        SecretByHash as _, SecretByNothing as _, SecretByRules as _, SecretBySerde as _,
    };
}

/// The value of a field that is kept, and which of the types that its type is made of have rules.
pub struct Field<'a, T: ?Sized, R>(pub &'a T, pub R);

/// A value with rules of its own.
pub trait ByRules {
    /// What it looks like.
    fn audit_snapshot(&self) -> Snapshot;
}

impl<T: AuditValue + ?Sized, R> ByRules for &&Field<'_, T, R> {
    fn audit_snapshot(&self) -> Snapshot {
        self.0.audit_value()
    }
}

/// A value that `serde` knows.
pub trait BySerde<R> {
    /// What it looks like.
    fn audit_snapshot(&self) -> Snapshot
    where
        R: NoRules;
}

impl<T: Serialize + ?Sized, R> BySerde<R> for &Field<'_, T, R> {
    fn audit_snapshot(&self) -> Snapshot
    where
        R: NoRules,
    {
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

impl<T: ?Sized, R> ByNothing<T> for Field<'_, T, R> {
    fn audit_snapshot(&self) -> Snapshot
    where
        T: AuditValue,
    {
        self.0.audit_value()
    }
}

/// A type with a derived `AuditValue`: whoever serialises it goes past its rules.
pub trait Ruled {}

/// Asks whether a type is [`Ruled`]: `(&&Part::<T>::NEW).audit_rules()`.
pub struct Part<T: ?Sized>(PhantomData<fn() -> T>);

impl<T: ?Sized> Part<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

/// It is.
pub trait PartWithRules<T: ?Sized> {
    /// The answer, as a type.
    fn audit_rules(&self) -> Part<T>;
}

impl<T: Ruled + ?Sized> PartWithRules<T> for &Part<T> {
    fn audit_rules(&self) -> Part<T> {
        Part::NEW
    }
}

/// It is not.
pub trait PartWithoutRules {
    /// The answer, as a type.
    fn audit_rules(&self);
}

impl<T: ?Sized> PartWithoutRules for Part<T> {
    fn audit_rules(&self) {}
}

/// Answers that are all no.
#[diagnostic::on_unimplemented(
    message = "this type holds an `Auditable` one whose rules it goes past: only `serde` can look into it",
    label = "what is redacted or personal within would stand in the clear",
    note = "use a container that is an `audit_core::AuditValue`, as those of the standard library are, or write `#[audit(skip)]` or `#[audit(redact)]` on the field"
)]
pub trait NoRules {}

impl NoRules for () {}

#[diagnostic::do_not_recommend]
impl<R: NoRules, S: NoRules> NoRules for (R, S) {}

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
