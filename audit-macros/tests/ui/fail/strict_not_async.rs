use audit_core::{NotRecorded, audited};

#[audited(action = "a.b", durability = strict)]
fn approve() -> Result<(), NotRecorded> {
    Ok(())
}

fn main() {}
