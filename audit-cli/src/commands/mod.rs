//! One file a command.

pub(crate) mod db;
pub(crate) mod keys;
pub(crate) mod prove;
pub(crate) mod search;
pub(crate) mod sign;
pub(crate) mod verify;
pub(crate) mod verify_proof;
