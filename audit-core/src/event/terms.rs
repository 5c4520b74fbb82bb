//! What an event can be found by without a column of its own for it; and what has one, to be found together with these.

use sha2::digest::Output;
use sha2::{Digest as _, Sha256};
use uuid::fmt::Hyphenated;
use uuid::{Uuid, Version};

/// One thing that an event says, as twelve bytes that a store can look up: the first of the SHA-256 of a
/// member's name and value, or, of an id that says its time, some of this and ten of these ([`Term::new`]).
///
/// An event's terms are made of its canonical bytes alone: `action`, `outcome`, `severity`, `category`,
/// `tenant`, `is_compliance_relevant`, `operation_id`, a `stage` of `begun`, or of `completing` where
/// there is a `begun_id`, `begun_id`, `request.id`, `request.session`, `request.correlation_id`,
/// `request.trace_id`, `resource.type`, `resource.parent`, each of `resources`, each label, each tag.
///
/// None of these members can be made personal, so that no term stands for a value that may have to be
/// erased: addresses, names, messages and what is marked inside the payloads are in the bytes only as
/// commitments, and never become terms. A term tells no more than the bytes beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term([u8; Self::SIZE]);

impl Term {
    /// Bytes of a term. Two things that somebody says share one with a chance of 1 in 2^96; then a search
    /// for the one finds the other as well.
    pub const SIZE: usize = 12;

    /// The term of a member with one value: SHA-256(name || 0x00 || value). No name has a NUL.
    ///
    /// Where the value is a UUID of version 7, with hyphens, the last two bytes of its time, in milliseconds, stand in place of the
    /// first two: so ids that were made together stand together in an index, where each would be on a page of its own. Where somebody chose
    /// their times, two of them share a term with a chance of 1 in 2^80.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        let hash = Sha256::new().chain_update(name).chain_update([0]).chain_update(value);
        let Self(mut term) = Self::first_of(hash);
        if let Some([_, _, _, _, high, low, ..]) = time_ordered(value).map(Uuid::into_bytes) {
            [term[0], term[1]] = [high, low];
        }
        Self(term)
    }

    /// The term of a member with two values, as a label's key and text or a resource's type and id:
    /// SHA-256(name || 0x00 || bytes of the first as 8 bytes, big-endian || first || second).
    #[must_use]
    pub fn of_pair(name: &str, first: &str, second: &str) -> Self {
        let length = u64::try_from(first.len()).unwrap_or(u64::MAX).to_be_bytes();
        let hash = Sha256::new().chain_update(name).chain_update([0]);
        Self::first_of(hash.chain_update(length).chain_update(first).chain_update(second))
    }

    /// The term of an actor's id, which no event has among its own: a column is there for it.
    pub(crate) fn of_actor(id: &str) -> Self {
        Self::new("actor", id)
    }

    /// The term of the resource that an event is about, which no event has among its own either.
    pub(crate) fn of_resource(kind: &str, id: &str) -> Self {
        Self::of_pair("resource", kind, id)
    }

    /// The term that a store has kept as these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::SIZE]) -> Self {
        Self(bytes)
    }

    /// What a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    fn first_of(hash: Sha256) -> Self {
        let digest: Output<Sha256> = hash.finalize();
        let mut first = [0; Self::SIZE];
        first.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(first)
    }
}

/// The UUID of version 7 that a text is, if it is one.
fn time_ordered(text: &str) -> Option<Uuid> {
    let id = (text.len() == Hyphenated::LENGTH).then(|| Uuid::try_parse(text).ok())??;
    (id.get_version() == Some(Version::SortRand)).then_some(id)
}

/// The terms of an event, as they are collected.
#[derive(Debug)]
pub(super) struct Terms(Vec<Term>);

impl Terms {
    /// None, with room for those of most events.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(16))
    }

    /// Adds a member's value, where it has one.
    pub(super) fn value(&mut self, name: &str, value: Option<&str>) {
        self.0.extend(value.map(|value| Term::new(name, value)));
    }

    /// Adds a member's two values.
    pub(super) fn pair(&mut self, name: &str, first: &str, second: &str) {
        self.0.push(Term::of_pair(name, first, second));
    }

    /// All of them, each once, sorted.
    pub(super) fn into_sorted(mut self) -> Vec<Term> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_term_can_be_made_again_by_hand() {
        // printf 'tag\0urgent' | sha256sum
        let tag = Term::new("tag", "urgent");
        assert_eq!(tag.as_bytes().as_slice(), &Sha256::digest(b"tag\0urgent")[..12]);
        let label = Term::of_pair("label", "a", "bc");
        let by_hand = Sha256::digest(b"label\0\0\0\0\0\0\0\0\x01abc");
        assert_eq!(label.as_bytes().as_slice(), &by_hand[..12]);
        assert_eq!(Term::from_bytes(*tag.as_bytes()), tag);
    }

    #[test]
    fn ids_that_sort_by_time_have_terms_that_do() {
        let term = |id| Term::new("request.id", id);
        let id = "01a23200-c679-761a-8ec1-4e92a22bb46c";
        let digest = Sha256::digest(["request.id", id].join("\0"));
        assert_eq!(term(id).as_bytes()[..2], [0xc6, 0x79]);
        assert_eq!(term(id).as_bytes()[2..], digest[2..12]);
        assert!(term("01a23200-c678-7fff-bfff-ffffffffffff") < term(id));
        // Others are hashes all through, also where they are written as no event's id is.
        for other in
            ["5d7dd249-e77b-4490-a4a3-1d728135b36f", "01a23200c679761a8ec14e92a22bb46c", ""]
        {
            let digest = Sha256::digest(["request.id", other].join("\0"));
            assert_eq!(term(other).as_bytes()[..], digest[..12]);
        }
    }

    #[test]
    fn what_is_said_in_other_places_has_other_terms() {
        let terms = [
            Term::new("tag", "ab"),
            Term::new("category", "ab"),
            Term::new("tag", "AB"),
            Term::of_pair("label", "a", "b"),
            Term::of_pair("label", "ab", ""),
            Term::of_pair("label", "", "ab"),
            Term::of_pair("resources", "a", "b"),
        ];
        assert_eq!(BTreeSet::from(terms).len(), terms.len());
    }
}
