use audit_core::Auditable;

#[derive(Auditable)]
#[audit(resource = "state")]
enum State {
    Open,
}

fn main() {}
