use audit_core::{NotRecorded, audited};
use sqlx::{Sqlite, Transaction};

#[audited(action = "order.place", transaction = tx)]
async fn place(tx: Transaction<'_, Sqlite>) -> Result<(), NotRecorded> {
    drop(tx);
    Ok(())
}

fn main() {}
