use audit_core::{NotRecorded, audited};
use sqlx::{Sqlite, Transaction};

#[audited(action = "order.place", transaction = tx)]
async fn place(transaction: &mut Transaction<'_, Sqlite>) -> Result<(), NotRecorded> {
    let _ = transaction;
    Ok(())
}

fn main() {}
