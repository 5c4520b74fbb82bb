//! On SQLite.

use super::sqlite_database as database;

#[path = "agents.rs"]
mod agents;
#[path = "api.rs"]
mod api;
#[path = "cloud.rs"]
mod cloud;
#[path = "gdpr.rs"]
mod gdpr;
#[path = "log.rs"]
mod log;
#[path = "service.rs"]
mod service;
#[path = "tracker.rs"]
mod tracker;
#[path = "vocabulary.rs"]
mod vocabulary;

const ENTRIES: &str = "audit_entry";

/// Lets entries be changed.
const TRIGGER_OFF: &str = "DROP TRIGGER audit_entry_update";

/// Keeps everybody from appending, until this is rolled back.
const BLOCK: &str = "BEGIN IMMEDIATE";
