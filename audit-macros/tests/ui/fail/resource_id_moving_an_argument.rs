use audit_core::audited;

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id.into_boxed_str())]
async fn approve(id: String) -> usize {
    id.len()
}

fn main() {}
