//! Writing a bundle.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::ops::Range;

use super::manifest::{Log, MANIFEST, Manifest};
use super::tar::Writer;
use super::{Bundled, POLICY, checkpoint, disclosed, entries, openings};
use crate::merkle::{Frontier, Hash, leaf_hash, verify_consistency};
use crate::note::{Checkpoint, Policy, Refused, SignedNote};
use crate::prove::{self, ProveError};
use crate::store::{LogId, Reader, Row, Store, StoreError};

/// Rows in a read, all of which fit into a member.
const CHUNK: u32 = 1_000;

/// A member with so many bytes gets no more.
const FULL: usize = 1024 * 1024;

/// What goes into a bundle of one log.
#[derive(Debug, Clone)]
pub struct Part {
    /// A signed checkpoint of the log.
    pub checkpoint: SignedNote,
    /// Which entries; all below the checkpoint's size where there is none.
    pub entries: Option<Range<u64>>,
}

/// A bundle that could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A checkpoint that would not be believed.
    #[error("a checkpoint is not believed, so that nobody could verify the bundle")]
    Checkpoint(#[from] Refused),
    /// Two parts are of one log.
    #[error("the log {0} is to be in the bundle twice: give one checkpoint of it, and one range")]
    Twice(String),
    /// The range is none.
    #[error(
        "entries {first} to {end} of {log}: there are {size} below the checkpoint, and none of them would be in the bundle, or not all"
    )]
    Range {
        /// The log's name.
        log: String,
        /// The first entry asked for.
        first: u64,
        /// The entry before which the range ends.
        end: u64,
        /// The size of the checkpoint.
        size: u64,
    },
    /// The log is not what the checkpoint says.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The log cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is missing, or is not what was appended.
    #[error("entry {index} of {log} is not what was signed: run `audit verify`")]
    Damaged {
        /// The log's name.
        log: String,
        /// The index of the entry, or of the first one after the range.
        index: u64,
    },
    /// The file cannot be written.
    #[error("the bundle cannot be written")]
    Write(#[from] io::Error),
}

/// Writes a bundle of `parts`, with the policy by which their checkpoints are believed, and with the personal values that were not
/// erased if `disclose` says so.
///
/// What was written is told, one for each part. After an error, throw away what has been written. It holds a thousand entries
/// at a time; the writing itself blocks.
///
/// ```
/// # use audit_core::{Event, Recorder, signer::Signer, store::{MemoryStore, Reader}};
/// use audit_core::bundle::{Part, verify, write};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = MemoryStore::new();
/// # let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// # let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// # recorder.record_durable(Event::builder("key.rotate")).await?;
/// // The checkpoints and the keys of the signer:
/// let notes = signer.sign().await?.notes;
/// let policy = signer.policy();
/// let parts: Vec<_> = notes.into_iter().map(|checkpoint| Part { checkpoint, entries: None }).collect();
/// let mut bundle = Vec::new();
/// write(&recorder.reader(), &policy, &parts, false, &mut bundle).await?;
///
/// // Somewhere else:
/// let found = verify(&*bundle, &policy)?;
/// assert_eq!(found[0].entries, 0..1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`WriteError`].
///
/// # Cancel safety
/// It only reads the log: what has been written when it is dropped is no whole bundle.
pub async fn write(
    reader: &Reader,
    policy: &Policy,
    parts: &[Part],
    disclose: bool,
    out: &mut (dyn Write + Send),
) -> Result<Vec<Bundled>, WriteError> {
    reader.must_see_everything("write a bundle")?;
    let mut ranges = Vec::new();
    for part in parts {
        ranges.push(RangeOfLog::of(reader, policy, part).await?);
    }
    let mut origins = BTreeSet::new();
    if let Some(twice) = ranges.iter().find(|range| !origins.insert(range.origin())) {
        return Err(WriteError::Twice(twice.origin().to_owned()));
    }
    let logs = ranges.iter().map(|range| {
        Log::new(range.origin(), &range.before, range.bundled.entries.end, &range.after)
    });
    let mut archive = Writer(out);
    let manifest = Manifest::new(logs.collect()).text().map_err(io::Error::from)?;
    archive.member(MANIFEST, manifest.as_bytes())?;
    archive.member(POLICY, policy.to_string().as_bytes())?;
    let mut written = Vec::new();
    for (number, (range, part)) in ranges.into_iter().zip(parts).enumerate() {
        archive.member(&checkpoint(number), part.checkpoint.to_string().as_bytes())?;
        written.push(range.write(reader.store(), number, disclose, &mut archive).await?);
    }
    archive.finish()?;
    Ok(written)
}

