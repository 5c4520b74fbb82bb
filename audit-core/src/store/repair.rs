//! Tiles that are missing or wrong, made again from what stands under them.

use super::own::write_about;
use super::{Head, LogId, Store, StoreError, content};
use crate::clock::Clock;
use crate::event::EventBuilder;
use crate::merkle::{Frontier, Hash, TILE_WIDTH, Tile, TileId, completed, leaf_hash};

const REPAIRED: &str = "audit.tiles_repaired";

/// Who writes that entry.
const PRODUCER: &str = "audit-repair";

/// Tiles that are replaced at once.
const AT_ONCE: usize = 64;

/// Tiles that were not made again, or not told of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepairError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the tiles would be made of is in doubt.
    #[error(
        "the entries of the log {0} are not those that its head commits to, so no tiles are made of them: `audit verify` says what was changed"
    )]
    Doubtful(String),
    /// It was done, and is not on record.
    #[error(
        "{tiles} tiles of the log {log} were made again, and the log `audit` beside it does not say so, as it takes no entries or is \
         not there"
    )]
    Unsaid {
        /// The log.
        log: String,
        /// How many.
        tiles: usize,
        /// Why the entry was not written; none where there is no such log.
        source: Option<StoreError>,
    },
}

/// Makes those tiles of a log again that are missing or wrong (`TILES_CORRUPT`), with the roots beside them, from the stored bytes
/// of its entries; but only after these were found to come to what the log's head commits to. Answers with how many there were. An entry
/// `audit.tiles_repaired` in the log `audit` says so. Of entries that were pruned, tiles are all that is left: there, those of leaf
/// hashes are taken for what they are, if they come to the head.
///
/// The store must be one whose tables may be altered, as their owner may. It can be done while the log grows; tiles that become full meanwhile
/// are not looked at. It reads all entries, and holds 32 bytes for each 256 of them.
///
/// ```
/// use audit_core::merkle::{Hash, Tile, TileId};
/// use audit_core::store::{LogId, MemoryStore, Store, repair_tiles};
/// use audit_core::{Event, Recorder, clock::SystemClock};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = MemoryStore::new();
/// let recorder = Recorder::builder(store.clone()).origin("billing.example/audit").start().await?;
/// for _ in 0..256 {
///     recorder.record(Event::builder("user.login")).await;
/// }
/// recorder.shutdown(std::time::Duration::from_secs(10)).await?;
/// let (log, id) = ("billing.example/audit/standard", TileId { level: 0, index: 0 });
/// let right = store.tile(LogId::of(log), id).await?;
/// store.replace_tiles(LogId::of(log), &[(id, Tile::new(vec![Hash::EMPTY_ROOT; 256])?)]).await?;
///
/// assert_eq!(repair_tiles(&store, log, &SystemClock::new()).await?, 1);
/// assert_eq!(store.tile(LogId::of(log), id).await?, right);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`RepairError`] where the entries do not come to the head, and nothing was changed, unless they were changed in the middle of this; where the store cannot be read or altered; or where all
/// is done and the entry could not be written.
///
/// # Cancel safety
/// Dropped half-way, some of the tiles are repaired, and no entry says so; it can be called again.
pub async fn repair_tiles(
    store: &dyn Store,
    origin: &str,
    clock: &dyn Clock,
) -> Result<usize, RepairError> {
    let log = Log { store, id: LogId::of(origin), head: store.head(LogId::of(origin)).await? };
    let doubtful = || RepairError::Doubtful(origin.to_owned());
    let roots = log.roots().await?.ok_or_else(doubtful)?;
    let (mut tiles, mut count) = (Vec::new(), 0);
    let mut all = completed(0, log.head.frontier.size()).peekable();
    while let Some(id) = all.next() {
        let root = at(&roots, id.level).get(place(id.index)).ok_or_else(doubtful)?;
        if !log.is_right(id, *root).await? {
            let hashes = match id.level.checked_sub(1) {
                None => log.leaves(id.index * TILE_WIDTH).await?,
                Some(below) => {
                    let first = place(id.index * TILE_WIDTH);
                    at(&roots, below).get(first..first + 256).map(<[Hash]>::to_vec)
                }
            };
            let tile = hashes.and_then(|hashes| Tile::new(hashes).ok());
            // Rows may have been changed since.
            tiles.push((id, tile.filter(|tile| tile.root() == *root).ok_or_else(doubtful)?));
        }
        if tiles.len() == AT_ONCE || (all.peek().is_none() && !tiles.is_empty()) {
            store.replace_tiles(log.id, &tiles).await?;
            count += tiles.len();
            tiles.clear();
        }
    }
    if count > 0 {
        let event = EventBuilder::of_the_log(REPAIRED).metadata("log", origin);
        let said =
            write_about(store, origin, event.metadata("tiles", count), PRODUCER, clock).await;
        let unsaid = |source| RepairError::Unsaid { log: origin.to_owned(), tiles: count, source };
        if !said.map_err(|why| unsaid(Some(why)))? {
            return Err(unsaid(None));
        }
    }
    Ok(count)
}

