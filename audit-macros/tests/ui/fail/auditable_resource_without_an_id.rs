use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "invoice")]
struct Invoice {
    number: u64,
}

fn main() {}
