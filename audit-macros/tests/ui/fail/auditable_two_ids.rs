use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "invoice")]
struct Invoice {
    #[audit(id)]
    number: u64,
    #[audit(id)]
    year: u16,
}

fn main() {}
