//! Tiles: the stored form of the tree, 256 hashes each.

use std::str::FromStr;

use super::hash::{self, Hash, node_hash};

/// How many hashes a full tile has; it spans eight levels of the tree.
pub const TILE_WIDTH: u64 = 256;

/// Where a tile stands in the tree, as in [C2SP tlog-tiles](https://c2sp.org/tlog-tiles).
///
/// Ordered by level, then by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 for tiles of leaf hashes. Each hash of a higher level is the root of a full tile of the
    /// level below, so it stands for 256^level leaves. At most 63, of which 64-bit sizes reach 7.
    pub level: u8,
    /// Counted from the left among the tiles of this level.
    pub index: u64,
}

impl TileId {
    /// The tile from which the root of a perfect subtree can be computed: of 2^`level` leaves, the
    /// `index`-th of this kind.
    #[must_use]
    pub const fn of_node(level: u8, index: u64) -> Self {
        Self { level: level / 8, index: index >> (8 - level % 8) }
    }

    /// How many hashes this tile has in a tree of `size` leaves: 256 if it is full, 0 if it is not
    /// in the tree (yet), else the width of the partial tile at the right edge.
    ///
    /// ```
    /// use audit_core::merkle::TileId;
    ///
    /// assert_eq!(TileId { level: 0, index: 272 }.width(70_000), 256);
    /// assert_eq!(TileId { level: 0, index: 273 }.width(70_000), 112);
    /// assert_eq!(TileId { level: 1, index: 1 }.width(70_000), 17);
    /// assert_eq!(TileId { level: 3, index: 0 }.width(70_000), 0);
    /// ```
    #[must_use]
    pub fn width(self, size: u64) -> u16 {
        let in_row = size.checked_shr(8 * u32::from(self.level)).unwrap_or(0);
        let before = self.index.saturating_mul(TILE_WIDTH);
        let width = in_row.saturating_sub(before).min(TILE_WIDTH);
        u16::try_from(width).unwrap_or(0)
    }

    /// The path under which a tile of this `width` is served: `tile/<level>/<index>`, and
    /// `.p/<width>` behind it if it is partial (C2SP tlog-tiles, "Merkle Tree").
    ///
    /// ```
    /// use audit_core::merkle::TileId;
    ///
    /// let id = TileId { level: 0, index: 1_234_067 };
    /// assert_eq!(id.path(256)?, "tile/0/x001/x234/067");
    /// assert_eq!(id.path(8)?, "tile/0/x001/x234/067.p/8");
    /// assert_eq!(TileId::from_path("tile/0/x001/x234/067.p/8")?, (id, 8));
    /// # Ok::<(), audit_core::merkle::TileError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TileError::Level`] above 63, [`TileError::Width`] for 0 or above 256.
    pub fn path(self, width: u16) -> Result<String, TileError> {
        let Self { level, mut index } = self;
        if level > 63 {
            return Err(TileError::Level { found: level });
        }
        let suffix = match width {
            1..=255 => format!(".p/{width}"),
            256 => String::new(),
            _ => {
                return Err(TileError::Width { found: width.into() });
            }
        };
        let mut digits = format!("{:03}", index % 1000);
        while index >= 1000 {
            index /= 1000;
            digits = format!("x{:03}/{digits}", index % 1000);
        }
        Ok(format!("tile/{level}/{digits}{suffix}"))
    }

    /// Reads what [`path`](Self::path) writes, as the tile and its width, and nothing else: no
    /// other number of digits, no sign, no partial tile of width 0 or 256.
    ///
    /// # Errors
    ///
    /// [`TileError::Path`] for any other text.
    pub fn from_path(path: &str) -> Result<(Self, u16), TileError> {
        // Read leniently, then write again: only the one way to write a path survives that.
        read_path(path)
            .filter(|(id, width)| id.path(*width).is_ok_and(|written| written == path))
            .ok_or_else(|| TileError::Path { found: path.into() })
    }
}

