use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    #[audit(redacted)]
    password: String,
}

fn main() {}
