use audit_core::audited;

#[audited(action = "a.b", resource = "x", labels(id = id().await))]
async fn approve() {}

async fn id() -> u64 {
    7
}

fn main() {}
