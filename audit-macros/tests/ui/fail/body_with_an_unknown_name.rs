use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) -> Result<u64, String> {
    Ok(id + missing)
}

fn main() {}
