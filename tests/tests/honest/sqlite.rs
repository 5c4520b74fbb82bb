//! On SQLite.

mod run;
mod service;
mod signers;

use crate::sqlite_database as database;
