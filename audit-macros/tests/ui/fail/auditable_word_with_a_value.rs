use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    #[audit(redact = "yes")]
    password: String,
}

fn main() {}
