//! Terms in two places, compared without holding either.

use std::hash::{BuildHasher as _, RandomState};

use crate::event::Term;

/// A sum over entries' terms, in any order, by which it is told whether the same stand in two places.
///
/// Each pair of an index and a term counts by its hash under a key that is drawn by chance, so that nobody can make up other
/// terms with the same sum; by accident two sums are the same once in 2^64.
#[derive(Debug, Clone)]
pub struct TermSum {
    key: RandomState,
    count: u64,
    sum: u64,
}

impl TermSum {
    /// The sum of nothing, by a key of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::by(RandomState::new())
    }

    /// The sum of nothing, by the same key: only such sums can be compared.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self::by(self.key.clone())
    }

    fn by(key: RandomState) -> Self {
        Self { key, count: 0, sum: 0 }
    }

    /// Takes in a term of the entry at an index.
    pub fn add(&mut self, index: u64, term: Term) {
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.wrapping_add(self.key.hash_one((index, term)));
    }

    /// How many terms it is of.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether both are of the same terms.
    #[must_use]
    pub fn is_that_of(&self, other: &Self) -> bool {
        (self.count, self.sum) == (other.count, other.sum)
    }
}

impl Default for TermSum {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_like(like: &TermSum, pairs: &[(u64, &str)]) -> TermSum {
        let mut sum = like.anew();
        pairs.iter().for_each(|(index, tag)| sum.add(*index, Term::new("tag", tag)));
        sum
    }

    #[test]
    fn the_same_terms_have_one_sum_in_any_order_and_others_have_another() {
        let key = TermSum::new();
        let sum = sum_like(&key, &[(0, "a"), (1, "b"), (1, "c")]);
        assert_eq!(sum.count(), 3);
        assert!(sum.is_that_of(&sum_like(&key, &[(1, "c"), (0, "a"), (1, "b")])));
        for other in [
            &[(0, "a"), (1, "b")][..],
            &[(0, "a"), (1, "b"), (1, "d")],
            &[(1, "a"), (0, "b"), (1, "c")],
            &[(0, "a"), (1, "b"), (1, "c"), (1, "c")],
        ] {
            assert!(!sum.is_that_of(&sum_like(&key, other)), "{other:?}");
        }
    }
}
