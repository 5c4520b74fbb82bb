use audit_core::{NotRecorded, audited};
use sqlx::sqlite::SqliteConnection;

#[audited(action = "order.place", durability = durable, transaction = tx)]
async fn place(tx: &mut SqliteConnection) -> Result<(), NotRecorded> {
    let _ = tx;
    Ok(())
}

fn main() {}
