use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    #[audit(personal, redact)]
    password: String,
}

fn main() {}
