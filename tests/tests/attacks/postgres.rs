//! On PostgreSQL.

mod attacker;
mod found;

use audit_core::store::LogId;

use crate::postgres_database as database;
use database::{Connection, execute};

const LOG_TABLES: &[&str] = &["log", "entry", "tile", "segment", "checkpoint"];
const DAY: &str = "interval '1 day'";

fn table(name: &str) -> String {
    format!("audit.{name}")
}

fn blob(bytes: &[u8]) -> String {
    format!("'\\x{}'::bytea", hex(bytes))
}

fn uuid(bytes: [u8; 16]) -> String {
    format!("'{}'::uuid", hex(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put_back(to: &str, from: &str) -> String {
    format!("INSERT INTO {to} OVERRIDING SYSTEM VALUE SELECT * FROM {from}")
}

async fn triggers_off(connection: &mut Connection) {
    for name in LOG_TABLES {
        let sql = format!("ALTER TABLE audit.{name} DISABLE TRIGGER ALL");
        execute(connection, &sql).await.unwrap();
    }
}

/// Takes the keys of the table of entries away.
async fn keys_off(connection: &mut Connection) {
    let sql = "ALTER TABLE audit.entry DROP CONSTRAINT entry_pkey, DROP CONSTRAINT entry_log_id_event_id_key";
    execute(connection, sql).await.unwrap();
}

/// The database does that by itself.
async fn index_again(_connection: &mut Connection, _log: LogId) {}
