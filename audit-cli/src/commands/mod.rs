//! One file a command.

pub(crate) mod anchor;
pub(crate) mod checkpoint;
pub(crate) mod completions;
pub(crate) mod db;
pub(crate) mod disclose;
pub(crate) mod export;
pub(crate) mod export_bundle;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod prove;
pub(crate) mod repair_tiles;
pub(crate) mod report;
pub(crate) mod search;
pub(crate) mod show;
pub(crate) mod sign;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod verify;
pub(crate) mod verify_bundle;
pub(crate) mod verify_proof;
