use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    #[audit(rename)]
    password: String,
}

fn main() {}
