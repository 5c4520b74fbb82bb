use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) -> Approved {
    Approved(id)
}

fn main() {}
