use audit_core::audited;

#[audited(action = "a.b")]
const fn seven() -> u64 {
    7
}

fn main() {}
