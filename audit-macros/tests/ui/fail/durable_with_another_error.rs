use audit_core::audited;

struct AppError;

#[audited(action = "invoice.approve", durability = durable)]
async fn approve(id: u64) -> Result<u64, AppError> {
    Ok(id)
}

fn main() {}
