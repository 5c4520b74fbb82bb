use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    #[audit(skip)]
    #[audit(personal)]
    phone: String,
}

fn main() {}
