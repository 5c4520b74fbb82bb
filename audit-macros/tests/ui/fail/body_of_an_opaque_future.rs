use audit_core::audited;

#[audited(action = "a.b")]
fn approve(id: u64) -> impl Future<Output = u64> {
    async move { id.to_string() }
}

fn main() {}
