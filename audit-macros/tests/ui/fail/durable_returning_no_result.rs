use audit_core::audited;

#[audited(action = "invoice.approve", durability = durable)]
async fn approve(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
