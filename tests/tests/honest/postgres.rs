//! On PostgreSQL.

mod run;
mod service;
mod signers;

use crate::postgres_database as database;
