use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    #[audit = "redact"]
    password: String,
}

fn main() {}
