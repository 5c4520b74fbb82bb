use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: String) -> String {
    drop(id);
    id
}

fn main() {}
