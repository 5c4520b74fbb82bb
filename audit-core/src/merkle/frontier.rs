//! The peaks of a growing tree: all that is needed to append to it.

use std::iter;
use std::ops::Range;

use super::hash::{self, Hash, node_hash};

/// The right edge of a tree: the roots of the perfect subtrees that it consists of, largest first.
///
/// A tree of `size` leaves has one such *peak* for every bit that is set in `size`: at most 64
/// hashes stand for any number of leaves. Two frontiers are equal if and only if size and leaves
/// are.
///
/// ```
/// use audit_core::merkle::{Frontier, Hash, leaf_hash, node_hash};
///
/// let [a, b, c] = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry));
/// let mut frontier = Frontier::new();
/// assert_eq!(frontier.root(), Hash::EMPTY_ROOT);
///
/// for leaf in [a, b, c] {
///     frontier.push(leaf)?;
/// }
/// assert_eq!(frontier.size(), 3);
/// assert_eq!(frontier.peaks(), [node_hash(&a, &b), c]);
/// assert_eq!(frontier.root(), node_hash(&node_hash(&a, &b), &c));
///
/// // Through a database column and back.
/// assert_eq!(Frontier::from_bytes(3, &frontier.to_bytes())?, frontier);
/// # Ok::<(), audit_core::merkle::FrontierError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The frontier of a tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// Appends a leaf hash. One node is hashed per leaf on average, at most 63.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Full`] after 2^64 - 1 leaves; the frontier is unchanged then.
    pub fn push(&mut self, leaf: Hash) -> Result<(), FrontierError> {
        self.push_subtree(0, leaf).then_some(()).ok_or(FrontierError::Full)
    }

    /// Appends 2^`level` leaves by the root over them. False, and nothing is appended, where they do not begin at a multiple of
    /// their number, or are too many.
    pub(crate) fn push_subtree(&mut self, level: u32, root: Hash) -> bool {
        let grown = 1_u64.checked_shl(level).and_then(|leaves| self.size.checked_add(leaves));
        let Some(grown) = grown.filter(|_| self.size.trailing_zeros() >= level) else {
            return false;
        };
        // As in a binary counter: each trailing one is a peak as large as what is carried.
        let mut peak = root;
        for _ in 0..(self.size >> level).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                peak = node_hash(&left, &peak);
            }
        }
        self.peaks.push(peak);
        self.size = grown;
        true
    }

    /// A frontier of these peaks, of which there must be one for each bit of the size.
    pub(super) const fn of_peaks(size: u64, peaks: Vec<Hash>) -> Self {
        Self { size, peaks }
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree, MTH in RFC 6962 section 2.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        join(&self.peaks)
    }

    /// The peaks, that of the largest and leftmost subtree first.
    #[must_use]
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Each peak with the leaves under it, from left to right. The ranges follow each other from 0
    /// to [`size`](Self::size), and the length of each is a power of two.
    pub fn spans(&self) -> impl Iterator<Item = (Range<u64>, Hash)> {
        perfect(0..self.size).zip(self.peaks.iter().copied())
    }

    /// The peaks as bytes, 32 for each; the size is not among them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        hash::concat(&self.peaks)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote for a tree of `size` leaves.
    ///
    /// Only the length can be checked here. Whether the peaks are those of the log shows when
    /// [`root`](Self::root) is compared with a root that was kept apart.
    ///
    /// # Errors
    ///
    /// [`FrontierError::Length`] where the bytes are not 32 for each bit that is set in `size`.
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, FrontierError> {
        let expected = size.count_ones();
        hash::split(bytes)
            .filter(|peaks| u32::try_from(peaks.len()) == Ok(expected))
            .map(|peaks| Self { size, peaks })
            .ok_or(FrontierError::Length { size, expected: expected * 32, found: bytes.len() })
    }
}

/// Why a frontier could not be extended or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// The size would no longer fit 64 bits.
    #[error("the tree is full: expected room for one leaf more, found 2^64 - 1 leaves")]
    Full,
    /// Bytes and size do not belong together.
    #[error("a frontier of {size} leaves has {expected} bytes (32 a peak), found {found}")]
    Length {
        /// The size that was given.
        size: u64,
        /// How many bytes the peaks of such a tree take.
        expected: u32,
        /// How many bytes there were.
        found: usize,
    },
}

/// Cuts a range of leaves into perfect subtrees, largest first; the length of each is a power of
/// two. The range must be that of a node of the tree, so that each start is aligned to its length.
pub(super) fn perfect(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let Range { mut start, end } = range;
    iter::from_fn(move || {
        let level = end.saturating_sub(start).checked_ilog2()?;
        let span = start..start + (1 << level);
        start = span.end;
        Some(span)
    })
}

/// The node above peaks: smaller subtrees are joined first, from the right. An odd subtree moves up
/// as it is and is never doubled, or else `[a, b, c]` and `[a, b, c, c]` would have one root.
pub(super) fn join(peaks: &[Hash]) -> Hash {
    let from_right = peaks.iter().rev().copied();
    from_right.reduce(|right, left| node_hash(&left, &right)).unwrap_or(Hash::EMPTY_ROOT)
}

