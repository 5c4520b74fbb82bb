//! The application from outside: as a process, over its socket, by its database.

pub(crate) mod application;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod flow;
pub(crate) mod http;
pub(crate) mod line;
