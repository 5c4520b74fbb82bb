//! On SQLite.

mod attacker;
mod found;

use crate::sqlite_database as database;
use database::{Connection, execute, texts};

const LOG_TABLES: &[&str] = &["log", "entry", "term", "tile", "segment", "checkpoint"];
const DAY: &str = "86400000000";

fn table(name: &str) -> String {
    format!("audit_{name}")
}

fn blob(bytes: &[u8]) -> String {
    format!("x'{}'", hex(bytes))
}

fn uuid(bytes: [u8; 16]) -> String {
    blob(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn put_back(to: &str, from: &str) -> String {
    format!("INSERT INTO {to} SELECT * FROM {from}")
}

async fn triggers_off(connection: &mut Connection) {
    for name in texts(connection, "SELECT name FROM sqlite_master WHERE type = 'trigger'").await {
        execute(connection, &format!("DROP TRIGGER {name}")).await.unwrap();
    }
}

/// Makes the table of entries again, without any key.
async fn keys_off(connection: &mut Connection) {
    for sql in [
        "CREATE TABLE keyless AS SELECT * FROM audit_entry",
        "DROP TABLE audit_entry",
        "ALTER TABLE keyless RENAME TO audit_entry",
    ] {
        execute(connection, sql).await.unwrap();
    }
}
