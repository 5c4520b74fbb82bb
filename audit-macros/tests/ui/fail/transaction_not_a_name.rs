use audit_core::{NotRecorded, audited};

#[audited(action = "order.place", transaction = self.connection)]
async fn place() -> Result<(), NotRecorded> {
    Ok(())
}

fn main() {}
