use audit_core::Auditable;

#[derive(Auditable)]
#[audit(redact)]
struct Login {
    password: String,
}

fn main() {}