/// A range of a log, and what binds it to the checkpoint.
struct RangeOfLog {
    bundled: Bundled,
    before: Frontier,
    after: Vec<Hash>,
}

impl RangeOfLog {
    async fn of(reader: &Reader, policy: &Policy, part: &Part) -> Result<Self, WriteError> {
        let trusted = policy.check(&part.checkpoint)?;
        let (origin, size) = (&trusted.checkpoint.origin, trusted.checkpoint.size);
        let entries = part.entries.clone().unwrap_or(0..size);
        let Range { start: first, end } = entries;
        if end > size || (first >= end && size > 0) {
            return Err(WriteError::Range { log: origin.clone(), first, end, size });
        }
        let before = prove::frontier(reader, origin, first).await?;
        let after = prove::consistency(reader, end, &trusted.checkpoint).await?;
        Ok(Self { bundled: Bundled { trusted, entries, openings: 0 }, before, after })
    }

    fn origin(&self) -> &str {
        &self.bundled.trusted.checkpoint.origin
    }

    /// Writes the entries, and makes sure that they are those of the checkpoint.
    async fn write(
        self,
        store: &dyn Store,
        number: usize,
        disclose: bool,
        archive: &mut Writer<'_>,
    ) -> Result<Bundled, WriteError> {
        let Self { mut bundled, before: mut tree, after } = self;
        let checkpoint = &bundled.trusted.checkpoint;
        let damaged = |index| WriteError::Damaged { log: checkpoint.origin.clone(), index };
        let end = bundled.entries.end;
        let mut chunk = Chunk::default();
        while tree.size() < end {
            let limit = u32::try_from(end - tree.size()).map_or(CHUNK, |left| left.min(CHUNK));
            let rows = store.read(LogId::of(&checkpoint.origin), tree.size(), limit).await?;
            if rows.is_empty() {
                return Err(damaged(tree.size()));
            }
            for row in rows {
                let index = tree.size();
                let is_next = row.index == index && !row.canon.contains(&b'\n');
                if !is_next || tree.push(leaf_hash(&row.canon)).is_err() {
                    return Err(damaged(index));
                }
                bundled.openings += chunk.add(&row, disclose).ok_or_else(|| damaged(index))?;
                if chunk.is_full() {
                    chunk.write(number, tree.size(), archive)?;
                }
            }
            if chunk.count > 0 {
                chunk.write(number, tree.size(), archive)?;
            }
        }
        let Checkpoint { size, root, .. } = *checkpoint;
        let is_whole = end == 0 || verify_consistency(end, size, tree.root(), root, &after).is_ok();
        if !is_whole {
            return Err(damaged(end));
        }
        Ok(bundled)
    }
}

/// Entries on their way into a member.
#[derive(Default)]
struct Chunk {
    count: u64,
    entries: Vec<u8>,
    openings: String,
}

impl Chunk {
    /// Says how many personal values were added; none where they do not open what the entry commits to.
    fn add(&mut self, row: &Row, disclose: bool) -> Option<u64> {
        self.count += 1;
        self.entries.extend_from_slice(&row.canon);
        self.entries.push(b'\n');
        let Some(openings) = row.openings.as_deref().filter(|_| disclose) else {
            return Some(0);
        };
        let (line, count) = disclosed::line(row.index, &row.canon, openings).ok()?;
        if count > 0 {
            self.openings.push_str(&line);
            self.openings.push('\n');
        }
        Some(count)
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= FULL || self.openings.len() >= FULL
    }

    /// Writes the entries below `end`, and begins anew.
    fn write(&mut self, number: usize, end: u64, archive: &mut Writer<'_>) -> io::Result<()> {
        let first = end - self.count;
        archive.member(&entries(number, first), &self.entries)?;
        if !self.openings.is_empty() {
            archive.member(&openings(number, first), self.openings.as_bytes())?;
        }
        *self = Self::default();
        Ok(())
    }
}
