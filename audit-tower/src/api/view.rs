//! An entry as whoever asks may see it.

use audit_core::store::Entry;
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::asker::Asker;

/// An event as it stands in a log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryView {
    /// The name of the log.
    log: String,
    /// Its place in the log, from 0.
    index: u64,
    /// SHA-256 of the canonical bytes as a leaf of the log's tree, in hexadecimal.
    leaf_hash: String,
    /// When it was appended.
    #[schema(format = DateTime)]
    recorded_at: String,
    /// The event, as `schema.json` describes it. Who has no right to sensitive values sees only a part of it. In the place of a
    /// personal value that was erased stands its commitment.
    #[schema(value_type = Object)]
    event: Value,
}

impl EntryView {
    pub(super) fn new(entry: &Entry, asker: &Asker) -> Self {
        Self {
            log: entry.log.clone(),
            index: entry.index,
            leaf_hash: entry.leaf_hash.to_string(),
            recorded_at: entry.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            event: if asker.sees_all() { entry.event() } else { entry.public() },
        }
    }
}
