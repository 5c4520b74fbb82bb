use audit_core::audited;

#[audited(action = "a.b")]
fn approve(id: u64) -> u64 {
    let text: String = id;
    text.len()
}

fn main() {}
