use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) {
    drop((id, __audit, __audit_type));
}

fn main() {}
