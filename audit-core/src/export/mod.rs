//! Entries for other programs: CSV, JSON lines, OCSF and ECS, as a stream that can be resumed and tells what it held.
//!
//! What each format says is in `docs/export.md`.

mod column;
mod csv;
mod ecs;
mod gather;
mod kind;
mod lines;
mod ocsf;
mod parts;
#[cfg(test)]
mod tests;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::follow::{FollowError, Follower};
use crate::query::{Cursor, Query};
use crate::store::{Entry, Reader};

pub use column::{Column, ColumnError};
use csv::Sheet;

/// How entries are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// A line for each entry: exactly its canonical bytes, which its leaf hash is of. With personal values it is an object of `log`,
    /// `index`, `leaf_hash`, `openings` and `event`, which are these bytes.
    JsonLines,
    /// RFC 4180, with a head. No cell is a formula to a spreadsheet: one that begins with `=`, `+`, `-`, `@`, a tab or the like has
    /// an apostrophe before it, and so has one that begins with an apostrophe.
    Csv(Vec<Column>),
    /// A line for each entry: an event of the Open Cybersecurity Schema Framework, version 1.3.
    Ocsf,
    /// A line for each entry: a document in the Elastic Common Schema, version 8.
    Ecs,
}

/// Writes what a query finds, oldest first, up to where the logs ended when it began: a chunk at a time, so that its memory does not
/// grow with the number of entries. It reads as a [`Follower`] does, a chunk ahead, and holds no transaction or connection: whoever
/// stops taking chunks keeps nothing waiting.
///
/// Personal values are left out, unless they are [asked for](Self::with_personal).
///
/// ```
/// use audit_core::export::{Column, Export, Format};
/// # use audit_core::{Actor, Event, Outcome, Query, Recorder, store::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// # let event = || Event::builder("user.login").actor(Actor::user("=1+2")).outcome(Outcome::Success);
/// # for _ in 0..2 { recorder.record_durable(event()).await?; }
/// let columns = Column::list("action,actor,outcome")?;
/// let query = Query::new().action("user.login");
/// let mut export = Export::new(recorder.reader(), query, Format::Csv(columns)).with_trailer();
/// let mut written = Vec::new();
/// while let Some(chunk) = export.next().await? {
///     written.extend(chunk);
/// }
/// let written = String::from_utf8(written)?;
/// let lines: Vec<_> = written.lines().collect();
/// assert_eq!(lines[..2], ["action,actor,outcome", "user.login,'=1+2,success"]);
/// assert!(lines[3].starts_with("# entries=2 left_out=0 sha256="));
/// // Another time, from here on: `Query::cursor`.
/// let here = export.trailer().next;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Export {
    follower: Follower,
    writer: Writer,
    is_personal: bool,
    has_trailer: bool,
    has_begun: bool,
    is_over: bool,
    entries: u64,
    left_out: u64,
    hash: Sha256,
}

/// What writes an entry.
#[derive(Debug)]
enum Writer {
    Lines,
    Csv(Sheet),
    Ocsf,
    Ecs,
}

/// What an export held, and where it ended. As JSON: its members, in a line `{"export":{..}}` that is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trailer {
    /// How many entries were written.
    pub entries: u64,
    /// How many were not, as they are not what was appended: [`FollowError::Damaged`].
    pub left_out: u64,
    /// The SHA-256, in hexadecimal, of all that was written before the trailer.
    pub sha256: String,
    /// From where another export goes on.
    pub next: Cursor,
}

impl Export {
    /// An export of what a query finds, from its [`cursor`](Query::cursor) on. Its limit says nothing here.
    ///
    /// One that goes on from a cursor has no head, so that it can be put behind what it goes on from.
    #[must_use]
    pub fn new(reader: Reader, query: Query, format: Format) -> Self {
        Self {
            has_begun: query.cursor.is_some(),
            follower: Follower::new(reader, query),
            writer: match format {
                Format::JsonLines => Writer::Lines,
                Format::Csv(columns) => Writer::Csv(Sheet::new(columns)),
                Format::Ocsf => Writer::Ocsf,
                Format::Ecs => Writer::Ecs,
            },
            is_personal: false,
            has_trailer: false,
            is_over: false,
            entries: 0,
            left_out: 0,
            hash: Sha256::new(),
        }
    }

    /// Writes personal values as well, as far as they have not been erased.
    #[must_use]
    pub fn with_personal(mut self) -> Self {
        self.is_personal = true;
        self
    }

    /// Ends with a line that is no entry, the [`Trailer`]: `{"export":{"entries":..,"left_out":..,"sha256":"..","next":".."}}`, or,
    /// in CSV, a row whose first cell is `# entries=.. left_out=.. sha256=.. next=..`, and whose others are empty.
    #[must_use]
    pub fn with_trailer(mut self) -> Self {
        self.has_trailer = true;
        self
    }

    /// The next bytes, perhaps none where entries were read that the query does not ask for; nothing where the export is over.
    ///
    /// # Errors
    /// [`FollowError`]; it can be called again. After [`Damaged`](FollowError::Damaged) it goes on behind the entries that are not what was
    /// appended: they are left out.
    ///
    /// # Cancel safety
    /// Dropped half-way, it has lost nothing: the next call goes on.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, FollowError> {
        if self.is_over {
            return Ok(None);
        }
        let read = self.follower.read().await;
        if let Err(FollowError::Damaged { entries, .. }) = &read {
            let so_many = entries.last.saturating_sub(entries.first).saturating_add(1);
            self.left_out = self.left_out.saturating_add(so_many);
        }
        let read = read?;
        let mut out = Vec::new();
        if !self.has_begun {
            self.has_begun = true;
            self.writer.head(&mut out);
        }
        for entry in read.iter().flatten() {
            self.writer.entry(&mut out, entry, self.is_personal);
            self.entries = self.entries.saturating_add(1);
        }
        self.hash.update(&out);
        if read.is_none() {
            self.is_over = true;
            if self.has_trailer {
                self.writer.trailer(&mut out, &self.trailer());
            }
        }
        Ok(Some(out))
    }

    /// What has been written so far, and from where another export would go on.
    #[must_use]
    pub fn trailer(&self) -> Trailer {
        Trailer {
            entries: self.entries,
            left_out: self.left_out,
            sha256: hex::encode(self.hash.clone().finalize()),
            next: self.follower.cursor(),
        }
    }

    /// How many entries were read, and how many there are, also of those that the query does not ask for: for a bar.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.follower.progress()
    }
}

impl Writer {
    fn head(&self, out: &mut Vec<u8>) {
        if let Self::Csv(sheet) = self {
            sheet.head(out);
        }
    }

    fn entry(&mut self, out: &mut Vec<u8>, entry: &Entry, is_personal: bool) {
        match self {
            Self::Lines if is_personal => lines::opened(out, entry),
            Self::Lines => {
                out.extend_from_slice(entry.canonical());
                out.push(b'\n');
            }
            Self::Csv(sheet) => sheet.row(out, entry, is_personal),
            Self::Ocsf => lines::json(out, &ocsf::mapped(entry, is_personal)),
            Self::Ecs => lines::json(out, &ecs::mapped(entry, is_personal)),
        }
    }

    fn trailer(&self, out: &mut Vec<u8>, trailer: &Trailer) {
        match self {
            Self::Csv(sheet) => sheet.trailer(out, trailer),
            _ => lines::json(out, &serde_json::json!({ "export": trailer })),
        }
    }
}
