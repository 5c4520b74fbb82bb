use std::pin::Pin;

use audit_core::audited;

type Answer = Pin<Box<dyn Future<Output = u64> + Send>>;

#[audited(action = "a.b")]
fn answer() -> Answer {
    Box::pin(async { 42 })
}

fn main() {}