#[cfg(test)]
mod tests {
    use super::super::leaf_hash;
    use super::*;

    fn grown(size: u64) -> Frontier {
        let mut frontier = Frontier::new();
        for index in 0..size {
            let leaf = leaf_hash(format!("event {index}").as_bytes());
            frontier.push(leaf).unwrap();
        }
        frontier
    }

    #[test]
    fn subtrees_come_to_what_their_leaves_come_to_and_only_where_one_may_begin() {
        let mut tree = Frontier::new();
        for (range, peak) in grown(1_000).spans() {
            let level = (range.end - range.start).trailing_zeros();
            assert!(tree.push_subtree(level, peak), "{range:?}");
        }
        assert_eq!(tree, grown(1_000));

        let halves = [grown(256).root(), {
            let mut second = Frontier::new();
            for index in 256..512 {
                second.push(leaf_hash(format!("event {index}").as_bytes())).unwrap();
            }
            second.root()
        }];
        let mut tree = Frontier::new();
        assert!(halves.iter().all(|half| tree.push_subtree(8, *half)));
        assert_eq!(tree, grown(512));

        let mut odd = grown(300);
        for level in [3, 8, 63, 64, 300] {
            assert!(!odd.push_subtree(level, Hash::EMPTY_ROOT), "{level}");
        }
        assert_eq!(odd, grown(300));
    }

    #[test]
    fn roots_are_the_written_constants() {
        for (size, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "a344deda6399e079700f18caccc174ed11ef1b1d164271e3a95d82c734466977"),
            (2, "9597a008c399108ddc67f881629dfbda16be63fcb74b42892f749dde08d3364a"),
            (3, "72e0d17598d40c143f14ebfb05e2c5c4ddd6bebf165f3569443ac4695887d302"),
            (5, "b5af9c41186dda1343de76873b2805a2b1421fd1a889de9fa98b2a8ed8d214be"),
            (7, "b41d61b2e0cdce6e80fb379cb6e3bbd00ffb7fb3baa825195ef1f8a0e916bd7f"),
            (256, "d56a4e1ca488792c837ccd7fa985ebaa67c35c17b6e70b80cd31becfad851b17"),
            (300, "1baabd32f221f3ab1e09586eefab86b42fdcb0c358fcff9478ea1690dbfcb4a7"),
            (1000, "cf3badb8f55ed344d8adee15d32a5b55192dabe2a2c3d0a17e1e4b1ae68e0291"),
        ] {
            assert_eq!(grown(size).root().to_string(), root, "of {size} leaves");
        }
    }

    #[test]
    fn the_peaks_of_seven_leaves_are_the_written_constants() {
        let peaks: Vec<_> = grown(7).peaks().iter().map(Hash::to_string).collect();
        assert_eq!(
            peaks,
            [
                "7f4975ae5b9ea05a1ad4eb463d5f20924087048e978cf6b342036eec5c9057e6",
                "9fc4d23834d46e09fd77234a04b9d6ea86372a244ef6ccfd878c3cd2443a06e5",
                "e856eef50608e8d5cafe5447f6eb1bd3faf0afc6f3ee517b266351bb94df46e6",
            ]
        );
    }

    #[test]
    fn spans_cover_every_leaf_once_from_left_to_right() {
        for size in 0..200 {
            let frontier = grown(size);
            let mut next = 0;
            for (span, _) in frontier.spans() {
                assert_eq!(span.start, next);
                assert!((span.end - span.start).is_power_of_two());
                next = span.end;
            }
            assert_eq!(next, size);
            assert_eq!(frontier.spans().count(), frontier.peaks().len());
        }
    }

    #[test]
    fn a_frontier_goes_through_bytes_and_grows_on() {
        let (mut kept, mut read) = (grown(13), Frontier::new());
        for size in 13..40 {
            read = Frontier::from_bytes(size, &kept.to_bytes()).unwrap();
            assert_eq!(read, kept);
            kept.push(leaf_hash(b"next")).unwrap();
        }
        read.push(leaf_hash(b"next")).unwrap();
        assert_eq!(read.root(), kept.root());
    }

    #[test]
    fn bytes_that_do_not_match_the_size_are_refused_with_both_lengths() {
        let bytes = grown(5).to_bytes();
        for (size, bytes) in
            [(4, bytes.as_slice()), (7, &bytes), (5, bytes.split_at(63).0), (5, &[])]
        {
            let refused = Frontier::from_bytes(size, bytes).unwrap_err();
            let expected = size.count_ones() * 32;
            let found = bytes.len();
            assert_eq!(refused, FrontierError::Length { size, expected, found });
        }
    }

    #[test]
    fn a_full_tree_refuses_another_leaf_and_stays_as_it_was() {
        let mut full = Frontier::from_bytes(u64::MAX, &[7; 64 * 32]).unwrap();
        let before = full.clone();
        assert_eq!(full.push(leaf_hash(b"one more")), Err(FrontierError::Full));
        assert_eq!(full, before);
        assert_eq!(full.spans().last().unwrap().0, u64::MAX - 1..u64::MAX);
    }
}
