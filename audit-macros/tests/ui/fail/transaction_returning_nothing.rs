use audit_core::audited;
use sqlx::sqlite::SqliteConnection;

#[audited(action = "order.place", transaction = tx)]
async fn place(tx: &mut SqliteConnection) {
    let _ = tx;
}

fn main() {}
