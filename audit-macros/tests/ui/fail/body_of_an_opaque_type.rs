use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) -> impl std::error::Error {
    id
}

fn main() {}
