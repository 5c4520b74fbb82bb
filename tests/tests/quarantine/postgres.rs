//! On PostgreSQL.

use super::postgres_database as database;

#[path = "cases.rs"]
mod cases;

use database::{Database, execute};

/// Changes an entry that was not signed yet.
const TAMPER: &str = "ALTER TABLE audit.entry DISABLE TRIGGER ALL; \
    UPDATE audit.entry SET canon = replace(canon, 'a.b', 'a.c') WHERE action = 'a.b' AND idx = 7";

/// Copies of the tables, as a dump has them.
struct Backup;

const BACKED_UP: [&str; 4] = ["log", "entry", "segment", "tile"];

impl Backup {
    async fn of(database: &Database) -> Self {
        for table in BACKED_UP {
            let copy = format!("CREATE TABLE public.{table} AS TABLE audit.{table}");
            execute(&mut database.connect().await, &copy).await.unwrap();
        }
        Self
    }

    async fn put_back(&self, database: &Database) {
        for table in BACKED_UP {
            let put_back = format!(
                "ALTER TABLE audit.{table} DISABLE TRIGGER ALL; DELETE FROM audit.{table}; \
                 INSERT INTO audit.{table} SELECT * FROM public.{table}; \
                 ALTER TABLE audit.{table} ENABLE TRIGGER ALL;"
            );
            execute(&mut database.connect().await, &put_back).await.unwrap();
        }
    }
}
