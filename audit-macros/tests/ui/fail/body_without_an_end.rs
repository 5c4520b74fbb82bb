use audit_core::audited;

#[audited(action = "invoice.approve")]
async fn approve(id: u64) -> Result<u64, String> {
    drop(Ok::<u64, String>(id));
}

fn main() {}
