use audit_core::audited;

#[audited(action = "invoice.approve", resource = "invoice", resource_id_from = |id: &u64| *id)]
async fn approve(id: u64) -> u64 {
    id
}

fn main() {}
