//! On SQLite.

mod attacker;
mod found;

use audit_core::event::Term;
use audit_core::store::LogId;

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

/// Makes the index of terms what it would be, had each entry come by itself.
async fn index_again(connection: &mut Connection, log: LogId) {
    let entries = format!("FROM audit_entry WHERE log_id = {}", log.0);
    let mut steps = vec![
        format!("DELETE FROM audit_term WHERE log_id = {}", log.0),
        format!(
            "WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 12 FROM place WHERE n < 1200) \
             INSERT INTO audit_term SELECT log_id, seg, substr(terms, n, 12), idx, 0 \
             FROM place CROSS JOIN (SELECT * {entries}) WHERE n < length(terms)"
        ),
    ];
    let mut add = |term: Term, condition: String| {
        let term = blob(term.as_bytes());
        steps.push(format!(
            "INSERT INTO audit_term SELECT log_id, seg, {term}, idx, 0 {entries} AND {condition}"
        ));
    };
    let actors = format!("SELECT DISTINCT actor {entries} AND actor IS NOT NULL");
    for actor in texts(connection, &actors).await {
        add(Term::new("actor", &actor), format!("actor = '{actor}'"));
    }
    let kind_and_id = "resource_type || '/' || resource_id";
    let resources =
        format!("SELECT DISTINCT {kind_and_id} {entries} AND {kind_and_id} IS NOT NULL");
    for resource in texts(connection, &resources).await {
        let (kind, id) = resource.split_once('/').unwrap();
        add(Term::of_pair("resource", kind, id), format!("{kind_and_id} = '{resource}'"));
    }
    for step in steps {
        execute(connection, &step).await.unwrap();
    }
}
