use audit_core::Auditable;

#[derive(Auditable)]
struct Line {
    #[audit(id)]
    number: u64,
}

fn main() {}
