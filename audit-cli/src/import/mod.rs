//! Rows of another system's log, and the events that they become.

pub(crate) mod map;
pub(crate) mod rows;
mod said;

/// What a row says: members by name. Those of a CSV file are texts.
pub(crate) type Row = serde_json::Map<String, serde_json::Value>;