/// A log as it was at first.
struct Log<'a> {
    store: &'a dyn Store,
    id: LogId,
    head: Head,
}

impl Log<'_> {
    /// The roots of all full tiles, by level; nothing where the leaves do not come to what the head commits to.
    async fn roots(&self) -> Result<Option<Vec<Vec<Hash>>>, StoreError> {
        let (mut tree, mut roots) = (Frontier::new(), Vec::new());
        while tree.size() < self.head.frontier.size() {
            let Some(leaves) = self.leaves(tree.size()).await? else {
                return Ok(None);
            };
            if leaves.iter().try_for_each(|leaf| tree.push(*leaf)).is_err() {
                return Ok(None);
            }
            if let (256, Ok(tile)) = (leaves.len(), Tile::new(leaves)) {
                roots.push(tile.root());
            }
        }
        if tree != self.head.frontier || tree.root() != self.head.root {
            return Ok(None);
        }
        let mut levels = Vec::new();
        while !roots.is_empty() {
            let (full, _) = roots.as_chunks::<256>();
            let above = full.iter().filter_map(|hashes| Tile::new(hashes.to_vec()).ok());
            let above = above.map(|tile| tile.root()).collect();
            levels.push(std::mem::replace(&mut roots, above));
        }
        Ok(Some(levels))
    }

    /// The hashes of the leaves from an index on, up to 256, or to the end of the log; nothing where one is missing.
    async fn leaves(&self, first: u64) -> Result<Option<Vec<Hash>>, StoreError> {
        if first < self.head.min_index {
            let id = TileId { level: 0, index: first / TILE_WIDTH };
            let tile = content(self.store.tile(self.id, id).await)?.ok().flatten();
            return Ok(tile
                .map(|tile| tile.hashes().to_vec())
                .filter(|hashes| hashes.len() == 256));
        }
        let count = self.head.frontier.size().saturating_sub(first).min(TILE_WIDTH);
        let limit = u32::try_from(count).unwrap_or(0);
        let Ok(rows) = content(self.store.canon(self.id, first, limit).await)? else {
            return Ok(None);
        };
        let is_whole = rows.iter().map(|(index, _)| *index).eq(first..first + count);
        Ok(is_whole.then(|| rows.iter().map(|(_, canon)| leaf_hash(canon)).collect()))
    }

    /// Whether a tile with this root is there, and no other root beside it.
    async fn is_right(&self, id: TileId, root: Hash) -> Result<bool, StoreError> {
        let tile = content(self.store.tile(self.id, id).await)?.ok().flatten();
        let beside = content(self.store.roots(self.id, id, 1).await)?;
        let is_whole = tile.is_some_and(|tile| tile.hashes().len() == 256 && tile.root() == root);
        Ok(is_whole && beside.is_ok_and(|beside| beside.iter().flatten().all(|it| *it == root)))
    }
}

fn at(levels: &[Vec<Hash>], level: u8) -> &[Hash] {
    levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
}

fn place(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}
