//! On PostgreSQL.

use super::postgres_database as database;

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

const ENTRIES: &str = "audit.entry";

/// Lets entries be changed.
const TRIGGER_OFF: &str = "ALTER TABLE audit.entry DISABLE TRIGGER ALL";

/// Keeps everybody from appending, until this is rolled back.
const BLOCK: &str = "BEGIN; LOCK TABLE audit.log IN ACCESS EXCLUSIVE MODE";
