//! One file a command.

pub(crate) mod db;
pub(crate) mod search;
pub(crate) mod verify;
