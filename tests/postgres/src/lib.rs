//! A private PostgreSQL server for tests, which can be killed and started again on its data.
//!
//! It needs nothing but the standard library and the programs of PostgreSQL 13 or newer: `xtask` starts its server
//! with it, and must run also when nothing else compiles. Unix only; [`Server::kill`] needs Linux's `/proc`.
//!
//! # What is left behind
//!
//! No process and no file, where the [`Server`] is dropped. It is not if it stands in a `static`, so keep it in a
//! variable. One that was killed and never started again leaves a shared memory segment of 56 bytes to the system.
//! Ctrl-c goes to the server, too, since it stays in the process group of whoever started it: it shuts down, and its
//! folder is left. After a SIGKILL of its owner the server runs on. Both are ended and removed by the next
//! [`Server::start`] of the same user: a folder whose lock nobody holds has lost its owner.

mod error;
mod folder;
mod processes;
mod programs;
mod server;
mod user;

pub use error::ServerError;
pub use server::Server;

/// The environment variable with the URL of a server that tests may use: of its maintenance database, where they
/// create their own. `cargo xtask test` sets it. Where it is set, a test must not skip.
pub const URL_VARIABLE: &str = "AUDIT_TEST_POSTGRES_URL";
