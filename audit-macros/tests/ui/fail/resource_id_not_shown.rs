use audit_core::audited;

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
async fn approve(id: Vec<u64>) {
    drop(id);
}

fn main() {}
