use audit_core::audited;

async fn find() -> u64 {
    1
}

#[audited(action = "invoice.approve", resource = "invoice", resource_id = find().await)]
async fn approve() {}

fn main() {}
