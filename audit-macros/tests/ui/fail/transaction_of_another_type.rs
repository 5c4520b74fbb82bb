use audit_core::{NotRecorded, audited};

#[audited(action = "order.place", transaction = tx)]
async fn place(tx: &mut String) -> Result<(), NotRecorded> {
    tx.push('!');
    Ok(())
}

fn main() {}