fn read_path(path: &str) -> Option<(TileId, u16)> {
    let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let (digits, width) = match rest.split_once(".p/") {
        Some((digits, width)) => (digits, u16::from_str(width).ok()?),
        None => (rest, 256),
    };
    let index = digits.split('/').try_fold(0_u64, |index, part| {
        let part = part.strip_prefix('x').unwrap_or(part);
        index.checked_mul(1000)?.checked_add(part.parse().ok()?)
    })?;
    let level = level.parse().ok()?;
    Some((TileId { level, index }, width))
}

/// Which full tiles come to be when a tree grows from `from` to `to` leaves: lowest level first, in
/// order of index. None if it does not grow.
///
/// ```
/// use audit_core::merkle::{TileId, completed};
///
/// let tiles: Vec<_> = completed(65_300, 65_600).collect();
/// assert_eq!(tiles, [
///     TileId { level: 0, index: 255 },
///     TileId { level: 1, index: 0 },
/// ]);
/// ```
pub fn completed(from: u64, to: u64) -> impl Iterator<Item = TileId> {
    // A full tile of level 7 would stand for 2^64 leaves.
    (0..7).flat_map(move |level| {
        let leaves = 8 * (u32::from(level) + 1);
        (from >> leaves..to >> leaves).map(move |index| TileId { level, index })
    })
}

/// The hashes of one tile: 1 to 256 neighbours of one level.
///
/// ```
/// use audit_core::merkle::{Tile, leaf_hash, node_hash};
///
/// let leaves = [b"a", b"b"].map(|entry| leaf_hash(entry));
/// let tile = Tile::new(leaves.to_vec())?;
/// assert_eq!(tile.root(), node_hash(&leaves[0], &leaves[1]));
/// assert_eq!(Tile::from_bytes(&tile.to_bytes())?, tile);
/// # Ok::<(), audit_core::merkle::TileError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile(Vec<Hash>);

impl Tile {
    /// A tile of these hashes, from left to right.
    ///
    /// # Errors
    ///
    /// [`TileError::Width`] for no hashes or for more than 256.
    pub fn new(hashes: Vec<Hash>) -> Result<Self, TileError> {
        match hashes.len() {
            1..=256 => Ok(Self(hashes)),
            found => Err(TileError::Width { found }),
        }
    }

    /// Reads a tile as it is stored and served.
    ///
    /// # Errors
    ///
    /// [`TileError::Bytes`] where the length is not a multiple of 32, and [`TileError::Width`] as
    /// in [`new`](Self::new).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TileError> {
        let found = bytes.len();
        Self::new(hash::split(bytes).ok_or(TileError::Bytes { found })?)
    }

    /// The tile as it is stored and served: 32 bytes a hash, 8192 if it is full.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        hash::concat(&self.0)
    }

    /// The hashes, from left to right.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.0
    }

    /// The root of the tree whose leaf hashes are those of the tile. That of a full tile is one
    /// hash of the tile above; that of a partial tile is no node of the log's tree, except at its
    /// right edge.
    #[must_use]
    pub fn root(&self) -> Hash {
        root_of(&self.0)
    }
}

/// MTH of RFC 6962 section 2.1, on leaf hashes. It recurses as deep as the tree is high, which in a
/// tile is eight.
pub(super) fn root_of(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::EMPTY_ROOT,
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len().next_power_of_two() / 2);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// What is wrong with a tile or its path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// Too few or too many hashes.
    #[error("a tile has 1 to 256 hashes, found {found}")]
    Width {
        /// How many hashes there were.
        found: usize,
    },
    /// The bytes end within a hash.
    #[error("a tile has 32 bytes for each hash, found {found} bytes")]
    Bytes {
        /// How many bytes there were.
        found: usize,
    },
    /// The format knows no such level.
    #[error("a tile has a level of 0 to 63, found {found}")]
    Level {
        /// The level that was given.
        found: u8,
    },
    /// The text is not the path of a tile.
    #[error("not a tile path: expected `tile/<level>/<index>[.p/<width>]`, found {found:?}")]
    Path {
        /// The text that was given.
        found: String,
    },
}
