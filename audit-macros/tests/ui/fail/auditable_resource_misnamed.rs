use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "Invoice")]
struct Invoice {
    #[audit(id)]
    number: u64,
}

fn main() {}
