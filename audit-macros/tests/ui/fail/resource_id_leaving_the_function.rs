use audit_core::audited;

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id?)]
async fn approve(id: Result<u64, String>) -> Result<u64, String> {
    id
}

fn main() {}
