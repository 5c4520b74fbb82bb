use audit_core::Auditable;

#[derive(Auditable)]
struct Login {
    user: String,
    #[audit(rename = "user")]
    name: String,
}

fn main() {}
