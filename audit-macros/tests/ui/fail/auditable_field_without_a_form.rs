use audit_core::Auditable;

struct Foreign;

#[derive(Auditable)]
struct Holder {
    inside: Option<Foreign>,
}

fn main() {}
