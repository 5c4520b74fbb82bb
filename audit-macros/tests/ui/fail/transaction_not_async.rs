use audit_core::{NotRecorded, audited};
use sqlx::SqliteConnection;

#[audited(action = "a.b", transaction = tx)]
fn place(tx: &mut SqliteConnection) -> Result<(), NotRecorded> {
    let _ = tx;
    Ok(())
}

fn main() {}
