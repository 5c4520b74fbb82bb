use audit_core::audited;

struct AppError;

#[audited(action = "invoice.approve")]
async fn approve(id: &str) -> Result<u64, AppError> {
    Ok(id.parse::<u64>()?)
}

fn main() {}
