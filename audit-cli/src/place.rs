//! Which entry is meant, and by which checkpoint it is to be proved.

use std::path::PathBuf;

use audit_core::note::SignedNote;
use audit_core::prove::kept_checkpoint;
use audit_core::store::Reader;
use uuid::Uuid;

use crate::output::Failure;
use crate::{files, logs};

#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The event with this id.
    #[arg(long, value_name = "ID", conflicts_with_all = ["index", "log"], required_unless_present = "index")]
    event: Option<Uuid>,
    /// The index of the entry in its log.
    #[arg(long, value_name = "N")]
    index: Option<u64>,
    /// In this log, by its name or the end of it: `standard`. Without, in that of the checkpoint.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["event", "checkpoint"])]
    log: Option<String>,
    /// A signed checkpoint of the log, no older than the entry. Without, the smallest that is kept beside the log and has
    /// the entry.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Place {
    /// The checkpoint, and the index in the log that it is of.
    pub(crate) async fn find(&self, reader: &Reader) -> Result<(SignedNote, u64), Failure> {
        let given = self.checkpoint.as_deref().map(files::note).transpose()?;
        let of_given = given.as_ref().and_then(|note| note.text().lines().next());
        let (log, index) = match (self.event, &self.log) {
            (Some(id), _) => {
                let entry = reader.find(id).await?;
                let missing = || Failure::NoEntry(format!("with the event id {id}"));
                entry.map(|entry| (entry.log, entry.index)).ok_or_else(missing)?
            }
            (None, Some(name)) => {
                (logs::named(reader, name).await?.origin, self.index.unwrap_or_default())
            }
            (None, None) => {
                (of_given.unwrap_or_default().to_owned(), self.index.unwrap_or_default())
            }
        };
        match (&self.checkpoint, of_given) {
            (Some(path), Some(other)) if other != log => {
                let why = format!("it is of the log {other}, and the entry is in {log}");
                Err(Failure::File(path.clone(), why.into()))
            }
            _ => match given {
                Some(note) => Ok((note, index)),
                None => Ok((kept_checkpoint(reader, &log, index).await?, index)),
            },
        }
    }
}
