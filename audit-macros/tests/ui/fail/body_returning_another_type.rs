use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) -> Result<u64, String> {
    if id == 0 {
        return Err(7);
    }
    Ok(id)
}

fn main() {}
