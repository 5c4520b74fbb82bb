use audit_core::audited;

#[audited(action = "invoice.approve", durability = durable)]
async fn approve(id: u64) -> () {
    drop(id);
}

fn main() {}
