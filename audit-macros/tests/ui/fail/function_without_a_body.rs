use audit_core::audited;

trait Approve {
    #[audited(action = "invoice.approve")]
    async fn approve(id: u64);
}

fn main() {}
