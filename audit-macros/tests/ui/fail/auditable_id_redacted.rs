use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "login")]
struct Login {
    #[audit(id, redact)]
    name: String,
}

fn main() {}
