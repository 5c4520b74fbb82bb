//! One file a command.

pub(crate) mod search;
pub(crate) mod verify;
