use audit_core::{NotRecorded, audited};

#[audited(action = "a.b", durability = durable)]
fn approve() -> Result<(), NotRecorded> {
    Ok(())
}

fn main() {}
