use std::pin::Pin;

use audit_core::audited;

#[audited(action = "a.b")]
fn approve(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { id.to_string() })
}

fn main() {}
