use audit_core::audited;

#[audited(action = "invoice.approve", resource = "invoice", resource_id_from = id())]
async fn approve(id: u64) -> Result<u64, String> {
    Ok(id)
}

fn main() {}
